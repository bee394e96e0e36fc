"""A bridge adds up, divides a medium's part into spend and efficiency, and compares the right ranges."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow.compute as pc
import pytest

from mmm.engines.base import EngineResult
from mmm.errors import UserError
from mmm.format import Labels
from mmm.results.bridge import bridge, default_of, finding
from mmm.results.narrowed import narrowed
from mmm.results.spans import (
    Comparison,
    Span,
    default_comparison,
    lengths,
    parse_span,
    window_dates,
)
from mmm.results.summary import channels, waterfall
from mmm.simulation.generator import World

LABELS = Labels("revenue", "revenue", "EUR")
MONDAYS = [date(2021, 1, 4) + timedelta(weeks=week) for week in range(156)]


def test_the_last_quarter_is_compared_with_the_year_before() -> None:
    found = default_comparison(MONDAYS, 7)
    assert found.after == Span(MONDAYS[-13], MONDAYS[-1])
    assert found.before == Span(MONDAYS[-65], MONDAYS[-53])
    months = [date(2020 + month // 12, 1 + month % 12, 1) for month in range(30)]
    found = default_comparison(months, 31)
    assert (found.after.first, found.before.first) == (months[-3], months[-15])


def test_short_windows_compare_quarters_or_halves() -> None:
    found = default_comparison(MONDAYS[:40], 7)
    assert found.before == Span(MONDAYS[14], MONDAYS[26])
    found = default_comparison(MONDAYS[:11], 7)
    assert (found.before, found.after) == (
        Span(MONDAYS[1], MONDAYS[5]),
        Span(MONDAYS[6], MONDAYS[10]),
    )
    with pytest.raises(UserError, match="single period"):
        default_comparison(MONDAYS[:1], 7)


@pytest.mark.parametrize("text", ["spring", "2021-02-01:2021-01-01", "1999-01-01:1999-12-31"])
def test_ranges_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UserError):
        parse_span(text, MONDAYS)


def test_every_part_is_the_truth_of_the_simulated_market(
    world: World, result: EngineResult
) -> None:
    asked = default_of(result.tables, result.recommended, LABELS)
    rows = bridge(result.tables, result.recommended, LABELS, asked).to_pylist()
    last, year_before = slice(-13, None), slice(-65, -52)
    by_name = {row["component"]: row for row in rows}
    for name, effects in world.effects.items():
        row, spend = by_name[name], world.spend[name]
        moved = effects[last].sum() - effects[year_before].sum()
        assert row["difference"] == pytest.approx(moved)
        ratios = [effects[part].sum() / spend[part].sum() for part in (year_before, last)]
        assert row["value_before"] == pytest.approx(ratios[0])
        more = spend[last].sum() - spend[year_before].sum()
        assert row["spend_effect"] == pytest.approx(more * np.mean(ratios))
        assert row["spend_effect"] + row["efficiency_effect"] == pytest.approx(moved)
    recorded = world.kpi[last].sum() - world.kpi[year_before].sum()
    assert sum(row["difference"] for row in rows) == pytest.approx(recorded, rel=1e-9)
    assert rows[-1]["component"] == "not explained"
    assert rows[-1]["difference"] == pytest.approx(
        world.noise[last].sum() - world.noise[year_before].sum()
    )


def test_a_range_without_spend_has_its_effect_as_carryover(result: EngineResult) -> None:
    media = result.tables["media"]
    dates = window_dates(result.tables, result.recommended)
    asked = Comparison(Span(dates[0], dates[12]), Span(dates[13], dates[25]))
    early = pc.less_equal(media["date"], dates[12])
    silent = pc.if_else(early, 0.0, media["spend"])
    place = media.column_names.index("spend")
    tables = {**result.tables, "media": media.set_column(place, "spend", silent)}
    for row in bridge(tables, result.recommended, LABELS, asked).to_pylist():
        if row["kind"] == "paid":
            assert row["value_before"] is None
            assert row["spend_effect"] == pytest.approx(row["after"])
            assert row["efficiency_effect"] == pytest.approx(-row["before"])


def test_the_finding_says_what_moved_and_what_is_not_explained(result: EngineResult) -> None:
    numbers = bridge(result.tables, result.recommended, LABELS)
    said = finding(numbers, LABELS)
    assert said.startswith(("revenue rose by EUR", "revenue fell by EUR", "revenue hardly moved"))
    assert said.endswith("the model does not explain.")


def test_ranges_of_different_length_are_told() -> None:
    asked = Comparison(Span(MONDAYS[0], MONDAYS[0]), Span(MONDAYS[1], MONDAYS[3]))
    assert lengths(asked, MONDAYS, "week") == "The first range has 1 week, the second 3 weeks."


def test_decomposition_and_roas_of_a_range_are_the_market_s(
    world: World, result: EngineResult
) -> None:
    dates = window_dates(result.tables, result.recommended)
    tables = narrowed(result.tables, result.recommended, Span(dates[10], dates[29]))
    part = slice(10, 30)
    for row in channels(tables, result.recommended, LABELS).to_pylist():
        effect, spend = (
            series[row["channel"]][part].sum() for series in (world.effects, world.spend)
        )
        assert row["value"] == pytest.approx(effect / spend)
        assert row["spend"] == pytest.approx(spend)
    total = waterfall(tables, result.recommended, LABELS)["end"][-1].as_py()
    assert total == pytest.approx((world.kpi - world.noise)[part].sum())
