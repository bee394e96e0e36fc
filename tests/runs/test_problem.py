"""From table to problem: the problem is the table's own numbers, and every bad input is named with
column and row.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mmm.data.quality import findings_of, review
from mmm.engines.base import Factor, Problem
from mmm.errors import InvalidInput
from mmm.experiments.config import Experiment, LiftTestConfig
from mmm.experiments.problem import build_problem
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import Workspace

WEEKS = 120
START = dt.date(2022, 1, 3)
Change = Callable[[dict[str, list[Any]]], object]


def weeks(count: int = WEEKS, step: int = 7) -> list[dt.date]:
    return [START + dt.timedelta(days=step * i) for i in range(count)]


def months(count: int, day: int = 1) -> list[dt.date]:
    return [dt.date(2022 + i // 12, i % 12 + 1, day) for i in range(count)]


def columns(dates: list[Any] | None = None) -> dict[str, list[Any]]:
    """A good table: date, sales, two channels of which one has an exposure, an organic medium,
    context, a factor.
    """
    dates = weeks() if dates is None else dates
    numbers = np.random.default_rng(1).uniform(1, 100, (6, len(dates))).round(2)
    numbers[0] *= 100  # sales are worth more than what media cost
    names = ("sales", "tv", "search", "clicks", "mail", "price")
    data: dict[str, list[Any]] = {"date": dates, **dict(zip(names, numbers.tolist(), strict=True))}
    data["event"] = ["none", "sale"] * (len(dates) // 2) + ["none"] * (len(dates) % 2)
    return data


def experiment(**changes: Any) -> Experiment:
    """An experiment on these columns; a change of a nested field is written `mapping__kpi`."""
    content: dict[str, Any] = {
        "dataset": {"market": "DE", "dataset_id": "0" * 16},
        "mapping": {
            "date": "date",
            "kpi": "sales",
            "paid": [{"spend": "tv"}, {"spend": "search", "exposure": "clicks"}],
            "organic": [{"column": "mail"}],
            "context": [{"column": "price"}],
            "factors": [{"column": "event"}],
        },
        "country": "DE",
        "engine": "ridge",
    }
    for name, value in changes.items():
        *parents, last = name.split("__")
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return Experiment.model_validate(content)


def build(
    data: dict[str, Any] | pa.Table | None = None, **changes: Any
) -> tuple[Problem, list[str]]:
    table = data if isinstance(data, pa.Table) else pa.table(columns() if data is None else data)
    problem, findings = build_problem(experiment(**changes), table)
    return problem, [str(finding) for finding in findings]


def errors(data: dict[str, Any] | pa.Table | None = None, **changes: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        build(data, **changes)
    of_data = all(
        finding.where.startswith(("column", "table"))
        for finding in caught.value.findings
        if finding.level == "error"
    )
    what = (
        "the data of 'DE' cannot be modelled as mapped"
        if of_data
        else "the experiment cannot be run on the data of 'DE'"
    )
    assert caught.value.what == f"{what} (rows count from 1):"
    found = [finding for finding in caught.value.findings if finding.level == "error"]
    beside = [finding for finding in caught.value.findings if finding.level != "error"]
    assert all(finding.where.startswith("lift_tests") for finding in beside)
    return [str(finding) for finding in found]


def with_cells(name: str, cells: dict[int, Any]) -> dict[str, list[Any]]:
    """The good table with some cells of a column changed; rows count from 1."""
    data = columns()
    for row, value in cells.items():
        data[name][row - 1] = value
    return data


# What a good table gives


def test_a_good_table_has_no_findings_and_its_numbers_are_the_problems() -> None:
    data = columns()
    problem, findings = build(data)
    assert findings == []
    assert problem.dates.tolist() == data["date"]
    assert (problem.step_days, problem.window, problem.rows) == (7, (0, WEEKS - 1), WEEKS)
    assert problem.kpi.tolist() == data["sales"]
    tv, search = problem.paid
    assert (tv.name, tv.spend.tolist(), tv.exposure, tv.sign) == (
        "tv",
        data["tv"],
        None,
        "positive",
    )
    assert (search.spend.tolist(), search.exposure_name) == (data["search"], "clicks")
    assert search.exposure is not None
    assert search.exposure.tolist() == data["clicks"]
    assert problem.organic[0].values.tolist() == data["mail"]
    price, event = problem.context
    assert price.sign == "unconstrained"
    assert event == Factor("event", tuple(data["event"]))
    assert problem.holidays[0].date >= START


def test_the_samples_problem_is_its_file(
    workspace: Workspace, experiment: Callable[..., Experiment]
) -> None:
    made = experiment()
    problem, findings = build_problem(made, workspace.read_dataset("DE", made.dataset.dataset_id))
    with sample.PATH.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert findings == []
    assert (problem.rows, problem.window, problem.step_days) == (208, (6, 162), 7)
    assert len(problem.kpi[problem.window_rows]) == 157
    series = {problem.kpi_name: problem.kpi} | {
        medium.name: medium.spend for medium in problem.paid
    }
    series |= {str(m.exposure_name): m.exposure for m in problem.paid if m.exposure is not None}
    series |= {
        item.name: item.values
        for item in (*problem.organic, *problem.context)
        if not isinstance(item, Factor)
    }
    assert len(series) == 10
    for name, values in series.items():
        assert values.tolist() == [float(row[name]) for row in rows]
    assert problem.dates.astype(str).tolist() == [row["DATE"] for row in rows]
    assert problem.context[1] == Factor("events", tuple(row["events"] for row in rows))


def test_rows_may_come_in_any_order() -> None:
    data = columns()
    order = np.random.default_rng(2).permutation(WEEKS)
    shuffled, _ = build({name: [values[i] for i in order] for name, values in data.items()})
    plain, _ = build(data)
    assert (shuffled.dates == plain.dates).all()
    assert (shuffled.kpi == plain.kpi).all()
    assert (shuffled.paid[1].exposure == plain.paid[1].exposure).all()
    assert shuffled.context[1] == plain.context[1]


def test_a_spend_that_is_its_own_exposure_has_none() -> None:
    problem, _ = build(mapping__paid=[{"spend": "tv", "exposure": "tv"}, {"spend": "search"}])
    assert problem.paid[0].exposure is None
    assert problem.paid[0].exposure_name is None


DATE_TYPES: dict[str, Callable[[list[dt.date]], Any]] = {
    "date32": lambda days: pa.array(days, pa.date32()),
    "date64": lambda days: pa.array(days, pa.date64()),
    "timestamp in ns": lambda days: pa.array(days, pa.date32()).cast(pa.timestamp("ns")),
    "timestamp with zone": lambda days: pa.array(days, pa.date32()).cast(pa.timestamp("ms", "UTC")),
    "noon": lambda days: pa.array(
        [dt.datetime(d.year, d.month, d.day, 12) for d in days], pa.timestamp("us")
    ),
    "text": lambda days: pa.array([f" {day} " for day in days]),
    "text without dashes": lambda days: pa.array([f"{day:%Y%m%d}" for day in days]),
    "text with time": lambda days: pa.array([f"{day}T00:00:00" for day in days], pa.large_string()),
    "text by dictionary": lambda days: pa.array(map(str, days)).dictionary_encode(),
    "date by dictionary": lambda days: pa.array(days, pa.date32()).dictionary_encode(),
    "whole numbers": lambda days: pa.array([int(f"{day:%Y%m%d}") for day in days], pa.int32()),
}


@pytest.mark.parametrize("kind", DATE_TYPES)
def test_dates_of_every_type(kind: str) -> None:
    problem, findings = build(columns() | {"date": DATE_TYPES[kind](weeks())})
    assert problem.dates.tolist() == weeks()
    assert problem.dates.dtype == np.dtype("datetime64[D]")
    assert findings == []


WHOLE = [i % 2 for i in range(WEEKS)]
NUMBER_TYPES: dict[str, pa.Array] = {
    "int8": pa.array(WHOLE, pa.int8()),
    "uint64": pa.array(WHOLE, pa.uint64()),
    "int64": pa.array(WHOLE, pa.int64()),
    "float32": pa.array(WHOLE, pa.float32()),
    "decimal": pa.array([Decimal(i) for i in WHOLE], pa.decimal128(12, 2)),
    "large decimal": pa.array([Decimal(i) for i in WHOLE], pa.decimal256(50, 2)),
    "true or false": pa.array([bool(i) for i in WHOLE]),
    "text": pa.array([f" {i}.0 " for i in WHOLE]),
    "numbers by dictionary": pa.array(WHOLE, pa.float64()).dictionary_encode(),
    "text by dictionary": pa.array([str(i) for i in WHOLE]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", NUMBER_TYPES)
@pytest.mark.parametrize("name", ["price", "tv"])
def test_numbers_of_every_type(kind: str, name: str) -> None:
    problem, findings = build(columns() | {name: NUMBER_TYPES[kind]})
    assert findings == []
    price = problem.context[0]
    assert not isinstance(price, Factor)
    values = {"price": price.values, "tv": problem.paid[0].spend}[name]
    assert values.dtype == np.float64
    assert values.tolist() == WHOLE


# Columns that are not there or not what they should be


def test_unknown_columns_are_named_with_their_nearest() -> None:
    found = errors(
        mapping__kpi="Sales",
        mapping__paid=[{"spend": "tv_spend"}, {"spend": "zzz"}],
        mapping__factors=[],
        country=None,
    )
    assert found == [
        "column 'Sales': the table has no such column. Did you mean 'sales'?",
        "column 'tv_spend': the table has no such column. It has: date, sales, tv, search, clicks, mail, price, event.",
        "column 'zzz': the table has no such column. It has: date, sales, tv, search, clicks, mail, price, event.",
    ]


def test_a_table_without_rows() -> None:
    table = pa.table(columns()).slice(0, 0)
    assert errors(table) == ["table: the table has no rows. Load data first."]


DATE_ERRORS: dict[str, tuple[Change, str]] = {
    "missing": (
        lambda d: d["date"].__setitem__(slice(4, 6), [None, None]),
        "no date in rows 5, 6. Fill in the date or drop the row.",
    ),
    "not a date": (
        lambda d: d.update(
            date=[*map(str, d["date"][:6]), "soon", "13/02/22", "", *map(str, d["date"][9:])]
        ),
        "rows 7, 8 cannot be read as a date, first 'soon'. Write dates as 2024-12-31.",
    ),
    "words numpy knows": (
        lambda d: d.update(date=["now", "NaT", "2022", *map(str, d["date"][3:])]),
        "rows 1, 2, 3 cannot be read as a date, first 'now'. Write dates as 2024-12-31.",
    ),
    "numbers": (
        lambda d: d.update(date=list(range(44564, 44564 + WEEKS))),
        "rows 1, 2, 3, 4, 5 and 115 more cannot be read as a date, first '44564'. Write dates as 2024-12-31.",
    ),
    "decimal numbers": (
        lambda d: d.update(date=[i / 2 for i in range(WEEKS)]),
        "holds decimal numbers, not dates. Map another column as the date.",
    ),
    "times": (
        lambda d: d.update(date=[dt.time(i % 24) for i in range(WEEKS)]),
        "holds times of day, not dates. Map another column as the date.",
    ),
    "nothing": (
        lambda d: d.update(date=[None] * WEEKS),
        "no date in rows 1, 2, 3, 4, 5 and 115 more. Fill in the date or drop the row.",
    ),
    "twice": (
        lambda d: d["date"].__setitem__(9, d["date"][2]),
        "1 date occurs more than once, first 2022-01-17 in rows 3, 10. "
        "Give one row per period: map the geo column to model geos together, or the market column "
        "and prepare the dataset, or add up.",
    ),
    "long table": (
        lambda d: d.update(date=[day for day in d["date"][: WEEKS // 2] for _ in range(2)]),
        "60 dates occur more than once, first 2022-01-03 in rows 1, 2. "
        "Give one row per period: map the geo column to model geos together, or the market column "
        "and prepare the dataset, or add up.",
    ),
    "weekly gap": (
        lambda d: [values.pop(10) for values in d.values()],
        "1 period missing, first 2022-03-14 (after row 10). "
        "Add the missing periods, with 0 only where nothing was spent, or prepare the dataset: resample it, with a rule for gaps per column.",
    ),
    "odd step": (
        lambda d: d["date"].__setitem__(10, d["date"][10] + dt.timedelta(days=1)),
        "1 date out of step, first 2022-03-15 (row 11). "
        "Add the missing periods, with 0 only where nothing was spent, or prepare the dataset: resample it, with a rule for gaps per column.",
    ),
    "daily gap": (
        lambda d: d.update(
            date=weeks(60, 1) + [day + dt.timedelta(days=70) for day in weeks(60, 1)]
        ),
        "10 periods missing, first 2022-03-04 (after row 60). "
        "Add the missing periods, with 0 only where nothing was spent, or prepare the dataset: resample it, with a rule for gaps per column.",
    ),
    "monthly gap": (
        lambda d: d.update(date=months(60) + months(WEEKS + 2)[62:]),
        "2 periods missing, first 2027-01-01 (after row 60). "
        "Add the missing periods, with 0 only where nothing was spent, or prepare the dataset: resample it, with a rule for gaps per column.",
    ),
    "a typo far away": (
        lambda d: d["date"].__setitem__(0, dt.date(22, 1, 3)),
        "104,355 periods missing, first 0022-01-10 (after row 1). "
        "Add the missing periods, with 0 only where nothing was spent, or prepare the dataset: resample it, with a rule for gaps per column.",
    ),
    "every other week": (
        lambda d: d.update(date=weeks(WEEKS, 14)),
        "the usual distance between dates is 14 days. Give daily, weekly, monthly or quarterly rows.",
    ),
    "every fourth week": (
        lambda d: d.update(date=weeks(WEEKS, 28)),
        "the usual distance between dates is 28 days. Give daily, weekly, monthly or quarterly rows.",
    ),
    "two periods": (
        lambda d: [values.__delitem__(slice(2, None)) for values in d.values()],
        "holds 2 periods; 3 are the least. Load a longer history.",
    ),
}


@pytest.mark.parametrize("case", DATE_ERRORS)
def test_bad_dates_are_named(case: str) -> None:
    change, message = DATE_ERRORS[case]
    data = columns()
    change(data)
    assert f"column 'date': {message}" in errors(data)


def test_gaps_are_found_in_the_order_of_the_dates_and_named_by_the_tables_rows() -> None:
    data = columns()
    for values in data.values():
        values.pop(10)
        values.reverse()
    assert "1 period missing, first 2022-03-14 (after row 110)." in errors(data)[0]


def test_daily_and_monthly_tables() -> None:
    assert build(columns(weeks(800, 1)))[0].step_days == 1
    problem, findings = build(columns(months(120)))
    assert (problem.step_days, findings) == (31, [])


def test_months_may_be_named_by_any_of_their_days() -> None:
    ends = [day - dt.timedelta(days=1) for day in months(121)[1:]]
    problem, findings = build(columns(ends))
    assert problem.dates.tolist() == months(120)
    assert findings == [
        "column 'date': monthly dates count as the first day of their month, for example 2022-01-31 as 2022-01-01."
    ]


FILL_IN = "Fill it in; write 0 only where it was 0. Or prepare the dataset with a rule for gaps of this column."
CELL_ERRORS: dict[str, tuple[dict[int, Any], str]] = {
    "empty": ({3: None}, f"no value in row 3. {FILL_IN}"),
    "many empty": (
        dict.fromkeys(range(2, 9)),
        f"no value in rows 2, 3, 4, 5, 6 and 2 more. {FILL_IN}",
    ),
    "NaN": ({120: float("nan")}, f"no value in row 120. {FILL_IN}"),
    "infinite": (
        {1: float("inf"), 2: float("-inf")},
        "an infinite value in rows 1, 2. Correct it at its source.",
    ),
}


@pytest.mark.parametrize("case", CELL_ERRORS)
@pytest.mark.parametrize("name", ["sales", "tv", "clicks", "mail", "price"])
def test_cells_without_a_number_are_named(case: str, name: str) -> None:
    cells, message = CELL_ERRORS[case]
    assert errors(with_cells(name, cells)) == [f"column '{name}': {message}"]


def test_text_among_numbers_is_named() -> None:
    data = columns()
    data["tv"] = [str(value) for value in data["tv"]]
    data["tv"][2:8] = ["1,5", "n/a", None, " ", "nan", "inf"]
    assert errors(data) == [
        "column 'tv': no finite number (first '1,5') in rows 3, 4, 7, 8. "
        "Correct the cell, give the decimal mark when reading the file, or map another column.",
        f"column 'tv': no value in rows 5, 6. {FILL_IN}",
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array(weeks()), "holds dates, not numbers. Map another column."),
        (
            pa.array([dt.datetime(2024, 1, 1)] * WEEKS),
            "holds points in time, not numbers. Map another column.",
        ),
        (pa.array([dt.timedelta(1)] * WEEKS), "holds durations, not numbers. Map another column."),
        (
            pa.array([b"\xff"] * WEEKS),
            "holds values of type binary, not numbers. Map another column.",
        ),
        (pa.nulls(WEEKS), f"no value in rows 1, 2, 3, 4, 5 and 115 more. {FILL_IN}"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_columns_of_another_type_are_named(values: pa.Array, message: str) -> None:
    assert errors(columns() | {"price": values}) == [f"column 'price': {message}"]


@pytest.mark.parametrize("name", ["tv", "search", "clicks", "mail"])
def test_media_must_not_be_negative(name: str) -> None:
    assert errors(with_cells(name, {7: -1.5, 9: -2.0})) == [
        f"column '{name}': a negative value in rows 7, 9, first -1.5. "
        "Spend and exposure cannot be negative: book refunds where the spend was, or turn the sign."
    ]


def test_a_negative_kpi_is_a_warning_and_negative_context_is_none() -> None:
    assert build(with_cells("sales", {7: -1.5}))[1] == [
        "column 'sales': a negative value in row 7, first -1.5. "
        "Make sure that it is no error; returns may be booked where the sale was."
    ]
    assert build(with_cells("price", {7: -1.5}))[1] == []


ALL = "in the window (2022-01-03 to 2024-04-21)"
LEAVE_OUT_MEDIA = "Leave it out of the mapping or widen the window."
LEAVE_OUT = "A constant explains nothing: leave it out."


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("tv", 0, LEAVE_OUT_MEDIA),
        ("tv", 5, LEAVE_OUT_MEDIA),
        ("search", 0, LEAVE_OUT_MEDIA),
        ("clicks", 0, LEAVE_OUT_MEDIA),
        ("clicks", 5, LEAVE_OUT_MEDIA),
        ("mail", 0, LEAVE_OUT_MEDIA),
        ("price", 0, LEAVE_OUT),
        ("price", 2.5, LEAVE_OUT),
        ("sales", 7, "Map another column as the KPI."),
    ],
)
def test_columns_that_never_change_are_named(name: str, value: float, fix: str) -> None:
    found = errors(columns() | {name: [float(value)] * WEEKS})
    assert found == [f"column '{name}': is {value:g} everywhere {ALL}. {fix}"]


def test_a_constant_spend_is_a_warning_where_its_exposure_is_modelled() -> None:
    assert build(columns() | {"search": [5.0] * WEEKS})[1] == [
        f"column 'search': is 5 {ALL}; its exposure alone shows its effect. "
        "Make sure that it is no placeholder."
    ]


def test_columns_that_change_outside_the_window_only_are_named() -> None:
    data = columns()
    for name in ("tv", "price"):
        data[name][:100] = [0.0] * 100
    data["event"][:100] = ["none"] * 100
    inside = "in the window (2022-01-03 to 2023-11-26)"
    assert errors(data, window={"end": "2023-11-26"}) == [
        f"column 'tv': is 0 everywhere {inside}. {LEAVE_OUT_MEDIA}",
        f"column 'price': is 0 everywhere {inside}. {LEAVE_OUT}",
        f"column 'event': has one level only {inside}, 'none'. Leave the factor out.",
    ]


def test_spend_without_exposure_is_a_warning() -> None:
    assert build(with_cells("clicks", {7: 0.0, 9: 0.0}))[1] == [
        f"column 'search': 2 periods {ALL} with spend but no 'clicks', first 2022-02-14 (2% of those it "
        "is on). Correct the dates of booking, map the spend alone, or map free exposure as organic."
    ]


def test_one_channel_is_a_warning() -> None:
    assert build(mapping__paid=[{"spend": "tv"}])[1] == [
        "mapping.paid: one paid channel alone leaves nothing to allocate."
    ]


def test_factors() -> None:
    data = columns()
    data["event"] = [f"e{i % 40}" for i in range(WEEKS)]
    assert errors(data) == [
        "column 'event': has 40 levels; at most 30 can be told apart. Group its levels.",
    ]
    data["event"] = [None] * WEEKS
    assert errors(data) == [
        f"column 'event': has one level only {ALL}, '(empty)'. Leave the factor out."
    ]
    problem, findings = build(with_cells("event", {2: None, 4: None}))
    assert findings == [
        "column 'event': no value in rows 2, 4; empty cells count as a level of their own. "
        "Fill them in where they mean another level."
    ]
    assert problem.context[1].levels[:4] == ("none", "(empty)", "none", "(empty)")  # type: ignore[union-attr]
    for values in (
        pa.array([i % 3 for i in range(WEEKS)]),
        pa.array(["0", "1", "2"] * 40).dictionary_encode(),
    ):
        assert build(columns() | {"event": values})[0].context[1] == Factor(
            "event", ("0", "1", "2") * 40
        )
    assert errors(columns() | {"event": [b"\xff"] * WEEKS}) == [
        "column 'event': holds values of type binary, not levels. Map another column."
    ]


def test_everything_wrong_is_named_at_once() -> None:
    data = columns()
    data["date"][4] = None
    data["tv"][6] = -1.0
    data["clicks"] = [0.0] * WEEKS
    data["mail"] = ["x"] * WEEKS
    data["event"] = ["none"] * WEEKS
    assert [
        finding.partition(" ")[2].partition(":")[0]
        for finding in errors(data, mapping__kpi="revenue")
    ] == [
        "'revenue'",
        "'mail'",
        "'date'",
        "'tv'",
        "'clicks'",
        "'event'",
    ]


# Window, country, lift tests


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (
            {"start": "2024-04-22"},
            "window.start: starts on 2024-04-22, after the data's end on 2024-04-21. Choose an earlier start.",
        ),
        (
            {"end": "2022-01-02"},
            "window.end: ends on 2022-01-02, before the data's start on 2022-01-03. Choose a later end.",
        ),
        (
            {"start": "2023-01-02", "end": "2023-01-15"},
            "window: holds 2 periods; 3 are the least. Widen the window.",
        ),
        (
            {"start": "2024-04-18", "end": "2024-04-20"},
            "window: holds 1 period; 3 are the least. Widen the window.",
        ),
    ],
)
def test_a_window_that_holds_no_data_is_named(window: dict[str, str], message: str) -> None:
    assert errors(window=window) == [message]


@pytest.mark.parametrize(
    ("window", "rows", "findings"),
    [
        ({"start": "2022-01-10", "end": "2024-04-15"}, (1, 119), []),
        ({"start": "2022-01-13", "end": "2024-04-14"}, (1, 118), []),
        ({"start": "2022-01-14"}, (2, 119), []),
        (
            {"start": "2020-01-01", "end": "2025-01-01"},
            (0, 119),
            [
                "window.start: starts on 2020-01-01; the data start on 2022-01-03, which is used.",
                "window.end: ends on 2025-01-01; the data end on 2024-04-21, which is used.",
            ],
        ),
    ],
)
def test_a_window_is_cut_to_the_data(
    window: dict[str, str], rows: tuple[int, int], findings: list[str]
) -> None:
    problem, found = build(window=window)
    assert (problem.window, found) == (rows, findings)


def test_a_window_runs_forward() -> None:
    with pytest.raises(ValueError, match="the end must lie after the start"):
        experiment(window={"start": "2023-01-02", "end": "2023-01-01"})


def test_a_country_without_holidays() -> None:
    (found,) = errors(country="QQ")
    assert found.startswith("country: no holidays are known for 'QQ'. Choose one of AD, AE, AL, ")
    (found,) = errors(country="GX")
    assert found.startswith(
        "country: no holidays are known for 'GX'. Did you mean one of SG, NG, MX, MG, KG?"
    )
    late = columns([dt.date(2050, 1, 3) + dt.timedelta(weeks=i) for i in range(WEEKS)])
    assert build(late)[1] == ["country: no holidays are known for DE within the data's dates."]


def test_holidays_of_two_countries_a_region_and_ones_own_events() -> None:
    events = [
        {"name": "fair", "start": "2022-05-10", "end": "2022-05-12"},
        {"name": "before the data", "start": "2020-05-10"},
    ]
    problem, findings = build(country="DE", more_holidays=["AT", "DE-BY"], events=events)
    assert findings == [
        "events.2: 'before the data' lies outside the data, 2022-01-03 to 2024-04-21. "
        "It has no effect on this model."
    ]
    days = {(str(item.date), item.name) for item in problem.holidays}
    assert {(f"2022-05-{day}", "fair") for day in (10, 11, 12)} <= days
    assert "2022-10-26" in {day for day, _ in days}  # Austria's national day
    assert "2023-01-06" in {day for day, _ in days}  # Epiphany, in Bavaria and Austria
    assert len(days) == len(problem.holidays)
    (found,) = errors(more_holidays=["DE-QQ"])
    assert found.startswith("more_holidays.1: no holidays are known for the region 'DE-QQ'.")


def test_a_region_adds_to_its_country_and_names_no_day_of_it_again() -> None:
    problem, findings = build(country=None, more_holidays=["ES-CT", "ES"])
    assert not findings
    country = set(build(country=None, more_holidays=["ES"])[0].holidays)
    assert country < set(problem.holidays)
    added = {item.date for item in set(problem.holidays) - country}
    assert dt.date(2023, 9, 11) in added  # Catalonia's own
    assert not added & {item.date for item in country}


def test_an_event_that_lasts_all_the_time_is_pointed_out() -> None:
    events = [{"name": "always", "start": "2022-01-03", "end": "2024-04-30"}]
    (found,) = build(events=events)[1]
    assert found.startswith("events.1: 'always' lasts over 100% of the data's days.")


def lift_test(**changes: Any) -> dict[str, Any]:
    spend = sum(columns()["tv"][10:14])
    test = {
        "channels": ["tv"],
        "start": "2022-03-14",
        "end": "2022-04-10",
        "lift": 40.0,
        "spend": spend,
    }
    return test | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"channels": ["tv", "radio"]},
            "lift_tests.1.channels: unknown channel 'radio'. Use: mail, search, tv.",
        ),
        (
            {"channels": ["clicks"]},
            "lift_tests.1.channels: unknown channel 'clicks'. Use: mail, search, tv.",
        ),
        (
            {"start": "2021-12-31"},
            "lift_tests.1: 2021-12-31 to 2022-04-10 is not inside the window, 2022-01-03 to 2024-04-21. "
            "Widen the window, or leave the test out.",
        ),
        (
            {"end": "2024-04-22"},
            "lift_tests.1: 2022-03-14 to 2024-04-22 is not inside the window, 2022-01-03 to 2024-04-21. "
            "Widen the window, or leave the test out.",
        ),
        (
            {"lift": 0},
            "lift_tests.1.lift: a lift of 0 without a standard error or an interval does not say how "
            "sure it is. Give the test's standard_error or its interval.",
        ),
    ],
)
def test_impossible_lift_tests_are_named(changes: dict[str, Any], message: str) -> None:
    assert errors(lift_tests=[lift_test(**changes)]) == [message]


def test_a_lift_test_against_the_data() -> None:
    problem, findings = build(lift_tests=[lift_test(confidence=0.95)])
    assert findings == []
    assert build(lift_tests=[lift_test()])[1] == [
        "lift_tests.1.confidence: of its precision only a confidence of 90% is known: its interval "
        "is 0 to 2 times the lift, and excludes little else. Give the test's standard_error or its "
        "interval."
    ]
    assert problem.lift_tests[0].start == dt.date(2022, 3, 14)
    tv = columns()["tv"]
    spend = f"{sum(tv[10:14]):,.0f}"
    assert build(lift_tests=[lift_test(spend=1.0, confidence=0.5)])[1] == [
        "lift_tests.1.confidence: its confidence of 50% is below 80%.",
        f"lift_tests.1.spend: 1 differs from the data's {spend} by more than 10 %.",
    ]
    # Wednesday to Tuesday: five days of the first week, two of the second.
    middle = {"start": "2022-03-16", "end": "2022-03-22", "spend": tv[10] * 5 / 7 + tv[11] * 2 / 7}
    middle["confidence"] = 0.95
    assert build(lift_tests=[lift_test(**middle)])[1] == []
    assert build(lift_tests=[lift_test(channels=["mail"], spend=0, confidence=0.95)])[1] == []


def test_a_test_of_the_registry_counts_in_proportion_to_the_datas_spend() -> None:
    """A geo test moves the spend of some geos; the model is asked for that of all."""
    spend = sum(columns()["tv"][10:14])
    quarter = lift_test(spend=spend / 4, lift=20.0, standard_error=2.0)
    problem, findings = build(lift_tests=[quarter | {"source": "test spring@2: geo test"}])
    (test,) = problem.lift_tests
    assert (test.lift, test.spend) == pytest.approx((80.0, spend))
    assert test.standard_error == pytest.approx(4 * np.hypot(2.0, 0.2 * 20.0))
    assert [finding for finding in findings if "differs" in finding] == []
    (said,) = (finding for finding in findings if "lift_tests.1.spend" in finding)
    assert "its lift moved from 20 to 80 in proportion, its standard error from 2 to 17.89" in said
    # written by hand it is taken as it stands, and told; with the data's spend nothing changes
    assert build(lift_tests=[quarter])[0].lift_tests[0].lift == 20.0
    same = quarter | {"source": "test spring@2", "spend": 1.05 * spend}
    assert build(lift_tests=[same])[0].lift_tests[0].lift == 20.0


def test_a_lift_test_says_how_sure_it_is() -> None:
    """The standard error as given, from an interval's width, or from Robyn's confidence."""
    band = {"interval_low": 23.55, "interval_high": 56.45}
    ways: list[dict[str, Any]] = [
        {"standard_error": 5.0, "confidence": 0.5},
        band,
        {"interval_low": 20.4, "interval_high": 59.6, "interval_level": 0.95},
        {"confidence": 0.95},
        {"lift": 0.0, "standard_error": 5.0},
    ]
    found = [build(lift_tests=[lift_test(**way)]) for way in ways]
    assert [findings for _, findings in found] == [[]] * len(ways)
    errors_found = [round(problem.lift_tests[0].error, 1) for problem, _ in found]
    assert errors_found == [5.0, 10.0, 10.0, 20.4, 5.0]


SALES = sum(columns()["sales"][10:14])


@pytest.mark.parametrize(
    ("changes", "level", "message"),
    [
        (
            {"lift": 250 * SALES},
            "error",
            f"lift_tests.1.lift: a lift of {250 * SALES:,.6g} is 250 times the whole KPI of its days, "
            f"{SALES:,.6g}. Give the lift in units of the KPI, over the days of the test.",
        ),
        (
            {"lift": 0.75 * SALES, "confidence": 0.95},
            "warning",
            f"lift_tests.1.lift: a lift of {0.75 * SALES:,.6g} is 75% of the KPI of its days. "
            "Make sure that it is in units of the KPI.",
        ),
        (
            {"lift": -40.0, "standard_error": 5.0},
            "warning",
            "lift_tests.1.lift: a negative lift: a paid channel's effect is never below 0 in the model. "
            "Leave the test out, or let the channel's sign be unconstrained.",
        ),
        (
            {"lift": -40.0, "standard_error": 30.0},
            "warning",
            "lift_tests.1.lift: a negative lift: a paid channel's effect is never below 0 in the model. "
            "Within its error it may be 0. "
            "Leave the test out, or let the channel's sign be unconstrained.",
        ),
        (
            {"status": "running"},
            "warning",
            "lift_tests.1.status: it is running, so it is left out.",
        ),
    ],
)
def test_implausible_lift_tests_are_named(
    changes: dict[str, Any], level: str, message: str
) -> None:
    tests = [lift_test(**changes)]
    if level == "error":
        assert errors(lift_tests=tests) == [message]
        return
    problem, findings = build(lift_tests=tests)
    assert findings == [message]
    assert len(problem.lift_tests) == ("status" not in changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lift": 0.05, "standard_error": 0.01}, "looks like a share"),
        ({"standard_error": 1e-4}, "is finer than tests are"),
        ({"standard_error": 3.0 * SALES}, "the test says nothing"),
        ({"interval_low": 39.0, "interval_high": 90.0}, "lies far from 64.5, the middle"),
    ],
)
def test_lift_tests_in_other_units(changes: dict[str, Any], message: str) -> None:
    _, findings = build(lift_tests=[lift_test(**changes)])
    assert len(findings) == 1
    assert message in findings[0]


def test_lift_tests_of_other_scopes_and_channels_are_held_against_each_other() -> None:
    one = lift_test(standard_error=5.0)
    total = lift_test(scope="total", lift=4.0, standard_error=1.0)
    told = build(lift_tests=[one, total])[1]
    assert any("immediate effect is said to be more than the total one" in text for text in told)
    assert not build(lift_tests=[one, total | {"lift": 60.0}])[1]
    half = {"lift": 0.4 * SALES, "standard_error": 0.04 * SALES}
    other = {"channels": ["search"], "spend": 1e3}
    told = build(lift_tests=[lift_test(**half), lift_test(**half, **other)])[1]
    assert any("with the tests of other channels in its 28 days (2)" in text for text in told)
    assert any("is 80% of the KPI" in text for text in told)


def test_what_lift_tests_are_warned_of_stands_beside_errors() -> None:
    negative = lift_test(lift=-40.0, standard_error=5.0)
    with pytest.raises(InvalidInput) as refused:
        build(lift_tests=[negative, lift_test(channels=["cinema"])])
    assert "  - Warning: lift_tests.1.lift: a negative lift" in str(refused.value)
    assert "  - lift_tests.2.channels: unknown channel 'cinema'" in str(refused.value)


def test_lift_tests_that_contradict_each_other() -> None:
    one, other = lift_test(standard_error=5.0), lift_test(lift=80.0, standard_error=5.0)
    contradiction = (
        "lift_tests.2: it overlaps test 1 of the same channels and contradicts it: 2.857 a day "
        "against 1.429. Find out which of them is right, and leave the other out."
    )
    assert build(lift_tests=[one, other])[1] == [contradiction]
    assert build(lift_tests=[one, lift_test(lift=45.0, standard_error=5.0)])[1] == [
        "lift_tests.2: it overlaps test 1 of the same channels, and both count. Leave one of them out."
    ]
    assert build(lift_tests=[one, one])[1] == [
        "lift_tests.2: it is the same as test 1, and counts twice. Leave one of them out."
    ]
    sure, unsure = lift_test(standard_error=1.0), lift_test(lift=80.0, standard_error=22.5)
    assert "contradicts it" in build(lift_tests=[sure, unsure])[1][0]  # 40 +- 2 beside 80 +- 37
    of_both = lift_test(channels=["tv", "search"], spend=1e3, standard_error=5.0)
    told = build(lift_tests=[of_both, other])[1]
    assert any("tv alone is said to have done more than tv + search" in text for text in told)
    told = build(lift_tests=[of_both | {"lift": 80.0}, one])[1]
    assert not any("contradicts" in text for text in told)
    discarded = other | {"status": "discarded"}
    assert build(lift_tests=[one, discarded])[1] == [
        "lift_tests.2.status: it is discarded, so it is left out."
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interval_low": 3.0}, "an interval needs both ends"),
        ({"interval_low": 41.0, "interval_high": 50.0}, "must have a width and hold the lift"),
        (
            {"interval_low": 3.0, "interval_high": 50.0, "standard_error": 1.0},
            "the standard error or an interval, not both",
        ),
    ],
)
def test_contradictions_about_how_sure_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LiftTestConfig.model_validate(lift_test(**changes))


# What the engine needs


def test_too_few_rows_for_the_coefficients() -> None:
    short = columns(weeks(9))
    # trend, season, price, event, tv, search, mail, intercept
    assert errors(short, country=None) == [
        "window: 9 periods are too few for 8 coefficients. Widen the window, or map fewer columns."
    ]
    few = (
        "window: 40 periods for 8 coefficients; 10 per coefficient or more are advised. "
        "Widen the window, or map fewer columns."
    )
    assert build(columns(weeks(40)), country=None)[1] == [
        "table: the data cover 280 days (0.8 years, 40 periods): below 2 years a yearly season can "
        "hardly be told from trend and media. Load more history, or leave the season out of the model.",
        few,
    ]
    without = build(columns(weeks(40)), country=None, settings={"prophet": ["trend"]})[1]
    assert without == [few.replace("8 coefficients", "7 coefficients")]
    assert build(columns(weeks(104)))[1] == []  # two years to anybody


def test_what_the_quality_page_finds_is_what_submission_says() -> None:
    """One list of checks: red refuses, orange warns, by the same words and ids."""
    data = columns()
    data["mail"] = [tv + clicks for tv, clicks in zip(data["tv"], data["clicks"], strict=True)]
    table = pa.table(data)
    report = review(table, experiment().mapping)
    red = findings_of([report.check("vif")])
    assert {finding.where for finding in red} == {"column 'tv'", "column 'clicks'", "column 'mail'"}
    assert errors(table) == [str(finding) for finding in red]
    problem, findings = build(table, accept=["vif"])
    assert problem.rows == WEEKS
    assert [text.rpartition(" Accepted")[0] for text in findings] == [
        str(finding).removesuffix(" " + finding.fix) for finding in red
    ]


def test_currencies_and_units() -> None:
    data: dict[str, Any] = columns()
    data["currency"] = ["EUR", "USD"] * (WEEKS // 2)
    assert errors(data) == [
        "column 'currency': holds 2 currencies, 'EUR', 'USD'. Convert all money to one currency before "
        "it is loaded, or keep one currency's rows."
    ]
    data["currency"] = ["USD"] * WEEKS
    assert build(data)[1] == [
        "column 'currency': the money is in USD, the experiment says EUR. "
        "Set the experiment's currency to USD, or correct the column."
    ]
    assert build(data, currency="USD")[1] == []
    thousands = columns()
    thousands["sales"] = [value / 1000 for value in thousands["sales"]]
    found = build(thousands)[1]
    assert [text.partition(" is ")[0] for text in found] == [
        "table: all spend together",
        "column 'tv': its spend",
        "column 'search': its spend",
    ]
    conversions = {"mapping__kpi_kind": "conversion"}
    assert build(thousands, **conversions)[1] == []
    assert len(build(thousands, value_per_conversion=1.0, **conversions)[1]) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"media": {"tvv": {"theta": 0.3}}},
            "settings.media.tvv: unknown medium 'tvv'. Use: mail, search, tv.",
        ),
        (
            {"media": {"clicks": {"theta": 0.3}}},
            "settings.media.clicks: unknown medium 'clicks'. Use: mail, search, tv.",
        ),
        (
            {"min_candidates": 101, "trials": 1, "iterations": 100},
            "settings.min_candidates: 101 models are to be kept of 100 candidates. Raise iterations or trials.",
        ),
        (
            {"validation": {"train_size": [0.5, 0.99]}},
            "settings.validation.train_size: the validation part would have 0 periods. "
            "Lower its upper end, or leave validation out.",
        ),
        (
            {"prophet": []},
            "settings.prophet: factor variables need at least one Prophet part. "
            "Name a part such as 'trend', or leave the factors out.",
        ),
    ],
)
def test_settings_that_do_not_fit_the_data_are_named(
    settings: dict[str, Any], message: str
) -> None:
    assert errors(settings=settings) == [message]


def test_the_smallest_training_part_must_hold_the_coefficients() -> None:
    assert errors(columns(weeks(80)), settings={"validation": {"train_size": [0.101, 0.8]}}) == [
        "settings.validation.train_size: the smallest training part has 8 periods for 9 coefficients. "
        "Raise its lower end, or widen the window."
    ]


def test_holidays_need_a_country_and_weekdays_need_days() -> None:
    assert errors(country=None, settings={"prophet": ["trend", "holiday"]}) == [
        "settings.prophet: holidays are to be modelled but none are known. "
        "Set the experiment's country, or leave out 'holiday'."
    ]
    assert build(settings={"prophet": ["trend", "weekday"]})[1] == [
        "settings.prophet: a weekday effect needs daily data; it is left out."
    ]


def test_all_candidates_may_be_kept() -> None:
    assert build(settings={"min_candidates": 100, "trials": 1, "iterations": 100})[1] == []


def test_files_with_every_type_give_the_same_problem(workspace: Workspace, dataset: Any) -> None:
    """The stored dataset has narrow and dictionary types; reading the file directly gives the same
    numbers.
    """
    start, end = sample.WINDOW
    made = Experiment.model_validate(
        {
            "dataset": dataset,
            "mapping": sample.sample_mapping(),
            "window": {"start": start, "end": end},
            "country": sample.COUNTRY,
        }
    )
    with FileSource(sample.PATH).batches() as batches:
        direct, _ = build_problem(made, pa.Table.from_batches(batches))
    stored, _ = build_problem(made, workspace.read_dataset(dataset.market, dataset.dataset_id))
    assert direct.kpi.tolist() == stored.kpi.tolist()
    assert [medium.spend.tolist() for medium in direct.paid] == [
        medium.spend.tolist() for medium in stored.paid
    ]
    assert direct.context[1] == stored.context[1]
