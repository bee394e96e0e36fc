"""Result files of other tools as tests of the registry: GeoLift, GeoX, CausalPy, lift studies of Meta and
Google. Each row becomes a test, or is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.data.columns import read_dates, read_numbers
from mmm.data.naming import words_of
from mmm.errors import UserError
from mmm.testing.registered import Found


@dataclass(frozen=True)
class Format:
    """A tool's file. `columns` are the names of each field's column; `marks` fields that tell this
    tool's file from others'; `level` that of its intervals where the file does not say it.
    """

    tool: str
    marks: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    level: float


_DATES = {
    "start": ("start", "start date", "reporting starts", "treatment start", "test start"),
    "end": ("end", "end date", "reporting ends", "treatment end", "test end"),
}
_SPEND = ("spend", "cost", "amount spent", "amount spent eur", "amount spent usd", "investment")

#: As the tools' own files call things: GeoLift's `summary` and `GeoLift$results`, GeoX's (TBR) report,
#: CausalPy's `effect_summary().table`, the downloads of Meta's Experiments and Google's Lift
#: measurement.
FORMATS: tuple[Format, ...] = (
    Format(
        "GeoLift",
        ("att",),
        {
            **_DATES,
            "att": ("att", "average att"),
            "lift": ("incremental", "incremental y", "incremental kpi"),
            "low": ("lower", "lower bound", "lower ci", "incremental lower"),
            "high": ("upper", "upper bound", "upper ci", "incremental upper"),
            "spend": _SPEND,
        },
        0.9,
    ),
    Format(
        "CausalPy",
        ("low",),
        {
            **_DATES,
            "row": ("index", "unnamed 0", "effect", ""),
            "lift": ("mean",),
            "low": ("hdi lower", "hdi low", "hdi 3", "hdi 3 percent"),
            "high": ("hdi upper", "hdi high", "hdi 97", "hdi 97 percent"),
            "spend": _SPEND,
        },
        0.95,
    ),
    Format(
        "GeoX",
        ("precision",),
        {
            **_DATES,
            "precision": ("precision",),
            "lift": ("estimate", "incremental response", "cumulative effect"),
            "low": ("lower", "lower bound"),
            "high": ("upper", "upper bound"),
            "level": ("level",),
            "spend": ("incremental cost", *_SPEND),
        },
        0.9,
    ),
    Format(
        "Meta lift",
        ("lift", "reporting"),
        {
            **_DATES,
            "reporting": ("reporting starts",),
            "lift": ("incremental conversions", "conversion lift", "incremental sales"),
            "low": ("lower bound", "ci lower", "confidence interval lower", "incremental lower"),
            "high": ("upper bound", "ci upper", "confidence interval upper", "incremental upper"),
            "spend": _SPEND,
        },
        0.9,
    ),
    Format(
        "Google lift",
        ("lift",),
        {
            **_DATES,
            "lift": ("incremental conversions", "absolute lift", "incremental value"),
            "low": ("lower bound", "ci lower", "confidence interval lower"),
            "high": ("upper bound", "ci upper", "confidence interval upper"),
            "spend": _SPEND,
        },
        0.9,
    ),
)


@dataclass(frozen=True)
class Imported:
    """A row's test: its dates and result."""

    row: int
    tool: str
    start: date
    end: date
    found: Found


@dataclass(frozen=True)
class Refused:
    """A row that is no test, and why."""

    row: int
    reason: str


def read_results_file(
    table: pa.Table,
    *,
    start: date | None = None,
    end: date | None = None,
    spend: float | None = None,
    level: float | None = None,
) -> tuple[list[Imported], list[Refused]]:
    """The tests of a tool's file and the rows that are refused. What the file does not have is given:
    dates, spend, the level of its intervals. UserError where no tool's file is like it.
    """
    names = {" ".join(words_of(name)): name for name in table.column_names}
    chosen = _format_of(names)
    columns = {field: _column(names, known) for field, known in chosen.columns.items()}
    given: dict[str, Any] = {"start": start, "end": end, "spend": spend, "level": level}
    found, refused = [], []
    for number in range(table.num_rows):
        cells = {
            field: None if column is None else table[column].slice(number, 1)
            for field, column in columns.items()
        }
        if chosen.tool == "CausalPy" and not _is_cumulative(cells.get("row")):
            refused.append(
                Refused(number + 1, "an average: the row of the cumulative effect counts")
            )
            continue
        try:
            found.append(_read(number + 1, chosen, cells, given))
        except UserError as error:
            refused.append(Refused(number + 1, error.what))
    return found, refused


def _format_of(names: Mapping[str, str]) -> Format:
    for one in FORMATS:
        if all(_column(names, one.columns[mark]) is not None for mark in one.marks):
            return one
    tools = ", ".join(one.tool for one in FORMATS)
    what = f"is like no result file of {tools}: its columns are {', '.join(names.values())}."
    fix = "Name columns as the tool does, or keep the test by its lift and standard error."
    raise UserError(what, where="the file", fix=fix)


def _column(names: Mapping[str, str], known: Sequence[str]) -> str | None:
    return next((names[name] for name in known if name in names), None)


def _is_cumulative(cell: pa.ChunkedArray | None) -> bool:
    return cell is None or "cumul" in str(cell[0].as_py()).casefold()


def _read(
    number: int, chosen: Format, cells: Mapping[str, Any], given: Mapping[str, Any]
) -> Imported:
    first, last = (given[name] or _day(cells.get(name)) for name in ("start", "end"))
    if first is None or last is None:
        raise UserError("it has no dates, and none were given")
    if last < first:
        raise UserError(f"it ends on {last}, before it starts on {first}")
    lift, low, high = (_number(cells.get(name)) for name in ("lift", "low", "high"))
    if lift is None:
        raise UserError("it has no incremental KPI: a mean effect or a percentage is not enough")
    if low is None or high is None:
        raise UserError("it has no interval, so it does not say how sure it is")
    if not low <= lift <= high or low == high:
        raise UserError(f"its interval {low:g} to {high:g} does not hold its effect {lift:g}")
    spend = given["spend"]
    if spend is None:
        spend = _number(cells.get("spend"))
    if spend is None:
        raise UserError("it has no spend, and none was given")
    level = given["level"] or _number(cells.get("level")) or chosen.level
    if not 0.5 <= level < 1.0:
        raise UserError(f"the level of its interval, {level:g}, is not between 0.5 and 1")
    error = (high - low) / (2.0 * NormalDist().inv_cdf((1.0 + level) / 2.0))
    method = f"{chosen.tool}, {level:.0%} interval"
    found = Found(lift=lift, standard_error=error, spend=abs(spend), method=method)
    return Imported(number, chosen.tool, first, last, found)


def _number(cell: pa.ChunkedArray | None) -> float | None:
    if cell is None or cell[0].as_py() is None:
        return None
    numbers = read_numbers(cell)
    if numbers is None or len(numbers.wrong):
        raise UserError(f"{str(cell[0].as_py())[:40]!r} is no number")
    value = float(numbers.values[0])
    return None if np.isnan(value) else value


def _day(cell: pa.ChunkedArray | None) -> date | None:
    if cell is None or cell[0].as_py() is None:
        return None
    times = read_dates(cell)
    if times is None or len(times.wrong):
        raise UserError(f"{str(cell[0].as_py())[:40]!r} is no date")
    day: date = times.days[0].astype("datetime64[D]").astype(object)
    return day
