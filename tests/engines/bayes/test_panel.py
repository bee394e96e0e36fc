"""A panel from its table to the engine's tables: what every geo says, and the nation."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from mmm.data.mapping import Mapping, PaidColumns, SignedColumn
from mmm.engines import load_engine
from mmm.engines.base import EngineResult, Problem
from mmm.engines.training import train
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef, Experiment
from mmm.experiments.problem import build_problem
from mmm.format import Labels, heading
from mmm.planning.allocation import allocate
from mmm.planning.by_geo import by_geo
from mmm.planning.history import read_history
from mmm.planning.models import planned_with
from mmm.planning.request import PlanRequest
from mmm.results.geos import GEOS
from mmm.results.views import present_views, view

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


def test_a_plan_by_geo_moves_money_between_geos_and_says_what_the_draws_say(
    result: EngineResult,
) -> None:
    tables = by_geo(result.tables)
    history = read_history(tables)
    assert set(history.channels) == {
        "tv / north", "tv / south", "tv / west", "search / north", "search / south", "search / west",
    }  # fmt: skip
    engine = load_engine("bayes")
    planned = planned_with(engine, tables, history)
    labels = Labels("revenue", "revenue", "EUR")
    # Today's response of every geo is what the result says that it contributed.
    today = history.spend[:, history.window].mean(axis=1)
    response = planned.response(history.window, "follows").response(today)
    contributed = {
        f"{row['channel']} / {row['geo']}": row["contribution"]
        for row in result.tables["geo_channels"].to_pylist()
    }
    for place, name in enumerate(history.channels):
        said = float(np.median(response[:, place])) * len(history.window)
        assert said == pytest.approx(contributed[name], rel=0.02)
    request = PlanRequest(hold="none", limits={"search": {"high": 1.0}, "west": {"low": 1.0}})
    plan = allocate(history, planned, request, labels)
    spend = {
        row["channel"]: (row["initial_spend"], row["spend"]) for row in plan.channels.to_pylist()
    }

    def total(part: str) -> tuple[float, float]:
        own = [money for name, money in spend.items() if part in name.split(" / ")]
        return sum(first for first, _ in own), sum(then for _, then in own)

    assert sum(then for _, then in spend.values()) == pytest.approx(
        sum(first for first, _ in spend.values())
    )
    searched, allowed = total("search")[1], total("search")[0]
    assert searched <= allowed * 1.0001
    assert total("west")[1] >= total("west")[0] * 0.9999
    assert plan.totals.response >= plan.totals.initial_response


def test_a_plan_by_geo_is_refused_without_geos(result: EngineResult) -> None:
    nation = dict(result.tables)
    nation["geo_draws"] = nation["geo_draws"].slice(0, 0)
    with pytest.raises(UserError, match="has no geos to plan by"):
        by_geo(nation)


def test_a_view_shows_what_every_medium_earned_in_every_geo(result: EngineResult) -> None:
    labels = Labels("revenue", "revenue", "EUR")
    shown = view("geos")
    assert shown in present_views(result.tables)
    numbers = shown.numbers(result.tables, result.recommended, labels)
    of_table = {
        (row["channel"], row["geo"]): row for row in result.tables["geo_channels"].to_pylist()
    }
    rows = numbers.to_pylist()
    assert {(row["channel"], row["geo"]) for row in rows} == set(of_table)
    for row in rows:
        stored = of_table[row["channel"], row["geo"]]
        assert (row["value"], row["low"], row["high"]) == (
            stored["roi"],
            stored["roi_low"],
            stored["roi_high"],
        )
    # The largest geo stands first in each channel.
    assert [row["geo"] for row in rows][::3] == ["north", "north"]
    drawn = json.dumps(shown.chart(numbers, labels).to_dict())
    for name in ("north", "south", "west", "tv", "search"):
        assert name in drawn
    assert shown.finding(numbers, labels)
    for name in shown.shown(numbers).column_names:
        assert heading(name, labels)
    costs = view("geos").numbers(
        result.tables, result.recommended, Labels("orders", "conversion", "EUR")
    )
    for row in costs.to_pylist():
        stored = of_table[row["channel"], row["geo"]]
        assert row["value"] == pytest.approx(1.0 / stored["roi"])
        assert row["low"] == pytest.approx(1.0 / stored["roi_high"])


def test_geos_whose_intervals_lie_apart_are_named() -> None:
    labels = Labels("revenue", "revenue", "EUR")
    ends = {"north": (2.0, 1.6, 2.5), "south": (0.9, 0.7, 1.2), "west": (1.5, 0.6, 2.2)}
    rows = []
    for geo, (value, low, high) in ends.items():
        row = {"channel": "tv", "geo": geo, "value": value, "low": low, "high": high}
        rows.append(row | {"confidence": "high", "spend": 1.0})
    said = view("geos").finding(pa.Table.from_pylist(rows, GEOS), labels)
    assert "tv (north 2.00, south 0.90)" in said
    alike = pa.Table.from_pylist([rows[0], rows[2]], GEOS)
    assert "In none of the 2 geos" in view("geos").finding(alike, labels)
