"""A model's answer as slides: native charts and tables that can be edited, with an own title, logo
and colour.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from mmm.format import Labels, cell, heading
from mmm.formulas import neutral
from mmm.results import advice, bridge
from mmm.results.answer import Answer, answer
from mmm.results.branding import Look
from mmm.results.charts import BLUE, GREY, ORANGE
from mmm.results.model_summary import labels_of, warnings_of
from mmm.results.report import PLAN_HEADINGS, facts, plan_rows
from mmm.results.slide_parts import Deck
from mmm.results.summary import Tables, channels, curves, efficiency, money_columns
from mmm.results.trust import warning_line

#: More curves than this in one chart cannot be told apart: the rest get slides of their own.
_CURVES = 6
#: Rows of a table that a slide holds.
_ROWS = 14
_KEY_COLUMNS = (
    "channel",
    "spend",
    "contribution",
    "value",
    "low",
    "high",
    "marginal",
    "confidence",
)


def render_slides(tables: Tables, summary: Mapping[str, Any], look: Look | None = None) -> bytes:
    """The deck on the summary's model: answer, bridge, ROAS, curves, plan, trust, appendix."""
    look = look or Look()
    summary = look.applied(summary)
    labels = labels_of(summary)
    found = answer(tables, summary, labels)
    title = summary["title"] or f"Marketing mix model of {labels.kpi_name}"
    logo = None if look.logo is None else base64.b64decode(look.logo.printed().partition(",")[2])
    deck = Deck(title, look.accent or BLUE, logo, warning_line(found.trust))
    _answer(deck, found, title)
    _bridge(deck, tables, summary, labels, found)
    _efficiency(deck, tables, summary, labels, found)
    _curves(deck, tables, summary, labels)
    _plan(deck, tables, labels, found)
    _trust(deck, summary, found)
    _appendix(deck, tables, summary, labels)
    return deck.saved()


def _answer(deck: Deck, found: Answer, title: str) -> None:
    deck.slide(title)
    for number, card in enumerate(found.cards):
        deck.card(number, f"{card.question}{card.light_said}", card.headline, card.sentences)


def _bridge(
    deck: Deck, tables: Tables, summary: Mapping[str, Any], labels: Labels, found: Answer
) -> None:
    card = found.card("moved")
    model_id = summary["model"]["id"]
    if len(card.sentences) < 2:
        return
    rows = bridge.bridge(tables, model_id, labels).to_pylist()
    moved = [row for row in rows if row["difference"]]
    series = {
        "By spend": [row["spend_effect"] for row in moved],
        "By efficiency": [row["efficiency_effect"] for row in moved],
        "Other": [row["difference"] if row["spend_effect"] is None else None for row in moved],
    }
    deck.slide(f"{card.question} {card.headline}")
    deck.text(card.sentences)
    names = [neutral(row["component"]) for row in moved]
    colours = (BLUE, ORANGE, GREY)
    deck.bars(names, series, colours, f"Difference of {labels.effect_unit}", stacked=True)


def _efficiency(
    deck: Deck, tables: Tables, summary: Mapping[str, Any], labels: Labels, found: Answer
) -> None:
    numbers = efficiency(tables, summary["model"]["id"], labels)
    rows = numbers.to_pylist()
    if all(row["value"] is None for row in rows):
        return
    card = found.card("channels")
    deck.slide(f"{labels.efficiency} per channel")
    deck.text([card.headline, *card.sentences])
    names = [neutral(row["channel"]) for row in rows]
    series = {labels.efficiency: [row["value"] for row in rows]}
    deck.bars(names, series, (deck.accent,), labels.efficiency, half=True)
    heads = ("Channel", f"{labels.efficiency} (90 % interval)", "Confidence")
    texts = []
    for row in rows:
        interval = labels.interval(row["value"], row["low"], row["high"])
        texts.append([row["channel"], interval, row["confidence"] or ""])
    deck.table(heads, texts[:_ROWS], half=True)


def _curves(deck: Deck, tables: Tables, summary: Mapping[str, Any], labels: Labels) -> None:
    numbers = curves(tables, summary["model"]["id"], labels)
    points: dict[str, list[tuple[float, float]]] = {}
    for row in numbers.to_pylist():
        if row["part"] == "observed":
            points.setdefault(row["channel"], []).append((row["spend"], row["response"]))
    names = list(points)
    for start in range(0, len(names), _CURVES):
        some = names[start : start + _CURVES]
        deck.slide("Response curves" if start == 0 else "Response curves, continued")
        deck.text([f"{labels.kpi_name} per {labels.period} at each spend seen in the data."])
        deck.curves(
            {neutral(name): points[name] for name in some},
            f"Spend per {labels.period} ({labels.currency})",
            f"{labels.effect_unit} per {labels.period}",
        )


def _plan(deck: Deck, tables: Tables, labels: Labels, found: Answer) -> None:
    kept = getattr(tables, "advice", None)
    card = found.card("change")
    deck.slide(f"{card.question} {card.headline}")
    rows = plan_rows(kept, labels)
    unit = f"Money per {labels.period}, each channel within 30 % of today's."
    deck.text([*card.sentences, *([unit] if rows else [])])
    _tables(deck, PLAN_HEADINGS, rows, card.question)
    if isinstance(kept, advice.Advice) and 0 < len(rows) <= _ROWS:
        names = [neutral(move.channel) for move in kept.moves]
        series = {
            "Today": [move.today for move in kept.moves],
            "Advised": [move.advised for move in kept.moves],
        }
        deck.slide("Today's money and the advised split")
        deck.bars(names, series, (GREY, deck.accent), f"{labels.currency} per {labels.period}")


def _trust(deck: Deck, summary: Mapping[str, Any], found: Answer) -> None:
    deck.slide(f"How far to trust it? {found.trust.verdict} ({found.trust.light})")
    reasons = list(found.trust.reasons)
    others = [text for text in warnings_of(summary) if text and text not in reasons]
    deck.text([f"• {text}" for text in (*reasons, *others)], tall=True)


def _appendix(deck: Deck, tables: Tables, summary: Mapping[str, Any], labels: Labels) -> None:
    rows = channels(tables, summary["model"]["id"], labels).to_pylist()
    money = [name for name in money_columns(labels) if not name.endswith(("_low", "_high"))]
    names = [*_KEY_COLUMNS[:-1], *money, _KEY_COLUMNS[-1]]
    heads = [heading(name, labels) for name in names]
    texts = []
    for row in rows:
        texts.append([cell(name, row[name], labels) for name in names])
    deck.slide("Appendix: key numbers")
    _tables(deck, heads, texts, "Appendix: key numbers")
    model = summary["model"]["id"]
    known = [*facts(summary, labels), ("Model", model), ("Run", summary["run_id"])]
    deck.slide("Appendix: what was modelled")
    _tables(deck, ("", ""), [list(pair) for pair in known], "Appendix: what was modelled")


def _tables(deck: Deck, heads: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """A table, on further slides where one does not hold it."""
    for start in range(0, len(rows), _ROWS):
        if start:
            deck.slide(f"{title}, continued")
        deck.table(heads, rows[start : start + _ROWS])
