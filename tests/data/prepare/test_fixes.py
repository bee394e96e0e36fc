"""One-click fixes: what they say is what they do, and they can be taken back."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mmm.data.mapping import Mapping
from mmm.data.prepare import parse_recipe, prepare, propose_recipe
from mmm.data.prepare.compare import before_after
from mmm.data.prepare.fixes import Fields, Fix, fixes_for
from mmm.data.profile import profile
from mmm.data.proposal import propose
from mmm.data.quality import Light, review

WEEKS = 60
MAPPING = Mapping.model_validate(
    {
        "date": "week",
        "kpi": "revenue",
        "paid": [{"spend": "tv"}, {"spend": "search", "exposure": "clicks"}],
        "context": [{"column": "price"}],
        "factors": [{"column": "promo"}],
    }
)


def table(missing_week: int | None = None) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for i in range(WEEKS):
        rows.append(
            {
                "week": dt.date(2023, 1, 2) + dt.timedelta(weeks=i),
                "revenue": 1000.0 + 10 * i,
                "tv": None if i % 3 else 50.0 + i,
                "search": 20.0 + i % 7,
                "clicks": 200.0 + 10 * (i % 7),
                "price": None if i == 9 else 2.0 + i % 5,
                "promo": "sale" if i % 4 == 0 else None,
            }
        )
    if missing_week is not None:
        del rows[missing_week]
    return pa.Table.from_pylist(rows)


def offered(data: pa.Table) -> tuple[list[Fix], Fields]:
    recipe = propose_recipe(data, MAPPING, "week")
    found = fixes_for(review(data, MAPPING), MAPPING, profile(data), recipe)
    return found, recipe.model_dump(mode="json")


def test_empty_cells_are_mended_by_role_and_the_mended_data_pass() -> None:
    data = table()
    fixes, fields = offered(data)
    assert [fix.label for fix in fixes] == [
        "'tv': empty = 0 spent",
        "'promo': empty = none",
        "price: 1 empty cell = between the values before and after",
    ]
    for fix in fixes:
        assert not fix.done(fields)
        fields = fix.applied(fields)
        assert fix.done(fields)
    (made,) = prepare(data, parse_recipe(json.dumps(fields)))
    assert made.table["tv"].to_pylist()[:4] == [50.0, 0.0, 0.0, 53.0]
    assert made.table["promo"].to_pylist()[:2] == ["sale", "none"]
    assert made.table["price"][9].as_py() == (2.0 + 3 + 2.0) / 2
    assert review(made.table, MAPPING).check("missing").light is Light.GREEN


def test_a_missing_week_is_filled_and_a_column_mended_otherwise_keeps_its_own_mend() -> None:
    data = table(missing_week=20)
    fixes, fields = offered(data)
    assert fixes[-1].label.startswith("1 missing period = between the values before and after")
    for fix in fixes:
        fields = fix.applied(fields)
    (made,) = prepare(data, parse_recipe(json.dumps(fields)))
    assert made.table.num_rows == WEEKS
    assert made.table["revenue"][20].as_py() == 1200.0
    assert made.table["tv"][20].as_py() == 0.0
    assert review(made.table, MAPPING).check("cadence").light is Light.GREEN


def test_a_fix_is_taken_back() -> None:
    fixes, fields = offered(table())
    again = fixes[0].undone(fixes[0].applied(fields))
    assert again == fields


def test_flawless_data_are_offered_no_fix() -> None:
    data = table()
    full = data.select(["week", "revenue", "search", "clicks"])
    mapping = MAPPING.model_copy(update={"paid": MAPPING.paid[1:], "context": (), "factors": ()})
    recipe = propose_recipe(full, mapping, "week")
    assert fixes_for(review(full, mapping), mapping, profile(full), recipe) == []


def test_spend_booked_as_negative_is_turned_on_request_and_back() -> None:
    data = table()
    minus = pc.multiply(data["search"], -1.0)
    data = data.set_column(data.column_names.index("search"), "search", minus)
    said = [str(item) for item in propose(data).findings if "search" in item.where]
    assert any("An export that books spend as negative" in text for text in said)
    found, fields = offered(data)
    (fix,) = [item for item in found if item.check == "negative"]
    assert fix.label == "'search': nowhere above 0 = sign turned"
    assert not fix.done(fields)
    mended = fix.applied(fields)
    assert fix.done(mended)
    assert fix.undone(mended) == fields
    for other in found:
        mended = other.applied(mended)
    (made,) = prepare(data, parse_recipe(json.dumps(mended)))
    assert made.table["search"].to_pylist() == [20.0 + i % 7 for i in range(WEEKS)]
    assert "The sign of 'search' was turned." in made.notes
    assert review(made.table, MAPPING).check("negative").light is Light.GREEN
    compared = before_after(data, parse_recipe(json.dumps(mended)), made)
    (row,) = [item for item in compared if item.column == "search"]
    assert row.rule == "sum, sign turned"
    assert row.before is not None
    assert row.before.total == -(row.after.total or 0)


def test_single_refunds_are_not_turned() -> None:
    data = table()
    values = data["search"].to_pylist()
    refunds = pa.array([-5.0, *values[1:]])
    found, _ = offered(data.set_column(data.column_names.index("search"), "search", refunds))
    assert "negative" not in {item.check for item in found}
