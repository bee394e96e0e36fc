"""The plan by period: the next periods' spend by channel, what it brings, and the whole KPI with a
range.

A period's media count what its spend brings, whenever that comes: carryover belongs to the spend that
caused it. What earlier spend still brings after today is not in the plan, as what the plan brings
after its last period is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

import numpy as np

from mmm.errors import UserError
from mmm.format import Labels, count, listed
from mmm.planning.baseline_ahead import REACH, Baseline, baseline_ahead
from mmm.planning.forecast_tables import Forecast, ForecastTotals
from mmm.planning.history import History, Tables
from mmm.planning.holidays_ahead import Occasions
from mmm.planning.period_limits import PeriodLimit, flighting_within, period_limits
from mmm.planning.periods import periods_of_a_year
from mmm.planning.plan import Plan

Phasing = Literal["as_last_year", "even"]
#: So many holidays ahead are named.
_NAMED = 8


def forecast(
    history: History,
    tables: Tables,
    model_id: str,
    plan: Plan,
    phasing: Phasing = "as_last_year",
    known: Mapping[str, Sequence[float]] | None = None,
    shares: np.ndarray | None = None,
    occasions: Occasions | None = None,
) -> Forecast:
    """The plan over as many periods after the data as it has. `known` are values of control
    variables ahead, one a period; `shares` (P, H) of each channel's money by period replace the
    `phasing`. `occasions` are the days of holidays, past and ahead. UserError for an unknown control or too few values.
    """
    periods = plan.totals.periods
    values = {name: _checked(name, given, periods) for name, given in (known or {}).items()}
    base = baseline_ahead(tables, model_id, periods, values, occasions)
    if shares is None:
        shares = shares_of(history, periods, phasing)
    rows = plan.channels.to_pylist()
    today = shares
    limits = period_limits(
        plan.request, history.channels, plan.channels["initial_spend"].to_numpy(), base.dates
    )
    if limits:
        shares = _within(plan, shares, limits)
    flighting = []
    for h, day in enumerate(base.dates.tolist()):
        for i, row in enumerate(rows):
            part = _part(row, float(shares[i, h]), float(today[i, h]), periods)
            flighting.append({"date": day, "channel": row["channel"], **part})
    media = shares.T @ np.array([row["response_total"] for row in rows])
    totals = _totals(plan, base)
    return Forecast(
        phasing=phasing,
        flighting=flighting,
        kpi=_kpi(base, media, plan),
        totals=totals,
        findings=[*_findings(totals, base, plan.labels), *_limits_said(limits)],
    )


def shares_of(history: History, periods: int, phasing: Phasing) -> np.ndarray:
    """How each channel's money is spread over the periods ahead, (P, H): as in the same periods a
    year before, or evenly, as where there was no spend then.
    """
    even = np.full((len(history.channels), periods), 1.0 / periods)
    year, end = periods_of_a_year(history.dates), int(history.window[-1]) + 1
    if phasing == "even" or end < year:
        return even
    before = history.spend[:, end - year + np.arange(periods) % year]
    sums = before.sum(axis=1, keepdims=True)
    return np.where(sums > 0, before / np.where(sums > 0, sums, 1.0), even)


def _checked(name: str, given: Sequence[float], periods: int) -> np.ndarray:
    if len(given) != periods:
        raise UserError(
            f"has {count(len(given), 'value')}, but {periods} periods are planned.",
            where=f"known.{name}",
            fix="Give one value a period.",
        )
    return np.asarray(given, float)


def _within(plan: Plan, shares: np.ndarray, limits: Sequence[PeriodLimit]) -> np.ndarray:
    """The shares nearest to the given ones with which the bounds of single periods hold."""
    totals = plan.channels["spend_total"].to_numpy()
    money = flighting_within(shares * totals[:, None], totals, limits)
    return np.where(totals[:, None] > 0, money / np.where(totals > 0, totals, 1.0)[:, None], shares)


def _part(
    row: Mapping[str, Any], share: float, today: float, periods: int
) -> dict[str, float | None]:
    """A channel's numbers of one period, by its share of all of them, and today's by its own."""
    found: dict[str, float | None] = {
        "spend_today": row["initial_spend_total"] * today,
        "spend": row["spend_total"] * share,
        "response": row["response_total"] * share,
    }
    for name in ("response_low", "response_high"):
        value = row.get(name)
        found[name] = None if value is None else value * periods * share
    return found


def _kpi(base: Baseline, media: np.ndarray, plan: Plan) -> list[dict[str, Any]]:
    """One row a period; the range joins that of the baseline with that of the media, whose errors
    are taken as independent.
    """
    low, high = _reaches(plan)
    rows = []
    total = float(media.sum())
    for h, day in enumerate(base.dates.tolist()):
        share = media[h] / total if total > 0 else 1.0 / len(media)
        own = REACH * base.deviation[h]
        middle = base.values[h] + media[h]
        rows.append(
            {
                "date": day,
                "baseline": float(base.values[h]),
                "media": float(media[h]),
                "kpi": float(middle),
                "kpi_low": float(middle - math.hypot(own, low * share)),
                "kpi_high": float(middle + math.hypot(own, high * share)),
            }
        )
    return rows


def _reaches(plan: Plan) -> tuple[float, float]:
    """How far the range of the planned response of all periods reaches below and above it, the
    recalibrated one where there is one.
    """
    totals = plan.totals
    band = totals.band_recalibrated or totals.band
    if band is None:
        return 0.0, 0.0
    low, high = (end * totals.periods for end in band.response)
    return max(totals.response_total - low, 0.0), max(high - totals.response_total, 0.0)


def _totals(plan: Plan, base: Baseline) -> ForecastTotals:
    totals = plan.totals
    low, high = _reaches(plan)
    own = REACH * base.total_deviation
    baseline = float(base.values.sum())
    middle = baseline + totals.response_total
    return ForecastTotals(
        kpi=middle,
        kpi_low=middle - math.hypot(own, low),
        kpi_high=middle + math.hypot(own, high),
        baseline=baseline,
        media=totals.response_total,
        media_today=totals.initial_response * totals.periods,
        spend=totals.spend_total,
        checked=base.checked,
    )


def _findings(totals: ForecastTotals, base: Baseline, labels: Labels) -> list[str]:
    first, last = base.dates[0], base.dates[-1]
    low, high = labels.effect(totals.kpi_low), labels.effect(totals.kpi_high)
    said = [
        f"From {first} to {last} the {labels.kpi_name} is forecast at {labels.effect(totals.kpi)} "
        f"({low} to {high}, 80 %): {labels.effect(totals.baseline)} without paid media and "
        f"{labels.effect(totals.media)} from the planned spend of {labels.money(totals.spend)}.",
    ]
    if totals.checked:
        said.append(
            f"The range is made of {count(totals.checked, 'forecast')} of the same kind over the past."
        )
    else:
        said.append(
            "The data are too short to check the forecast on the past: the range is made of the "
            "model's residuals and is too narrow."
        )
    return said + _holidays_said(base)


def _limits_said(limits: Sequence[PeriodLimit]) -> list[str]:
    """That bounds of single periods hold, and what they do not change."""
    if not limits:
        return []
    return [
        f"{count(len(limits), 'bound')} of single periods hold, with as little change of the phasing as "
        "they allow. What a channel brings is read at its mean spend, however it is phased."
    ]


def _holidays_said(base: Baseline) -> list[str]:
    """Where the holidays stand in the periods ahead."""
    first_days: dict[str, date] = {}
    for day, name in base.holidays:
        first_days.setdefault(name, day)
    said = []
    if first_days:
        days = listed([f"{name} on {when}" for name, when in first_days.items()], _NAMED)
        said.append(f"Holidays count at their own dates: {days}.")
    if base.unmoved:
        said.append(
            f"The dates ahead of {listed(list(base.unmoved), _NAMED)} are not known: they stand as a "
            "year before."
        )
    return said
