"""Tests in time for a run's channel: patterns judged by what the run's model leaves unexplained; and next
year's spend phased so that all channels come apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from mmm.errors import UserError
from mmm.models.plans import PlanningModel
from mmm.planning.forecast import shares_of
from mmm.planning.periods import dates_ahead, periods_of_a_year
from mmm.results.summary import of_model, recommended
from mmm.testing.designed import TimeDesign, step_of, time_design
from mmm.testing.phasing import Known, PhasedYear, phased_year
from mmm.testing.time_design import time_designs

#: The carryover's tail that is left out.
_LEAST_WEIGHT = 0.01


def time_designs_of(
    chosen: PlanningModel,
    channel: str,
    periods: int,
    *,
    effect: float | None = None,
    start: date | None = None,
) -> list[TimeDesign]:
    """Patterns for a test of a channel by the run's recommended model, the sharpest first. UserError
    for an unknown channel or a short history.
    """
    if channel not in chosen.history.channels:
        known = ", ".join(chosen.history.channels)
        raise UserError(f"{channel!r} is no channel.", where="channel", fix=f"Use: {known}.")
    model_id = recommended(chosen.tables)
    fit = of_model(chosen.tables["fit"], model_id).sort_by("date")
    dates, actual = series_by_date(fit, "actual")
    _, fitted = series_by_date(fit, "fitted")
    found = time_designs(
        actual - fitted,
        float(actual.mean()),
        periods,
        carryover=_carryover(chosen, channel, model_id),
        effect=effect,
    )
    step = step_of(dates)
    first = start or dates[-1].astype(object) + timedelta(days=step)
    return [time_design(one, first, step, channel) for one in found]


def series_by_date(fit: pa.Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Dates (T,) and a column's sum over all geos (T,)."""
    days = fit["date"].to_numpy(zero_copy_only=False).astype("datetime64[D]")
    values = fit[name].to_numpy(zero_copy_only=False).astype(float)
    dates, places = np.unique(days, return_inverse=True)
    return dates, np.bincount(places, weights=values)


def _carryover(chosen: PlanningModel, channel: str, model_id: str) -> list[float]:
    rows = of_model(chosen.tables["adstock"], model_id).sort_by("lag").to_pylist()
    weights = [float(row["weight"]) for row in rows if row["channel"] == channel]
    total = sum(weights) or 1.0
    kept = [weight for weight in weights if weight >= _LEAST_WEIGHT * total]
    return kept or [1.0]


@dataclass(frozen=True)
class YearAhead:
    """Next year's spend of the paid `channels` (P) by period from `dates` (H,)."""

    channels: tuple[str, ...]
    dates: np.ndarray
    phased: PhasedYear

    @property
    def table(self) -> pa.Table:
        """A row a period: its date, and each channel's spend."""
        columns: dict[str, object] = {"date": pa.array(self.dates.astype("datetime64[D]"))}
        columns |= dict(zip(self.channels, self.phased.spend, strict=True))
        return pa.table(columns)


def year_ahead(chosen: PlanningModel, strength: float, periods: int | None = None) -> YearAhead:
    """Next year's periods (or so many) with the last year's money and phasing, and phased so that
    channels come apart.
    """
    history = chosen.history
    year = periods_of_a_year(history.dates)
    count = periods or year
    rows = history.window[-year:]
    mean = history.spend[:, rows].mean(axis=1)
    usual = shares_of(history, count, "as_last_year") * (mean * count)[:, None]
    model_id = recommended(chosen.tables)
    fit = of_model(chosen.tables["fit"], model_id)
    _, actual = series_by_date(fit, "actual")
    _, fitted = series_by_date(fit, "fitted")
    model = chosen.planned.response(rows, "follows")
    carryover = [_carryover(chosen, channel, model_id) for channel in history.channels]
    known = Known.of(model.marginal(mean), model.weights, actual - fitted, carryover, float(year))
    return YearAhead(
        history.channels, dates_ahead(history.dates, count), phased_year(usual, known, strength)
    )
