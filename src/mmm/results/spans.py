"""Date ranges of a model's window: how they are written, and which two are compared by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mmm.errors import UserError
from mmm.format import count, span
from mmm.results.summary import Tables, of_model

#: Days in a quarter and in a year of whole weeks; months are counted where a period is a month.
_QUARTER, _YEAR = 91, 364
_MONTH = range(28, 32)


@dataclass(frozen=True)
class Span:
    """The periods that begin from `first` to `last`, both included."""

    first: date
    last: date

    def rows(self, dates: pa.ChunkedArray) -> pa.ChunkedArray:
        """Which dates lie in it."""
        after = pc.greater_equal(dates, pa.scalar(self.first))
        return pc.and_(after, pc.less_equal(dates, pa.scalar(self.last)))

    def said(self) -> str:
        return span(self.first, self.last)


@dataclass(frozen=True)
class Comparison:
    """What is compared: the KPI of `after` with that of `before`."""

    before: Span
    after: Span


def window_dates(tables: Tables, model_id: str) -> list[date]:
    """The starts of the window's periods, in order."""
    return sorted(of_model(tables["fit"], model_id)["date"].to_pylist())


def default_comparison(dates: Sequence[date], step_days: int) -> Comparison:
    """The last quarter against the same periods a year before; where the window has no such year the
    quarter before, else its second half against its first.
    """
    if len(dates) < 2:
        raise UserError("has a single period, so nothing has moved.", where="window")
    quarter, year = round(_QUARTER / step_days), round(_YEAR / step_days)
    if step_days in _MONTH:
        quarter, year = 3, 12
    quarter, back = max(quarter, 1), year
    if len(dates) < quarter + year:
        back = quarter
    if len(dates) < 2 * quarter:
        quarter = back = len(dates) // 2
    end = len(dates)
    before = dates[end - quarter - back : end - back]
    return Comparison(Span(before[0], before[-1]), Span(dates[end - quarter], dates[-1]))


def parse_span(text: str, dates: Sequence[date], where: str = "dates") -> Span:
    """`2018-01-01:2018-03-26`, or one date; UserError unless a period of the window begins in it."""
    first, _, last = text.partition(":")
    try:
        found = Span(date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip()))
    except ValueError:
        raise UserError(
            f"{text!r} is no range of dates.", where=where, fix="Write 2018-01-01:2018-03-26."
        ) from None
    return checked(found, dates, where)


def checked(found: Span, dates: Sequence[date], where: str) -> Span:
    """The range; UserError where it ends before it begins or no period of the window begins in it."""
    if found.last < found.first:
        raise UserError("ends before it begins.", where=where)
    if not periods_in(found, dates):
        raise UserError(
            f"no period of the window begins from {found.said()}.",
            where=where,
            fix=f"The window has {span(dates[0], dates[-1])}.",
        )
    return found


def periods_in(found: Span, dates: Sequence[date]) -> int:
    return sum(found.first <= day <= found.last for day in dates)


def lengths(found: Comparison, dates: Sequence[date], period: str) -> str:
    """A note where the two ranges differ in length; else empty."""
    before, after = periods_in(found.before, dates), periods_in(found.after, dates)
    if before == after:
        return ""
    return f"The first range has {count(before, period)}, the second {count(after, period)}."
