"""Long tables are recognised, never added up over channels, and spread to the right sums."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from mmm.data.long_form import Pivot, spread
from mmm.data.prepare import prepare, propose_long_recipe, propose_part_recipe
from mmm.data.prepare.recipe import ColumnRule, MarketRule, Recipe
from mmm.data.proposal import propose
from mmm.errors import UserError

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(weeks=week) for week in range(30)]
CHANNELS = ("tv", "search", "radio")


def long_table(kpi: bool = True) -> pa.Table:
    """Spend of channel c in week w is 10 * c + w; revenue is 1000 + w on each of its rows."""
    rows = [(day, week, c) for week, day in enumerate(DAYS) for c in range(3)]
    columns = {
        "date": [day for day, _, _ in rows],
        "channel": [CHANNELS[c] for _, _, c in rows],
        "spend": [10.0 * c + week for _, week, c in rows],
    }
    if kpi:
        columns["revenue"] = [1000.0 + week for _, week, _ in rows]
    return pa.table(columns)


def test_a_repeated_kpi_is_refused_and_spread() -> None:
    table = long_table()
    found = propose(table)
    assert found.mapping is None
    assert found.long is not None
    assert "'revenue' is the same on all rows of a date" in found.findings[0].what
    recipe = propose_long_recipe(table, found.long, "week")
    (made,) = prepare(table, Recipe.model_validate_json(recipe.to_json()))
    assert set(made.table.column_names) == {
        "date", "revenue", "tv_spend", "search_spend", "radio_spend",
    }  # fmt: skip
    assert sum(made.table["revenue"].to_pylist()) == sum(1000 + week for week in range(30))
    assert made.table["radio_spend"].to_pylist() == [20.0 + week for week in range(30)]


def test_spend_alone_is_spread_to_be_joined() -> None:
    table = long_table(kpi=False)
    found = propose(table)
    assert found.long is not None
    (made,) = prepare(table, propose_long_recipe(table, found.long, "month"))
    assert made.table.column_names == ["date", "tv_spend", "search_spend", "radio_spend"]
    kpi = pa.table({"day": DAYS, "revenue": [1000.0 + week for week in range(30)]})
    (weeks,) = prepare(kpi, propose_part_recipe(kpi, propose(kpi), "week"))
    assert weeks.table.column_names == ["day", "revenue"]
    weather = pa.table({"day": DAYS, "temp_c": [1.0 + week for week in range(30)]})
    rule = propose_part_recipe(weather, propose(weather), "week").columns
    assert [(item.column, item.aggregate) for item in rule] == [("temp_c", "mean")]


def test_channels_as_markets_are_never_added_up() -> None:
    rules = tuple(ColumnRule(column=name, aggregate="sum") for name in ("revenue", "spend"))
    market = MarketRule(column="channel", join="combine")
    recipe = Recipe(date="date", period="week", market=market, columns=rules)
    with pytest.raises(UserError, match="is the same in all 3 markets on every date"):
        prepare(long_table(), recipe)


def test_variables_and_values_are_spread() -> None:
    names = ("revenue", "tv_spend", "search_spend")
    rows = [(day, name, 100.0 * i + week) for week, day in enumerate(DAYS)
            for i, name in enumerate(names)]  # fmt: skip
    table = pa.table({
        "Period": [row[0] for row in rows],
        "VariableName": [row[1] for row in rows],
        "VariableValue": [row[2] for row in rows],
    })  # fmt: skip
    found = propose(table)
    assert found.long is not None
    recipe = propose_long_recipe(table, found.long, "week")
    (made,) = prepare(table, recipe)
    assert sum(made.table["tv_spend"].to_pylist()) == sum(100 + week for week in range(30))


def test_a_market_beside_the_channel_is_kept() -> None:
    one = long_table()
    parts = []
    for factor, market in ((1.0, "DE"), (2.0, "FR")):
        revenue = pa.array(np.asarray(one["revenue"]) * factor)
        part = one.set_column(one.column_names.index("revenue"), "revenue", revenue)
        parts.append(part.append_column("country", pa.array([market] * one.num_rows)))
    table = pa.concat_tables(parts)
    found = propose(table)
    assert found.long is not None
    assert found.long.pivot.market == "country"
    wide = spread(table, "date", found.long.pivot)
    assert wide.num_rows == 60


def test_markets_stay_markets() -> None:
    table = long_table().rename_columns(["date", "region", "tv_spend", "revenue"])
    varied = pa.array(np.arange(90.0))
    found = propose(table.set_column(3, "revenue", varied).set_column(
        1, "region", pa.array(["North", "South", "West"] * 30)))  # fmt: skip
    assert found.long is None
    assert found.mapping is not None
    assert found.mapping.market == "region"


def test_spend_as_text_is_said_with_its_cells() -> None:
    spend = ["1.5", "2.5", "closed", "3.5"] * 5
    table = pa.table({
        "date": DAYS[:20],
        "revenue": [float(i) for i in range(20)],
        "tv_spend": spend,
        "radio_spend": [float(i % 7) for i in range(20)],
    })  # fmt: skip
    found = propose(table)
    assert found.mapping is None
    assert "'closed' (row 3)" in str(found.findings[0])
    assert found.findings[0].where == "column 'tv_spend'"


def campaigns(name: str) -> pa.Table:
    """Two campaigns a day: spend of c in day d is 10 * c + d, its value three times that."""
    rows = [(day, d, c) for d, day in enumerate(DAYS) for c in range(2)]
    spend = [10.0 * c + d for _, d, c in rows]
    return pa.table({
        "Tag": [day for day, _, _ in rows],
        name: ["Brand" if c else "Generic" for _, _, c in rows],
        "Kosten": spend,
        "CTR": [0.01 * value for value in spend],
        "Conv.-Wert": [3 * value for value in spend],
    })  # fmt: skip


@pytest.mark.parametrize("name", ["Kampagne", "Campaign name", "Ad set name"])
def test_campaigns_are_no_markets_and_their_kpi_is_added_up(name: str) -> None:
    table = campaigns(name)
    found = propose(table)
    assert found.long is not None
    assert found.long.pivot.key == name
    assert found.long.pivot.values == ("Kosten", "Conv.-Wert")
    (made,) = prepare(table, propose_long_recipe(table, found.long, "week"))
    assert made.table.column_names == ["Tag", "Generic_Kosten", "Brand_Kosten", "Conv.-Wert"]
    total = sum(3.0 * (10 * c + d) for d in range(30) for c in range(2))
    assert sum(made.table["Conv.-Wert"].to_pylist()) == total


def test_a_company_s_own_kpi_goes_before_what_channels_claim() -> None:
    table = campaigns("channel")
    own = pa.array([1000.0 + i // 2 for i in range(table.num_rows)])
    table = table.append_column("revenue", own)
    found = propose(table)
    assert found.column("revenue").role == "kpi"
    assert found.long is not None
    (made,) = prepare(table, propose_long_recipe(table, found.long, "week"))
    assert made.table.column_names == ["Tag", "revenue", "Generic_Kosten", "Brand_Kosten"]


def test_a_campaign_that_is_alike_in_all_stores_is_no_channel() -> None:
    rows = [(day, store) for day in DAYS for store in ("a", "b", "c")]
    table = pa.table({
        "date": [day for day, _ in rows],
        "cluster": [store for _, store in rows],
        "campaign": ["sale" if day.month == 3 else "none" for day, _ in rows],
        "revenue": [float(i * i % 97) for i in range(len(rows))],
        "tv_spend": [float(i % 7) for i in range(len(rows))],
    })  # fmt: skip
    found = propose(table)
    assert found.long is None
    assert found.column("cluster").role == "market"
    assert found.column("campaign").role == "factor"


def test_amounts_of_rows_without_a_key_are_not_lost() -> None:
    day = dt.date(2024, 1, 1)
    rows = [
        {"day": day, "channel": "tv", "spend": 5.0},
        {"day": day, "channel": None, "spend": 7.5},
    ]
    with pytest.raises(UserError, match="is empty in row 2, where 'spend' holds"):
        spread(pa.Table.from_pylist(rows), "day", Pivot(key="channel", values=("spend",)))
    rows[1]["spend"] = None
    wide = spread(pa.Table.from_pylist(rows), "day", Pivot(key="channel", values=("spend",)))
    assert wide["tv_spend"].to_pylist() == [5.0]
