"""Two to four runs side by side: what each says, where they agree, and what cannot be compared.
Pure.

Agreement is judged by one rule (`RULE`): on a channel, runs agree when all intervals given for it
share a value. A channel is known by its name. What an engine did not give is said to be not given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from mmm.errors import UserError
from mmm.format import Labels, count, fixed, percent
from mmm.results.model_summary import labels_of

LETTERS = "ABCD"
FEWEST, MOST = 2, len(LETTERS)
NOT_GIVEN, NOT_MODELLED = "not given", "not modelled"
#: Shares that differ by no more than this are called alike.
SHARE_GAP = 0.05
RULE = (
    "Runs agree on a channel when the intervals of all runs that give one for it have a value in common; with fewer "
    "than two intervals nothing is judged. Shares are called alike when they differ by at most 5 points. An interval "
    "is the spread of a run's models, not a confidence interval."
)
#: Parts of the fitted KPI, as they are stacked.
PARTS = ("baseline", "context", "organic", "paid")


@dataclass(frozen=True)
class Side:
    """One run: its summary (model_summary.json), the seconds its attempt took and its peak memory
    in bytes.
    """

    letter: str
    run_id: str
    name: str
    summary: Mapping[str, Any]
    seconds: float | None = None
    memory_bytes: float | None = None

    @property
    def labels(self) -> Labels:
        return labels_of(self.summary)

    @property
    def title(self) -> str:
        return f"{self.letter}: {self.name or self.run_id}"

    def paid(self) -> dict[str, Mapping[str, Any]]:
        return {row["channel"]: row for row in self.summary["channels"] if row["kind"] == "paid"}

    def share(self, part: str) -> float | None:
        """A part's share of the fitted KPI."""
        totals = self.summary["totals"]
        if totals["fitted"]:
            return totals["effect"][part] / totals["fitted"]
        return None


@dataclass(frozen=True)
class ChannelOf:
    """What one side says of one paid channel. `value` is ROAS or CPA; None where it is not given."""

    channel: str
    letter: str
    modelled: bool
    spend_share: float | None = None
    effect_share: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    text: str = NOT_MODELLED

    @property
    def end(self) -> float | None:
        """Where the interval ends: nowhere for a CPA whose effect may be none."""
        if self.high is None and self.value is not None:
            return math.inf
        return self.high


@dataclass(frozen=True)
class Comparison:
    """The sides and what can be said of them together.

    `limits` say what cannot be compared and why; `channels` has an entry per channel and side, the
    largest spend first; `verdicts` is a channel's "agree", "differ", "not judged" or "one run
    only".
    """

    sides: tuple[Side, ...]
    limits: tuple[str, ...]
    channels: tuple[ChannelOf, ...]
    verdicts: Mapping[str, str]
    findings: tuple[str, ...]

    @property
    def one_measure(self) -> bool:
        """Whether the runs' values of a channel can be drawn on one axis."""
        return _efficiency_comparable(self.sides)

    @property
    def efficiency(self) -> str:
        """ROAS or CPA; both where the runs' KPIs are of different kinds."""
        return " or ".join(dict.fromkeys(side.labels.efficiency for side in self.sides))

    def channel_rows(self) -> list[tuple[str, ...]]:
        """A row per channel: name, ROAS or CPA of each side, share of the paid effect of each side,
        verdict.
        """
        rows = []
        for name, found in _by_channel(self.channels).items():
            values = [item.text for item in found]
            shares = [
                percent(item.effect_share) if item.modelled else NOT_MODELLED for item in found
            ]
            rows.append((name, *values, *shares, self.verdicts[name]))
        return rows

    def channel_headings(self) -> tuple[str, ...]:
        values = [f"{side.letter} {side.labels.efficiency}" for side in self.sides]
        return (
            "Channel",
            *values,
            *(f"{side.letter} share of effect" for side in self.sides),
            "Verdict",
        )

    def facts(self) -> list[tuple[str, ...]]:
        """A row per measure: what it is, then each side's value as text."""
        return [(name, *map(shown, self.sides)) for name, shown in _FACTS.items()]

    def settings(self) -> list[tuple[str, ...]]:
        """A row per setting in which the sides differ."""
        flat = [dict(_flat(_setup(side))) for side in self.sides]
        names = dict.fromkeys(name for settings in flat for name in settings)
        rows = []
        for name in names:
            texts = [_text(settings.get(name, NOT_GIVEN)) for settings in flat]
            if len(set(texts)) > 1:
                rows.append((name, *texts))
        return rows


def compare(sides: Sequence[Side]) -> Comparison:
    """Put two to four runs side by side; UserError for fewer, more, or one twice."""
    if not FEWEST <= len(sides) <= MOST:
        fix = "Choose runs that have succeeded."
        raise UserError(
            f"{FEWEST} to {MOST} runs can be compared; got {len(sides)}.", where="runs", fix=fix
        )
    if len({side.run_id for side in sides}) < len(sides):
        raise UserError("the same run is named twice.", where="runs", fix="Name different runs.")
    limits = _limits(sides)
    judged = _efficiency_comparable(sides)
    channels = tuple(_channels(sides))
    grouped = _by_channel(channels)
    verdicts = dict.fromkeys(grouped, "not judged")
    findings: list[str] = []
    if judged:
        verdicts = {name: _verdict(found) for name, found in grouped.items()}
        findings += _agreement(sides, grouped, verdicts)
        findings += _ranking(sides)
    findings.append(_shares(sides))
    findings += _missing(sides, grouped)
    return Comparison(tuple(sides), tuple(limits), channels, verdicts, tuple(findings))


def _limits(sides: Sequence[Side]) -> list[str]:
    labels = [side.labels for side in sides]
    kinds = {one.kpi_kind for one in labels}
    currencies = {one.currency for one in labels}
    kpis = {one.kpi_name for one in labels}
    steps = {one.step_days for one in labels}
    windows = {
        (side.summary["data"]["window_first"], side.summary["data"]["window_last"])
        for side in sides
    }
    found = []
    if len(kinds) > 1:
        found.append(
            "One models revenue and another conversions: ROAS and CPA have no common measure and are not judged."
        )
    elif len(currencies) > 1 and not sides[0].labels.revenue:
        found.append(
            f"Their currencies differ ({', '.join(sorted(currencies))}): a CPA is money, so CPAs are shown, not judged."
        )
    elif len(currencies) > 1:
        found.append(
            f"Their currencies differ ({', '.join(sorted(currencies))}): amounts cannot be compared; a ROAS is a ratio "
            "of amounts in one currency and can."
        )
    if len(kpis) > 1:
        found.append(
            f"They explain different KPIs ({', '.join(sorted(kpis))}): effects are shares of each one's own."
        )
    if len(steps) > 1:
        found.append("Their periods differ in length, so fit errors per period do not compare.")
    if len(windows) > 1:
        found.append("Their windows differ: part of what differs is the time, not the model.")
    return found


def _efficiency_comparable(sides: Sequence[Side]) -> bool:
    labels = [side.labels for side in sides]
    same_kind = len({label.kpi_kind for label in labels}) == 1
    return same_kind and (labels[0].revenue or len({label.currency for label in labels}) == 1)


def _channels(sides: Sequence[Side]) -> Iterator[ChannelOf]:
    paid = [side.paid() for side in sides]
    shares: dict[str, list[float]] = {}
    for rows in paid:
        for name, row in rows.items():
            shares.setdefault(name, []).append(row["spend_share"] or 0.0)
    for name in sorted(shares, key=lambda name: (-max(shares[name]), name)):
        for side, rows in zip(sides, paid, strict=True):
            yield _channel(name, side, rows.get(name))


def _channel(name: str, side: Side, row: Mapping[str, Any] | None) -> ChannelOf:
    if row is None:
        return ChannelOf(name, side.letter, modelled=False)
    measure = side.labels.measure
    value, low, high = row[measure], row[f"{measure}_low"], row[f"{measure}_high"]
    text = NOT_GIVEN if value is None else side.labels.interval(value, low, high)
    return ChannelOf(
        name, side.letter, True, row["spend_share"], row["effect_share"], value, low, high, text
    )


def _by_channel(channels: Sequence[ChannelOf]) -> dict[str, list[ChannelOf]]:
    found: dict[str, list[ChannelOf]] = {}
    for item in channels:
        found.setdefault(item.channel, []).append(item)
    return found


def _verdict(found: Sequence[ChannelOf]) -> str:
    """See `RULE`."""
    if sum(item.modelled for item in found) < FEWEST:
        return "one run only"
    lows, highs = [], []
    for item in found:
        if item.low is not None and item.end is not None:
            lows.append(item.low)
            highs.append(item.end)
    if len(lows) < FEWEST:
        return "not judged"
    return "agree" if max(lows) <= min(highs) else "differ"


def _agreement(
    sides: Sequence[Side], grouped: Mapping[str, list[ChannelOf]], verdicts: Mapping[str, str]
) -> Iterator[str]:
    agree = [name for name in grouped if verdicts[name] == "agree"]
    differ = [name for name in grouped if verdicts[name] == "differ"]
    judged = len(agree) + len(differ)
    if not judged:
        yield "Nothing can be said of agreement: no channel has an interval in two runs."
        return
    efficiency = sides[0].labels.efficiency
    if not differ:
        which = "all " if judged > 1 else "the "
        yield f"The runs agree on the {efficiency} of {which}{count(judged, 'paid channel')}."
        return
    yield f"The runs agree on the {efficiency} of {len(agree)} of {count(judged, 'paid channel')}."
    for name in differ:
        told = [f"{item.letter} {item.text}" for item in grouped[name] if item.modelled]
        yield f"They differ on {name}: {', '.join(told)}."


def _ranking(sides: Sequence[Side]) -> Iterator[str]:
    """Which channel each run puts first, of those that all of them model and give a value for."""
    paid = [side.paid() for side in sides]
    measure = sides[0].labels.measure
    common = list(paid[0])
    for rows in paid:
        common = [name for name in common if name in rows and rows[name][measure] is not None]
    if len(common) < 2:
        return
    pick = max if measure == "roi" else min
    best = [pick(common, key=lambda name: rows[name][measure]) for rows in paid]
    efficiency = sides[0].labels.efficiency
    if len(set(best)) == 1:
        yield f"All put {best[0]} first by {efficiency}."
    else:
        told = ", ".join(f"{side.letter} {name}" for side, name in zip(sides, best, strict=True))
        yield f"They put different channels first by {efficiency}: {told}."


def _shares(sides: Sequence[Side]) -> str:
    shares = {side.letter: side.share("baseline") for side in sides}
    told = ", ".join(f"{letter} {percent(share)}" for letter, share in shares.items())
    known = [share for share in shares.values() if share is not None]
    if len(known) < len(sides):
        return f"The baseline's share of the KPI: {told}."
    alike = "alike"
    if max(abs(a - b) for a, b in combinations(known, 2)) > SHARE_GAP:
        alike = "not alike"
    return f"The baseline's share of the KPI is {alike}: {told}."


def _missing(sides: Sequence[Side], grouped: Mapping[str, list[ChannelOf]]) -> Iterator[str]:
    for side in sides:
        names = []
        for name, found in grouped.items():
            modelled = {item.letter: item.modelled for item in found}
            if not modelled.get(side.letter, True):
                names.append(name)
        if names:
            yield f"{side.letter} does not model {', '.join(names)}."


def _setup(side: Side) -> dict[str, Any]:
    """What the run was asked to do."""
    summary, data = side.summary, side.summary["data"]
    origin = summary["provenance"]
    return {
        "engine": f"{summary['engine']['name']} {summary['engine']['version']}",
        "dataset": f"{origin.get('market', '')}/{origin.get('dataset_id', '')}",
        "window": f"{data['window_first']} to {data['window_last']}",
        "KPI": f"{summary['kpi']['name']} ({summary['kpi']['kind']})",
        "currency": summary["kpi"]["currency"],
        "country": summary["country"],
        "paid": data["paid"],
        "organic": data["organic"],
        "context": data["context"],
        "lift tests": data["lift_tests"],
        **summary["settings"],
    }


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value in (None, {}, "") else str(value)


def _fit(name: str, *, share: bool = False) -> Any:
    def shown(side: Side) -> str:
        value = side.summary["model"]["fit"].get(name)
        if value is None:
            return NOT_GIVEN
        return percent(value) if share else fixed(value, 4)

    return shown


def _part(part: str) -> Any:
    return lambda side: percent(side.share(part)) if side.share(part) is not None else NOT_GIVEN


def _total(side: Side) -> str:
    value = side.summary["totals"][side.labels.measure]
    if value is None:
        return NOT_GIVEN
    return f"{side.labels.efficiency} {side.labels.efficiency_value(value)}"


#: What is told of each side beyond its channels.
_FACTS: dict[str, Any] = {
    "Engine": lambda side: f"{side.summary['engine']['name']} {side.summary['engine']['version']}",
    "Window": lambda side: (
        f"{side.summary['data']['window_first']} to {side.summary['data']['window_last']}"
    ),
    "Model": lambda side: str(side.summary["model"]["id"]),
    "Paid spend": lambda side: side.labels.money(side.summary["totals"]["spend"]),
    "All paid media": _total,
    "Share of the KPI: baseline": _part("baseline"),
    "Share of the KPI: context": _part("context"),
    "Share of the KPI: organic media": _part("organic"),
    "Share of the KPI: paid media": _part("paid"),
    "Adjusted R2, training": _fit("rsq_train", share=True),
    "R2, validation": _fit("rsq_val", share=True),
    "R2, test": _fit("rsq_test", share=True),
    "NRMSE, training": _fit("nrmse_train"),
    "NRMSE, validation": _fit("nrmse_val"),
    "NRMSE, test": _fit("nrmse_test"),
    "DECOMP.RSSD": _fit("decomp_rssd"),
    "Error against lift tests": _fit("calibration_error", share=True),
    "Candidates": lambda side: f"{side.summary['candidates']['evaluated']:,}",
    "Took": lambda side: NOT_GIVEN if side.seconds is None else f"{side.seconds:,.0f} s",
    "CPUs": lambda side: str(side.summary["provenance"].get("cpus") or NOT_GIVEN),
    "Peak memory": lambda side: (
        NOT_GIVEN if not side.memory_bytes else f"{side.memory_bytes / 1024**2:,.0f} MB"
    ),
}
