"""Preparation: every rule per column against values computed by hand, and nothing ever silently 0."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from mmm.data.prepare import Recipe, prepare
from mmm.errors import InvalidInput, UserError

D = dt.date


def days(first: dt.date, count: int, step: int = 1) -> list[dt.date]:
    return [first + dt.timedelta(days=step * i) for i in range(count)]


def recipe(period: str, columns: dict[str, str] | list[dict[str, Any]], **more: Any) -> Recipe:
    """`columns`: name to aggregate, or whole rules."""
    rules = (
        [{"column": name, "aggregate": rule} for name, rule in columns.items()]
        if isinstance(columns, dict)
        else columns
    )
    return Recipe.model_validate({"date": "date", "period": period, "columns": rules, **more})


def result(table: pa.Table, made: Recipe) -> dict[str, list[Any]]:
    (found,) = prepare(table, made)
    return found.table.to_pydict()


def notes(table: pa.Table, made: Recipe) -> tuple[str, ...]:
    (found,) = prepare(table, made)
    return found.notes


# Monday 2024-12-23 to Sunday 2025-01-05: two weeks over the end of a year. Values 1 to 14.
FORTNIGHT = pa.table({"date": days(D(2024, 12, 23), 14), "x": [float(i) for i in range(1, 15)]})


@pytest.mark.parametrize(
    ("rule", "weeks"),
    [
        ("sum", [28.0, 77.0]),
        ("mean", [4.0, 11.0]),
        ("max", [7.0, 14.0]),
        ("last", [7.0, 14.0]),
        ("first", [1.0, 8.0]),
    ],
)
def test_days_to_weeks_across_a_year_end(rule: str, weeks: list[float]) -> None:
    assert result(FORTNIGHT, recipe("week", {"x": rule})) == {
        "date": [D(2024, 12, 23), D(2024, 12, 30)],
        "x": weeks,
    }


def test_max_last_and_first_take_their_own_value() -> None:
    table = pa.table(
        {"date": days(D(2024, 1, 1), 7), "a": [3.0, 9, 1, 4, 5, 2, 6], "t": list("abcdefg")}
    )
    made = recipe(
        "week",
        [
            {"column": "a", "aggregate": "max"},
            {"column": "t", "aggregate": "last"},
        ],
    )
    assert result(table, made) == {"date": [D(2024, 1, 1)], "a": [9.0], "t": ["g"]}
    assert result(table, recipe("week", {"a": "last", "t": "first"})) == {
        "date": [D(2024, 1, 1)],
        "a": [6.0],
        "t": ["a"],
    }


def test_negative_values_keep_their_sign_under_max() -> None:
    table = pa.table({"date": days(D(2024, 1, 1), 7), "a": [-3.0, -9, -1, -4, -5, -2, -6]})
    assert result(table, recipe("week", {"a": "max"}))["a"] == [-1.0]


@pytest.mark.parametrize(
    ("week_starts", "first", "sums"),
    [
        # Sundays 2024-12-29: one whole week, Sunday the 7th value to Saturday the 13th; five days
        # before, one after.
        ("sunday", [D(2024, 12, 29)], [7.0 + 8 + 9 + 10 + 11 + 12 + 13]),
        ("wednesday", [D(2024, 12, 25)], [3.0 + 4 + 5 + 6 + 7 + 8 + 9]),
        ("monday", [D(2024, 12, 23), D(2024, 12, 30)], [28.0, 77.0]),
    ],
)
def test_weeks_begin_where_the_recipe_says(
    week_starts: str, first: list[dt.date], sums: list[float]
) -> None:
    made = recipe("week", {"x": "sum"}, week_starts=week_starts)
    assert result(FORTNIGHT, made) == {"date": first, "x": sums}


def test_incomplete_weeks_at_the_edges_are_left_out_with_a_note() -> None:
    table = FORTNIGHT.slice(3, 9)  # Thursday 26 December to Friday 3 January
    with pytest.raises(UserError, match="the data cover no whole week"):
        prepare(table, recipe("week", {"x": "sum"}))
    made = recipe("week", {"x": "sum"}, week_starts="sunday")
    with pytest.raises(UserError, match="the data cover no whole week"):
        prepare(table, made)
    longer = FORTNIGHT.slice(3)
    assert result(longer, recipe("week", {"x": "sum"})) == {"date": [D(2024, 12, 30)], "x": [77.0]}
    assert notes(longer, recipe("week", {"x": "sum"})) == (
        "Incomplete at the edge and left out: the week of 2024-12-23 (the data cover 2024-12-26 to 2025-01-05).",
    )


@pytest.mark.parametrize(
    ("rule", "february"),
    [
        ("sum", sum(range(32, 61))),
        ("mean", sum(range(32, 61)) / 29),
        ("max", 60),
        ("last", 60),
        ("first", 32),
    ],
)
def test_days_to_months_with_a_leap_day(rule: str, february: float) -> None:
    # 1 January to 15 March 2024, values 1 to 75: February is day 32 to 60, March is incomplete.
    table = pa.table({"date": days(D(2024, 1, 1), 75), "x": list(range(1, 76))})
    found = result(table, recipe("month", {"x": rule}))
    assert found["date"] == [D(2024, 1, 1), D(2024, 2, 1)]
    assert found["x"][1] == pytest.approx(february, rel=1e-14)
    assert notes(table, recipe("month", {"x": rule})) == (
        "Incomplete at the edge and left out: the month of 2024-03-01 (the data cover 2024-01-01 to 2024-03-15).",
    )


@pytest.mark.parametrize(
    ("rule", "months"),
    [
        # Weeks of 2024-01-01 ... 2024-03-04, values 7, 14, ..., 70: each day of week k counts k.
        # January: 4 weeks x 7 days of 1 to 4, then 29, 30, 31 January of week 5. February: 4 days
        # of week 5, weeks 6 to 8, then 26 to 29 February of week 9.
        ("sum", [7 * (1 + 2 + 3 + 4) + 3 * 5, 4 * 5 + 7 * (6 + 7 + 8) + 4 * 9]),
        ("mean", [(49 * (1 + 2 + 3 + 4) + 21 * 5) / 31, (28 * 5 + 49 * (6 + 7 + 8) + 28 * 9) / 29]),
        ("max", [35, 63]),
        ("last", [35, 63]),
        ("first", [7, 35]),
    ],
)
def test_weeks_to_months_are_divided_by_days(rule: str, months: list[float]) -> None:
    table = pa.table({"date": days(D(2024, 1, 1), 10, 7), "x": [7.0 * i for i in range(1, 11)]})
    found = result(table, recipe("month", {"x": rule}))
    assert found["date"] == [D(2024, 1, 1), D(2024, 2, 1)]
    assert found["x"] == pytest.approx(months, rel=1e-14)
    assert (
        notes(table, recipe("month", {"x": rule}))[0]
        == "Weeks that lie in two months were divided by days."
    )


def test_months_stay_months_whatever_day_they_are_written_on() -> None:
    ends = [D(2024, 1, 31), D(2024, 2, 29), D(2024, 3, 31), D(2024, 4, 30)]
    table = pa.table({"date": ends, "x": [1, 2, 3, 4]})
    assert result(table, recipe("month", {"x": "sum"})) == {
        "date": [D(2024, 1, 1), D(2024, 2, 1), D(2024, 3, 1), D(2024, 4, 1)],
        "x": [1.0, 2, 3, 4],
    }


def test_rows_may_come_in_any_order() -> None:
    order = [5, 0, 13, 2, 1, 3, 4, 12, 6, 11, 7, 9, 8, 10]
    assert result(FORTNIGHT.take(order), recipe("week", {"x": "last"}))["x"] == [7.0, 14.0]


@pytest.mark.parametrize(
    ("table", "period", "message"),
    [
        (
            pa.table({"date": days(D(2024, 1, 1), 5, 7), "x": range(5)}),
            "day",
            "the rows are weekly; they cannot be",
        ),
        (
            pa.table({"date": [D(2024, i, 1) for i in range(1, 6)], "x": range(5)}),
            "week",
            "the rows are monthly",
        ),
        (
            pa.table({"date": days(D(2024, 1, 7), 5, 7), "x": range(5)}),
            "week",
            "weeks begin on sunday, the recipe's on",
        ),
        (
            pa.table({"date": days(D(2024, 1, 1), 5, 3), "x": range(5)}),
            "week",
            "distance between dates is 3 days",
        ),
    ],
)
def test_what_cannot_be_resampled_says_why(table: pa.Table, period: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepare(table, recipe(period, {"x": "sum"}))


# Gaps: Thursday's row is missing, Saturday's cell is empty.
GAPPY = pa.table(
    {
        "date": [d for i, d in enumerate(days(D(2024, 1, 1), 7)) if i != 3],
        "x": [1.0, 2.0, 3.0, 5.0, None, 9.0],
    }
)


def test_a_gap_is_an_error_unless_a_rule_is_declared() -> None:
    with pytest.raises(InvalidInput) as error:
        prepare(GAPPY, recipe("week", {"x": "sum"}))
    assert [str(f) for f in error.value.findings] == [
        "column 'x': 2 gaps (first 2024-01-04) and its rule for gaps is error. Fill them in the source, or declare a "
        "rule for gaps: zero, previous or interpolate."
    ]


@pytest.mark.parametrize(
    ("gap", "filled", "note"),
    [
        ("zero", [1.0, 2, 3, 0, 5, 0, 9], "filled with 0."),
        ("previous", [1.0, 2, 3, 3, 5, 5, 9], "filled with the value before."),
        ("interpolate", [1.0, 2, 3, 4, 5, 7, 9], "interpolated."),
    ],
)
def test_gaps_are_filled_by_the_columns_rule_and_noted(
    gap: str, filled: list[float], note: str
) -> None:
    made = recipe("day", [{"column": "x", "aggregate": "sum", "gap": gap}])
    assert result(GAPPY, made)["x"] == filled
    assert notes(GAPPY, made) == (f"Column 'x': 2 gaps (first 2024-01-04) {note}",)
    week = recipe("week", [{"column": "x", "aggregate": "mean", "gap": gap}])
    assert result(GAPPY, week)["x"] == [pytest.approx(sum(filled) / 7, rel=1e-14)]


def test_each_column_has_its_own_rule_for_gaps() -> None:
    table = GAPPY.append_column("t", pa.array(["a", "b", "c", None, "e", "f"]))
    made = recipe(
        "day",
        [
            {"column": "x", "aggregate": "sum", "gap": "zero"},
            {"column": "t", "aggregate": "first", "gap": "previous"},
        ],
    )
    assert result(table, made)["t"] == ["a", "b", "c", "c", "c", "e", "f"]
    wrong = recipe("day", [{"column": "t", "aggregate": "first", "gap": "zero"}])
    with pytest.raises(InvalidInput, match="texts have no rule 'zero' for gaps"):
        prepare(table, wrong)


@pytest.mark.parametrize(
    ("values", "gap", "side"),
    [
        ([None, 1.0, 2.0], "previous", "before the first"),
        ([1.0, 2.0, None], "interpolate", "after the last"),
    ],
)
def test_there_must_be_a_value_to_fill_from(values: list[Any], gap: str, side: str) -> None:
    table = pa.table({"date": days(D(2024, 1, 1), 3), "x": values})
    with pytest.raises(InvalidInput, match=f"there is no value {side} to fill from"):
        prepare(table, recipe("day", [{"column": "x", "aggregate": "sum", "gap": gap}]))


def test_a_missing_month_or_week_is_a_gap_too() -> None:
    months = pa.table(
        {"date": [D(2023, 11, 1), D(2023, 12, 1), D(2024, 2, 1), D(2024, 3, 1)], "x": [1, 2, 6, 7]}
    )
    made = recipe("month", [{"column": "x", "aggregate": "sum", "gap": "interpolate"}])
    assert result(months, made) == {
        "date": [D(2023, m, 1) for m in (11, 12)] + [D(2024, m, 1) for m in (1, 2, 3)],
        "x": [1.0, 2, 4, 6, 7],
    }
    weeks = pa.table(
        {"date": [D(2024, 1, 1), D(2024, 1, 8), D(2024, 1, 22), D(2024, 1, 29)], "x": [1, 2, 6, 7]}
    )
    made = recipe("week", [{"column": "x", "aggregate": "sum", "gap": "previous"}])
    assert result(weeks, made)["x"] == [1.0, 2, 2, 6, 7]


def hours(first: str, count: int, zone: str = "UTC") -> pa.Array:
    start = dt.datetime.fromisoformat(first).replace(tzinfo=dt.UTC)
    return pa.array([start + dt.timedelta(hours=i) for i in range(count)], pa.timestamp("us", zone))


@pytest.mark.parametrize(
    ("first", "count", "lengths"),
    [
        # Berlin: 31 March 2024 has 23 hours, 27 October 25. Days begin at 23:00 or 22:00 UTC.
        ("2024-03-29T23:00", 24 + 23 + 24, [24.0, 23.0, 24.0]),
        ("2024-10-25T22:00", 24 + 25 + 24, [24.0, 25.0, 24.0]),
    ],
)
def test_hours_become_the_zones_days_with_their_23_and_25_hours(
    first: str, count: int, lengths: list[float]
) -> None:
    table = pa.table({"date": hours(first, count), "x": [1.0] * count, "price": [2.0] * count})
    made = recipe("day", {"x": "sum", "price": "mean"}, zone="Europe/Berlin")
    found = result(table, made)
    assert found["x"] == lengths
    assert found["price"] == [2.0, 2.0, 2.0]
    assert notes(table, made) == ()
    utc = result(
        table, recipe("day", {"x": "sum"})
    )  # the column's own zone: its first and last day are incomplete
    assert utc["x"] == [24.0, 24.0]


def test_days_cut_at_the_edge_are_left_out() -> None:
    table = pa.table({"date": hours("2024-05-01T10:00", 14 + 24 + 3), "x": [1.0] * 41})
    assert result(table, recipe("day", {"x": "sum"})) == {"date": [D(2024, 5, 2)], "x": [24.0]}


def test_a_missing_hour_is_a_gap() -> None:
    table = pa.table({"date": hours("2024-05-01T00:00", 48), "x": [1.0] * 48})
    holes = pa.concat_tables([table.slice(0, 5), table.slice(6)])
    with pytest.raises(InvalidInput, match=r"1 gap \(first 2024-05-01T05:00\)"):
        prepare(holes, recipe("day", {"x": "sum"}))
    made = recipe("day", [{"column": "x", "aggregate": "sum", "gap": "zero"}])
    assert result(holes, made)["x"] == [23.0, 24.0]


def test_daily_instants_are_days_of_the_zone() -> None:
    # Midnight in Berlin, stored in UTC: the day before, 23:00 or 22:00.
    stamps = [dt.datetime(2024, 3, d, 23, tzinfo=dt.UTC) for d in (29, 30)] + [
        dt.datetime(2024, 3, 31, 22, tzinfo=dt.UTC)
    ]
    table = pa.table({"date": pa.array(stamps, pa.timestamp("ms", "UTC")), "x": [1, 2, 3]})
    found = result(table, recipe("day", {"x": "sum"}, zone="Europe/Berlin"))
    assert found == {"date": [D(2024, 3, 30), D(2024, 3, 31), D(2024, 4, 1)], "x": [1.0, 2, 3]}


def test_the_window_is_inclusive_and_comes_before_the_edges() -> None:
    made = recipe("week", {"x": "sum"}, start="2024-12-30", end="2025-01-05")
    assert result(FORTNIGHT, made) == {"date": [D(2024, 12, 30)], "x": [77.0]}
    with pytest.raises(UserError, match="the data cover 2024-12-23 to 2025-01-05"):
        prepare(FORTNIGHT, recipe("week", {"x": "sum"}, start="2026-01-01"))


MARKETS = pa.table(
    {
        "date": days(D(2024, 1, 1), 3) * 2,
        "geo": ["N"] * 3 + ["S"] * 3,
        "spend": [1.0, 2, 3, 10, 20, 30],
        "price": [1.0, 1, 1, 3, 3, 5],
        "shops": [5, 5, 6, 7, 7, 8],
        "event": ["a", "b", "a"] * 2,
    }
)


def test_markets_are_filtered_combined_or_split() -> None:
    rules = [
        {"column": "spend", "aggregate": "sum"},
        {"column": "price", "aggregate": "mean"},
        {"column": "shops", "aggregate": "last", "across": "sum"},
        {"column": "event", "aggregate": "first"},
    ]
    one = recipe("day", rules, market={"column": "geo", "keep": ["S"]})
    assert result(MARKETS, one)["spend"] == [10.0, 20, 30]
    both = result(MARKETS, recipe("day", rules, market={"column": "geo", "join": "combine"}))
    assert both == {
        "date": days(D(2024, 1, 1), 3),
        "spend": [11.0, 22, 33],
        "price": [2.0, 2, 3],
        "shops": [12.0, 12, 14],
        "event": ["a", "b", "a"],
    }
    split = prepare(MARKETS, recipe("day", rules, market={"column": "geo", "join": "split"}))
    assert [(item.market, item.table["spend"].to_pylist()) for item in split] == [
        ("N", [1.0, 2, 3]),
        ("S", [10.0, 20, 30]),
    ]


def test_markets_never_shrink_silently() -> None:
    short = MARKETS.slice(0, 5)  # the south lacks the last day
    made = recipe("day", {"spend": "sum"}, market={"column": "geo", "join": "combine"})
    assert result(short, made)["spend"] == [11.0, 22]
    assert notes(short, made) == (
        "Left out, for not every market has them: the day of 2024-01-03.",
    )
    hole = pa.concat_tables([MARKETS.slice(0, 4), MARKETS.slice(5)])
    with pytest.raises(
        InvalidInput, match=r"column 'spend' in market 'S': 1 gap \(first 2024-01-02\)"
    ):
        prepare(hole, made)


@pytest.mark.parametrize(
    ("market", "message"),
    [
        (None, r"2024-01-01 in rows 1, 4"),
        ({"column": "geo"}, "the table has 2 markets: 'N', 'S'"),
        ({"column": "geo", "keep": ["W"]}, "there is no market 'W'. It has: 'N', 'S'"),
    ],
)
def test_several_markets_must_be_dealt_with(market: dict[str, Any] | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepare(MARKETS, recipe("day", {"spend": "sum"}, market=market))


def test_derived_columns() -> None:
    table = pa.table(
        {
            "date": days(D(2024, 1, 1), 4),
            "a": [1.0, 2, 3, 4],
            "b": [10.0, 20, 30, 40],
            "price": [2.0, 4, 6, 8],
        }
    )
    made = recipe(
        "day",
        [
            {"column": "a", "aggregate": "sum"},
            {"column": "b", "aggregate": "sum", "keep": False},
            {"column": "price", "aggregate": "mean"},
        ],
        derived=[
            {"kind": "sum", "name": "both", "columns": ["a", "b"]},
            {"kind": "product", "name": "worth", "columns": ["a", "price"]},
            {"kind": "ratio", "name": "share", "numerator": "a", "denominator": "both"},
            {"kind": "lag", "name": "before", "column": "both", "periods": 2},
        ],
    )
    assert result(table, made) == {
        "date": [D(2024, 1, 3), D(2024, 1, 4)],
        "a": [3.0, 4],
        "price": [6.0, 8],
        "both": [33.0, 44],
        "worth": [18.0, 32],
        "share": [3 / 33, 4 / 44],
        "before": [11.0, 22],
    }
    assert notes(table, made) == (
        "Left out, for lagged columns have no value there: the first 2 periods.",
    )


def test_ratios_are_of_resampled_sums_and_zero_is_declared() -> None:
    table = FORTNIGHT.append_column("y", pa.array([1.0] * 7 + [0.0] * 7))
    ratio = {"kind": "ratio", "name": "r", "numerator": "x", "denominator": "y"}
    with pytest.raises(
        UserError, match=r"derived column 'r': 'y' is 0 in 1 periods, first 2024-12-30"
    ):
        prepare(table, recipe("week", {"x": "sum", "y": "sum"}, derived=[ratio]))
    made = recipe("week", {"x": "sum", "y": "sum"}, derived=[{**ratio, "if_zero": "zero"}])
    assert result(table, made)["r"] == [4.0, 0.0]


def test_a_text_becomes_a_flag_before_it_is_resampled() -> None:
    table = FORTNIGHT.append_column("event", pa.array(["no"] * 3 + ["sale"] + ["no"] * 10))
    made = recipe(
        "week",
        {"on_sale": "max"},
        flags=[{"name": "on_sale", "column": "event", "values": ["sale", "clearance"]}],
    )
    assert result(table, made) == {
        "date": [D(2024, 12, 23), D(2024, 12, 30)],
        "on_sale": [1.0, 0.0],
    }


def test_decimals_and_numbers_in_dictionaries_are_numbers() -> None:
    table = pa.table(
        {
            "date": [str(day) for day in days(D(2024, 1, 1), 7)],
            "x": pa.array([Decimal("0.10")] * 7),
            "n": pa.array(["1", "2"] * 3 + ["3"]).dictionary_encode(),
        }
    )
    found = result(table, recipe("week", {"x": "sum", "n": "sum"}))
    assert found["x"] == [pytest.approx(0.7, rel=1e-15)]
    assert found["n"] == [12.0]


@pytest.mark.parametrize(
    ("table", "made", "message"),
    [
        (FORTNIGHT, recipe("week", {"y": "sum"}), "column 'y': the table has no such column"),
        (FORTNIGHT.slice(0, 0), recipe("week", {"x": "sum"}), "the table has no rows"),
        (
            pa.table([FORTNIGHT["date"], FORTNIGHT["x"], FORTNIGHT["x"]], names=["date", "x", "x"]),
            recipe("week", {"x": "sum"}),
            "column 'x': the table has two columns of this name",
        ),
        (
            pa.table({"date": days(D(2024, 1, 1), 3), "x": ["1", "many", "3"]}),
            recipe("day", {"x": "sum"}),
            "column 'x': row 2 hold no number, first 'many'",
        ),
        (
            pa.table({"date": ["2024-01-01", "soon", "2024-01-03"], "x": [1, 2, 3]}),
            recipe("day", {"x": "sum"}),
            "column 'date': row 2 cannot be read as a date, first 'soon'",
        ),
        (
            pa.table({"date": [1, 2], "x": [1, 2]}),
            recipe("day", {"x": "sum"}),
            "holds int64, not dates",
        ),
    ],
)
def test_bad_tables_are_named(table: pa.Table, made: Recipe, message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepare(table, made)


def test_5000_columns() -> None:
    wide = pa.table({"date": days(D(2024, 1, 1), 14), **{f"c{i}": [1.0] * 14 for i in range(5000)}})
    (found,) = prepare(wide, recipe("week", {f"c{i}": "sum" for i in range(5000)}))
    assert (found.table.num_rows, found.table.num_columns) == (2, 5001)
    assert found.table["c4999"].to_pylist() == [7.0, 7.0]


def test_an_empty_text_is_read_as_the_word_that_is_given() -> None:
    table = pa.table({"date": days(D(2024, 1, 1), 3, 7), "promo": ["sale", None, "sale"]})
    rule = {"column": "promo", "aggregate": "first", "fill": "none"}
    assert result(table, recipe("week", [rule]))["promo"] == ["sale", "none", "sale"]
    assert notes(table, recipe("week", [rule]))[0].startswith(
        "Column 'promo': 1 gap (first 2024-01-08) read as 'none'"
    )


def test_the_gaps_of_all_columns_and_markets_are_told_at_once() -> None:
    table = pa.table(
        {
            "date": days(D(2024, 1, 1), 3, 7) * 2,
            "geo": ["A"] * 3 + ["B"] * 3,
            "x": [1.0, None, 3.0, 4.0, 5.0, None],
            "y": [1.0, 2.0, None, 4.0, 5.0, 6.0],
        }
    )
    made = recipe("week", {"x": "sum", "y": "sum"}, market={"column": "geo", "join": "combine"})
    with pytest.raises(InvalidInput) as error:
        prepare(table, made)
    assert [finding.where for finding in error.value.findings] == [
        "column 'x' in market 'A'",
        "column 'y' in market 'A'",
        "column 'x' in market 'B'",
    ]


def test_two_currencies_are_not_added_up() -> None:
    table = pa.table(
        {
            "date": days(D(2024, 1, 1), 3, 7) * 2,
            "geo": ["DE"] * 3 + ["CH"] * 3,
            "cur": ["EUR"] * 3 + ["CHF"] * 3,
            "spend": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }
    )
    together = recipe("week", {"spend": "sum"}, market={"column": "geo", "join": "combine"})
    with pytest.raises(UserError, match="would be added up are in 'CHF', 'EUR'"):
        prepare(table, together)
    apart = recipe("week", {"spend": "sum"}, market={"column": "geo", "join": "split"})
    assert [found.market for found in prepare(table, apart)] == ["DE", "CH"]
    one = {"column": "geo", "join": "combine", "keep": ["CH"]}
    assert result(table, recipe("week", {"spend": "sum"}, market=one))["spend"] == [4.0, 5.0, 6.0]


def test_two_currencies_of_a_long_table_are_not_spread() -> None:
    table = pa.table(
        {
            "date": sorted(days(D(2024, 1, 1), 3, 7) * 2),
            "channel": ["tv", "search"] * 3,
            "currency": ["EUR", "USD"] * 3,
            "spend": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }
    )
    pivot = {"key": "channel", "values": ["spend"]}
    rules = {"tv_spend": "sum", "search_spend": "sum"}
    with pytest.raises(UserError, match="would be added up are in 'EUR', 'USD'"):
        prepare(table, recipe("week", rules, pivot=pivot))


def test_two_currencies_by_name_are_told_and_not_summed() -> None:
    table = pa.table(
        {"date": days(D(2024, 1, 1), 3), "tv_eur": [1.0, 2.0, 4.0], "search_usd": [3.0, 1.0, 2.0]}
    )
    rules = {"tv_eur": "sum", "search_usd": "sum"}
    said = "Columns are in two currencies: 'tv_eur' is in EUR, 'search_usd' is in USD. "
    assert notes(table, recipe("day", rules)) == (said + "Convert them to one.",)
    total = [{"kind": "sum", "name": "all", "columns": ["tv_eur", "search_usd"]}]
    with pytest.raises(UserError, match="would add up two currencies"):
        prepare(table, recipe("day", rules, derived=total))


def test_a_market_that_is_the_sum_of_the_others_is_refused() -> None:
    table = pa.table(
        {
            "date": days(D(2024, 1, 1), 3) * 3,
            "geo": ["N"] * 3 + ["S"] * 3 + ["All"] * 3,
            "spend": [1.0, 2, 3, 10, 20, 35, 11, 22, 38],
        }
    )
    both = recipe("day", {"spend": "sum"}, market={"column": "geo", "join": "combine"})
    with pytest.raises(UserError, match="'All' is the sum of the other 2 on every date"):
        prepare(table, both)
    kept = {"column": "geo", "join": "combine", "keep": ["N", "S"]}
    assert result(table, recipe("day", {"spend": "sum"}, market=kept))["spend"] == [11.0, 22, 38]
