"""The model frame: what is regressed on what, after feature engineering and before adstock and
saturation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.engines.base import LiftTest

LAMBDA_RATIO = 1e-4


@dataclass(frozen=True)
class Baseline:
    """`columns` (T, q) in no unit, `part` (q,) the component that each belongs to, `precision` (q,)
    the noise's variance over the prior's: what is added to the sums of squares.
    """

    columns: np.ndarray
    part: tuple[str, ...]
    precision: np.ndarray
    control_precision: float
    noise: float


@dataclass(frozen=True)
class Frame:
    """T rows. `base` (T, K): prophet parts, then context; `media` (M, T): paid, then organic, in
    money where paid.

    `base_kinds` name each base column's component kind (trend, season, ..., context). `media_names`
    are the names channels are known by (a paid medium's spend), `selected` the modelled columns'
    names. `spend` (P, T) is raw. With a `baseline` each candidate fits its own trend, season,
    holidays and factors; their columns of `base` are then a first estimate to look at.
    """

    dates: np.ndarray
    step_days: int
    y: np.ndarray
    base: np.ndarray
    base_names: tuple[str, ...]
    base_kinds: tuple[str, ...]
    base_signs: tuple[str, ...]
    media: np.ndarray
    media_names: tuple[str, ...]
    selected: tuple[str, ...]
    media_signs: tuple[str, ...]
    spend: np.ndarray
    window: tuple[int, int]
    baseline: Baseline | None = None

    @property
    def window_rows(self) -> slice:
        return slice(self.window[0], self.window[1] + 1)

    @property
    def n(self) -> int:
        return self.window[1] + 1 - self.window[0]

    @property
    def paid(self) -> int:
        return self.spend.shape[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Regressors in the order of the coefficients."""
        return self.base_names + self.media_names

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.base_kinds + self.media_kinds

    @property
    def media_kinds(self) -> tuple[str, ...]:
        return ("paid",) * self.paid + ("organic",) * (len(self.media_names) - self.paid)


def lambda_max(frame: Frame) -> float:
    """Largest lambda of the search: a tenth of glmnet's sequence start (Robyn: lambda_seq,
    hyper_collector).

    Computed on all rows, columns standardised with their population SD, media untransformed, y not
    centred.
    """
    X = np.column_stack([frame.base, frame.media.T])
    sd = X.std(axis=0)
    z = (X - X.mean(axis=0)) / np.where(sd > 0, sd, 1.0)
    return float(0.1 * np.abs(z.T @ frame.y).max() / (0.001 * len(frame.y)))


def study_rows(frame: Frame, test: LiftTest, *, robyn: bool) -> tuple[int, int, float] | None:
    """(first row, last row, factor) of a study; None outside the window.

    Rows are the periods the study touches. The factor brings their effect to the study's own
    length: days of the study over days of those periods, both inclusive. Robyn (`robyn=True`)
    divides by the distance between the first and the last period's start, which is 0 for a study
    within one period (no comparison) and too short by one period otherwise.
    """
    dates = frame.dates.astype("datetime64[D]")
    start, end = np.datetime64(test.start, "D"), np.datetime64(test.end, "D")
    first = int(np.searchsorted(dates, start, side="right")) - 1
    last = int(np.searchsorted(dates, end, side="right")) - 1
    first = max(first, frame.window[0])
    if last < first or last > frame.window[1] or start < dates[frame.window[0]]:
        return None
    if robyn:
        covered = int((dates[last] - dates[first]).astype(int))
        return first, last, float(int((end - start).astype(int)) / covered) if covered else np.nan
    covered = sum(period_days(dates, frame.step_days)[first : last + 1])
    return first, last, min(1.0, (int((end - start).astype(int)) + 1) / covered)


def period_days(dates: np.ndarray, step_days: int) -> np.ndarray:
    """Days each row stands for: the distance to the next row, and the step for the last."""
    days = np.diff(dates.astype("datetime64[D]")).astype(int)
    last = days[-1] if step_days >= 28 and len(days) else step_days
    return np.append(days, last)
