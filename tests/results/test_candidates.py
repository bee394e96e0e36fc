"""Several models at once: clusters with their spread, models side by side, curves laid over each
other.
"""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from mmm.engines.base import EngineResult
from mmm.engines.schemas import SCHEMAS
from mmm.format import Labels
from mmm.results import candidates, charts, summary
from mmm.results.candidate_charts import PICKED
from mmm.results.views import OVERLAYS, view

ROAS = Labels("revenue", "revenue", "EUR")
CPA = Labels("orders", "conversion", "EUR")
OTHER = "2_1_1"


def _again(table: pa.Table, factor: float = 1.0, *scaled: str) -> pa.Table:
    """The table with its rows repeated for a second model, some of whose columns are so many times
    as large.
    """
    rows = [row | {"model_id": OTHER} | {name: (row[name] or 0.0) * factor for name in scaled} for row in
            table.to_pylist()]  # fmt: skip
    return pa.concat_tables([table, pa.Table.from_pylist(rows, table.schema)])


@pytest.fixture(scope="module")
def tables(result: EngineResult) -> dict[str, pa.Table]:
    """The simulated result with a second model in another cluster that finds twice the effect."""
    found = dict(result.tables)
    found["channels"] = _again(found["channels"], 2.0, "roi", "contribution", "marginal_roi")
    for name in ("curves", "curve_points", "contributions"):
        found[name] = _again(found[name])
    own = found["models"].filter(found["models"]["recommended"])
    row = own.to_pylist()[0] | {"model_id": OTHER, "cluster": 2, "recommended": False, "nrmse": 0.9}
    found["models"] = pa.concat_tables([own, pa.Table.from_pylist([row], SCHEMAS["models"])])
    return found


def test_clusters_hold_the_middle_and_four_fifths_of_their_models() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 11.0]
    ids = [f"1_{number}" for number in range(len(values))]
    models = [{"model_id": name, "front": 1, "cluster": 1} for name in ids]
    pairs = zip(ids, values, strict=True)
    paid = [
        {"model_id": name, "channel": "tv", "kind": "paid", "roi": value} for name, value in pairs
    ]
    tables = {
        "models": pa.Table.from_pylist(models, SCHEMAS["models"]),
        "channels": pa.Table.from_pylist(paid, SCHEMAS["channels"]),
    }
    (row,) = candidates.clusters(tables, "1_0", ROAS).to_pylist()
    assert (row["cluster"], row["models"]) == (1, 5)
    assert (row["channel"], row["value"]) == ("tv", 3.0)
    assert row["low"] == pytest.approx(1.4)  # a tenth of the way from the first to the last of five
    assert row["high"] == pytest.approx(8.2)


def test_the_clusters_finding_names_the_channel_they_differ_on() -> None:
    rows = [
        {"cluster": 1, "models": 3, "channel": "tv", "value": 1.0},
        {"cluster": 2, "models": 4, "channel": "tv", "value": 3.0},
        {"cluster": 1, "models": 3, "channel": "radio", "value": 1.0},
        {"cluster": 2, "models": 4, "channel": "radio", "value": 1.1},
    ]
    assert candidates.clusters_finding(pa.Table.from_pylist(rows), ROAS) == (
        "7 kept models in 2 clusters of models alike; they differ most on tv, whose ROAS is 1.00 in the middle of one "
        "and 3.00 in the middle of another."
    )
    assert candidates.clusters_finding(
        pa.table({"cluster": [], "models": [], "channel": [], "value": []}), ROAS
    ) == ("The kept models form no clusters.")


def test_models_stand_side_by_side_by_channel(
    tables: dict[str, pa.Table], result: EngineResult
) -> None:
    numbers = candidates.side_by_side(tables, (result.recommended, OTHER), ROAS)
    own = summary.channels(result.tables, result.recommended, ROAS)
    assert numbers["channel"].to_pylist()[::2] == own["channel"].to_pylist()
    assert numbers["model_id"].to_pylist()[:2] == [result.recommended, OTHER]
    values = numbers["value"].to_pylist()
    assert values[1::2] == [2.0 * value for value in values[::2]]
    wide = summary.pivoted(numbers, "channel", "model_id", "value")
    assert wide.column_names == ["channel", result.recommended, OTHER]
    assert wide[OTHER].to_pylist() == values[1::2]


def test_side_by_side_says_whether_the_models_agree(
    tables: dict[str, pa.Table], result: EngineResult
) -> None:
    numbers = candidates.side_by_side(tables, (result.recommended, OTHER), ROAS)
    best = max(numbers.to_pylist(), key=lambda row: row["value"])["channel"]
    assert candidates.side_by_side_finding(numbers, ROAS).startswith(
        f"All 2 models have {best} as the channel of the best ROAS; they differ most on "
    )


def test_fits_leave_out_what_no_model_has(
    tables: dict[str, pa.Table], result: EngineResult
) -> None:
    numbers = candidates.fits(tables, (result.recommended, OTHER), ROAS)
    assert "rsq_test" not in numbers.column_names
    assert numbers["nrmse"].to_pylist()[1] == 0.9
    channels = [row for row in result.tables["channels"].to_pylist() if row["kind"] == "paid"]
    roas = sum(row["contribution"] for row in channels) / sum(row["spend"] for row in channels)
    assert numbers["value"].to_pylist()[0] == pytest.approx(roas)


@pytest.mark.parametrize("labels", [ROAS, CPA])
@pytest.mark.parametrize("key", [overlay.key for overlay in OVERLAYS])
def test_overlays_are_valid_and_hold_every_model(
    tables: dict[str, pa.Table], result: EngineResult, labels: Labels, key: str
) -> None:
    numbers = view(key).numbers(tables, (result.recommended, OTHER), labels)
    assert view(key).finding(numbers, labels).endswith(".")
    spec = (
        view(key).chart(numbers, labels).to_dict()
    )  # raises when it is not valid against the schema
    assert f'["{result.recommended}", "{OTHER}"]' in json.dumps(spec)


def test_one_models_curves_say_the_marginal_return_and_show_the_carryover(
    result: EngineResult,
) -> None:
    tables = dict(result.tables)
    points = [row | {"carryover_response": 7.0} for row in tables["curve_points"].to_pylist()]
    tables["curve_points"] = pa.Table.from_pylist(points, SCHEMAS["curve_points"])
    numbers = summary.curves(tables, result.recommended, CPA)
    carried = [row for row in numbers.to_pylist() if row["part"] == "carryover"]
    assert {(row["spend"], row["response"]) for row in carried} == {(0.0, 7.0)}
    marginal = next(
        row["marginal_response"] for row in numbers.to_pylist() if row["part"] == "today"
    )
    picture = charts.svg(view("response_curves").chart(numbers, CPA))
    assert f"marginal CPA {CPA.money(1.0 / marginal)}" in picture


def test_a_channel_without_effect_has_no_marginal_cost(result: EngineResult) -> None:
    numbers = summary.curves(result.tables, result.recommended, CPA)
    rows = [
        row | {"marginal_response": 0.0 if row["part"] == "today" else None}
        for row in numbers.to_pylist()
    ]
    picture = charts.svg(
        view("response_curves").chart(pa.Table.from_pylist(rows, numbers.schema), CPA)
    )
    assert "marginal CPA –" in picture
    assert "marginal CPA EUR" not in picture


def test_candidates_are_narrowed_by_front_cluster_and_trial(result: EngineResult) -> None:
    numbers = summary.pareto(result.tables, result.recommended, ROAS)
    kept = [row for row in numbers.to_pylist() if row["part"] == "kept"]
    cells = numbers.num_rows - len(kept)
    wanted = [row for row in kept if row["front"] == 1 and row["cluster"] in (1, 2)]
    found = candidates.only(numbers, fronts=(1,), clusters=(1, 2))
    assert found.num_rows == cells + len(wanted) < numbers.num_rows
    assert candidates.only(numbers).equals(numbers)
    assert candidates.only(numbers, trials=(99,)).num_rows == cells


def test_a_point_of_the_pareto_plot_can_be_picked_and_tells_its_errors(
    result: EngineResult,
) -> None:
    spec = (
        view("pareto")
        .chart(summary.pareto(result.tables, result.recommended, ROAS), ROAS)
        .to_dict()
    )
    (parameter,) = spec["params"]
    assert (parameter["name"], parameter["select"]["fields"]) == (PICKED, ["model_id"])
    titles = [tip["title"] for tip in spec["layer"][1]["encoding"]["tooltip"]]
    assert titles == ["Model", "NRMSE", "DECOMP.RSSD", "Front", "Cluster", "Trial"]
