"""What was spent and what the KPI was in a plan's periods, from a table that a person has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.data.columns import read_dates
from mmm.errors import UserError
from mmm.format import listed

_DATE_NAMES = ("date", "ds", "week", "day", "month")


@dataclass(frozen=True)
class Actuals:
    """`spend` (P, n) in money of the paid channels in the periods that begin on `dates` (n), and the
    sum of the KPI over them.
    """

    dates: tuple[date, ...]
    spend: np.ndarray
    kpi: float


def read_actuals(
    table: pa.Table,
    days: Sequence[date],
    channels: Sequence[str],
    kpi_names: Sequence[str],
    where: str = "actuals",
) -> Actuals:
    """Sums of a table's rows over the periods that begin on `days`; a period without a row is left
    out. Its columns are the dates, one of each channel, and the KPI under one of `kpi_names`, as in
    the data of the run. UserError for a missing column, a value that is no amount, or where no row is
    in the periods.
    """
    kpi = next((name for name in kpi_names if name in table.column_names), None)
    missing = [name for name in channels if name not in table.column_names]
    if kpi is None:
        missing.append(kpi_names[0])
    if missing:
        raise UserError(
            f"has no column {listed(missing, 5)}.",
            where=where,
            fix="Give the dates, the spend of every channel and the KPI, named as in the run's data.",
        )
    row_days = _days(table, where)
    rows = _periods_of(row_days, days)
    held = sorted({row for row in rows.tolist() if row >= 0})
    if not held:
        raise UserError(
            "has no row in the plan's periods.",
            where=where,
            fix=f"The plan goes from {days[0]} to {days[-1]}.",
        )
    inside = np.flatnonzero(rows >= 0)
    spend = np.zeros((len(channels), len(days)))
    for number, name in enumerate(channels):
        values = _amounts(table, name, inside, where)
        np.add.at(spend[number], rows[inside], values)
    total = math.fsum(_amounts(table, str(kpi), inside, where))
    return Actuals(tuple(days[row] for row in held), spend[:, held], total)


def _days(table: pa.Table, where: str) -> np.ndarray:
    """Each row's day, from the column of dates."""
    usual = [name for name in table.column_names if name.lower() in _DATE_NAMES]
    candidates = [*usual, *table.column_names]
    for name in candidates:
        times = read_dates(table[name])
        if times is not None and not len(times.wrong) and not len(times.missing):
            return np.asarray(times.days)
    raise UserError("has no column of dates.", where=where, fix="Add a column named date.")


def _periods_of(rows: np.ndarray, days: Sequence[date]) -> np.ndarray:
    """The number of the period that each row's day lies in; -1 outside of all."""
    starts = np.array(days, "datetime64[D]")
    step = days[-1] - days[-2] if len(days) > 1 else timedelta(days=7)
    end = np.datetime64(days[-1] + step)
    found = np.searchsorted(starts, rows, side="right") - 1
    return np.where((rows >= starts[0]) & (rows < end), found, -1)


def _amounts(table: pa.Table, name: str, rows: np.ndarray, where: str) -> np.ndarray:
    """A column's numbers in the rows."""
    found = [_number(value, name, where) for value in table[name].take(rows).to_pylist()]
    return np.array(found, float)


def _number(value: Any, name: str, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{value!r} in column {name!r} is not a number.", where=where)
    return number
