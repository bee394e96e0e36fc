"""The KPI of the next periods without paid media, with a range from the errors that the same forecast
would have made in the past.

The level (intercept and trend) stays as it is or goes on as over the last year, whichever was nearer
in the past; season, controls and organic media are those of the same time a year before, unless a
control's own values are known. Holidays have the same effect at their new dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.words import ComponentKind
from mmm.errors import UserError
from mmm.planning.history import Tables
from mmm.planning.holidays_ahead import Moved, Occasions, moved, rows_of
from mmm.planning.periods import dates_ahead, periods_of_a_year

_LEVEL = (ComponentKind.INTERCEPT, ComponentKind.TREND)
#: Half of the range of 80 % of a normal distribution, in standard deviations.
REACH = 1.2816
#: Past forecasts that a range is made of: at most so many, spread over the window.
_ORIGINS = 60


@dataclass(frozen=True)
class Baseline:
    """The KPI without paid media over H periods: `values`, and the standard deviation of the past
    forecasts' errors by period, (H,) each, and of their sum. `checked` counts those forecasts; none
    where the window is too short, and the deviations are then those of the model's residuals.
    `holidays` are the days ahead of the holidays that the model knows, by date; `unmoved` the holiday
    components whose days are not known, which stand as a year before.
    """

    dates: np.ndarray
    values: np.ndarray
    deviation: np.ndarray
    total_deviation: float
    checked: int
    holidays: tuple[tuple[date, str], ...] = ()
    unmoved: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Past:
    """Components over the window's W periods: level, what a year brings again, KPI less paid."""

    level: np.ndarray
    yearly: np.ndarray
    unpaid: np.ndarray
    year: int


def baseline_ahead(
    tables: Tables,
    model_id: str,
    count: int,
    known: Mapping[str, np.ndarray] | None = None,
    occasions: Occasions | None = None,
) -> Baseline:
    """The baseline of the `count` periods after a model's window. `known` are values (count,) of
    control variables ahead; UserError for one that the model does not have. `occasions` are the days
    of holidays, past and ahead; without them holidays stand as a year before.
    """
    fit = tables["fit"].filter(pc.equal(tables["fit"]["model_id"], model_id)).sort_by("date")
    dates = fit["date"].to_numpy().astype("datetime64[D]")
    parts, kinds = _components(tables, model_id, dates)
    for name in known or {}:
        if kinds.get(name) != ComponentKind.CONTEXT:
            controls = [key for key, kind in kinds.items() if kind == ComponentKind.CONTEXT]
            raise UserError(
                f"{name!r} is no control variable of the model.",
                where="known",
                fix=f"The control variables are {', '.join(controls) or 'none'}.",
            )
    ahead_dates = dates_ahead(dates, count)
    feasts = _feasts(parts, kinds, dates, ahead_dates, occasions or {})
    apart = (*(known or ()), *feasts)
    past = _past(parts, kinds, fit["actual"].to_numpy(), apart, dates)
    drift, errors = _best_drift(past, count)
    values = _forecast(past, len(dates), count, drift=drift)
    for feast in feasts.values():
        values = values + feast.ahead
    for name, ahead in (known or {}).items():
        values = values + _effect_of(tables, name, parts[name], dates, np.asarray(ahead, float))
    if len(errors):
        deviation = np.sqrt((errors**2).mean(axis=0))
        total = float(np.sqrt((errors.sum(axis=1) ** 2).mean()))
    else:
        spread = float((past.unpaid - past.level - past.yearly).std())
        deviation, total = np.full(count, spread), spread * float(np.sqrt(count))
    holidays = [name for name, kind in kinds.items() if kind == ComponentKind.HOLIDAY]
    return Baseline(
        ahead_dates,
        values,
        deviation,
        total,
        len(errors),
        _days_within(feasts, occasions or {}, ahead_dates),
        tuple(name for name in holidays if name not in feasts and np.ptp(parts[name]) > 0),
    )


def _feasts(
    parts: Mapping[str, np.ndarray],
    kinds: Mapping[str, str],
    dates: np.ndarray,
    ahead: np.ndarray,
    occasions: Occasions,
) -> dict[str, Moved]:
    """The holiday components whose effect ahead follows from the holidays' days."""
    found = {}
    for name, kind in kinds.items():
        if kind != ComponentKind.HOLIDAY:
            continue
        carried = moved(name, parts[name], dates, ahead, occasions)
        if carried is not None:
            found[name] = carried
    return found


def _days_within(
    feasts: Mapping[str, Moved], occasions: Occasions, ahead: np.ndarray
) -> tuple[tuple[date, str], ...]:
    """The days ahead of the holidays that the moved components are made of, by date."""
    if not feasts:
        return ()
    single = all(name in occasions for name in feasts)
    names = [name for name in occasions if not single or name in feasts]
    found = []
    for name in names:
        for day in occasions[name]:
            row = rows_of(ahead, (day,))
            if len(row) and 0 <= row[0] < len(ahead):
                found.append((day, name))
    return tuple(sorted(found))


def _components(
    tables: Tables, model_id: str, dates: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Each component's effect over the window (W,) and its kind."""
    rows = tables["contributions"]
    rows = rows.filter(pc.equal(rows["model_id"], model_id))
    parts: dict[str, np.ndarray] = {}
    kinds: dict[str, str] = {}
    names = rows["component"].to_pylist()
    places = np.searchsorted(dates, rows["date"].to_numpy().astype("datetime64[D]"))
    effects = np.nan_to_num(rows["effect"].to_numpy(zero_copy_only=False).astype(float))
    for name, kind, place, effect in zip(
        names, rows["kind"].to_pylist(), places, effects, strict=True
    ):
        parts.setdefault(name, np.zeros(len(dates)))[place] += effect
        kinds[name] = kind
    return parts, kinds


def _past(
    parts: Mapping[str, np.ndarray],
    kinds: Mapping[str, str],
    actual: np.ndarray,
    known: tuple[str, ...],
    dates: np.ndarray,
) -> _Past:
    level, yearly = np.zeros(len(dates)), np.zeros(len(dates))
    unpaid = np.asarray(actual, float).copy()
    for name, effect in parts.items():
        if kinds[name] == ComponentKind.PAID or name in known:
            unpaid -= effect  # what is known ahead is forecast apart
        elif kinds[name] in _LEVEL:
            level += effect
        else:
            yearly += effect
    return _Past(level, yearly, unpaid, periods_of_a_year(dates))


def _forecast(past: _Past, origin: int, count: int, *, drift: bool) -> np.ndarray:
    """The baseline of the `count` periods from `origin`, of what is known before it."""
    ahead = np.arange(count)
    level = np.full(count, past.level[origin - 1])
    if drift:
        recent = past.level[max(0, origin - past.year) : origin]
        if len(recent) > 1:
            level = level + (recent[-1] - recent[0]) / (len(recent) - 1) * (ahead + 1)
    if origin < past.year:
        return np.asarray(level + past.yearly[:origin].mean())
    return np.asarray(level + past.yearly[origin - past.year + ahead % past.year])


def _best_drift(past: _Past, count: int) -> tuple[bool, np.ndarray]:
    """Whether the level is best taken to go on as it did, and the errors (n, count) of the past
    forecasts made that way; none where the window holds no year and a horizon.
    """
    rows = len(past.level)
    origins = np.arange(past.year, rows - count + 1)
    if len(origins) > _ORIGINS:
        origins = origins[np.linspace(0, len(origins) - 1, _ORIGINS).astype(int)]
    found = {}
    for drift in (False, True):
        errors = [
            past.unpaid[origin : origin + count] - _forecast(past, origin, count, drift=drift)
            for origin in origins.tolist()
        ]
        found[drift] = np.array(errors).reshape(len(errors), count)
    sizes = {drift: float(np.abs(errors.sum(axis=1)).sum()) for drift, errors in found.items()}
    better = sizes[True] < sizes[False]
    return better, found[better]


def _effect_of(
    tables: Tables, name: str, effect: np.ndarray, dates: np.ndarray, ahead: np.ndarray
) -> np.ndarray:
    """A control's effect at values ahead, by the straight line through its effects in the window."""
    frame = tables["frame"]
    rows = frame.filter(pc.equal(frame["variable"], name)).sort_by("date")
    if not rows.num_rows:
        raise UserError(
            f"{name!r} is a categorical control: its values ahead cannot be given.", where="known"
        )
    inside = pc.is_in(rows["date"], pa.array(dates, pa.date32()))
    values = rows.filter(inside)["value"].to_numpy()
    slope, intercept = np.polyfit(values, effect, 1) if np.ptp(values) > 0 else (0.0, effect.mean())
    return np.asarray(intercept + slope * ahead)
