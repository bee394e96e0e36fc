"""How well periods are forecast that the fit has not seen: the window's last ones, held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from mmm.engines.base import Problem, ProgressListener
from mmm.engines.bayes import tables
from mmm.engines.bayes.earlier import prepared
from mmm.engines.bayes.posterior import Posterior, posterior
from mmm.engines.bayes.sampling import sample_until_agreed
from mmm.engines.bayes.settings import BayesSettings
from mmm.engines.bayes.setup import Setup, period_days
from mmm.engines.schemas import table

#: The second fit's chains are so much shorter: its forecast is a mean over all draws, which needs
#: fewer of them than the ends of intervals of every parameter do.
_SHORTER, _SHORTEST = 2, 20

Fit = Callable[[Problem, BayesSettings, ProgressListener], Posterior]


@dataclass(frozen=True)
class Forecast:
    """H periods that were held out, H >= 0: actual KPI, forecast with its 90 % predictive interval,
    and the KPI a year before (NaN without any), (H,) each.
    """

    dates: np.ndarray
    actual: np.ndarray
    forecast: np.ndarray
    low: np.ndarray
    high: np.ndarray
    naive: np.ndarray

    @property
    def errors(self) -> tuple[float, float]:
        """Root mean squared error over the range of the actual values, R2."""
        return tables.fit_errors(self.actual, self.forecast)

    @property
    def coverage(self) -> float:
        """Share of the periods within their interval."""
        return float(((self.actual >= self.low) & (self.actual <= self.high)).mean())

    @cached_property
    def relative_errors(self) -> tuple[float, float]:
        """Sum of absolute errors over the sum of the actual values: of the forecast, and of the year
        before on the periods that have one (NaN where fewer than all have).
        """
        size = float(np.abs(self.actual).sum())
        own = float(np.abs(self.actual - self.forecast).sum()) / size
        return own, float(np.abs(self.actual - self.naive).sum()) / size


def forecast(
    problem: Problem,
    settings: BayesSettings,
    found: Posterior,
    summary: tables.Summary,
    progress: ProgressListener,
    fit: Fit | None = None,
) -> Forecast | None:
    """The periods that the model itself was not trained on; else, where `holdout` is set, those of a
    second and shorter fit without the last periods; None where nothing is held out. `fit` is how a
    posterior is made; a nation's by default.
    """
    if found.setup.trained < found.setup.periods:
        return _held_out(found.setup, summary)
    if settings.holdout is None:
        return None
    shorter = settings.model_copy(
        update={
            "train_size": 1.0 - settings.holdout,
            "warm_up": max(_SHORTEST, settings.warm_up // _SHORTER),
            "sweeps": max(_SHORTEST, settings.sweeps // _SHORTER),
        }
    )
    without = (fit or _nation)(problem, shorter, progress)
    return _held_out(without.setup, tables.summarise(without, settings.seed))


def _nation(problem: Problem, settings: BayesSettings, progress: ProgressListener) -> Posterior:
    setup = prepared(problem, settings)
    sampled = sample_until_agreed(setup, "forecast", progress, longest=1)
    return posterior(setup, sampled.draws, settings.draws, settings.seed)


def _held_out(setup: Setup, summary: tables.Summary) -> Forecast:
    rows = slice(setup.trained, None)
    return Forecast(
        dates=setup.problem.dates[setup.window][rows],
        actual=setup.problem.kpi[setup.window][rows],
        forecast=summary.fitted[rows],
        low=summary.fitted_low[rows],
        high=summary.fitted_high[rows],
        naive=_year_before(setup)[rows],
    )


def _year_before(setup: Setup) -> np.ndarray:
    """The KPI a year before each row of the window, (T,), NaN where the data begin later."""
    problem = setup.problem
    year = round(365.25 / period_days(problem.step_days))
    rows = np.arange(problem.window[0], problem.window[1] + 1) - year
    values = np.asarray(problem.kpi, float)[np.maximum(rows, 0)]
    return np.where(rows >= 0, values, np.nan)


def forecast_table(found: Forecast | None) -> pa.Table:
    """The table `forecast`."""
    if found is None:
        empty = np.empty(0)
        found = Forecast(np.empty(0, "datetime64[D]"), *(empty for _ in range(5)))
    return table(
        "forecast",
        {
            "model_id": [tables.MODEL_ID] * len(found.dates),
            "date": found.dates.astype("datetime64[D]"),
            "actual": found.actual,
            "forecast": found.forecast,
            "forecast_low": found.low,
            "forecast_high": found.high,
            "naive": found.naive,
        },
    )


def told(found: Forecast | None) -> list[tuple[str, str, float, str]]:
    """Rows of the table `diagnostics`: the forecast's error and its coverage."""
    if found is None:
        return []
    own, naive = found.relative_errors
    text = f"The {len(found.dates)} periods held out are forecast with an error of {own:.1%}"
    if np.isfinite(naive):
        text += f"; the same periods a year before would be {naive:.1%} off"
    rows = [("forecast_error", "", own, f"{text}.")]
    if np.isfinite(naive) and naive < own:
        text = (
            "The last periods are forecast worse than by the year before: the level moved, or a "
            "driver of the KPI is missing from the data. Read ROIs with care."
        )
        rows.append(("warning", "forecast", own, text))
    text = f"{found.coverage:.0%} of the periods held out lie in their 90 % predictive interval."
    rows.append(("forecast_coverage", "", found.coverage, text))
    return rows
