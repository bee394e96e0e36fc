"""Feature engineering (robyn_engineering): trend, season, holidays, factors by Prophet; exposures
in money.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import numpy as np

from mmm.engines.adstock_hill.checks import prophet_parts
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.settings import AdstockHillSettings
from mmm.engines.base import Factor, PaidMedium, Problem
from mmm.engines.words import Sign


def build_frame(
    problem: Problem,
    settings: AdstockHillSettings,
    components: Mapping[str, np.ndarray] | None = None,
    costs: Mapping[str, float] | None = None,
) -> Frame:
    """The model frame of a problem: Prophet parts, context, media in money (paid, then organic).

    `components` are Prophet's parts and the factors' effects, (T,) each, where they are known
    already: another version of Prophet may find others. So are `costs`, the cost per exposure by
    channel.
    """
    parts = prophet_parts(problem, settings)
    factors = [item for item in problem.context if isinstance(item, Factor)]
    if components is None:
        components = prophet_components(problem, parts, factors) if parts else {}
    base = [components[part] for part in parts]
    for item in problem.context:
        base.append(components[item.name] if isinstance(item, Factor) else item.values)
    if costs is None:
        costs = exposure_costs(problem)
    paid, organic = problem.paid, problem.organic
    media = [money(medium, costs) for medium in paid]
    media += [variable.values for variable in organic]
    spend = np.array([medium.spend for medium in paid], float)
    return Frame(
        dates=problem.dates,
        step_days=problem.step_days,
        y=np.asarray(problem.kpi, float),
        base=np.column_stack(base) if base else np.empty((problem.rows, 0)),
        base_names=(*parts, *(item.name for item in problem.context)),
        base_kinds=(*parts, *("context" for _ in problem.context)),
        base_signs=(*(Sign.UNCONSTRAINED for _ in parts), *(item.sign for item in problem.context)),
        media=np.array(media, float),
        media_names=(*(medium.name for medium in paid), *(item.name for item in organic)),
        selected=(*(medium.selected for medium in paid), *(item.name for item in organic)),
        media_signs=(*(medium.sign for medium in paid), *(item.sign for item in organic)),
        spend=spend.reshape(len(paid), problem.rows),
        window=problem.window,
    )


def exposure_costs(problem: Problem) -> dict[str, float]:
    """Cost per exposure in the window, by channel that is modelled by its exposure."""
    rows = problem.window_rows
    return {
        medium.name: float(medium.spend[rows].sum() / medium.exposure[rows].sum())
        for medium in problem.paid
        if medium.exposure is not None
    }


def money(medium: PaidMedium, costs: Mapping[str, float]) -> np.ndarray:
    """The modelled series in money, (T,): the spend, or the exposure times its cost."""
    if medium.exposure is None:
        return np.asarray(medium.spend, float)
    return np.asarray(medium.exposure * costs[medium.name], float)


def prophet_components(
    problem: Problem,
    parts: Sequence[str],
    factors: Sequence[Factor],
) -> dict[str, np.ndarray]:
    """Prophet's additive components over all T rows, in units of the KPI, by part; and one series
    per factor.

    A factor's levels are one-hot regressors but for the most frequent one, the baseline; its series
    is their summed effect less its minimum. Robyn enters all levels: their common part is then
    exchanged freely with the trend's level, so that the trend depends on where the optimiser stops
    (on Robyn's weekly data by 40 % of its own size).
    """
    import pandas as pd

    table = pd.DataFrame({"ds": pd.to_datetime(problem.dates), "y": problem.kpi})
    columns: dict[str, list[str]] = {}
    for factor in factors:
        counts = Counter(factor.levels)
        baseline = min(counts, key=lambda level: (-counts[level], level))
        levels = sorted(level for level in counts if level != baseline)
        columns[factor.name] = [f"{factor.name}_{level}" for level in levels]
        for level, column in zip(levels, columns[factor.name], strict=True):
            table[column] = [float(value == level) for value in factor.levels]
    with _quiet_prophet():
        model = _prophet(problem, parts)
        for names in columns.values():
            for column in names:
                model.add_regressor(column)
        # One seed, so that the optimiser's start is the same in every process.
        model.fit(table, seed=1)
        forecast = model.predict(table)
    source = {
        "trend": "trend",
        "season": "yearly",
        "monthly": "monthly",
        "weekday": "weekly",
        "holiday": "holidays",
    }
    found = {part: forecast[source[part]].to_numpy(float) for part in parts}
    for name, names in columns.items():
        effect = forecast[names].sum(axis=1).to_numpy(float)
        found[name] = effect - effect.min()
    return found


def _prophet(problem: Problem, parts: Sequence[str]) -> Any:
    import pandas as pd
    from prophet import Prophet

    holidays = None
    if "holiday" in parts:
        dates, names = zip(*period_holidays(problem), strict=True)
        holidays = pd.DataFrame({"ds": pd.to_datetime(list(dates)), "holiday": list(names)})
    model = Prophet(
        holidays=holidays,
        yearly_seasonality="season" in parts,
        weekly_seasonality="weekday" in parts,
        daily_seasonality=False,
        uncertainty_samples=0,
    )
    if "monthly" in parts:
        model.add_seasonality(name="monthly", period=30.5, fourier_order=5)
    return model


def _period_of(problem: Problem, day: date) -> date:
    """The first day of the month, quarter or fiscal period that holds the day; the day itself before
    the data.
    """
    dates = problem.dates.astype("datetime64[D]")
    place = int(np.searchsorted(dates, np.datetime64(day), side="right")) - 1
    found: date = dates[place].item() if place >= 0 else day
    return found


def period_holidays(problem: Problem) -> list[tuple[date, str]]:
    """Holidays on the data's own dates, within the data: the start of the week or month that holds
    them.

    All holidays of one period are one effect of its own, their names joined; as in Robyn, a week
    starts on the weekday of the first date.
    """
    first = problem.dates[0].astype("datetime64[D]").item()
    last = problem.dates[-1].astype("datetime64[D]").item() + timedelta(days=problem.step_days - 1)
    names: dict[date, list[str]] = defaultdict(list)
    for holiday in problem.holidays:
        if problem.step_days == 7:
            start = holiday.date - timedelta(days=(holiday.date - first).days % 7)
        elif problem.step_days >= 28:
            start = _period_of(problem, holiday.date)
        else:
            start = holiday.date
        if first <= start <= last:
            names[start].append(holiday.name)
    return [(start, ", ".join(joined)) for start, joined in sorted(names.items())]


@contextmanager
def _quiet_prophet() -> Iterator[None]:
    """Prophet and its back end log to stderr as they are imported and as they work; our own log
    says what is done.
    """
    _import_prophet()  # first: importing it logs as well
    logger = logging.getLogger("cmdstanpy")
    # Its level is set anew as long as there is no handler.
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def _import_prophet() -> None:
    """Import Prophet without its drawing library, which is optional to it and half of its import's
    time and memory.
    """
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)  # tells of what it does not find
    modules: dict[str, Any] = sys.modules
    hide = "matplotlib" not in modules
    if hide:
        modules["matplotlib"] = None  # an import of it fails until this is taken back
    try:
        import prophet  # noqa: F401
    finally:
        if hide:
            del modules["matplotlib"]


def exposure_fit(medium: PaidMedium, costs: Mapping[str, float], window: slice) -> float:
    """R2 of the spend against the exposure in money, within the window; 1 where spend is modelled."""
    spend, modelled = medium.spend[window], money(medium, costs)[window]
    spread = ((spend - spend.mean()) ** 2).sum()
    if spread > 0:
        return float(1.0 - ((spend - modelled) ** 2).sum() / spread)
    return float("nan")
