"""Recipes: wrong ones are refused before data is read; stored ones repeat to the same dataset."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.data.mapping import Mapping, OrganicColumn, PaidColumns, SignedColumn
from mmm.data.prepare import Recipe, parse_recipe, prepare_dataset, propose_recipe
from mmm.data.prepare.recipe import MarketRule
from mmm.errors import InvalidInput, UserError
from mmm.sources.files import FileSource
from mmm.workspace import DatasetManifest, Workspace

ANA = User("ana", role=Role.ADMIN)
GOOD: dict[str, Any] = {
    "date": "date",
    "period": "week",
    "columns": [{"column": "tv", "aggregate": "sum"}, {"column": "sales", "aggregate": "sum"}],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"period": "year"}, "period: Input should be 'day', 'week', 'month' or 'quarter'"),
        ({"zone": "Europe/Nowhere"}, "zone: there is no such time zone"),
        ({"zone": "../etc"}, "zone: there is no such time zone"),
        ({"columns": []}, "columns: Tuple should have at least 1 item"),
        (
            {"columns": [{"column": "tv", "aggregate": "median"}]},
            "columns.0.aggregate: Input should be 'sum', 'mean'",
        ),
        ({"columns": [{"column": "date", "aggregate": "last"}]}, "the name 'date' is used twice"),
        ({"columns": [{"column": "tv", "aggregate": "sum", "keep": False}]}, "no column is kept"),
        ({"start": "2024-02-01", "end": "2024-01-01"}, "the end must not lie before the start"),
        (
            {"derived": [{"kind": "sum", "name": "s", "columns": ["tv", "radio"]}]},
            "'s' needs 'radio', which no rule",
        ),
        ({"derived": [{"kind": "eval", "name": "s", "code": "1"}]}, "derived.0: Input tag 'eval'"),
        (
            {"derived": [{"kind": "lag", "name": "l", "column": "tv", "periods": 0}]},
            "derived.0.lag.periods",
        ),
        (
            {"flags": [{"name": "f", "column": "event", "values": ["a"]}]},
            "the flag 'f' has no rule in columns",
        ),
        ({"market": {"column": "tv"}}, "the market column 'tv' cannot have a rule"),
        ({"fill": 0}, "fill: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_recipe_names_the_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_recipe(json.dumps({**GOOD, **change}))
    assert message in str(error.value)


def test_a_recipe_reads_back_as_written() -> None:
    recipe = parse_recipe(json.dumps(GOOD))
    assert parse_recipe(recipe.to_json()) == recipe
    with pytest.raises(UserError, match="is not JSON"):
        parse_recipe("{", where="r.json")


def test_the_proposed_rules() -> None:
    first = dt.date(2024, 1, 7)  # a Sunday
    mapping = Mapping(
        date="date",
        kpi="sales",
        paid=(PaidColumns(spend="tv_spend", exposure="tv_views"),),
        organic=(OrganicColumn(column="mails"),),
        context=tuple(SignedColumn(column=name) for name in ("price", "holiday", "weather")),
        factors=(SignedColumn(column="event"),),
    )
    numbers = {
        name: [1.5, 2, 3] for name in ("sales", "tv_spend", "tv_views", "mails", "price", "weather")
    }
    table = pa.table(
        {
            "date": [first + dt.timedelta(weeks=i) for i in range(3)],
            **numbers,
            "holiday": [0, 1, 0],
            "event": ["a", "b", "a"],
        }
    )
    found = propose_recipe(table, mapping, "week")
    assert found.week_starts == "sunday"
    assert {rule.column: rule.aggregate for rule in found.columns} == {
        "sales": "sum",
        "tv_spend": "sum",
        "tv_views": "sum",
        "mails": "sum",
        "price": "mean",
        "holiday": "max",
        "weather": "mean",
        "event": "first",
    }
    assert {rule.gap for rule in found.columns} == {"error"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace((tmp_path / "w").as_uri())


@pytest.fixture
def daily(workspace: Workspace, tmp_path: Path) -> DatasetManifest:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(21)]
    table = pa.table(
        {
            "date": days * 2,
            "geo": ["north"] * 21 + ["south"] * 21,
            "tv": [float(i) for i in range(42)],
            "sales": [1.0] * 42,
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    source = FileSource(tmp_path / "t.parquet")
    return ingest(source, market="all", origin="t.parquet", workspace=workspace, by=ANA)


def test_the_same_input_and_recipe_give_the_same_dataset(
    workspace: Workspace, daily: DatasetManifest
) -> None:
    recipe = Recipe.model_validate({**GOOD, "market": {"column": "geo", "join": "combine"}})
    (made,) = prepare_dataset(workspace, "all", daily.dataset_id, recipe, ANA)
    bob = User("bob", role=Role.ANALYST)
    (again,) = prepare_dataset(workspace, "all", daily.dataset_id, recipe, bob)
    assert again.model_copy(update={"stored_again": None}) == made
    assert (made.source, made.parent, made.rows) == ("prepared", f"all/{daily.dataset_id}", 3)
    assert Recipe.model_validate(made.recipe) == recipe
    assert workspace.dataset("all", made.dataset_id) == again
    assert workspace.read_dataset("all", made.dataset_id).to_pydict() == {
        "date": [dt.date(2024, 1, 1), dt.date(2024, 1, 8), dt.date(2024, 1, 15)],
        "tv": [189.0, 287.0, 385.0],
        "sales": [14.0, 14.0, 14.0],
    }


def test_a_split_makes_a_dataset_in_each_market(
    workspace: Workspace, daily: DatasetManifest
) -> None:
    recipe = Recipe.model_validate({**GOOD, "market": {"column": "geo", "join": "split"}})
    made = prepare_dataset(workspace, "all", daily.dataset_id, recipe, ANA)
    assert [manifest.market for manifest in made] == ["north", "south"]
    assert workspace.read_dataset("south", made[1].dataset_id, ["tv"])["tv"].to_pylist() == [
        168.0,
        217.0,
        266.0,
    ]


def test_a_failed_preparation_leaves_nothing(workspace: Workspace, daily: DatasetManifest) -> None:
    with pytest.raises(InvalidInput, match="dates occur more than once"):
        prepare_dataset(workspace, "all", daily.dataset_id, Recipe.model_validate(GOOD), ANA)
    unknown = Recipe.model_validate({**GOOD, "columns": [{"column": "radio", "aggregate": "sum"}]})
    with pytest.raises(InvalidInput, match="column 'radio': the table has no such column"):
        prepare_dataset(workspace, "all", daily.dataset_id, unknown, ANA)
    assert [manifest.dataset_id for manifest in workspace.datasets()] == [daily.dataset_id]


@pytest.mark.parametrize("same", [{"A": "B", "B": "C"}, {"A": "B", "b ": "A"}])
def test_a_market_that_is_taken_for_another_takes_no_third(same: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="is itself taken for another"):
        MarketRule(column="geo", same=same)


def test_weeks_and_the_fiscal_calendar_begin_on_one_day() -> None:
    rules = [{"column": "tv", "aggregate": "sum"}]
    fiscal = {"kind": "4-4-5", "starts": "2023-01-29"}
    asked = {"date": "day", "period": "week", "columns": rules, "calendar": fiscal}
    with pytest.raises(ValidationError, match='set "week_starts" to "sunday"'):
        Recipe.model_validate(asked)
    assert Recipe.model_validate(asked | {"week_starts": "sunday"}).week_starts == "sunday"
    assert Recipe.model_validate(asked | {"period": "month"}).period == "month"
