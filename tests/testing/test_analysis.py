"""Geo tests analysed: Meta's GeoLift data against the R package augsynth, planted effects, the gate."""

from __future__ import annotations

import gzip
import io
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from scipy.optimize import minimize

from mmm.errors import UserError
from mmm.testing.analysis import Analysis, analyse
from mmm.testing.estimators import METHODS, RidgeSynthetic
from mmm.testing.panel import Columns, GeoTest, read_geo_test
from mmm.testing.synthetic import simplex_weights
from mmm.testing.words import as_lift_test, remarks, shown

#: GeoLift's data with a test, MIT licence beside it.
DATA = Path(__file__).with_name("geolift_test.csv.gz")
CELLS = (("chicago", "portland"), ("atlanta", "boston"))
START, END = date(2021, 4, 1), date(2021, 4, 15)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pyarrow.csv.read_csv(io.BytesIO(gzip.decompress(DATA.read_bytes())))


def geo_test(table: pa.Table, treated: tuple[str, ...], **more: Any) -> GeoTest:
    return read_geo_test(table, Columns(), treated, START, END, **more)


@pytest.mark.parametrize(("cell", "att"), [(0, 156.837), (1, 119.383)])
def test_each_cell_has_the_effect_that_augsynth_gives(
    table: pa.Table, cell: int, att: float
) -> None:
    test = geo_test(table, CELLS[cell], excluded=CELLS[1 - cell])
    expected = RidgeSynthetic()(test.target, test.controls, test.before)
    effect = float((test.target - expected)[~test.before].mean())
    assert effect == pytest.approx(att, abs=5e-4)


def test_one_cell_without_ridge_has_the_effect_of_geolifts_walkthrough(table: pa.Table) -> None:
    test = geo_test(table, CELLS[0])
    rows, goal = test.controls[test.before], test.target[test.before]
    weights = simplex_weights(goal - goal.mean(), rows - rows.mean(axis=0))
    gap = test.target - goal.mean() - (test.controls - rows.mean(axis=0)) @ weights
    assert float(gap[~test.before].mean()) == pytest.approx(155.556, abs=5e-4)


def test_the_weights_are_the_best_of_all_that_sum_to_one() -> None:
    rng = np.random.default_rng(3)
    target, controls = rng.normal(size=30), rng.normal(size=(30, 6))
    weights = simplex_weights(target, controls)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1.0)
    found = minimize(
        lambda w: ((target - controls @ w) ** 2).sum(),
        np.full(6, 1 / 6),
        bounds=[(0, 1)] * 6,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        tol=1e-12,
    )
    assert ((target - controls @ weights) ** 2).sum() <= found.fun + 1e-8


def panel(effect: float = 0.0, *, seed: int = 1, treated: int = 3, noise: float = 0.02) -> GeoTest:
    """12 geos of one market, 40 days before and 10 of a test that adds `effect` of the KPI."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(6.0, 0.5, 12))
    shared = 1.0 + np.cumsum(rng.normal(0.0, 0.02, 50))
    kpi = level * (shared[:, None] + rng.normal(0.0, noise, (50, 12)))
    marked = np.arange(12) < treated
    kpi[40:, marked] *= 1.0 + effect
    dates = np.datetime64("2026-01-01") + np.arange(50)
    names = tuple(f"geo {number}" for number in range(12))
    return GeoTest(names, dates, kpi, marked, np.zeros(12, dtype=bool), 40, 49, spend=1000.0)


@pytest.fixture(scope="module")
def lifted() -> Analysis:
    return analyse(panel(0.15))


@pytest.mark.parametrize("place", range(len(METHODS)))
def test_a_planted_effect_lies_in_every_interval(lifted: Analysis, place: int) -> None:
    test = panel(0.15)
    truth = float(test.kpi[40:, test.treated].sum() * 0.15 / 1.15)
    one = lifted.estimates[place]
    assert 0 < one.low <= truth <= one.high
    assert one.p_value < 0.05
    assert one.iroas == pytest.approx(one.incremental / 1000.0)


def test_the_verdict_says_what_was_found(lifted: Analysis) -> None:
    assert lifted.verdict.startswith("The test raised the KPI: incremental KPI ")
    assert lifted.verdict.endswith("The other methods agree.")
    assert lifted.relative == pytest.approx(0.15, abs=0.03)
    assert "Placebo: 0 of 9 geos" in remarks(lifted)[1]
    assert [row[0] for row in shown(lifted)] == list(METHODS)
    assert analyse(panel(-0.15)).verdict.startswith("The test lowered the KPI")
    assert analyse(panel(0.0)).verdict.startswith("No effect is shown")


def test_a_test_whose_controls_do_not_follow_has_no_verdict() -> None:
    test = panel(0.15)
    rng = np.random.default_rng(5)
    test.kpi[:, test.treated] *= np.exp(np.cumsum(rng.normal(0.0, 0.2, 50)))[:, None]
    found = analyse(test)
    assert not found.pre_fit.passes
    assert found.verdict.startswith("No verdict: before the test the controls do not follow")
    with pytest.raises(UserError, match="do not follow"):
        as_lift_test(test, found, "tv_S")


def test_geos_and_dates_that_stand_out_are_named() -> None:
    test = panel(0.15)
    test.kpi[42:, 7] *= 2.0
    test.kpi[20, test.treated] *= 1.5
    found = analyse(test)
    assert found.odd_geos == ("geo 7",)
    assert found.odd_dates == ("2026-01-21",)


def test_a_result_is_a_lift_test_of_an_experiment(lifted: Analysis) -> None:
    entry = as_lift_test(panel(0.15), lifted, "tv_S")
    main = lifted.estimates[0]
    assert (entry["start"], entry["end"]) == ("2026-02-10", "2026-02-19")
    assert entry["lift"] == main.incremental
    assert entry["standard_error"] == pytest.approx((main.high - main.low) / 3.2897072)


def test_what_is_wrong_with_a_table_is_said(table: pa.Table) -> None:
    def wrong(given: pa.Table, treated: tuple[str, ...] = CELLS[0], **more: Any) -> str:
        with pytest.raises(UserError) as caught:
            geo_test(given, treated, **more)
        return str(caught.value)

    assert "'gotham' is no geo of the table" in wrong(table, ("gotham",))
    assert "new york has no row for 2021-01-01" in wrong(table.slice(1))
    assert "has several rows for" in wrong(pa.concat_tables([table, table.slice(0, 1)]))
    assert "has no column 'Y'" in wrong(table.drop_columns(["Y"]))
    assert "is excluded, too" in wrong(table, excluded=("chicago",))
    with pytest.raises(UserError, match="has no row from 2030-01-01"):
        read_geo_test(table, Columns(), CELLS[0], date(2030, 1, 1), date(2030, 1, 2))
    with pytest.raises(UserError, match="periods before it; 14 are needed"):
        read_geo_test(table, Columns(), CELLS[0], date(2021, 1, 5), date(2021, 1, 9))
