"""Checks of each series' values: whether it varies, is mostly zero, jumps, or has lonely peaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mmm.data.quality.frame import Frame, media_columns
from mmm.data.quality.result import CannotTell, Light, Place, Verdict, columns_of, first_dates

#: The median absolute deviation of normal noise is its standard deviation divided by this.
_MAD_TO_SIGMA = 1.4826


def _media_share(count: int, total: int) -> str:
    return f"{count:,} of {total:,} periods"


@dataclass(frozen=True)
class NeverVaries:
    """A column with the same value in every period."""

    name = "constant"
    title = "Columns that never vary"
    why = "What never changes explains no change: its effect cannot be told from the base."
    fix = "Leave the column out of the mapping, or widen the window."

    def run(self, frame: Frame) -> Verdict:
        mapping = frame.mapping
        exposed = {paid.spend for paid in mapping.paid if paid.exposure not in (None, paid.spend)}
        media = set(media_columns(mapping))
        places = []
        for name, numbers in frame.numbers.items():
            values = numbers.values[~np.isnan(numbers.values)]
            if not len(values) or values.min() != values.max():
                continue
            what = f"is {values[0]:g} everywhere {frame.span_text}"
            light, fix = Light.RED, "A constant explains nothing: leave it out."
            if name == mapping.kpi:
                fix = "Map another column as the KPI."
            elif name in exposed and values[0] > 0:
                light = Light.ORANGE
                what = f"is {values[0]:g} {frame.span_text}; its exposure alone shows its effect"
                fix = "Make sure that it is no placeholder."
            elif name in media:
                fix = "Leave it out of the mapping or widen the window."
            places.append(Place(name, light, what, count=len(values), fix=fix))
        for name, (codes, texts) in frame.levels.items():
            if len(np.unique(codes)) == 1:
                level = texts[codes[0]] if codes[0] >= 0 else "(empty)"
                what = f"has one level only {frame.span_text}, {level!r}"
                fix = "Leave the factor out."
                places.append(Place(name, Light.RED, what, count=len(codes), fix=fix))
        if places:
            return Verdict(f"No variation in {columns_of(places)}.", tuple(places))
        return Verdict("Every mapped column varies.")


@dataclass(frozen=True)
class Zeros:
    """Periods without KPI; media that are hardly ever on."""

    name = "zeros"
    title = "Zeros"
    why = "A medium that is on in few periods leaves few chances to see its effect; a KPI of 0 is often a missing one."
    fix = "Join rare channels with a related one; mark real closures as context; fill missing KPI in the source."
    media_yellow_share: float = 0.5
    media_orange_share: float = 0.9
    kpi_yellow_share: float = 0.0
    kpi_orange_share: float = 0.25

    def run(self, frame: Frame) -> Verdict:
        places = []
        for name in [frame.mapping.kpi, *media_columns(frame.mapping)]:
            values = frame.series(name)
            zeros = np.flatnonzero(values == 0)
            is_kpi = name == frame.mapping.kpi
            share = len(zeros) / max(len(values), 1)
            orange = self.kpi_orange_share if is_kpi else self.media_orange_share
            if share > (self.kpi_yellow_share if is_kpi else self.media_yellow_share):
                light = Light.ORANGE if share > orange else Light.YELLOW
                what = f"is 0 in {_media_share(len(zeros), len(values))} ({share:.0%})"
                places.append(
                    Place(name, light, what, first_dates(frame.periods[zeros]), len(zeros))
                )
        if places:
            return Verdict(f"Zeros in {columns_of(places)}.", tuple(places))
        return Verdict("The KPI is never 0, and every medium is on in most periods.")


@dataclass(frozen=True)
class Outliers:
    """Values far from the rest, counted in robust standard deviations (median absolute deviation).

    KPI and context are measured from their running median over `window` periods, media among the
    periods they are on.
    """

    name = "outliers"
    title = "Outliers"
    why = "One wrong number (a doubled booking, a lost decimal point) can bend a whole response curve."
    fix = "Check these periods in the source; explain real ones with an event column."
    window: int = 13
    yellow_sigmas: float = 6
    orange_sigmas: float = 30
    least_periods: int = 12

    def run(self, frame: Frame) -> Verdict:
        media = set(media_columns(frame.mapping))
        places = []
        for name in frame.mapping.numeric_columns():
            values = frame.series(name)
            use = ~np.isnan(values) & ((values != 0) if name in media else True)
            if use.sum() < self.least_periods:
                continue
            inside = values[use]
            centre = np.median(inside) if name in media else _running_median(inside, self.window)
            apart = np.abs(inside - centre)
            sigma = _MAD_TO_SIGMA * float(np.median(apart))
            if sigma == 0 or set(np.unique(inside)) <= {0.0, 1.0}:
                continue  # more than half of the values are alike: nothing to measure by
            far = np.flatnonzero(apart > self.yellow_sigmas * sigma)
            if len(far):
                worst = far[np.argmax(apart[far])]
                light = Light.ORANGE if apart[worst] > self.orange_sigmas * sigma else Light.YELLOW
                days = frame.periods[use]
                what = f"{inside[worst]:,.6g} on {days[worst]} lies {apart[worst] / sigma:.0f} deviations off the usual"
                places.append(Place(name, light, what, first_dates(days[far]), len(far)))
        if len(frame.periods) < self.least_periods:
            raise CannotTell(f"{len(frame.periods)} periods are too few to say what is usual.")
        if places:
            return Verdict(f"Values far from the rest in {columns_of(places)}.", tuple(places))
        return Verdict("No value lies far from the rest of its column.")


@dataclass(frozen=True)
class LevelBreaks:
    """A jump between two levels that lasts, as after a change of unit, currency, tracking or scope.

    Medians of `near_days` before and after a date, and of `far_days`, must both differ by the
    ratio, and by more than `sigmas` of the scatter of their logarithms. Periods of 0 do not count:
    a medium may start and stop.
    """

    name = "breaks"
    title = "Level breaks"
    why = "A change of unit or tracking looks like an effect of whatever else changed then."
    fix = "Convert the earlier part, start the window after the break, or mark it with a 0/1 context column."
    near_days: int = 56
    far_days: int = 182
    kpi_ratio: float = 1.5
    media_ratio: float = 8.0
    sigmas: float = 4

    def run(self, frame: Frame) -> Verdict:
        frame.need_periods()
        if frame.cadence is None or len(frame.periods) * frame.cadence.days < 2 * self.far_days:
            raise CannotTell(f"a break is looked for in {2 * self.far_days} days of data or more.")
        places = []
        for name in [frame.mapping.kpi, *media_columns(frame.mapping)]:
            values = frame.series(name)
            is_kpi = name == frame.mapping.kpi
            use = values > 0
            found = self._break(
                values[use], frame.cadence.days, self.kpi_ratio if is_kpi else self.media_ratio
            )
            if found is not None:
                at, before, after = found
                day = frame.periods[use][at]
                what = f"from {day} on about {after:,.4g} a period, {before:,.4g} before"
                places.append(
                    Place(name, Light.YELLOW, what, first_dates(frame.periods[use][at : at + 1]), 1)
                )
        if places:
            return Verdict(f"A lasting change of level in {columns_of(places)}.", tuple(places))
        return Verdict("KPI and media keep their level.")

    def _break(
        self, values: np.ndarray, step: int, ratio: float
    ) -> tuple[int, float, float] | None:
        """(place, median before, median after) of the sharpest lasting jump of positive values."""
        near, far = max(3, self.near_days // step), max(6, self.far_days // step)
        if len(values) < 2 * far:
            return None
        logs = np.log(values)  # a change of unit is a factor, and so is the scatter
        sharp, _, _ = self._jumps(logs, near, far)
        if sharp.max() < np.log(ratio):
            return None
        lasting, before, after = self._jumps(logs, far, far)
        sharp = np.minimum(sharp, lasting)
        best = int(np.argmax(sharp))
        if sharp[best] < np.log(ratio):
            return None
        return best + far, float(np.exp(before[best])), float(np.exp(after[best]))

    def _jumps(
        self, values: np.ndarray, width: int, margin: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(size of the jump, 0 within the scatter; median before; after) of `width` values around
        each place.

        Places lie at least `margin` from both ends.
        """
        windows = sliding_window_view(values, width)
        medians = np.median(windows, axis=1)
        scatter = _MAD_TO_SIGMA * np.median(np.abs(windows - medians[:, None]), axis=1)
        after = np.arange(margin, len(values) - margin + 1)
        before = after - width
        size = np.abs(medians[after] - medians[before])
        clear = size > self.sigmas * np.maximum(scatter[before], scatter[after])
        return np.where(clear, size, 0.0), medians[before], medians[after]


def _running_median(values: np.ndarray, window: int) -> np.ndarray:
    """Median of the `window` values around each, the series mirrored at its ends."""
    half = min(window // 2, len(values) - 1)
    return np.median(
        sliding_window_view(np.pad(values, half, mode="reflect"), 2 * half + 1), axis=1
    )
