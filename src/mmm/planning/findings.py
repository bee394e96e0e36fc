"""What a plan says, in sentences computed from its own numbers. The first one is the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.planning.problem import Market, Space
from mmm.results.format import Labels, compact, count, listed, percent

if TYPE_CHECKING:
    from mmm.planning.allocation import Totals

#: A budget within this share of today's spend is called the same; a target within it of what is
#: reached, met.
_SAME = 1e-6
_LARGEST_MOVES = 2


def findings(
    market: Market, space: Space, channels: pa.Table, totals: Totals, labels: Labels
) -> Iterator[str]:
    """Sentences: the answer, whether a change is worth making, the largest moves, and what to know
    before acting.
    """
    rows = channels.to_pylist()
    yield _answer(totals, labels)
    yield _worth(totals, rows, labels)
    yield from _bounds(rows, labels)
    yield from _left_out(market, space, labels)
    if totals.budget is not None and totals.spend < totals.budget * (1 - _SAME):
        yield (
            f"{labels.money(totals.budget - totals.spend)} of the budget per {labels.period} stay unspent: "
            "within the bounds they bring nothing more."
        )
    today = float(market.initial.sum())
    if totals.budget is not None and space.dropped and totals.budget < today * (1 - _SAME):
        yield (
            f"{labels.money(today - totals.budget)} per {labels.period} of today's spend find no place within the "
            "other channels' bounds."
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


def _readings(totals: Totals, labels: Labels) -> Iterator[str]:
    """Why these figures are others than the report's, and what hangs on the carryover."""
    today = totals.initial_roi if labels.revenue else totals.initial_cpa
    held = totals.held_response > 0
    if today is not None and totals.summed_efficiency is not None:
        real = labels.efficiency_value(totals.summed_efficiency)
        choice = "held as it was" if held else "following the spend"
        yield (
            f"Today's {labels.efficiency} is {labels.efficiency_value(today)} here and {real} with the real periods of "
            "the range added up, as the report does: here it is read off the curve at the mean spend, with the "
            f"carryover {choice}."
        )
    if totals.even_gain is None or totals.other_gain is None:
        return
    if held and totals.response > 0:
        share = percent(totals.held_response / totals.response)
        yield f"{share} of the planned response is carryover of earlier spend, held as it was."
    other = "followed the spend" if held else "stayed as it was"
    yield (
        f"The gain over today's split of the same money depends on the carryover: {_signed(totals.even_gain)} as "
        f"planned, {_signed(totals.other_gain)} if it {other}."
    )


def _answer(totals: Totals, labels: Labels) -> str:
    money, periods = labels.money(totals.spend_total), count(totals.periods, labels.period)
    response = (
        f"{labels.effect(totals.initial_response_total)} to {labels.effect(totals.response_total)}"
    )
    change = "" if totals.response_change is None else f" ({_signed(totals.response_change)})"
    if totals.target is None:
        return f"With {money} over {periods}{_against_today(totals)} the response goes from {response}{change}."
    reached = totals.roi if labels.revenue else totals.cpa
    held = f"a {labels.efficiency} of {labels.efficiency_value(totals.target)}"
    met = reached is not None and abs(reached / totals.target - 1.0) <= _SAME
    better = (
        ""
        if met
        else f" (the bounds end at {labels.efficiency_value(reached)}, better than the target)"
    )
    return (
        f"At {held}{better}, {money} can be spent over {periods}{_against_today(totals)}: "
        f"the response goes from {response}{change}."
    )


def _against_today(totals: Totals) -> str:
    if totals.spend_change is None:
        return ""
    if abs(totals.spend_change) <= _SAME:
        return ", as much as before,"
    return f" ({_signed(totals.spend_change)})"


def _signed(change: float) -> str:
    return f"{'+' if change >= 0 else ''}{percent(change)}"


def _worth(totals: Totals, rows: list[dict[str, Any]], labels: Labels) -> str:
    if not totals.worth_making:
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
            listed = [f"{row['channel']} ({_move(row, labels)})" for row in named[:_LARGEST_MOVES]]
            parts.append(f"{word} {' and '.join(listed)}")
    gain = (
        ""
        if totals.even_gain is None
        else f" Today's split of the same money would bring {percent(totals.even_gain / (1 + totals.even_gain))} less."
    )
    if totals.band is not None and totals.band.even_gain is not None:
        gain += (
            f" Over {count(totals.band.models, 'kept model')} the plan brings {_between(totals.band.even_gain)} more "
            "than that split (nine tenths of them)."
        )
    return f"Per {labels.period}: {'; '.join(parts)}.{gain}" if parts else f"Nothing moves.{gain}"


def _no_change(totals: Totals) -> str:
    """Why not: too small a gain, or one that other models of the run do not share."""
    found = totals.band
    if found is None or found.even_gain is None or found.agree is None or found.even_gain[0] > 0:
        return (
            f"No change of the split is worth making: today's split of the same money brings only "
            f"{percent(totals.even_gain)} less, and below 1 % models of one run differ by more."
        )
    return (
        f"No change of the split is worth making: the gain of {percent(totals.even_gain)} over today's split of the "
        f"same money does not hold over the run's {count(found.models, 'kept model')}. Nine tenths of them put it at "
        f"{_between(found.even_gain)}, and {percent(1.0 - found.agree)} see none."
    )


def _between(ends: tuple[float, float]) -> str:
    return f"{_signed(ends[0])} to {_signed(ends[1])}"


def _move(row: dict[str, Any], labels: Labels) -> str:
    difference = row["spend"] - row["initial_spend"]
    text = f"{'+' if difference >= 0 else '-'}{labels.money(abs(difference))}"
    return text if row["spend_change"] is None else f"{text}, {_signed(row['spend_change'])}"


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


def _left_out(market: Market, space: Space, labels: Labels) -> Iterator[str]:
    initial = dict(zip(market.channels, market.initial, strict=True))
    if space.dropped:
        freed = sum(initial[name] for name in space.dropped)
        yield (
            f"{listed(list(space.dropped))} {'have' if len(space.dropped) > 1 else 'has'} no effect in this model and "
            f"{'get' if len(space.dropped) > 1 else 'gets'} nothing; {labels.money(freed)} per {labels.period} go "
            "to the others. Give a bound of its own, or keep channels without effect, to plan otherwise."
        )
    silent = [
        name
        for name, high in zip(market.channels, space.high, strict=True)
        if initial[name] == 0 and high == 0
    ]
    silent = [name for name in silent if name not in space.dropped]
    if silent:
        yield (
            f"{listed(silent)} had no spend in the date range, so factors give none; a bound in money would."
        )
