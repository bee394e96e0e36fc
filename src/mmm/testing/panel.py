"""A geo test's table as arrays: one KPI series a geo, which geos were treated, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from mmm.data.columns import is_text, read_dates, read_numbers, read_texts, rows_text
from mmm.errors import UserError

#: Fewer periods than this before the test say nothing of how well the controls follow.
LEAST_BEFORE = 14
_LEAST_CONTROLS = 3


@dataclass(frozen=True)
class GeoTest:
    """`kpi` (T, N) by date and geo; `treated` (N,) and `excluded` (N,) bool: excluded geos are
    neither treated nor controls (another cell's, or known to be disturbed). `first` to `last` are
    the rows of the test with its cooldown, both inclusive; later rows are not used. `spend` is what
    the test added (or held back, below 0) in money, None where it is not known.
    """

    geos: tuple[str, ...]
    dates: np.ndarray
    kpi: np.ndarray
    treated: np.ndarray
    excluded: np.ndarray
    first: int
    last: int
    spend: float | None = None

    @property
    def target(self) -> np.ndarray:
        """Mean KPI of the treated geos (T,), to the end of the test."""
        return np.asarray(self.kpi[: self.last + 1, self.treated].mean(axis=1))

    @property
    def controls(self) -> np.ndarray:
        """KPI of the controls (T, C), to the end of the test."""
        return np.asarray(self.kpi[: self.last + 1, ~self.treated & ~self.excluded])

    @property
    def control_geos(self) -> tuple[str, ...]:
        used = ~self.treated & ~self.excluded
        return tuple(geo for geo, is_used in zip(self.geos, used, strict=True) if is_used)

    @property
    def before(self) -> np.ndarray:
        """Which rows (T,) lie before the test."""
        return np.arange(self.last + 1) < self.first


@dataclass(frozen=True)
class Columns:
    """The table's columns; `spend` is optional."""

    location: str = "location"
    date: str = "date"
    kpi: str = "Y"
    spend: str | None = None


@dataclass(frozen=True)
class Panel:
    """`kpi` and, where it is known, `spend` (T, N) by date (T,) and geo."""

    geos: tuple[str, ...]
    dates: np.ndarray
    kpi: np.ndarray
    spend: np.ndarray | None = None

    def marked(self, names: Sequence[str]) -> np.ndarray:
        """Which geos (N,) are named, in upper or lower case; UserError for an unknown one."""
        known = {geo.casefold(): number for number, geo in enumerate(self.geos)}
        marked = np.zeros(len(known), dtype=bool)
        for name in names:
            place = known.get(name.strip().casefold())
            if place is None:
                fix = f"Geos are {', '.join(list(self.geos)[:20])}."
                raise UserError(f"{name!r} is no geo of the table.", where="geos", fix=fix)
            marked[place] = True
        return marked


def read_panel(table: pa.Table, columns: Columns) -> Panel:
    """Read a table with a row for every geo and date. UserError names what is missing, double or
    unreadable.
    """
    geos, dates, places = _places(table, columns)
    shape = len(dates), len(geos)
    spend = None
    if columns.spend is not None:
        spend = _grid(table, columns.spend, places, shape)
    return Panel(geos, dates, _grid(table, columns.kpi, places, shape), spend)


def read_geo_test(
    table: pa.Table,
    columns: Columns,
    treated: Sequence[str],
    start: date,
    end: date,
    *,
    cooldown: int = 0,
    excluded: Sequence[str] = (),
    spend: float | None = None,
) -> GeoTest:
    """Read a table with a row for every geo and date. `cooldown` are periods after the end in which
    carryover still counts. UserError names what is missing, double or unreadable.

    A spend column gives what the test added: the treated geos' spend in the test less what they
    spent before it in as many periods.
    """
    panel = read_panel(table, columns)
    dates = panel.dates
    is_treated, is_excluded = panel.marked(treated), panel.marked(excluded)
    rows = np.flatnonzero((dates >= np.datetime64(start)) & (dates <= np.datetime64(end)))
    if not len(rows):
        what = f"has no row from {start} to {end}."
        fix = f"Its dates are {dates[0]} to {dates[-1]}."
        raise UserError(what, where="the test", fix=fix)
    last = min(int(rows[-1]) + cooldown, len(dates) - 1)
    if spend is None and panel.spend is not None:
        money = panel.spend[:, is_treated].sum(axis=1)
        usual = float(money[: rows[0]].mean()) * len(rows)
        spend = float(money[rows].sum()) - usual
    first = int(rows[0])
    test = GeoTest(panel.geos, dates, panel.kpi, is_treated, is_excluded, first, last, spend)
    _check(test)
    return test


def _check(test: GeoTest) -> None:
    if not test.treated.any():
        raise UserError("name at least one treated geo.", where="treated")
    if (test.treated & test.excluded).any():
        raise UserError("a treated geo is excluded, too.", where="exclude")
    if test.controls.shape[1] < _LEAST_CONTROLS:
        what = f"{test.controls.shape[1]} control geos are left, {_LEAST_CONTROLS} are needed."
        raise UserError(what, where="controls")
    if test.first < LEAST_BEFORE:
        what = f"{test.first} periods before it; {LEAST_BEFORE} are needed."
        raise UserError(what, where="the test", fix="Give more history.")


def _places(
    table: pa.Table, columns: Columns
) -> tuple[tuple[str, ...], np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """(geos, dates (T,), (row of T, column of N) of each row of the table)."""
    for name in (columns.location, columns.date, columns.kpi, columns.spend):
        if name is not None and name not in table.column_names:
            fix = f"Its columns are {', '.join(table.column_names)}."
            raise UserError(f"has no column {name!r}.", where="the table", fix=fix)
    column = table[columns.location]
    codes, texts = read_texts(column if is_text(column.type) else column.cast(pa.string()))
    if (codes < 0).any():
        empty = rows_text(np.flatnonzero(codes < 0))
        raise UserError(f"is empty in {empty}.", where=columns.location)
    times = read_dates(table[columns.date])
    if times is None or len(times.wrong) or np.isnat(times.days).any():
        raise UserError("holds what is no date.", where=columns.date, fix="Write 2024-12-31.")
    dates, rows = np.unique(times.days.astype("datetime64[D]"), return_inverse=True)
    _require_each_once(rows, codes, dates, texts)
    return tuple(texts), dates, (rows, codes)


def _require_each_once(
    rows: np.ndarray, codes: np.ndarray, dates: np.ndarray, geos: Sequence[str]
) -> None:
    counts = np.zeros((len(dates), len(geos)), dtype=int)
    np.add.at(counts, (rows, codes), 1)
    for wrong, what in ((counts > 1, "several rows"), (counts == 0, "no row")):
        if wrong.any():
            day, geo = np.argwhere(wrong)[0]
            told = f"{geos[geo]} has {what} for {dates[day]}"
            more = f" ({int(wrong.sum())} such cases)" if wrong.sum() > 1 else ""
            fix = "Give each geo one row for every date."
            raise UserError(f"{told}{more}.", where="the table", fix=fix)


def _grid(
    table: pa.Table, name: str, places: tuple[np.ndarray, np.ndarray], shape: tuple[int, ...]
) -> np.ndarray:
    numbers = read_numbers(table[name])
    if numbers is None or len(numbers.wrong) or np.isnan(numbers.values).any():
        raise UserError("holds cells that are no number.", where=name, fix="Correct the cells.")
    grid = np.zeros(shape)
    grid[places] = numbers.values
    return grid
