"""Checks of dates and cells: whether there is a clean series at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.calendar import irregular
from mmm.data.columns import counted, listed, rows_text
from mmm.data.quality.frame import Frame, media_columns
from mmm.data.quality.result import CannotTell, Light, Place, Verdict, columns_of, first_dates


@dataclass(frozen=True)
class Types:
    """Every mapped column holds what its role needs."""

    name = "types"
    title = "Kinds of values"
    why = "One text among the numbers, or a date that cannot be read, stops the training."
    fix = "Correct the cells in the source, or map another column."

    def run(self, frame: Frame) -> Verdict:
        places = []
        if frame.times is None:
            places.append(Place(frame.mapping.date, Light.RED, "holds no dates"))
        elif len(frame.times.wrong):
            what = f"{rows_text(frame.times.wrong)} cannot be read as a date, first {frame.times.first_wrong}"
            places.append(Place(frame.mapping.date, Light.RED, what, count=len(frame.times.wrong)))
        for name, reason in frame.unreadable.items():
            wrong = frame.numbers[name].wrong if name in frame.numbers else np.array([], int)
            what = reason + (f" ({rows_text(wrong)})" if len(wrong) else "")
            places.append(Place(name, Light.RED, what, first_dates(frame.days[wrong]), len(wrong)))
        for note in frame.market_notes:
            places.append(Place(frame.mapping.market, Light.YELLOW, note.removesuffix(".")))
        if places:
            return Verdict(f"Not what the role needs is in {columns_of(places)}.", tuple(places))
        return Verdict("Every mapped column holds what its role needs.")


@dataclass(frozen=True)
class MissingValues:
    """Cells without a value."""

    name = "missing"
    title = "Missing values"
    why = "An empty cell is not 0: no engine can guess what was spent or sold."
    fix = "Fill the cells in the source, or prepare the dataset with a rule for gaps per column."

    def run(self, frame: Frame) -> Verdict:
        places = []
        if frame.times is not None and len(frame.times.missing):
            what = f"no date in {rows_text(frame.times.missing)}"
            places.append(
                Place(frame.mapping.date, Light.RED, what, count=len(frame.times.missing))
            )
        for name, numbers in frame.numbers.items():
            empty = numbers.missing
            if len(empty):
                what = f"{len(empty):,} of {frame.rows:,} cells are empty"
                places.append(
                    Place(name, Light.RED, what, first_dates(frame.days[empty]), len(empty))
                )
        for name, (codes, _) in frame.levels.items():
            empty = np.flatnonzero(codes < 0)
            if len(empty):
                what = f"{len(empty):,} empty cells count as a level of their own"
                places.append(
                    Place(name, Light.YELLOW, what, first_dates(frame.days[empty]), len(empty))
                )
        if places:
            return Verdict(f"Empty cells in {columns_of(places)}.", tuple(places))
        return Verdict("No mapped column has an empty cell.")


@dataclass(frozen=True)
class Duplicates:
    """One row per date (and market)."""

    name = "duplicates"
    title = "Duplicate dates"
    why = "Two rows for one period would be two observations of it, or half of it each."
    fix = "Map the column that tells markets apart, or add up or remove the repeated rows."

    def run(self, frame: Frame) -> Verdict:
        if frame.times is None:
            raise CannotTell(f"column {frame.mapping.date!r} holds no dates.")
        if not len(frame.repeated):
            per = "date and market" if frame.mapping.market else "date"
            return Verdict(f"There is one row per {per}.")
        days = np.unique(frame.days[frame.repeated])
        what = f"{rows_text(frame.repeated)} repeat the date of an earlier row"
        place = Place(frame.mapping.date, Light.RED, what, first_dates(days), len(frame.repeated))
        return Verdict(f"{counted(len(days), 'date')} more than once, first {days[0]}.", (place,))


@dataclass(frozen=True)
class CadenceAndGaps:
    """Daily, weekly or monthly rows without a hole; all markets over the same time."""

    name = "cadence"
    title = "Cadence and gaps"
    why = "Carryover is counted in periods: a missing or odd one shifts every effect after it."
    fix = "Prepare the dataset: resample it, and give a rule for gaps per column."
    markets_shown: int = 10

    def run(self, frame: Frame) -> Verdict:
        if frame.times is None or not len(frame.periods):
            raise CannotTell(f"column {frame.mapping.date!r} holds no dates.")
        if frame.cadence is None:
            raise CannotTell("there is one date only.")
        if frame.cadence.period is None:
            place = Place(
                frame.mapping.date, Light.RED, f"the usual step is {frame.cadence.days} days"
            )
            return Verdict(
                f"The rows come every {frame.cadence.days} days, not by day, week or month.",
                (place,),
            )
        places = self._gaps(frame, frame.periods, "")
        if len(frame.market_names) > 1:
            places += self._markets(frame)
        span = f"{frame.periods[0]} to {frame.periods[-1]}"
        if places:
            first = places[0]
            more = f" ({counted(len(places) - 1, 'more finding')})" if len(places) > 1 else ""
            return Verdict(
                f"The rows are {frame.cadence}, but not evenly: {first.what}{more}.", tuple(places)
            )
        return Verdict(
            f"The rows are {frame.cadence} without a gap, {span}, {len(frame.periods):,} periods."
        )

    def _gaps(self, frame: Frame, days: np.ndarray, market: str) -> list[Place]:
        assert frame.cadence is not None  # noqa: S101 - run() looked
        missing, odd = irregular(days, frame.cadence)
        of = f" in {market!r}" if market else ""
        places = []
        if len(missing):
            what = f"{counted(len(missing), 'period')} missing{of}, first {missing[0]}"
            places.append(
                Place(frame.mapping.date, Light.RED, what, first_dates(missing), len(missing))
            )
        if len(odd):
            what = f"{counted(len(odd), 'date')} out of step{of}, first {odd[0]}"
            places.append(Place(frame.mapping.date, Light.RED, what, first_dates(odd), len(odd)))
        return places

    def _markets(self, frame: Frame) -> list[Place]:
        """Markets with fewer periods than the table: cut at an end, or with holes inside."""
        count = np.bincount(frame.markets, frame.row_period >= 0, minlength=len(frame.market_names))
        short = np.flatnonzero(count < len(frame.periods))
        places: list[Place] = []
        for code in short[: self.markets_shown]:
            name = frame.market_names[code]
            days = np.unique(frame.days[(frame.markets == code) & (frame.row_period >= 0)])
            if not len(days):
                continue
            if len(days) > 1:
                places += self._gaps(frame, days, name)
            if days[0] > frame.periods[0] or days[-1] < frame.periods[-1]:
                what = f"market {name!r} covers {days[0]} to {days[-1]} only"
                places.append(
                    Place(frame.mapping.market, Light.YELLOW, what, first_dates(days[:1]), 1)
                )
        if len(short) > self.markets_shown:
            names = [frame.market_names[code] for code in short[self.markets_shown :]]
            places.append(
                Place(
                    frame.mapping.market,
                    Light.RED,
                    f"more markets have fewer periods: {listed(names)}",
                )
            )
        return places


@dataclass(frozen=True)
class NegativeValues:
    """Media cannot be negative; a KPI seldom is."""

    name = "negative"
    title = "Negative values"
    why = "Adstock and saturation have no meaning below 0, and engines refuse it."
    fix = "Book refunds in the period of the spend; correct the sign in the source."

    def run(self, frame: Frame) -> Verdict:
        places = []
        for name in [frame.mapping.kpi, *media_columns(frame.mapping)]:
            if name not in frame.numbers:
                raise CannotTell(f"column {name!r} {frame.unreadable[name]}.")
            rows = np.flatnonzero(frame.numbers[name].values < 0)
            if len(rows):
                light = Light.YELLOW if name == frame.mapping.kpi else Light.RED
                what = (
                    f"negative in {rows_text(rows)}, first {frame.numbers[name].values[rows[0]]:g}"
                )
                places.append(Place(name, light, what, first_dates(frame.days[rows]), len(rows)))
        if places:
            return Verdict(f"Negative values in {columns_of(places)}.", tuple(places))
        return Verdict("KPI and media are nowhere negative.")


@dataclass(frozen=True)
class Length:
    """Enough history for a yearly season."""

    name = "length"
    title = "Length of history"
    why = "Below two years a yearly season cannot be told from trend and media."
    fix = "Load more history."
    red_days: int = 365
    yellow_days: int = 730

    def run(self, frame: Frame) -> Verdict:
        if frame.cadence is None:
            raise CannotTell("there are fewer than two dates.")
        days = int((frame.periods[-1] - frame.periods[0]).astype(int)) + frame.cadence.days
        light = (
            Light.RED
            if days < self.red_days
            else Light.YELLOW
            if days < self.yellow_days
            else Light.GREEN
        )
        return Verdict(
            f"The data cover {days:,} days ({days / 365.25:.1f} years, {len(frame.periods):,} periods).",
            light=light,
        )


@dataclass(frozen=True)
class ObservationsPerParameter:
    """Periods per coefficient. A model has `own_terms` besides the mapped ones: intercept, trend,
    season, holidays.
    """

    name = "observations"
    title = "Observations per parameter"
    why = (
        "With few periods per coefficient chance decides what each medium gets (Robyn advises 10)."
    )
    fix = "Widen the window, or map fewer columns: join small channels, leave weak context out."
    own_terms: int = 4
    red_below: float = 3
    yellow_below: float = 10

    def run(self, frame: Frame) -> Verdict:
        frame.need_periods()
        mapping = frame.mapping
        terms = (
            len(mapping.paid) + len(mapping.organic) + len(mapping.context) + len(mapping.factors)
        )
        each = len(frame.periods) / (terms + self.own_terms)
        light = (
            Light.RED
            if each < self.red_below
            else Light.YELLOW
            if each < self.yellow_below
            else Light.GREEN
        )
        return Verdict(
            f"{len(frame.periods):,} periods for about {terms + self.own_terms:,} coefficients: {each:.1f} each.",
            light=light,
        )
