"""A panel from its table to the engine's tables: what every geo says, and the nation."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mmm.data.mapping import Mapping, PaidColumns, SignedColumn
from mmm.engines import load_engine
from mmm.engines.base import EngineResult, Problem
from mmm.engines.training import train
from mmm.experiments.config import DatasetRef, Experiment
from mmm.experiments.problem import build_problem

WEEKS, POPULATION = 104, np.array([6.0, 3.0, 2.0])
ROI = {"tv": 1.5, "search": 0.6}
SETTINGS = {"warm_up": 150, "sweeps": 200, "longest": 1, "chains": 2, "draws": 80}


def response(spend: np.ndarray, size: np.ndarray) -> np.ndarray:
    """A saturating curve per size, half of whose ceiling is reached at twice the mean."""
    per_size = spend / size[:, None]
    return np.asarray(per_size / (per_size + 2.0 * per_size.mean()) * size[:, None])


def panel_table(geos: int) -> pa.Table:
    """Spends that differ between geos, saturating effects, own levels."""
    rng = np.random.default_rng(21)
    size = POPULATION[:geos]
    spend = {
        name: rng.lognormal(0.0, 0.7, (geos, WEEKS)) * size[:, None] * mean
        for name, mean in (("tv", 12.0), ("search", 9.0))
    }
    season = 10.0 * np.sin(2.0 * np.pi * np.arange(WEEKS) / 52.0)
    price = rng.normal(0.0, 1.0, (geos, WEEKS))
    kpi = (100.0 + season - 4.0 * price) * size[:, None]
    for name, values in spend.items():
        effect = response(values, size)
        kpi += ROI[name] * values.sum() / effect.sum() * effect
    kpi += rng.normal(0.0, 3.0, (geos, WEEKS)) * size[:, None]
    days = np.datetime64("2023-01-02") + 7 * np.arange(WEEKS)
    return pa.table(
        {
            "week": np.tile(days, geos),
            "geo": np.repeat(["north", "south", "west"][:geos], WEEKS),
            "people": np.repeat(size, WEEKS),
            "revenue": kpi.ravel(),
            "tv": spend["tv"].ravel(),
            "search": spend["search"].ravel(),
            "price": price.ravel(),
        }
    )


def problem_of(table: pa.Table, geo: str | None) -> Problem:
    mapping = Mapping(
        date="week",
        kpi="revenue",
        paid=(PaidColumns(spend="tv"), PaidColumns(spend="search")),
        context=(SignedColumn(column="price"),),
        geo=geo,
        population=None if geo is None else "people",
    )
    dataset = DatasetRef(market="DE", dataset_id="0" * 16)
    experiment = Experiment(dataset=dataset, mapping=mapping, settings=SETTINGS)
    return build_problem(experiment, table)[0]


def fit(problem: Problem) -> EngineResult:
    engine = load_engine("bayes")
    return train(engine, problem, engine.settings.model_validate(SETTINGS), lambda progress: None)


@pytest.fixture(scope="module")
def result() -> EngineResult:
    return fit(problem_of(panel_table(3), "geo"))


def test_effects_are_found_in_every_geo_and_in_total(result: EngineResult) -> None:
    for row in result.tables["channels"].to_pylist():
        true = ROI[row["channel"]]
        assert row["roi"] == pytest.approx(true, rel=0.3)
        assert row["roi_low"] < true < row["roi_high"]
    by_geo = result.tables["geo_channels"].to_pylist()
    assert {row["geo"] for row in by_geo} == {"north", "south", "west"}
    assert len(by_geo) == 6
    for row in by_geo:
        assert row["roi"] == pytest.approx(ROI[row["channel"]], rel=0.4)
        assert row["roi_low"] < row["roi"] < row["roi_high"]
    assert "3 geos in one posterior" in result.reason


def test_geos_add_up_to_the_total(result: EngineResult) -> None:
    tables = result.tables
    total = dict(
        zip(*(tables["channels"][n].to_pylist() for n in ("channel", "spend")), strict=True)
    )
    spend = dict.fromkeys(total, 0.0)
    effect = dict.fromkeys(total, 0.0)
    for row in tables["geo_channels"].to_pylist():
        spend[row["channel"]] += row["spend"]
        effect[row["channel"]] += row["contribution"]
    assert spend == pytest.approx(total)
    for row in tables["channels"].to_pylist():
        assert effect[row["channel"]] == pytest.approx(row["contribution"], rel=0.05)
    actual = tables["geo_fit"].group_by("date").aggregate([("actual", "sum"), ("fitted", "sum")])
    nation = tables["fit"].join(actual, "date").sort_by("date")
    np.testing.assert_allclose(nation["actual"].to_numpy(), nation["actual_sum"].to_numpy())
    np.testing.assert_allclose(
        nation["fitted"].to_numpy(), nation["fitted_sum"].to_numpy(), rtol=0.03
    )
    fitted = tables["geo_fit"].to_pandas()
    inside = (fitted["actual"] >= fitted["fitted_low"]) & (
        fitted["actual"] <= fitted["fitted_high"]
    )
    assert 0.8 < inside.mean() < 0.99


def test_the_control_of_geos_is_a_component(result: EngineResult) -> None:
    rows = result.tables["parameters"].to_pylist()
    price = [
        row for row in rows if row["variable"] == "price" and row["parameter"] == "coefficient"
    ]
    assert len(price) == 1
    assert price[0]["value_high"] < 0.0
    kinds = dict(
        zip(
            *(result.tables["contributions"][n].to_pylist() for n in ("component", "kind")),
            strict=True,
        )
    )
    assert kinds["price"] == "context"


def test_one_geo_is_modelled_as_the_nation() -> None:
    """The engine's numbers are the same where its problem is: `test_panel_kernel` compares the rest."""
    table = panel_table(1)
    found, nation = problem_of(table, "geo"), problem_of(table, None)
    np.testing.assert_array_equal(found.kpi, nation.kpi)
    for one, other in zip(found.paid, nation.paid, strict=True):
        np.testing.assert_array_equal(one.spend, other.spend)
    for first, second in zip(found.context, nation.context, strict=True):
        np.testing.assert_array_equal(first.values, second.values)
    assert found.panel is not None
    assert found.panel.geos == ("north",)
