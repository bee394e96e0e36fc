"""Checks of dates and cells: whether there is a clean series at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.calendar import Period, irregular
from mmm.data.columns import counted, listed, rows_text
from mmm.data.markets import sum_of_others
from mmm.data.quality.frame import Frame, media_columns
from mmm.data.quality.result import CannotTell, Light, Place, Verdict, columns_of, first_dates

#: Whole periods of a year; a year of days or quarters is counted in days too.
_PERIODS_PER_YEAR: dict[Period, int] = {"day": 365, "week": 52, "month": 12, "quarter": 4}
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Types:
    """Every mapped column holds what its role needs."""

    name = "types"
    title = "Kinds of values"
    why = "One text among the numbers, or a date that cannot be read, stops the training."
    fix = "Correct the cells in the source, or map another column."

    def run(self, frame: Frame) -> Verdict:
        places = []
        for name, reason in frame.unreadable.items():
            dates = first_dates(frame.days[reason.rows])
            count = len(reason.rows)
            places.append(Place(name, Light.RED, reason.what, dates, count, reason.fix))
        for note in frame.market_notes:
            fix = "Write it in one way at the source where they are two."
            what = note.removesuffix(".")
            places.append(Place(frame.mapping.parts, Light.YELLOW, what, fix=fix))
        for what, fix in frame.market_doubts:
            places.append(Place(frame.mapping.parts, Light.ORANGE, what, fix=fix))
        if places:
            return Verdict(f"Not what the role needs is in {columns_of(places)}.", tuple(places))
        return Verdict("Every mapped column holds what its role needs.")


@dataclass(frozen=True)
class MissingValues:
    """Cells without a value."""

    name = "missing"
    title = "Missing values"
    why = "An empty cell is not 0: no engine can guess what was spent or sold."
    fix = (
        "Fill it in; write 0 only where it was 0. Or prepare the dataset with a rule for gaps of "
        "this column."
    )

    def run(self, frame: Frame) -> Verdict:
        places = []
        if frame.times is not None and len(frame.times.missing):
            rows = frame.times.missing
            what = f"no date in {rows_text(rows)}"
            fix = "Fill in the date or drop the row."
            places.append(Place(frame.mapping.date, Light.RED, what, count=len(rows), fix=fix))
        for name, numbers in frame.numbers.items():
            rows = numbers.missing
            if len(rows):
                what = f"no value in {rows_text(rows)}"
                dates = first_dates(frame.days[rows])
                places.append(Place(name, Light.RED, what, dates, len(rows)))
        for name, (codes, _) in frame.levels.items():
            rows = np.flatnonzero(codes < 0)
            if 0 < len(rows) < len(codes):
                what = f"no value in {rows_text(rows)}; empty cells count as a level of their own"
                dates = first_dates(frame.days[rows])
                fix = "Fill them in where they mean another level."
                places.append(Place(name, Light.ORANGE, what, dates, len(rows), fix))
        if places:
            return Verdict(f"Empty cells in {columns_of(places)}.", tuple(places))
        return Verdict("No mapped column has an empty cell.")


@dataclass(frozen=True)
class Duplicates:
    """One row per date (and market)."""

    name = "duplicates"
    title = "Duplicate dates"
    why = "Two rows for one period would be two observations of it, or half of it each."
    fix = (
        "Give one row per period: map the geo column to model geos together, or the market column "
        "and prepare the dataset, or add up."
    )

    def run(self, frame: Frame) -> Verdict:
        if frame.times is None:
            raise CannotTell(f"column {frame.mapping.date!r} holds no dates.")
        if not len(frame.repeated):
            per = "date and market" if frame.mapping.parts else "date"
            return Verdict(f"There is one row per {per}.")
        days = np.unique(frame.days[frame.repeated])
        first = frame.repeated[0]
        same = (frame.days == frame.days[first]) & (frame.markets == frame.markets[first])
        rows = rows_text(np.flatnonzero(same))
        verb = "occurs" if len(days) == 1 else "occur"
        day = frame.days[first]
        what = f"{counted(len(days), 'date')} {verb} more than once, first {day} in {rows}"
        count = len(frame.repeated)
        place = Place(frame.mapping.date, Light.RED, what, first_dates(days), count)
        return Verdict(f"{counted(len(days), 'date')} more than once, first {days[0]}.", (place,))


@dataclass(frozen=True)
class CadenceAndGaps:
    """Daily, weekly or monthly rows without a hole; all markets over the same time."""

    name = "cadence"
    title = "Cadence and gaps"
    why = "Carryover is counted in periods: a missing or odd one shifts every effect after it."
    fix = (
        "Add the missing periods, with 0 only where nothing was spent, or prepare the dataset: "
        "resample it, with a rule for gaps per column."
    )
    markets_shown: int = 10

    def run(self, frame: Frame) -> Verdict:
        times = frame.times
        if times is None or not len(frame.periods):
            raise CannotTell(f"column {frame.mapping.date!r} holds no dates.")
        if len(times.wrong) or len(times.missing):
            raise CannotTell(f"column {frame.mapping.date!r} has rows without a readable date.")
        if frame.cadence is None:
            raise CannotTell("there is one date only.")
        if frame.cadence.period is None:
            what = f"the usual distance between dates is {frame.cadence.days} days"
            fix = "Give daily, weekly, monthly or quarterly rows."
            place = Place(frame.mapping.date, Light.RED, what, fix=fix)
            return Verdict(
                f"The rows come every {frame.cadence.days} days, not by day, week, month or "
                "quarter.",
                (place,),
            )
        places = self._gaps(frame, frame.periods)
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

    def _gaps(self, frame: Frame, days: np.ndarray, market: int | None = None) -> list[Place]:
        """Holes and odd dates among the days of all rows, or of one market's."""
        assert frame.cadence is not None  # noqa: S101 - run() looked
        missing, odd = irregular(days, frame.cadence)
        of = "" if market is None else f" in {frame.market_names[market]!r}"
        own = np.ones(frame.rows, bool) if market is None else frame.markets == market
        places = []
        if len(missing):
            before = days[np.searchsorted(days, missing[0]) - 1]
            rows = rows_text(np.flatnonzero(own & (frame.days == before)))
            what = (
                f"{counted(len(missing), 'period')} missing{of}, first {missing[0]} (after {rows})"
            )
            dates, count = first_dates(missing), len(missing)
            places.append(Place(frame.mapping.date, Light.RED, what, dates, count, absent=True))
        if len(odd):
            rows = rows_text(np.flatnonzero(own & (frame.days == odd[0])))
            what = f"{counted(len(odd), 'date')} out of step{of}, first {odd[0]} ({rows})"
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
                places += self._gaps(frame, days, int(code))
            if days[0] > frame.periods[0] or days[-1] < frame.periods[-1]:
                what = f"market {name!r} covers {days[0]} to {days[-1]} only"
                places.append(
                    Place(frame.mapping.parts, Light.YELLOW, what, first_dates(days[:1]), 1)
                )
        if len(short) > self.markets_shown:
            names = [frame.market_names[code] for code in short[self.markets_shown :]]
            places.append(
                Place(
                    frame.mapping.parts,
                    Light.RED,
                    f"more markets have fewer periods: {listed(names)}",
                )
            )
        return places


@dataclass(frozen=True)
class RepeatedKpi:
    """The KPI differs between markets: one that is the same in all of them is one market's, written
    on rows of something else (channels, campaigns). And no market is the sum of the others.
    """

    name = "repeated_kpi"
    title = "KPI of each market"
    why = "A KPI that is repeated on the rows of a date is counted as often when they are added up."
    fix = (
        "Spread the rows into columns (a pivot) where they are channels, and map no market; or map "
        "another market column."
    )
    fewest_periods: int = 3

    def run(self, frame: Frame) -> Verdict:
        if frame.mapping.parts is None or len(frame.market_names) < 2:
            return Verdict("There is one market.")
        if frame.mapping.kpi not in frame.numbers:
            raise CannotTell(f"column {frame.mapping.kpi!r} holds no numbers.")
        values = frame.numbers[frame.mapping.kpi].values
        use = (frame.row_period >= 0) & ~np.isnan(values)
        values, period = values[use], frame.row_period[use]
        low = np.full(len(frame.periods), np.inf)
        high = np.full(len(frame.periods), -np.inf)
        np.minimum.at(low, period, values)
        np.maximum.at(high, period, values)
        shared = np.bincount(period, minlength=len(frame.periods)) > 1
        varies = shared.any() and bool((low[shared] != low[shared][0]).any())
        if shared.sum() < self.fewest_periods or not varies or (low != high)[shared].any():
            return self._totals(frame, values, use)
        count = len(frame.market_names)
        what = f"{frame.mapping.kpi!r} is the same in all {count} of its values on every date"
        place = Place(frame.mapping.parts, Light.RED, what, count=count)
        return Verdict(f"The KPI is repeated in all {count} markets.", (place,))

    def _totals(self, frame: Frame, values: np.ndarray, use: np.ndarray) -> Verdict:
        """A market that is the sum of the others: with it everything counts twice."""
        shape = (len(frame.market_names), len(frame.periods))
        stack, there = np.zeros(shape), np.zeros(shape, bool)
        cells = frame.markets[use], frame.row_period[use]
        np.add.at(stack, cells, values)
        there[cells] = True
        shared = there.all(axis=0)
        fine = Verdict("The KPI differs between the markets.")
        if shared.sum() < self.fewest_periods:
            return fine
        totals = np.flatnonzero(sum_of_others(stack[:, shared]))
        if not len(totals):
            return fine
        name = frame.market_names[totals[0]]
        what = f"{name!r} is the sum of the other {shape[0] - 1} markets on every date"
        fix = f"Leave the rows of {name!r} out, or keep them alone."
        place = Place(frame.mapping.parts, Light.RED, what, fix=fix)
        return Verdict("One market is the sum of the others.", (place,))


@dataclass(frozen=True)
class NegativeValues:
    """Media cannot be negative; a KPI seldom is."""

    name = "negative"
    title = "Negative values"
    why = "Adstock and saturation have no meaning below 0, and engines refuse it."
    fix = (
        "Spend and exposure cannot be negative: book refunds where the spend was, or turn the sign."
    )
    kpi_fix = "Make sure that it is no error; returns may be booked where the sale was."

    def run(self, frame: Frame) -> Verdict:
        places = []
        for name in [frame.mapping.kpi, *media_columns(frame.mapping)]:
            if name not in frame.numbers:
                continue  # the check of types says why
            values = frame.numbers[name].values
            rows = np.flatnonzero(values < 0)
            if len(rows):
                light = Light.ORANGE if name == frame.mapping.kpi else Light.RED
                what = f"a negative value in {rows_text(rows)}, first {values[rows[0]]:g}"
                fix = self.kpi_fix if name == frame.mapping.kpi else ""
                dates = first_dates(frame.days[rows])
                places.append(Place(name, light, what, dates, len(rows), fix))
        if places:
            return Verdict(f"Negative values in {columns_of(places)}.", tuple(places))
        return Verdict("KPI and media are nowhere negative.")


@dataclass(frozen=True)
class Levels:
    """Texts that can be told apart in the periods there are."""

    name = "levels"
    title = "Levels of categorical controls"
    why = "Every level is an effect of its own: many of them leave few periods for each."
    fix = "Group its levels."
    most: int = 30

    def run(self, frame: Frame) -> Verdict:
        places = []
        for name, (codes, _) in frame.levels.items():
            count = len(np.unique(codes))
            if count > self.most:
                what = f"has {count} levels; at most {self.most} can be told apart"
                places.append(Place(name, Light.RED, what, count=count))
        if places:
            return Verdict(f"Too many levels in {columns_of(places)}.", tuple(places))
        return Verdict(f"No categorical control has more than {self.most} levels.")


@dataclass(frozen=True)
class Length:
    """Enough history for a yearly season: two years of whole periods (104 weeks, 24 months)."""

    name = "length"
    title = "Length of history"
    why = "Below two years a yearly season cannot be told from trend and media."
    fix = "Load more history, or leave the season out of the model."
    least_periods: int = 3
    years: int = 2

    def run(self, frame: Frame) -> Verdict:
        count = len(frame.periods)
        if count < self.least_periods:
            what = f"holds {counted(count, 'period')}; {self.least_periods} are the least"
            place = Place(frame.mapping.date, Light.RED, what, fix="Load a longer history.")
            return Verdict(f"There {'is' if count == 1 else 'are'} {what[6:]}.", (place,))
        if frame.cadence is None or frame.cadence.period is None:
            raise CannotTell("the rows have no usual step.")
        last = frame.cadence.days
        days = int((frame.periods[-1] - frame.periods[0]).astype(int)) + last
        years = days / _DAYS_PER_YEAR
        covered = f"{days:,} days ({years:.1f} years, {count:,} periods)"
        if count >= self.years * _PERIODS_PER_YEAR[frame.cadence.period]:
            return Verdict(f"The data cover {covered}.")
        if days >= self.years * _DAYS_PER_YEAR:
            return Verdict(f"The data cover {covered}.")
        what = (
            f"the data cover {covered}: below {self.years} years a yearly season can hardly be "
            "told from trend and media"
        )
        return Verdict(f"The data cover {covered}.", (Place(None, Light.ORANGE, what),))


@dataclass(frozen=True)
class ObservationsPerParameter:
    """Periods per coefficient. A model has `own_terms` besides the mapped ones: intercept, trend,
    season, holidays; an engine says how many its settings make.
    """

    name = "observations"
    title = "Observations per parameter"
    why = (
        "With few periods per coefficient chance decides what each medium gets (Robyn advises 10)."
    )
    fix = "Widen the window, or map fewer columns."
    where = "window"
    own_terms: int = 4
    spare: int = 2
    advised: int = 10

    def run(self, frame: Frame) -> Verdict:
        frame.need_periods()
        mapping = frame.mapping
        terms = (
            len(mapping.paid) + len(mapping.organic) + len(mapping.context) + len(mapping.factors)
        )
        count, periods = terms + self.own_terms, len(frame.periods)
        finding = (
            f"{periods:,} periods for about {count:,} coefficients: {periods / count:.1f} each."
        )
        if periods < count + self.spare:
            what = f"{periods:,} periods are too few for {count:,} coefficients"
            return Verdict(finding, (Place(None, Light.RED, what),))
        if periods < self.advised * count:
            what = (
                f"{periods:,} periods for {count:,} coefficients; {self.advised} per coefficient "
                "or more are advised"
            )
            return Verdict(finding, (Place(None, Light.ORANGE, what),))
        return Verdict(finding)
