"""The answer of a model in five cards, for people who decide: what media earned, which channels are
certain, what to change, what moved, how far to trust it. No model's id and no measure of fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.engines.words import Confidence
from mmm.errors import UserError
from mmm.format import Labels, count, percent, ratio, span
from mmm.results import advice, bridge, frequency
from mmm.results.drawn import effects_by_draw, ends_around
from mmm.results.summary import Tables, efficiency
from mmm.results.trust import Light, Trust, trust


@dataclass(frozen=True)
class Card:
    """One of the five: a question, its answer in a few words, sentences."""

    key: str
    question: str
    headline: str
    sentences: tuple[str, ...]
    light: Light | None = None

    @property
    def light_said(self) -> str:
        """The light in brackets, to follow a text; empty without one."""
        return f" ({self.light})" if self.light else ""


@dataclass(frozen=True)
class Answer:
    cards: tuple[Card, ...]
    trust: Trust

    def card(self, key: str) -> Card:
        return next(card for card in self.cards if card.key == key)


def answer(tables: Tables, summary: Mapping[str, Any], labels: Labels) -> Answer:
    """The answer of the summary's model. `tables` are a run's results, whose advice and certificate
    are told where there are any.
    """
    found = trust(tables, summary, labels)
    cards = (
        _earned(tables, summary, labels),
        _channels(tables, summary["model"]["id"], labels),
        _change(tables, summary["model"]["id"], labels),
        _moved(tables, summary["model"]["id"], labels),
        Card("trust", "How far to trust it?", found.verdict, found.strongest, found.light),
    )
    return Answer(cards, found)


def _earned(tables: Tables, summary: Mapping[str, Any], labels: Labels) -> Card:
    totals, data = summary["totals"], summary["data"]
    if not data["paid"]:
        return _brought(tables, summary, labels)
    effect, fitted = totals["effect"]["paid"], totals["fitted"]
    low, high = paid_ends(tables, summary["model"]["id"], effect)
    window = span(date.fromisoformat(data["window_first"]), date.fromisoformat(data["window_last"]))
    share = percent(effect / fitted) if fitted else ""
    value = totals[labels.measure]
    ends: tuple[float | None, float | None] = (None, None)
    if low is not None and high is not None and totals["spend"]:
        ends = _efficiency_ends(low, high, totals["spend"], labels)
    return Card(
        "earned",
        "What did paid media earn?",
        labels.effect_band(effect, low, high),
        (
            f"That is {share} of {labels.kpi_name}, {window}, for {labels.money(totals['spend'])}.",
            f"{labels.efficiency} of all paid media: {labels.interval(value, *ends)}.",
            *_in_money(effect, totals["spend"], labels),
        ),
    )


def _in_money(effect: float, spend: float, labels: Labels) -> list[str]:
    """The ROAS of conversions whose worth is known, and the profit where the margin is."""
    worth, found = labels.revenue_per_unit, []
    if worth is None or not spend:
        return []
    if not labels.revenue:
        roas = ratio(effect * worth / spend)
        found.append(f"At {labels.money(worth)} per conversion that is a ROAS of {roas}.")
    if labels.margin is not None:
        left = effect * worth * labels.margin - spend
        word = "profit" if left >= 0.0 else "loss"
        share = percent(labels.margin)
        found.append(f"At a margin of {share} it is a {word} of {labels.money(abs(left))}.")
    return found


def _brought(tables: Tables, summary: Mapping[str, Any], labels: Labels) -> Card:
    """In the place of what paid media earned, where a model has no paid channel."""
    totals, data = summary["totals"], summary["data"]
    effect, fitted = totals["effect"]["organic"], totals["fitted"]
    low, high = paid_ends(tables, summary["model"]["id"], effect, "organic")
    window = span(date.fromisoformat(data["window_first"]), date.fromisoformat(data["window_last"]))
    share = percent(effect / fitted) if fitted else ""
    sentences = (
        f"That is {share} of {labels.kpi_name}, {window}.",
        f"The model has no paid channel: no {labels.efficiency} comes of it.",
    )
    question = "What did organic media bring?"
    return Card("earned", question, labels.effect_band(effect, low, high), sentences)


def paid_ends(
    tables: Tables, model_id: str, effect: float, kind: str = "paid"
) -> tuple[float | None, float | None]:
    """The 90 % interval of all paid (or organic) media together over the window; None where nothing
    tells it.
    """
    found = effects_by_draw(tables, model_id)
    if found is None:
        return None, None
    rows = tables["channels"].select(["channel", "kind"]).to_pylist()
    paid = {row["channel"] for row in rows if row["kind"] == kind}
    places = [number for number, name in enumerate(found.names) if name in paid]
    total = found.effects[:, places].sum(axis=(1, 2), dtype=float)
    return ends_around(effect, np.asarray(total), found.weights)


def _efficiency_ends(
    low: float, high: float, spend: float, labels: Labels
) -> tuple[float | None, float | None]:
    if labels.revenue:
        return low / spend, high / spend
    return spend / high if high > 0 else None, spend / low if low > 0 else None


def _channels(tables: Tables, model_id: str, labels: Labels) -> Card:
    question = "Which channels are certain?"
    rows = efficiency(tables, model_id, labels).to_pylist()
    if not rows:
        return Card("channels", question, "No paid channel", ("No money was spent on any.",))
    certain = certain_channels([row for row in rows if row["value"]])
    vague = [row for row in rows if row["confidence"] == Confidence.INCONCLUSIVE]
    rest = f"Inconclusive: {len(vague)} of {count(len(rows), 'channel')}; test before moving money."
    if not certain:
        return Card("channels", question, "None", (rest,))
    best, weakest = certain[0], certain[-1]
    if best is weakest:
        headline, said = best["channel"], [f"Only {_told(best, labels)} is certain."]
    else:
        headline = f"Best {best['channel']}, weakest {weakest['channel']}"
        said = [f"Best: {_told(best, labels)}.", f"Weakest: {_told(weakest, labels)}."]
    if vague:
        said.append(rest)
    return Card("channels", question, headline, tuple(said))


def certain_channels(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Channels of high confidence, best first as given; of medium where fewer than two are high."""
    high = [row for row in rows if row["confidence"] == Confidence.HIGH]
    if len(high) > 1:
        return high
    return [row for row in rows if row["confidence"] in (Confidence.HIGH, Confidence.MEDIUM)]


def _told(row: dict[str, Any], labels: Labels) -> str:
    value = labels.interval(row["value"], row["low"], row["high"])
    return f"{row['channel']}, {labels.efficiency} {value}, confidence {row['confidence']}"


def _change(tables: Tables, model_id: str, labels: Labels) -> Card:
    found: advice.Advice | None = getattr(tables, "advice", None)
    said = advice.sentences(found, labels)
    if frequency.known(tables):
        said = [*said, *frequency.sentences(frequency.frequency(tables, model_id, labels), labels)]
    headline = advice.headline(found, labels)
    return Card("change", "What to change next quarter?", headline, tuple(said))


def _moved(tables: Tables, model_id: str, labels: Labels) -> Card:
    question = f"Why did {labels.kpi_name} move?"
    try:
        asked = bridge.default_of(tables, model_id, labels)
    except UserError as error:
        return Card("moved", question, "Nothing to compare", (str(error),))
    numbers = bridge.bridge(tables, model_id, labels, asked)
    before, after = bridge.recorded(numbers)
    share = f" ({advice.signed_share((after - before) / before)})" if before else ""
    headline = f"{bridge.signed(after - before, labels)}{share}"
    return Card(
        "moved",
        question,
        headline,
        (f"{bridge.title_of(asked)}.", bridge.finding(numbers, labels)),
    )


def card_table(found: Answer) -> pa.Table:
    """The cards as rows: question, answer, what it rests on."""
    columns = {"question": [], "answer": [], "detail": []}  # type: dict[str, list[str]]
    for card in found.cards:
        columns["question"].append(card.question)
        columns["answer"].append(card.headline)
        columns["detail"].append(" ".join(card.sentences))
    return pa.table(columns)
