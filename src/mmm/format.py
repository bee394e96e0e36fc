"""How numbers look: money, percent, dates, ROAS and CPA. The web app, the report and every sentence
use these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

MISSING = "–"
_STEPS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_MOST_DIGITS = 6
#: From here on two decimals tell a ratio.
_SMALL_RATIO = 0.1
_PERIODS = {1: "day", 7: "week"}


@dataclass(frozen=True)
class Labels:
    """What the numbers of a run are called. `kpi_kind` "revenue" reports ROAS, "conversion" CPA; a
    step is a period. `value` is the money in one unit of a conversion KPI, `margin` the profit in one
    unit of revenue (0 to 1), both None where nobody said.
    """

    kpi_name: str
    kpi_kind: str
    currency: str
    step_days: int = 7
    value: float | None = None
    margin: float | None = None

    @property
    def revenue_per_unit(self) -> float | None:
        """The money in one unit of the KPI; None for conversions nobody said the worth of."""
        return 1.0 if self.revenue else self.value

    @property
    def revenue(self) -> bool:
        return self.kpi_kind == "revenue"

    @property
    def break_even(self) -> float | None:
        """The ROAS, or cost per conversion, at which media bring what they cost. Revenue counts in
        full where no margin is known; None for conversions nobody said the worth of.
        """
        margin = 1.0 if not self.margin else self.margin
        if self.revenue:
            return 1.0 / margin
        return None if self.value is None else self.value * margin

    @property
    def efficiency(self) -> str:
        return "ROAS" if self.revenue else "CPA"

    @property
    def measure(self) -> str:
        """ROAS or CPA as tables and totals name it."""
        return "roi" if self.revenue else "cpa"

    @property
    def efficiency_unit(self) -> str:
        """ROAS, a plain ratio, or CPA with its currency, as an axis title."""
        return "ROAS" if self.revenue else f"CPA ({self.currency})"

    @property
    def period(self) -> str:
        return _PERIODS.get(
            self.step_days, "month" if self.step_days in (28, 29, 30, 31) else "period"
        )

    @property
    def effect_unit(self) -> str:
        """The KPI with its unit, as an axis title."""
        return f"{self.kpi_name} ({self.currency})" if self.revenue else self.kpi_name

    def effect(self, value: float | None) -> str:
        return self.money(value) if self.revenue else compact(value)

    def money(self, value: float | None) -> str:
        return MISSING if _missing(value) else f"{self.currency} {compact(value)}"

    def efficiency_value(self, value: float | None) -> str:
        """A ROAS as a plain ratio, a CPA as money."""
        return ratio(value) if self.revenue else self.money(value)

    def effect_band(self, value: float | None, low: float | None, high: float | None) -> str:
        """An effect with the band it lies in."""
        text = self.effect(value)
        if _missing(low) or _missing(high):
            return text
        return f"{text} ({compact(low)} to {compact(high)})"

    def interval(self, value: float | None, low: float | None, high: float | None) -> str:
        """A ROAS or CPA with its interval. A CPA's has no upper end where the effect may be none."""
        text = self.efficiency_value(value)
        if not (self.revenue or _missing(value) or _missing(low)) and _missing(high):
            return f"{text} ({compact(low)} or more)"
        if _missing(low) or _missing(high):
            return text
        shown = ratio if self.revenue else compact
        return f"{text} ({shown(low)} to {shown(high)})"


def _missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def compact(value: float | None) -> str:
    """Three significant digits with k, M, B, T: 1234567 is 1.23M."""
    if value is None or not math.isfinite(value):
        return MISSING
    for size, letter in _STEPS:
        if abs(value) >= size * 0.9995:
            return f"{_significant(value / size)}{letter}"
    return _significant(value)


def _significant(value: float) -> str:
    size = abs(value)
    if size < 0.5 * 10**-_MOST_DIGITS:  # also what is left of 0 after rounding
        return "0"
    exponent = int(f"{size:.2e}".partition("e")[2])  # after rounding: 0.9996 counts as 1.00
    return f"{value:.{min(max(0, 2 - exponent), _MOST_DIGITS)}f}"


def fixed(value: float | None, digits: int = 2) -> str:
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:z,.{digits}f}"


def ratio(value: float | None) -> str:
    """A ROAS: two decimals, and two significant digits where those would say nothing: 0.0023."""
    if value is None or not math.isfinite(value) or value == 0 or abs(value) >= _SMALL_RATIO:
        return fixed(value)
    if abs(value) < 0.5 * 10**-_MOST_DIGITS:
        return fixed(0.0)
    exponent = int(f"{abs(value):.1e}".partition("e")[2])
    return f"{value:.{min(1 - exponent, _MOST_DIGITS)}f}"


def percent(value: float | None) -> str:
    """A fraction as percent: 0.1234 is 12.3 %."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{100.0 * value:z.1f} %"


def day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


def span(first: date, last: date) -> str:
    return f"{day(first)} to {day(last)}"


def count(number: int, noun: str) -> str:
    """1 week, 2 weeks."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str], limit: int | None = None) -> str:
    """a, b and c; beyond `limit` names the rest is counted."""
    shown = list(names) if limit is None else list(names[:limit])
    if len(names) > len(shown):
        return f"{', '.join(shown)} and {len(names) - len(shown)} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


#: How each column of a table of numbers is headed and shown: heading, kind of value.
COLUMNS: dict[str, tuple[str, str]] = {
    "component": ("Component", "text"),
    "channel": ("Channel", "text"),
    "geo": ("Geo", "text"),
    "series": ("Series", "text"),
    "kind": ("Kind", "text"),
    "part": ("Part of the curve", "text"),
    "split": ("Split", "text"),
    "model_id": ("Model", "text"),
    "confidence": ("Confidence", "text"),
    "date": ("Date", "date"),
    "effect": ("Effect", "effect"),
    "start": ("From", "effect"),
    "end": ("To", "effect"),
    "actual": ("Actual", "effect"),
    "fitted": ("Fitted", "effect"),
    "residual": ("Residual", "effect"),
    "forecast": ("Forecast", "effect"),
    "forecast_low": ("Forecast, low", "effect"),
    "forecast_high": ("Forecast, high", "effect"),
    "naive": ("A year before", "effect"),
    "quantity": ("Of", "text"),
    "prior_text": ("Before the data", "text"),
    "posterior_text": ("After the data", "text"),
    "learnt_from": ("Comes from", "text"),
    "mean_frequency": ("Frequency today", "number"),
    "optimal_frequency": ("Best frequency", "number"),
    "optimal_frequency_low": ("Best frequency, low", "number"),
    "optimal_frequency_high": ("Best frequency, high", "number"),
    "frequency": ("Frequency", "number"),
    "worth": ("Worth of an exposure, today 100 %", "percent"),
    "worth_low": ("Worth, low", "percent"),
    "worth_high": ("Worth, high", "percent"),
    "frequency_gain": ("Gain of the best frequency", "percent"),
    "frequency_gain_low": ("Gain of the best, low", "percent"),
    "frequency_gain_high": ("Gain of the best, high", "percent"),
    "contribution": ("Contribution", "effect"),
    "response": ("Response per period", "effect"),
    "marginal_response": ("Response to one more unit", "number"),
    "before": ("Before", "effect"),
    "after": ("After", "effect"),
    "difference": ("Difference", "effect"),
    "difference_low": ("Difference, low", "effect"),
    "difference_high": ("Difference, high", "effect"),
    "spend_before": ("Spend before", "money"),
    "spend_after": ("Spend after", "money"),
    "spend_effect": ("By spend", "effect"),
    "spend_effect_low": ("By spend, low", "effect"),
    "spend_effect_high": ("By spend, high", "effect"),
    "efficiency_effect": ("By efficiency", "effect"),
    "efficiency_effect_low": ("By efficiency, low", "effect"),
    "efficiency_effect_high": ("By efficiency, high", "effect"),
    "value_before": ("{efficiency} before", "efficiency"),
    "value_after": ("{efficiency} after", "efficiency"),
    "share": ("Share", "percent"),
    "spend": ("Spend", "money"),
    "mean_spend": ("Spend per period", "money"),
    "spend_share": ("Share of spend", "percent"),
    "contribution_share": ("Share of KPI", "percent"),
    "effect_share": ("Share of paid effect", "percent"),
    "immediate_share": ("Immediate", "percent"),
    "carryover_share": ("Carryover", "percent"),
    "value": ("{efficiency}", "efficiency"),
    "low": ("Low", "efficiency"),
    "high": ("High", "efficiency"),
    "marginal": ("Marginal {efficiency}", "efficiency"),
    "lag": ("Lag in periods", "integer"),
    "weight": ("Weight", "number"),
    "models": ("Models", "integer"),
    "trial": ("Trial", "integer"),
    "front": ("Front", "integer"),
    "cluster": ("Cluster", "integer"),
    "candidates": ("Candidates", "integer"),
    "nrmse": ("NRMSE", "number"),
    "rsq_train": ("R² training, adjusted", "number"),
    "rsq_val": ("R² validation", "number"),
    "rsq_test": ("R² test", "number"),
    "paid_share": ("Paid media's share", "percent"),
    "decomp_rssd": ("DECOMP.RSSD", "number"),
    "recommended": ("Recommended", "flag"),
    "spend_today": ("Spend today", "money"),
    "spend_plan": ("Planned spend", "money"),
    "change": ("Change", "percent"),
    "spend_low": ("Lowest allowed", "money"),
    "spend_high": ("Highest allowed", "money"),
    "response_today": ("Response today", "effect"),
    "response_plan": ("Planned response", "effect"),
    "response_low": ("Planned response, low", "effect"),
    "response_high": ("Planned response, high", "effect"),
    "response_recalibrated_low": ("Planned response, low, recalibrated", "effect"),
    "response_recalibrated_high": ("Planned response, high, recalibrated", "effect"),
    "value_today": ("{efficiency} today", "efficiency"),
    "value_plan": ("{efficiency} planned", "efficiency"),
    "marginal_today": ("Marginal {efficiency} today", "efficiency"),
    "marginal_plan": ("Marginal {efficiency} planned", "efficiency"),
    "at_bound": ("At a bound", "text"),
    "losing": ("Probability of losing", "percent"),
    "profit": ("Profit after media", "money"),
    "profit_low": ("Profit after media, low", "money"),
    "profit_high": ("Profit after media, high", "money"),
    "roas": ("ROAS", "ratio"),
    "roas_low": ("ROAS, low", "ratio"),
    "roas_high": ("ROAS, high", "ratio"),
    "break_even_spend": ("Break-even spend", "money"),
    "break_even": ("Break-even {efficiency}", "efficiency"),
    "baseline": ("Without paid media", "effect"),
    "media": ("From paid media", "effect"),
    "kpi": ("KPI forecast", "effect"),
    "kpi_low": ("KPI forecast, low", "effect"),
    "kpi_high": ("KPI forecast, high", "effect"),
    "spend_planned": ("Spend planned", "money"),
    "spend_delivered": ("Spend delivered", "money"),
    "response_planned": ("Response planned", "effect"),
    "by_spend": ("By other spend", "effect"),
    "by_response": ("By other response", "effect"),
    "response_now": ("Response by today's model", "effect"),
    "step": ("Part", "text"),
    "forecast_error": ("Forecast error", "percent"),
    "naive_error": ("Error of the year before", "percent"),
    "in_range": ("In the range of 80 %", "percent"),
    "plan_error": ("Error of the plan of record", "percent"),
    "run": ("Run", "text"),
    "periods": ("Periods", "integer"),
    "scenario": ("Scenario", "text"),
    "gain": ("Gain over the current allocation", "percent"),
    "gain_low": ("Gain, low", "percent"),
    "gain_high": ("Gain, high", "percent"),
    "worth_making": ("Worth making", "flag"),
    "books": ("Actual spend", "money"),
    "initial": ("Spend the plan starts from", "money"),
    "ties": ("The same to the cent", "flag"),
    "source": ("Over", "text"),
    "variants": ("Models compared", "integer"),
    "mid": ("Middle", "efficiency"),
    "flips": ("Order changes", "percent"),
    "no_effect": ("Without effect", "percent"),
    "test": ("Test", "integer"),
    "channels": ("Channels", "text"),
    "test_start": ("From", "date"),
    "test_end": ("To", "date"),
    "scope": ("Scope", "text"),
    "lift": ("Measured lift", "effect"),
    "lift_low": ("Lift, low", "effect"),
    "lift_high": ("Lift, high", "effect"),
    "uncalibrated": ("Without the tests", "effect"),
    "calibrated": ("With the tests", "effect"),
    "inside": ("Inside the test's interval", "text"),
    "recalibrated_low": ("Low, recalibrated", "efficiency"),
    "recalibrated_high": ("High, recalibrated", "efficiency"),
    "expected_error": ("Expected error", "percent"),
    "covered": ("Interval holds", "percent"),
    "direction": ("Moves the right way", "percent"),
    "own_movement": ("Movement of its own", "percent"),
    "told": ("Saturation", "text"),
    "bend_alone": ("Bend, steady effects", "number"),
    "bend_beside_drift": ("Bend, effects that may drift", "number"),
    "pulse": ("Pulse that would settle it", "text"),
    "family": ("If the truth has", "text"),
    "worlds": ("Worlds", "integer"),
    "check": ("Check", "text"),
    "about": ("About", "text"),
    "outcome": ("Outcome", "text"),
    "check_value": ("Value", "number"),
    "threshold": ("Threshold", "number"),
    "finding": ("Finding", "text"),
    "recommendation": ("What to do", "text"),
    "decision": ("Bears on", "text"),
}


def heading(column: str, labels: Labels) -> str:
    """A column's heading; an undeclared column is an error, so that none is shown without thought."""
    return COLUMNS[column][0].format(efficiency=labels.efficiency)


def is_numeric(column: str) -> bool:
    return COLUMNS[column][1] not in ("text", "date", "flag")


def cell(column: str, value: Any, labels: Labels) -> str:
    """One value of a table of numbers as text."""
    kind = COLUMNS[column][1]
    if value is None:
        return MISSING
    if kind == "date":
        return str(value.isoformat())
    if kind == "flag":
        return "yes" if value else ""
    if kind == "integer":
        return f"{value:,}"
    if kind == "text":
        return str(value)
    shown = {
        "effect": labels.effect,
        "money": labels.money,
        "percent": percent,
        "efficiency": labels.efficiency_value,
        "ratio": ratio,
        "number": _number,
    }
    return shown[kind](value)


def _number(value: float) -> str:
    return fixed(value, 4 if abs(value) < 10 else 2)
