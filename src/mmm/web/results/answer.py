"""The answer page: five cards for people who decide."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from mmm.models.advice import ensure_advice
from mmm.results.answer import Answer, Card, answer
from mmm.results.model_summary import for_model, labels_of
from mmm.results.store import RunResults
from mmm.web.kit.text import plain
from mmm.web.results.drawing import ModelViews
from mmm.web.shell import links

_COLOURS: dict[str, Literal["green", "orange", "red"]] = {
    "green": "green",
    "amber": "orange",
    "red": "red",
}
_WIDE = 2


@st.cache_data(max_entries=100, show_spinner=False)
def _answer(
    _results: RunResults, url: str, run_id: str, number: int, certificate: str, model_id: str
) -> Answer:
    summary = for_model(_results.summary, _results, model_id)
    return answer(_results, summary, labels_of(_results.summary))


def answer_of(views: ModelViews, model_id: str) -> Answer:
    """The answer of a model; the advice on it is made now where it has not been yet, or where the
    run has been certified since.
    """
    kept, certificate = views.results.advice, views.address[-1]
    if kept is None or kept.certificate != certificate:
        with st.spinner("Working out what to change"):
            ensure_advice(views.workspace, views.run_id, views.results)
    return _answer(views.results, *views.address, model_id)


def draw_answer(views: ModelViews, model_id: str) -> None:
    """The five cards, two beside each other where there is room."""
    found = answer_of(views, model_id)
    cards = list(found.cards)
    for start in range(0, len(cards), _WIDE):
        row = cards[start : start + _WIDE]
        for card, column in zip(row, st.columns(len(row)), strict=True):
            with column, st.container(border=True, height="stretch"):
                _card(views, model_id, card)


def _card(views: ModelViews, model_id: str, card: Card) -> None:
    st.caption(plain(card.question))
    if card.light is not None:
        st.badge(str(card.light), icon=":material/traffic:", color=_COLOURS[card.light])
    st.subheader(plain(card.headline), anchor=card.key)
    for sentence in card.sentences:
        st.markdown(plain(sentence))
    run = views.run_id
    if card.key == "change":
        links.link(links.PLAN, "Plan a budget", icon=":material/payments:", run=run, model=model_id)
    if card.key == "moved":
        _part(views, "What moved", "See every part")
    if card.key == "trust":
        _part(views, "Certificate", "The certificate")


def _part(views: ModelViews, part: str, label: str) -> None:
    links.link(links.RESULTS, label, icon=":material/arrow_forward:", run=views.run_id, part=part)
