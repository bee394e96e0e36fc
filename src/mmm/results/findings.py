"""What each view says, in one sentence computed from the view's own numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.engines.words import Confidence
from mmm.format import Labels, compact, count, fixed, listed, percent
from mmm.results.summary import BASE_SERIES, BASELINE_KINDS, ORGANIC_SERIES, fit_measures, half_life

#: Residuals whose neighbours resemble each other more than this still hold a pattern.
AUTOCORRELATION_LIMIT = 0.3
#: Shares of spend and effect that differ by less than this are called in line.
SHARE_GAP = 0.03
#: Media whose effect comes at once, mostly.
SHORT_CARRYOVER = 0.1
#: Shares of the fitted KPI beyond which a split is implausible: one context variable, all paid
#: media.
CONTEXT_LIMIT, PAID_LIMIT = 0.5, 0.8
#: A ROAS beyond these, a share of paid media or an R2 below these is hard to believe.
MOST_ROAS, LEAST_ROAS, LEAST_PAID, LEAST_RSQ = 100.0, 0.01, 0.005, 0.3
#: A level below this share counts as none.
LEVEL_FLOOR = 0.001


def _known(numbers: pa.Table, *columns: str) -> list[dict[str, Any]]:
    """The rows that have a value in each of the columns."""
    rows = numbers.to_pylist()
    for column in columns:
        rows = [row for row in rows if row[column] is not None]
    return rows


def waterfall(numbers: pa.Table, labels: Labels) -> str:
    rows = numbers.to_pylist()
    total = sum(row["effect"] for row in rows)
    if not total:
        return f"The model explains no {labels.kpi_name}."

    def share(*kinds: str) -> str:
        return percent(sum(row["effect"] for row in rows if row["kind"] in kinds) / total)

    present = {row["kind"] for row in rows}
    paid = [row for row in rows if row["kind"] == "paid"]
    parts: list[str] = []
    if paid:
        parts.append(f"Paid media bring {share('paid')} of {labels.kpi_name}")
    if "organic" in present:
        said = f"organic media {share('organic')}"
        alone = f"Organic media bring {share('organic')} of {labels.kpi_name}"
        parts.append(said if paid else alone)
    if "context" in present:
        parts.append(f"context (what else was observed) {share('context')}")
    text = f"{', '.join(parts)}; the baseline (level, trend, seasons) stands for {share(*BASELINE_KINDS)}."
    if paid and paid[0]["effect"] > 0:
        text += f" The largest channel is {paid[0]['component']} with {labels.effect(paid[0]['effect'])}."
    return text


def implausible(numbers: pa.Table, labels: Labels) -> list[str]:
    """What is implausible about the split of the KPI, with the rule; from the numbers of
    `waterfall`.
    """
    rows = numbers.to_pylist()
    baseline = sum(row["share"] for row in rows if row["kind"] in BASELINE_KINDS)
    paid = sum(row["share"] for row in rows if row["kind"] == "paid")
    found = []
    for row in rows:
        if row["kind"] == "context" and abs(row["share"]) > CONTEXT_LIMIT:
            found.append(
                f"{row['component']} carries {percent(row['share'])} of {labels.kpi_name}: "
                f"one context variable with more than {100 * CONTEXT_LIMIT:g} % usually stands in "
                "for the level of the KPI; its effect is not to be taken literally."
            )
    level = next((row for row in rows if row["kind"] == "intercept"), None)
    if level is not None and abs(level["share"]) < LEVEL_FLOOR:
        found.append(
            f"The level (intercept) is 0: by this model nothing of {labels.kpi_name} is there by itself. A level below "
            f"{100 * LEVEL_FLOOR:g} % usually means that media or context stand in for it."
        )
    if baseline < 0:
        found.append(
            f"The baseline (level, trend, seasons) is negative ({percent(baseline)}): a baseline below 0 means that "
            "media and context are credited with more than there was."
        )
    if paid > PAID_LIMIT:
        found.append(
            f"Paid media carry {percent(paid)} of {labels.kpi_name}: more than {100 * PAID_LIMIT:g} % would leave next "
            "to nothing without advertising."
        )
    return found


def implausible_figures(
    channels: Sequence[Mapping[str, Any]], paid_share: float, rsq: float | None, labels: Labels
) -> list[str]:
    """What is hard to believe about a model's figures, with the rule: ROAS that point to a wrong
    unit, paid media without effect, a fit that explains little.

    `channels` are rows with `channel` and `roi`; `paid_share` is paid media's share of the KPI.
    """
    found = []
    if labels.revenue:
        odd = [row for row in channels if _odd_ratio(row.get("roi"))]
        if odd:
            named = [f"{row['channel']} {labels.efficiency_value(row['roi'])}" for row in odd]
            found.append(
                f"Implausible ROAS: {listed(named, 5)}. A ROAS above {MOST_ROAS:g} or below "
                f"{LEAST_ROAS:g} usually means that spend and KPI are in different units or currencies."
            )
    if channels and paid_share < LEAST_PAID:
        found.append(
            f"Paid media carry {percent(paid_share)} of {labels.kpi_name}: below "
            f"{100 * LEAST_PAID:g} % the model sees next to no effect of advertising."
        )
    if rsq is not None and rsq < LEAST_RSQ:
        found.append(
            f"The model explains {percent(max(rsq, 0.0))} of the variation in training (R2 {fixed(rsq)}): "
            f"below {fixed(LEAST_RSQ)} its split of the KPI rests on little."
        )
    return found


def _odd_ratio(roi: float | None) -> bool:
    return roi is not None and roi > 0 and not LEAST_ROAS <= roi <= MOST_ROAS


def actual_vs_fitted(numbers: pa.Table, labels: Labels) -> str:
    measures = fit_measures(numbers)
    if "val" not in measures and "test" not in measures:
        (only,) = measures.values()
        return (
            f"The model explains {percent(only['rsq'])} of the variation in {labels.kpi_name}; on average it is "
            f"{percent(only['mape'])} off. No period was held out, so nothing here tests how it forecasts."
        )
    names = {"train": "in training", "val": "in validation", "test": "in the test period"}
    parts = [
        f"{percent(measures[split]['mape'])} {name}"
        for split, name in names.items()
        if split in measures
    ]
    train = measures.get("train", {}).get("rsq")
    return f"On average the model is {', '.join(parts)} off; it explains {percent(train)} of the variation in training."


def residuals(numbers: pa.Table, labels: Labels) -> str:
    residual = numbers["residual"].to_numpy()
    centred = residual - residual.mean()
    spread = float((centred**2).sum())
    if len(residual) < 3 or spread == 0:
        return "Nothing is left unexplained."
    memory = float((centred[1:] * centred[:-1]).sum()) / spread
    typical = labels.effect(float(np.sqrt(np.mean(residual**2))))
    if abs(memory) > AUTOCORRELATION_LIMIT:
        return (
            f"Residuals follow each other (correlation of neighbours {fixed(memory)}): something that lasts longer "
            f"than a {labels.period} is missing in the model. Their typical size is {typical}."
        )
    return f"Residuals show little pattern over time (correlation of neighbours {fixed(memory)}); typical size {typical}."


def share_of_spend(numbers: pa.Table, labels: Labels) -> str:
    rows = _known(numbers, "spend_share", "effect_share")
    if not rows:
        return "No shares are known."
    gaps = sorted(rows, key=lambda row: row["effect_share"] - row["spend_share"])
    low, high = gaps[0], gaps[-1]
    if (
        max(high["effect_share"] - high["spend_share"], low["spend_share"] - low["effect_share"])
        < SHARE_GAP
    ):
        return "Every channel's share of effect is in line with its share of spend."
    return (
        f"{high['channel']} brings more than its share: {percent(high['effect_share'])} of the paid effect for "
        f"{percent(high['spend_share'])} of spend. {low['channel']} brings less: {percent(low['effect_share'])} for "
        f"{percent(low['spend_share'])}."
    )


def efficiency(numbers: pa.Table, labels: Labels) -> str:
    rows = _known(numbers, "value")
    if not rows:
        return f"No channel's {labels.efficiency} is known."
    best, worst = _with_interval(rows[0], labels), _with_interval(rows[-1], labels)
    every = numbers.to_pylist()
    none = [row["channel"] for row in every if row["value"] is None]
    vague = [row["channel"] for row in rows if row["confidence"] == Confidence.INCONCLUSIVE]
    unknown = f" Inconclusive for {listed(vague)}." if vague else ""
    unknown += f" No effect found for {listed(none)}." if none else ""
    profit = _profit(every, labels)
    if len(rows) == 1:
        return f"{labels.efficiency}: {best}.{unknown}{profit}"
    return f"Best {labels.efficiency}: {best}; weakest: {worst}.{unknown}{profit}"


def _with_interval(row: Mapping[str, Any], labels: Labels) -> str:
    return f"{row['channel']} {labels.interval(row['value'], row['low'], row['high'])}"


def _profit(rows: Sequence[Mapping[str, Any]], labels: Labels) -> str:
    """Which channels earn more than they cost after the margin; empty where no margin is known."""
    known = [row for row in rows if row.get("profit") is not None]
    if not known or labels.margin is None:
        return ""
    total = sum(row["profit"] for row in known)
    lose = [row["channel"] for row in known if row["profit"] < 0.0]
    word = "profit" if total >= 0.0 else "loss"
    losing = f"; at a loss: {listed(lose)}" if lose else ""
    return (
        f" At a margin of {percent(labels.margin)} all media together make a {word} of "
        f"{labels.money(abs(total))}{losing}."
    )


def response_curves(numbers: pa.Table, labels: Labels) -> str:
    rows = [row for row in _known(numbers, "marginal_response") if row["part"] == "today"]
    if not rows:
        return "No marginal response is known."
    rows.sort(key=lambda row: row["marginal_response"])
    low, high = rows[0], rows[-1]
    unit = labels.currency if labels.revenue else labels.kpi_name
    return (
        f"At today's spend one more {labels.currency} brings most in {high['channel']} "
        f"({compact(high['marginal_response'])} {unit}) and least in {low['channel']} "
        f"({compact(low['marginal_response'])} {unit}).{_beyond_break_even(numbers)}"
    )


def _beyond_break_even(numbers: pa.Table) -> str:
    """The channels whose spend today lies beyond break-even; empty where none does."""
    spends: dict[str, dict[str, float]] = {}
    for row in numbers.to_pylist():
        if row["part"] in ("today", "break-even"):
            spends.setdefault(row["channel"], {})[row["part"]] = row["spend"]
    beyond = []
    for channel, found in spends.items():
        if found.get("today", 0.0) > found.get("break-even", math.inf):
            beyond.append(channel)
    return f" Spent beyond break-even: {listed(beyond)}." if beyond else ""


def adstock(numbers: pa.Table, labels: Labels) -> str:
    weights: dict[str, list[float]] = {}
    for row in numbers.to_pylist():
        weights.setdefault(row["channel"], []).append(row["weight"])
    if not weights:
        return "No adstock is known."
    halves = {channel: half_life(values) for channel, values in weights.items()}
    longest = max(halves.values())
    names = [channel for channel, half in halves.items() if half == longest]
    if longest <= 1:
        return (
            f"No medium's effect lasts long: half of it or more is gone after one {labels.period}."
        )
    verb = "last" if len(names) > 1 else "lasts"
    return f"{listed(names, 3)} {verb} longest: half of the effect's peak is left after {count(longest, labels.period)}."


def carryover(numbers: pa.Table, labels: Labels) -> str:
    rows = _known(numbers, "carryover_share", "contribution")
    total = sum(row["contribution"] for row in rows)
    if not rows or total <= 0:
        return "No carryover is known."
    later = sum(row["contribution"] * row["carryover_share"] for row in rows) / total
    if later < SHORT_CARRYOVER:
        return f"Media work at once: only {percent(later)} of their effect comes from earlier {labels.period}s."
    top = rows[0]
    return (
        f"{percent(later)} of the media's effect comes from earlier {labels.period}s; "
        f"most in {top['channel']} ({percent(top['carryover_share'])})."
    )


def over_time(numbers: pa.Table, labels: Labels) -> str:
    paid: dict[Any, float] = {}
    total: dict[Any, float] = {}
    for row in numbers.to_pylist():
        total[row["date"]] = total.get(row["date"], 0.0) + row["effect"]
        if row["series"] not in (BASE_SERIES, ORGANIC_SERIES):
            paid[row["date"]] = paid.get(row["date"], 0.0) + row["effect"]
    shares = {when: paid[when] / total[when] for when in paid if total[when] > 0}
    if not shares:
        return "No paid effect is known over time."
    low, high = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    return (
        f"Paid media's share of {labels.kpi_name} moves between {percent(shares[low])} ({low.isoformat()}) and "
        f"{percent(shares[high])} ({high.isoformat()})."
    )


def pareto(numbers: pa.Table, labels: Labels) -> str:
    rows = numbers.to_pylist()
    kept = [row for row in rows if row["part"] == "kept"]
    shown = [row for row in kept if row["shown"]]
    fronts = len({row["front"] for row in kept})
    text = f"{count(len(kept), 'candidate')} kept on {count(fronts, 'Pareto front')}"
    if not shown:
        return f"{text}."
    model = shown[0]
    return (
        f"{text}; this model ({model['model_id']}) lies on front {model['front']} with "
        f"NRMSE {fixed(model['nrmse'], 4)} and DECOMP.RSSD {fixed(model['decomp_rssd'], 4)}."
    )
