"""Choosing among the kept models: one for the page, up to four side by side; what people noted
about them.
"""

from __future__ import annotations

import streamlit as st

from mmm.results import candidates
from mmm.results.candidates import MODELS_LIMIT
from mmm.results.notes import TEXT_LIMIT, annotate
from mmm.results.views import view
from mmm.web.kit.text import moment, plain
from mmm.web.results.drawing import ModelViews, Shape
from mmm.web.shell.session import current_user


def chosen_model(views: ModelViews) -> str:
    """The model in the address, at first the recommended one; UserError for one that this run has
    not kept.
    """
    kept = views.kept_models
    asked = views.addressed(st.query_params.get("model", views.recommended))

    def label(model_id: str) -> str:
        marks = {"pinned": model_id in views.pinned, "recommended": model_id == views.recommended}
        return candidates.label_of(kept[model_id], [name for name, holds in marks.items() if holds])

    ids = list(kept)
    chosen = st.selectbox(
        "Model shown", ids, ids.index(asked), format_func=label, key=_key(views.run_id), width=520
    )
    if chosen != asked:
        st.query_params["model"] = chosen
    return chosen


def _key(run_id: str) -> str:
    return f"model-of-{run_id}"


def several_models(views: ModelViews, model_id: str) -> tuple[str, ...]:
    """Two to four models to look at together: at first the shown, recommended and pinned ones, then
    clusters' best.
    """
    kept = list(views.kept_models)
    first = list(
        dict.fromkeys(
            [model_id, views.recommended, *views.pinned, *views.best_of_clusters(), *kept]
        )
    )
    marked = {model_id, views.recommended, *views.pinned} & set(kept)
    chosen = st.multiselect(
        "Models side by side",
        kept,
        first[: min(MODELS_LIMIT, max(2, len(marked)))],
        max_selections=MODELS_LIMIT,
        key="compare",
        bind="query-params",
    )
    if len(chosen) < 2:
        st.info(f"Choose 2 to {MODELS_LIMIT} models.")
    return tuple(chosen)


def choose_model(views: ModelViews, model_id: str) -> None:
    """Candidates to click on, clusters, models side by side, notes."""
    _notes(views, model_id)
    shape = _filters(views)

    def picked(model: str) -> None:
        st.session_state[_key(views.run_id)] = st.query_params["model"] = model

    if view("pareto").present(views.results):
        views.draw(model_id, "pareto", shape, picked)
        st.caption(
            "Click on a point to show that model on this page; hold the pointer over it for its errors."
        )
    if view("clusters").present(views.results):
        views.draw(model_id, "clusters")
    if len(views.kept_models) < 2:
        st.info("This run has kept one model; there is none to choose it from.")
        return
    chosen = several_models(views, model_id)
    if len(chosen) > 1:
        views.draw(chosen, "side_by_side")
        st.markdown("**Fit and totals**")
        views.table(candidates.fits(views.results, chosen, views.labels), "models", "fits")


def _filters(views: ModelViews) -> Shape:
    """Which candidates the plot shows."""
    rows = views.kept_models.values()

    def asked(name: str) -> tuple[int, ...]:
        values = sorted({row[name] for row in rows if row[name] is not None})
        if not values:
            return ()
        title = name.capitalize()
        return tuple(
            st.multiselect(
                title, values, key=name, bind="query-params", placeholder="All", width=200
            )
        )

    with st.container(horizontal=True):
        return Shape(fronts=asked("front"), clusters=asked("cluster"), trials=asked("trial"))


def _notes(views: ModelViews, model_id: str) -> None:
    """Pin and notes: whoever may add to them does so here, everybody reads them."""
    if views.notes:
        with st.container(border=True):
            for note in reversed(views.notes):
                done = {True: "pinned it. ", False: "took the pin away. ", None: ""}[note.pinned]
                st.markdown(
                    f"**{plain(note.model_id)}** · {plain(note.actor)}, {moment(note.at)}: {done}{plain(note.text)}"
                )
    user = current_user()
    if not user.may("model.annotate"):
        return
    pinned = model_id in views.pinned
    form = st.form("note", clear_on_submit=True, border=False)
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input("Note on the model shown", max_chars=TEXT_LIMIT, width=480)
        add = st.form_submit_button("Add note", icon=":material/edit_note:")
        label = "Unpin" if pinned else "Pin this model"
        pin = st.form_submit_button(
            label, icon=":material/keep_off:" if pinned else ":material/keep:"
        )
    if add or pin:
        annotate(
            views.workspace,
            views.run_id,
            model_id,
            user,
            text=text,
            pinned=(not pinned) if pin else None,
        )
        st.rerun()
