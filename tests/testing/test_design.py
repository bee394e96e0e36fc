"""Tests designed on a history: what must hold of the choice, what the declared power is worth, the file."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from mmm.errors import UserError
from mmm.testing.design import Candidate, Kind, Wanted, cells_of, design_tests
from mmm.testing.designed import GeoDesign, finding, geo_design, page, read_design, time_design
from mmm.testing.panel import Columns, Panel, read_panel
from mmm.testing.replay import Replay, Usual, windows
from mmm.testing.time_analysis import Opinion, interrupted, spent, verdict
from mmm.testing.time_design import Pattern, fitted, smeared, time_designs

#: GeoLift's data with a test, MIT licence beside it.
DATA = Path(__file__).with_name("geolift_test.csv.gz")
WANTED = Wanted(periods=(7,), sizes=(2, 3), unit_cost=2.0)


@pytest.fixture(scope="module")
def panel() -> Panel:
    """12 geos, 60 days: three that move alike, the others with a factor of their own."""
    rng = np.random.default_rng(4)
    shared = 1.0 + np.cumsum(rng.normal(0.0, 0.02, 60))
    wander = np.cumsum(rng.normal(0.0, 0.03, (60, 12)), axis=0)
    wander[:, :5] = 0.0
    kpi = 100.0 * (shared[:, None] + wander + rng.normal(0.0, 0.02, (60, 12)))
    dates = np.datetime64("2026-01-01") + np.arange(60)
    return Panel(tuple(f"geo {number}" for number in range(12)), dates, kpi)


@pytest.fixture(scope="module")
def designs(panel: Panel) -> list[Candidate]:
    return design_tests(panel, WANTED)


def test_geos_that_others_follow_are_chosen(designs: list[Candidate]) -> None:
    best = designs[0]
    assert set(best.treated) <= {f"geo {number}" for number in range(5)}
    assert best.replay.power(best.detectable) == pytest.approx(0.8, abs=1e-3)
    assert best.cost == pytest.approx(2.0 * best.detectable * best.kpi)


def test_all_wishes_are_kept(panel: Panel) -> None:
    wanted = replace(
        WANTED, must=("GEO 9",), never=("geo 1",), excluded=("geo 2",), sizes=(2,), effect=0.1
    )
    found = design_tests(panel, replace(wanted, kind=Kind.GO_DARK))
    for one in found:
        assert "geo 9" in one.treated
        assert "geo 1" in one.controls
        assert "geo 2" not in (*one.treated, *one.controls)
        assert one.cost is not None
        assert one.cost < 0, "spend is held back"
    tight = replace(WANTED, budget=0.5 * min(abs(one.cost or 0.0) for one in found))
    with pytest.raises(UserError, match="no set of geos fulfils all"):
        design_tests(panel, replace(tight, effect=0.1))
    with pytest.raises(UserError, match="must be treated and must not"):
        design_tests(panel, replace(WANTED, must=("geo 1",), never=("geo 1",)))
    with pytest.raises(UserError, match="has 60 periods; a test of 40 needs 94"):
        design_tests(panel, replace(WANTED, periods=(40,)))


def test_the_cheapest_design_that_shows_the_expected_effect_comes_first(panel: Panel) -> None:
    found = design_tests(panel, replace(WANTED, effect=0.3))
    showing = [one for one in found if one.detectable <= 0.3]
    assert found[: len(showing)] == showing
    costs = [one.cost or 0.0 for one in showing]
    assert costs == sorted(costs)
    assert showing[0].shows_expected


def test_cells_share_no_geo(panel: Panel) -> None:
    first, second = (cell[0] for cell in cells_of(panel, replace(WANTED, sizes=(2,)), 2))
    assert not set(first.treated) & {*second.treated, *second.controls}


def test_the_windows_that_choose_end_before_those_that_declare() -> None:
    early, late = windows(90, 15, 10)
    assert early[-1] + 15 <= late[0] + 1
    assert late[-1] == 75


def test_the_investment_of_geolifts_walkthrough() -> None:
    """Chicago and portland, 15 days, an effect of 10 % at 7.50 a unit: 64,563.75."""
    table = pyarrow.csv.read_csv(io.BytesIO(gzip.decompress(DATA.read_bytes())))
    whole = read_panel(table, Columns())
    history = Panel(whole.geos, whole.dates[:90], whole.kpi[:90])
    asked = Wanted(
        periods=(15,), sizes=(2,), must=("chicago", "portland"), effect=0.1, unit_cost=7.5
    )
    (found,) = design_tests(history, asked)
    assert found.cost == pytest.approx(64_563.75)
    assert found.shows_expected


def test_a_chosen_sets_sharpness_is_drawn_to_that_of_the_others_as_far_as_it_is_luck() -> None:
    done = Replay(np.zeros(4), np.full(4, 0.01), np.zeros(4, bool), 4.0)
    alike = Usual.of([0.02, 0.02, 0.02, 0.02])
    assert done.regressed(alike).half_widths.mean() == pytest.approx(0.02), "all of it is luck"
    apart = Usual.of([0.002, 0.02, 0.2])
    assert apart is not None
    assert apart.half_width == pytest.approx(0.02)
    assert 0.99 < apart.kept < 1.0
    assert 0.01 < done.regressed(apart).half_widths.mean() < 0.0101
    assert done.regressed(Usual.of([0.02, 0.02])) is done, "two sets do not say how sets differ"
    assert done.regressed(alike).detectable > done.detectable


def test_power_is_that_of_the_replayed_errors() -> None:
    rng = np.random.default_rng(1)
    done = Replay(rng.normal(0.0, 0.02, 4000), np.full(4000, 0.0329), np.zeros(4000, bool), 4000.0)
    drawn = 0.05 + rng.normal(0.0, 0.02, 100_000)
    assert done.power(0.05) == pytest.approx(float((np.abs(drawn) > 0.0329).mean()), abs=0.01)
    assert done.power(0.0) == pytest.approx(0.1, abs=0.01)


def test_a_design_reads_back_and_its_page_tells_it(panel: Panel, designs: list[Candidate]) -> None:
    made = geo_design(designs[0], panel, WANTED, Columns(), channel="tv_S")
    assert isinstance(made, GeoDesign)
    assert (made.start, made.end) == (date(2026, 3, 2), date(2026, 3, 8))
    assert read_design(made.model_dump_json()) == made
    text = page(made)
    assert finding(made) in text
    assert f'--treated "{",".join(made.treated)}" --start 2026-03-02 --end 2026-03-08' in text
    with pytest.raises(UserError, match=r"is no design: geo\.treated"):
        read_design(made.model_dump_json().replace('"treated":[', '"treated":[],"more":['))
    with pytest.raises(UserError, match="lies in the history"):
        geo_design(designs[0], panel, WANTED, Columns(), start=date(2026, 1, 5))


def wandering(seed: int, count: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0.0, 1.0, count)
    for row in range(1, count):
        noise[row] += 0.4 * noise[row - 1]
    return noise


def test_a_time_tests_declared_power_and_false_positives_hold() -> None:
    power, false = [], []
    for seed in range(30):
        left = wandering(seed, 180)
        design = time_designs(left[:156], 50.0, 24, carryover=(0.6, 0.3, 0.1))[0]
        placed = np.zeros(180)
        placed[156:] = smeared(design.on, np.array(design.carryover))
        without = fitted(left, placed)
        planted = fitted(left + 50.0 * design.detectable * placed, placed)
        false.append(abs(without.effect) > without.half_width)
        power.append(abs(planted.effect) > planted.half_width)
    assert 0.6 <= np.mean(power) <= 0.95
    assert np.mean(false) <= 0.2


def test_a_time_design_reads_back_and_carryover_blurs_short_blocks() -> None:
    left = wandering(1, 120)
    sharp = {
        one.detectable for one in time_designs(left, 50.0, 16) if one.pattern is Pattern.ON_OFF
    }
    blurred = time_designs(left, 50.0, 16, carryover=[0.9**lag for lag in range(12)])
    assert min(one.detectable for one in blurred) > min(sharp)
    made = time_design(blurred[0], date(2026, 1, 5), 7, "tv_S")
    assert read_design(made.model_dump_json()) == made
    assert "X" in page(made)
    with pytest.raises(UserError, match="has 120 periods; 200 are needed"):
        time_designs(left, 50.0, 100)


def test_a_table_reads_as_a_panel() -> None:
    table = pa.table(
        {"location": ["a", "b"] * 2, "date": ["2026-01-01"] * 2 + ["2026-01-02"] * 2, "Y": range(4)}
    )
    found = read_panel(table, Columns())
    assert found.geos == ("a", "b")
    assert found.kpi.tolist() == [[0.0, 1.0], [2.0, 3.0]]


def test_what_a_test_in_time_moved_is_found_by_interrupted_time_series() -> None:
    """On and off in turn in 24 of 130 periods: spend is doubled, each unit brings 1.5 of the KPI."""
    rng = np.random.default_rng(5)
    on, weights = np.arange(24) // 3 % 2 == 1, np.array([0.6, 0.3, 0.1])
    spend = 100.0 + rng.normal(0.0, 5.0, 130)
    spend[90:114][on] += 100.0
    money = spent(spend, 90, on)
    assert (money.usual, money.changed) == pytest.approx((100.0, 200.0), abs=4.0)
    assert money.moved == pytest.approx(1200.0, rel=0.05)
    series = 1000.0 + 1.5 * np.convolve(spend, weights)[:130] + 10.0 * wandering(6, 130)
    series[:2] = series[2]
    found = interrupted(series, 90, on, weights, money)
    assert found.low < 1.5 < found.high
    assert found.width < 1.0
    wide, sharp = Opinion("without", 2.0, 0.5, 3.5), Opinion("with", 1.6, 1.2, 2.0)
    said = verdict(wide, sharp, found)
    assert "from 2.00 (0.50 to 3.50) without the test to 1.60 (1.20 to 2.00) with it" in said
    assert "an interval 73.3 % narrower. Interrupted time series agrees" in said
    other = replace(found, low=4.0, high=5.0)
    assert "says otherwise" in verdict(wide, sharp, other)
    with pytest.raises(UserError, match="nothing was tested"):
        spent(np.full(130, 100.0), 90, on)
    with pytest.raises(UserError, match="do not hold it"):
        spent(spend, 120, on)
