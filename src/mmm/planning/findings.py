"""What a plan says, in sentences computed from its own numbers. The first one is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.engines.words import Confidence
from mmm.format import Labels, compact, count, listed, percent
from mmm.planning.problem import Market
from mmm.planning.request import PlanRequest

if TYPE_CHECKING:
    from mmm.planning.plan import Totals

#: A budget within this share of today's spend is called the same; a target within it of what is
#: reached, met.
_SAME = 1e-6
_LARGEST_MOVES = 2
#: Spend within this share of a bound is within the bounds.
_EDGE = 1e-3


def findings(
    market: Market,
    channels: pa.Table,
    totals: Totals,
    labels: Labels,
    request: PlanRequest,
) -> Iterator[str]:
    """Sentences: the answer, whether a change is worth making, the largest moves, and what to know
    before acting.
    """
    rows = channels.to_pylist()
    moved = any(abs(_difference(row)) > _SAME * totals.spend for row in rows)
    yield answer(totals, labels)
    if moved:
        yield _worth(totals, rows, labels, request)
        yield from _risk(totals, rows, request)
        yield from _recalibrated(totals)
    else:
        yield "No change of the split is worth making: the plan is the current allocation."
        if totals.band_recalibrated is not None:
            yield "The certificate finds such ranges too narrow; the table has the recalibrated ones."
    yield from _profit(totals, labels, request)
    yield from _held(rows)
    yield from _break_even(rows, totals, labels)
    yield from _whose(totals, labels)
    yield from _bounds(rows, labels)
    yield from _without_effect(rows, labels)
    yield from _without_spend(rows)
    if totals.budget is not None and totals.spend < totals.budget * (1 - _SAME):
        yield (
            f"{labels.money(totals.budget - totals.spend)} of the budget per {labels.period} stay unspent: "
            "within the bounds they bring nothing more."
        )
    beyond = [
        row["channel"]
        for row, most in zip(rows, market.largest, strict=True)
        if row["spend"] > most * (1 + _SAME)
    ]
    if beyond:
        yield (
            f"Planned spend of {listed(beyond)} is above that of any {labels.period} in the data: "
            "there the curve is extrapolated."
        )
    yield from _readings(totals, labels)
    if moved:
        yield from _carryover(totals, labels, compared=not _not_within(rows, totals))


def _not_within(rows: list[dict[str, Any]], totals: Totals) -> list[str]:
    """The channels whose share of the planned money at the current split is not within their bounds:
    with them a plan may bring less than the current allocation of the same money, which it may not
    choose.
    """
    if not totals.initial_spend:
        return []
    scale = totals.spend / totals.initial_spend
    return [
        row["channel"]
        for row in rows
        if not row["low"] * (1 - _EDGE) <= row["initial_spend"] * scale <= row["high"] * (1 + _EDGE)
    ]


def _difference(row: Mapping[str, Any]) -> float:
    return float(row["spend"] - row["initial_spend"])


def _readings(totals: Totals, labels: Labels) -> Iterator[str]:
    """Why these figures are others than the report's."""
    today = totals.initial_roi if labels.revenue else totals.initial_cpa
    held = totals.held_response > _SAME * abs(totals.response)
    if today is not None and totals.summed_efficiency is not None:
        real = labels.efficiency_value(totals.summed_efficiency)
        choice = "held as it was" if held else "following the spend"
        yield (
            f"Today's {labels.efficiency} is {labels.efficiency_value(today)} here and {real} with the real periods of "
            "the range added up, as the report does: here it is read off the curve at the mean spend, with the "
            f"carryover {choice}."
        )


def _carryover(totals: Totals, labels: Labels, *, compared: bool) -> Iterator[str]:
    """What hangs on the carryover."""
    held = totals.held_response > _SAME * abs(totals.response)
    if totals.even_gain is None or totals.other_gain is None:
        return
    if held and totals.response > 0:
        share = percent(totals.held_response / totals.response)
        yield f"{share} of the planned response is carryover of earlier spend, held as it was."
    if not compared:
        return
    other = "followed the spend" if held else "stayed as it was"
    yield (
        f"The gain over the current allocation of the same money depends on the carryover: {_signed(totals.even_gain)} as "
        f"planned, {_signed(totals.other_gain)} if it {other}."
    )


def _recalibrated(totals: Totals) -> Iterator[str]:
    """The range of the gain as wide as the certificate shows that it must be."""
    wide, told = totals.band_recalibrated, totals.band
    if wide is None or told is None or wide.even_gain is None or told.even_gain is None:
        return
    yield (
        f"The certificate finds such ranges too narrow. Recalibrated, the gain is {_signed(wide.even_gain[0])} to "
        f"{_signed(wide.even_gain[1])} (not {_signed(told.even_gain[0])} to {_signed(told.even_gain[1])}), and the "
        f"probability of losing {percent(wide.losing)} (not {percent(told.losing)})."
    )


def answer(totals: Totals, labels: Labels) -> str:
    """What the plan does, in one sentence."""
    money, periods = labels.money(totals.spend_total), count(totals.periods, labels.period)
    response = (
        f"{labels.effect(totals.initial_response_total)} to {labels.effect(totals.response_total)}"
    )
    change = "" if totals.response_change is None else f" ({_signed(totals.response_change)})"
    if totals.target is None and abs(totals.response_change or 0.0) <= _SAME:
        stays = f"the response stays at {labels.effect(totals.response_total)}"
        return f"With {money} over {periods}{_against_today(totals)} {stays}."
    if totals.target is None:
        return f"With {money} over {periods}{_against_today(totals)} the response goes from {response}{change}."
    held = f"a {labels.efficiency} of {labels.efficiency_value(totals.target)}"
    better = _beside_target(totals, totals.target, labels)
    return (
        f"At {held}{better}, {money} can be spent over {periods}{_against_today(totals)}: "
        f"the response goes from {response}{change}."
    )


def _beside_target(totals: Totals, target: float, labels: Labels) -> str:
    """The plan's own efficiency, as its table has it, where that is another than the target."""
    shown = totals.roi if labels.revenue else totals.cpa
    reached = totals.target_reached
    if shown is None or labels.efficiency_value(shown) == labels.efficiency_value(target):
        return ""
    value = labels.efficiency_value(shown)
    if reached is not None and abs(reached / target - 1.0) <= _SAME:
        return f" ({value} over the draws that the plan was not optimised on)"
    is_better = shown > target if labels.revenue else shown < target
    return f" (the bounds end at {value}{', better than the target' if is_better else ''})"


def _against_today(totals: Totals) -> str:
    if totals.spend_change is None:
        return ""
    if abs(totals.spend_change) <= _SAME:
        return ", as much as before,"
    return f" ({_signed(totals.spend_change)})"


def _signed(change: float) -> str:
    return f"{'+' if change >= 0 else ''}{percent(change)}"


def _worth(totals: Totals, rows: list[dict[str, Any]], labels: Labels, request: PlanRequest) -> str:
    outside = _not_within(rows, totals)
    if not totals.worth_making and request.goal == "profit":
        return _no_profit(totals, labels)
    if not totals.worth_making and not outside:
        return _no_change(totals)
    moves = sorted(rows, key=lambda row: row["spend"] - row["initial_spend"])
    parts = []
    for word, chosen in (("more for", moves[::-1]), ("less for", moves)):
        sign = 1.0 if word == "more for" else -1.0
        named = [
            row
            for row in chosen
            if sign * (row["spend"] - row["initial_spend"]) > _SAME * totals.spend
        ]
        if named:
            largest = [f"{row['channel']} ({_move(row, labels)})" for row in named[:_LARGEST_MOVES]]
            parts.append(f"{word} {' and '.join(largest)}")
    gain = ""
    if totals.even_gain is not None and request.goal != "profit":
        bounds = f" Its split is not within the bounds of {listed(outside)}." if outside else ""
        gain = f" {_gain(totals)}{bounds}"
    if parts:
        return f"Per {labels.period}: {'; '.join(parts)}.{gain}"
    return f"Nothing moves.{gain}"


def _gain(totals: Totals) -> str:
    """What the plan has over the current allocation of the same money: the median and the range of draws that
    it was not optimised on, where there are any.
    """
    found = totals.band
    if found is None or found.even_gain is None or found.median_gain is None:
        return f"That is {_signed(totals.even_gain or 0.0)} against the current allocation of the same money."
    return (
        f"Against the current allocation of the same money that is {_signed(found.median_gain)} in the middle "
        f"and {_between(found.even_gain)} in {found.level:.0%} of {_measured(totals)}."
    )


def _measured(totals: Totals) -> str:
    assert totals.band is not None  # noqa: S101 - for the type checker
    return f"{totals.band.models} {totals.band.whose} that the plan was not optimised on"


def _risk(totals: Totals, rows: list[dict[str, Any]], request: PlanRequest) -> Iterator[str]:
    """How likely the plan loses against the current allocation, and how much where it goes badly; of
    a plan for profit, how likely it loses profit.
    """
    found = totals.band
    if found is None or found.models < 2:
        return
    if request.goal == "profit":
        if found.losing_profit is not None:
            share = percent(found.losing_profit)
            yield f"The probability of a lower profit than with today's spend is {share}."
        return
    if found.losing is None or found.downside is None or _not_within(rows, totals):
        return
    yield (
        f"The probability of losing against the current allocation of the same money is "
        f"{percent(found.losing)}; in the worst tenth of the {found.whose} the plan brings "
        f"{_signed(found.downside)}."
    )


def _profit(totals: Totals, labels: Labels, request: PlanRequest) -> Iterator[str]:
    """What the plan earns after media, where the KPI's value is known."""
    if totals.profit is None or totals.initial_profit is None:
        return
    total, before = totals.profit * totals.periods, totals.initial_profit * totals.periods
    text = f"Profit after media goes from {labels.money(before)} to {labels.money(total)}"
    found = totals.band
    if found is not None and found.profit_gain is not None:
        low, high = (end * totals.periods for end in found.profit_gain)
        text += (
            f", a change of {labels.money(low)} to {labels.money(high)} in {found.level:.0%} of the "
            f"{found.whose}"
        )
    yield f"{text}."
    less = totals.spend_change is not None and totals.spend_change < -_SAME
    if request.goal == "profit" and less and totals.worth_making:
        saved = labels.money((totals.initial_spend - totals.spend) * totals.periods)
        yield f"Spend less in total: the last {saved} do not pay for themselves."


def _no_profit(totals: Totals, labels: Labels) -> str:
    """Why no other spend is worth making for its profit."""
    found = totals.band
    if found is None or found.median_profit_gain is None or found.losing_profit is None:
        return "No change is worth making: it would add less than 1 % of the spend to the profit."
    gain = labels.money(found.median_profit_gain * totals.periods)
    return (
        f"No change is worth making: it would add {gain} to the profit in the middle, and "
        f"{percent(found.losing_profit)} of the {found.whose} lose by it."
    )


def _held(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Which channels are not moved, and that a test would tell."""
    unsure = [row for row in rows if row["confidence"] == Confidence.INCONCLUSIVE]
    held = [row for row in unsure if row["at_bound"] == "held"]
    if held:
        stay, keep = ("stays", "keeps its") if len(held) == 1 else ("stay", "keep their")
        moved = any(abs(row["spend_change"] or 0.0) > _SAME for row in held)
        where = f"{keep} share of the budget" if moved else f"{stay} at today's spend"
        names = listed([row["channel"] for row in held])
        yield f"{names} {where}: the confidence is inconclusive."
    if unsure:
        unsure.sort(key=lambda row: -row["initial_spend"])
        yield f"Test these: {listed([row['channel'] for row in unsure])}, the most money first."


def _break_even(rows: list[dict[str, Any]], totals: Totals, labels: Labels) -> Iterator[str]:
    """Which channels get more than pays for itself."""
    if totals.break_even is None and totals.profit is None:
        return
    beyond = [
        row["channel"]
        for row in rows
        if row["break_even_spend"] is not None
        and row["spend"] > row["break_even_spend"] * (1 + _SAME)
    ]
    at = ""
    if totals.break_even is not None:
        at = f" ({labels.efficiency} of the next unit of money {labels.efficiency_value(totals.break_even)})"
    if beyond:
        yield f"Planned spend of {listed(beyond)} lies beyond break-even{at}."
    else:
        yield f"All planned spend lies below break-even{at}."


def _whose(totals: Totals, labels: Labels) -> Iterator[str]:
    """That a range is not the plan's own, where it does not hold the plan's value."""
    found = totals.band
    if found is None or found.response[0] <= totals.response <= found.response[1]:
        return
    low, high = (labels.effect(end * totals.periods) for end in found.response)
    yield (
        f"The range of the planned response, {low} to {high}, is that of the {found.models} "
        f"{found.whose}; the plan's own {labels.effect(totals.response_total)} lies outside of it."
    )


def _no_change(totals: Totals) -> str:
    """Why not: too small a gain, or one that other models of the run do not share."""
    found = totals.band
    if found is None or found.even_gain is None or found.agree is None:
        return (
            f"No change of the split is worth making: it would bring {_signed(totals.even_gain or 0.0)} "
            "against the current allocation of the same money, and below 1 % models of one run differ by more."
        )
    small, losing = ", and below 1 % models of one run differ by more", ""
    if found.even_gain[0] <= 0:
        small, losing = "", f"; {percent(1.0 - found.agree)} of them see no gain"
    return f"No change of the split is worth making. {_gain(totals)[:-1]}{small}{losing}."


def _between(ends: tuple[float, float]) -> str:
    return f"{_signed(ends[0])} to {_signed(ends[1])}"


def _move(row: dict[str, Any], labels: Labels) -> str:
    difference = row["spend"] - row["initial_spend"]
    text = f"{'+' if difference >= 0 else '-'}{labels.money(abs(difference))}"
    if row["spend_change"] is None:
        return text
    return f"{text}, {_signed(row['spend_change'])}"


def _bounds(rows: list[dict[str, Any]], labels: Labels) -> Iterator[str]:
    upper = [row for row in rows if row["at_bound"] == "high" and row["response"] > 0]
    if upper:
        best = max(upper, key=lambda row: row["marginal"])
        unit = labels.currency if labels.revenue else labels.kpi_name
        names = listed([row["channel"] for row in upper])
        yield (
            f"{names} {'stand' if len(upper) > 1 else 'stands'} at the upper bound; "
            f"one more {labels.currency} would bring {compact(best['marginal'])} {unit} in {best['channel']}."
        )


def _without_effect(rows: list[dict[str, Any]], labels: Labels) -> Iterator[str]:
    flat = [row for row in rows if row["initial_spend"] > 0 and _is_flat(row)]
    stopped = [row["channel"] for row in flat if row["spend"] <= _SAME * row["initial_spend"]]
    if stopped:
        have, stop = ("has", "stops") if len(stopped) == 1 else ("have", "stop")
        yield f"{listed(stopped)} {have} no effect here and {stop}."
    names = [row["channel"] for row in flat if row["channel"] not in stopped]
    if names:
        have, keep = ("has", "keeps") if len(names) == 1 else ("have", "keep")
        yield (
            f"{listed(names)} {have} no effect here and {keep} within the bounds all the same; "
            "only a lower bound of 0 lets a plan stop the spend."
        )


def _is_flat(row: dict[str, Any]) -> bool:
    """Whether neither today's spend nor one more unit of it brings anything."""
    return row["initial_response"] == 0 and row["initial_marginal"] == 0 and row["response"] == 0


def _without_spend(rows: list[dict[str, Any]]) -> Iterator[str]:
    silent = [row["channel"] for row in rows if row["initial_spend"] == 0 and row["high"] == 0]
    if silent:
        yield (
            f"{listed(silent)} had no spend in the date range, so factors give none; a bound in money would."
        )
