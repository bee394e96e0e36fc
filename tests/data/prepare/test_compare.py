"""Before and after: the numbers of each column beside each other, of the rows that went in."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from mmm.data.prepare import Recipe, prepare
from mmm.data.prepare.compare import BeforeAfter, Figures, before_after, series
from mmm.data.prepare.recipe import ColumnRule, Lag, MarketRule

MONDAY = dt.date(2024, 1, 1)
DAYS = [MONDAY + dt.timedelta(days=i) for i in range(21)]
TABLE = pa.table(
    {"day": DAYS, "tv": [1.0] * 14 + [2.0] * 7, "price": [3.0] * 21, "event": ["a"] * 21}
)
RECIPE = Recipe(
    date="day",
    period="week",
    start=MONDAY,
    end=MONDAY + dt.timedelta(days=13),
    columns=(
        ColumnRule(column="tv", aggregate="sum"),
        ColumnRule(column="price", aggregate="mean"),
        ColumnRule(column="event", aggregate="first"),
    ),
    derived=(Lag(kind="lag", name="before", column="tv", periods=1),),
)


def test_figures_of_the_window_by_column() -> None:
    (prepared,) = prepare(TABLE, RECIPE)
    assert before_after(TABLE, RECIPE, prepared) == (
        BeforeAfter("tv", "sum", Figures(14, 14.0, 1.0, 1.0, 1.0), Figures(1, 7.0, 7.0, 7.0, 7.0)),
        BeforeAfter(
            "price", "mean", Figures(14, 42.0, 3.0, 3.0, 3.0), Figures(1, 3.0, 3.0, 3.0, 3.0)
        ),
        BeforeAfter("before", "lag", None, Figures(1, 7.0, 7.0, 7.0, 7.0)),
    )


def test_a_markets_rows_alone_count_for_its_dataset() -> None:
    both = pa.concat_tables([TABLE, TABLE]).append_column("geo", pa.array(["n"] * 21 + ["s"] * 21))
    rules = (ColumnRule(column="tv", aggregate="sum"),)
    split = Recipe(
        date="day", period="week", columns=rules, market=MarketRule(column="geo", join="split")
    )
    for prepared in prepare(both, split):
        (tv,) = before_after(both, split, prepared)
        assert tv.before == Figures(21, 28.0, 28 / 21, 1.0, 2.0)
    twice = pa.array([2 * value for value in TABLE["tv"].to_pylist()])
    place = TABLE.column_names.index("tv")
    both = pa.concat_tables([TABLE, TABLE.set_column(place, "tv", twice)]).append_column(
        "geo", both["geo"]
    )
    joined = split.model_copy(update={"market": MarketRule(column="geo", join="combine")})
    (prepared,) = prepare(both, joined)
    (tv,) = before_after(both, joined, prepared)
    assert tv.before == Figures(42, 84.0, 2.0, 1.0, 4.0)
    assert tv.after == Figures(3, 84.0, 28.0, 21.0, 42.0)
    before, after = series(both, joined, prepared, "tv")
    assert before is not None
    assert before["tv"].to_pylist() == [3.0] * 14 + [6.0] * 7
    assert after.to_pydict() == {"date": [DAYS[0], DAYS[7], DAYS[14]], "tv": [21.0, 21.0, 42.0]}


def test_a_derived_column_has_no_before() -> None:
    (prepared,) = prepare(TABLE, RECIPE)
    before, after = series(TABLE, RECIPE, prepared, "before")
    assert before is None
    assert after.to_pydict() == {"date": [DAYS[7]], "before": [7.0]}
