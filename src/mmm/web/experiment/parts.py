"""The parts of the experiment's page, in the order in which they are filled in."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mmm.data.holidays import countries
from mmm.data.references import dataset_name
from mmm.engines import DEFAULT_ENGINE, ENGINES
from mmm.experiments.config import presets
from mmm.experiments.settings_form import FormField, form_fields
from mmm.format import count
from mmm.web.experiment.draft import OWN, PROPOSED, Draft
from mmm.web.experiment.fields import Form
from mmm.web.kit.text import plain, plain_lines
from mmm.web.shell import links
from mmm.web.shell.session import workspace
from mmm.workspace import DatasetManifest

_SIGNS = ("unconstrained", "positive", "negative")
_SIGN_NAMES = {name: name for name in _SIGNS}
#: Settings that have a place of their own; the others stand under "Advanced".
SEARCH, CURVES, VALIDATION = ("trials", "iterations", "seed"), ("adstock",), "validation"


def data_part(form: Form, manifests: list[DatasetManifest]) -> None:
    """Dataset, mapping, window, country, currency."""
    draft = form.draft
    st.subheader("Data")
    named = {dataset_name(manifest): manifest for manifest in manifests}
    chosen = draft.dataset
    left, right = st.columns(2)
    with left:
        key = draft.key(("dataset",))
        st.selectbox(
            "Dataset",
            list(named),
            index=list(named).index(chosen) if chosen in named else None,
            format_func=lambda name: _dataset_label(named[name]),
            key=key,
            on_change=lambda: draft.choose_dataset(named[st.session_state[key]]),
        )
        form.tell("dataset")
    with right:
        _mapping_choice(form, named.get(chosen))
    _mapping_in_words(form)
    form.text(("name",), "Name", placeholder="What this run is called in lists and reports")
    start, end, country, currency = st.columns(4)
    with start:
        form.day(("window", "start"), "Window from", "window.start", help="Open: the data's start.")
    with end:
        form.day(("window", "end"), "Window to", "window.end", help="Open: the data's end.")
    with country:
        form.choice(("country",), "Country of holidays", countries(), None, placeholder="none")
        form.tell("country")
    with currency:
        form.text(
            ("currency",),
            "Currency",
            max_chars=3,
            help="Three capital letters such as EUR.",
            placeholder="such as EUR",
        )
        if draft.filled.currency_from and draft.get(("currency",)):
            st.caption(plain(f"{draft.get(('currency',))}: {draft.filled.currency_from}."))
    form.shown.append("window.start")
    _window_itself(form)
    _worth(form)
    _more_holidays(form)


def _worth(form: Form) -> None:
    """What a conversion is worth, or how much of the revenue is profit."""
    draft = form.draft
    if draft.get(("mapping", "kpi_kind")) == "conversion":
        form.number(
            ("value_per_conversion",),
            "Worth of one conversion, in the currency",
            help="Turns conversions into money, so that channels have a ROAS; empty: CPA only.",
            placeholder="left open",
        )
        form.tell("value_per_conversion")
        if draft.get(("value_per_conversion",)) is None:
            form.shown.append("margin")
            return
    form.number(
        ("margin",),
        "Margin: profit in one unit of revenue, 0 to 1",
        help="0.4 when 40 of 100 are left after the cost of goods; empty: profit is not shown.",
        placeholder="left open",
    )
    form.tell("margin")


def _more_holidays(form: Form) -> None:
    """Countries and regions beside the first country."""
    draft, path = form.draft, ("more_holidays",)
    given = draft.get(path, [])
    chosen = []
    if isinstance(given, list):
        chosen = [code for code in given if isinstance(code, str)]
    key = draft.key(path)
    st.multiselect(
        "More countries and regions with holidays",
        list(dict.fromkeys([*countries(), *chosen])),
        chosen,
        key=key,
        placeholder="none; a region is written like DE-BY",
        accept_new_options=True,
        on_change=lambda: draft.put(path, list(st.session_state[key]), []),
    )
    form.tell("more_holidays")


def _window_itself(form: Form) -> None:
    """What is wrong with both ends together; each end's own stands under it."""
    form.shown.append("window")
    for finding in form.found.findings:
        if finding.where == "window":
            tell = st.error if finding.level == "error" else st.warning
            tell(plain(f"Window: {finding.what} {finding.fix}"), icon=f":material/{finding.level}:")


def _dataset_label(manifest: DatasetManifest) -> str:
    return f"{dataset_name(manifest)} · {count(manifest.rows, 'row')} · {manifest.origin} · {manifest.created:%Y-%m-%d}"


def _mapping_choice(form: Form, manifest: DatasetManifest | None) -> None:
    draft = form.draft
    saved = [
        f"{name}@{max(workspace().mapping_versions(name))}" for name in workspace().mapping_names()
    ]
    first = [OWN, PROPOSED] if draft.mapping == OWN else [PROPOSED]
    options = list(dict.fromkeys([*first, *saved, draft.mapping]))
    words = {OWN: "As in what this began with", PROPOSED: "Proposed from the data"}
    key = draft.key(("mapping",))

    def chosen() -> None:
        if manifest is not None:
            draft.choose_mapping(st.session_state[key], manifest)

    st.selectbox(
        "Mapping of its columns",
        options,
        index=options.index(draft.mapping),
        format_func=lambda name: words.get(name, name),
        key=key,
        on_change=chosen,
    )
    if draft.problem:
        stays = "\nThe mapping stays as it was." if draft.get(("mapping",)) else ""
        st.error(plain_lines(f"{draft.problem}{stays}"), icon=":material/error:")
        asked = dataset_name(manifest) if manifest is not None else ""
        links.link(links.MAP, "Map columns", icon=":material/table_edit:", dataset=asked)
    if draft.notes:
        with st.expander(
            f"{count(len(draft.notes), 'difference')} from the data it was saved with"
        ):
            for note in draft.notes:
                st.markdown(f"- {plain(note)}")


def _mapping_in_words(form: Form) -> None:
    """Which column is what, and what is wrong with any of them."""
    mapping = form.draft.get(("mapping",), {})
    if isinstance(mapping, dict):
        kpi, kind = mapping.get("kpi", "–"), mapping.get("kpi_kind", "revenue")
        said = [f"KPI {plain(str(kpi))} ({plain(str(kind))})"]
        said.append(f"dates {plain(str(mapping.get('date', '–')))}")
        columns = {"paid": [_paid_name(item) for item in _rows(mapping, "paid")]}
        for role in ("organic", "context", "factors"):
            columns[role] = [str(item.get("column")) for item in _rows(mapping, role)]
        for role, names in columns.items():
            if names:
                said.append(f"{role} {', '.join(plain(name) for name in names)}")
        st.caption(" · ".join(said))
    form.tell(
        "mapping",
        "table",
        *{finding.where for finding in form.found.findings if finding.where.startswith("column ")},
    )


def _paid_name(item: dict[str, Any]) -> str:
    spend, exposure, frequency = (item.get(key) for key in ("spend", "exposure", "frequency"))
    if not exposure or exposure == spend:
        return str(spend)
    if frequency:
        return f"{spend} (by {exposure} and {frequency})"
    return f"{spend} (by {exposure})"


def _rows(mapping: Any, role: str) -> list[dict[str, Any]]:
    rows = mapping.get(role) if isinstance(mapping, dict) else None
    if isinstance(rows, list | tuple):
        return [row for row in rows if isinstance(row, dict)]
    return []


def engine_of(draft: Draft) -> str:
    engine = draft.get(("engine",), DEFAULT_ENGINE)
    return engine if engine in ENGINES else DEFAULT_ENGINE


def search_part(form: Form) -> None:
    """Engine, preset, size of the search, seed."""
    draft, engine = form.draft, engine_of(form.draft)
    st.subheader("Search")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(ENGINES) > 1 or draft.get(("engine",), DEFAULT_ENGINE) not in ENGINES:
            form.choice(("engine",), "Engine", list(ENGINES), DEFAULT_ENGINE)
        _preset(draft, engine)
    form.tell("engine")
    fields = [field for field in form_fields(engine) if field.name in SEARCH]
    for column, field in zip(st.columns(len(SEARCH)), fields, strict=False):
        with column:
            form.setting(field)


def _preset(draft: Draft, engine: str) -> None:
    """The preset whose settings these are, if it is one; choosing another takes its settings."""
    known = presets(engine)
    if not known:
        return
    defaults = {field.name: field.default for field in form_fields(engine)}
    now = {name: draft.get(("settings", name), default) for name, default in defaults.items()}
    is_one = None
    for name, values in known.items():
        if all(now[key] == value for key, value in values.items()):
            is_one = name
            break
    key = draft.key(("preset",), f"-{is_one}")

    def take() -> None:
        for name, value in known.get(st.session_state[key] or "", {}).items():
            draft.put(("settings", name), value, defaults[name])
        draft.generation += 1

    st.segmented_control("Preset", list(known), default=is_one, key=key, on_change=take)


def media_names(draft: Draft) -> list[str]:
    """Channels and organic variables, by the names an engine calls them."""
    mapping = draft.get(("mapping",), {})
    return [
        *(str(item.get("spend")) for item in _rows(mapping, "paid")),
        *(str(item.get("column")) for item in _rows(mapping, "organic")),
    ]


def curve_fields(engine: str) -> tuple[list[FormField], tuple[FormField, ...]]:
    """(general fields, a channel's own fields): those that the engine lets each medium have for
    itself.
    """
    fields = form_fields(engine)
    own = next((field.parts for field in fields if field.kind == "by_medium"), ())
    names = {field.name for field in own} or {"adstock"}
    return [field for field in fields if field.name in names], own


def _used(fields: list[FormField] | tuple[FormField, ...], kind: str) -> list[FormField]:
    """Without the decay parameters that the kind of adstock does not have."""
    unused = {"shape", "scale"} if kind == "geometric" else {"theta"}
    return [field for field in fields if field.name not in unused]


_CURVES_SAID = "How long an effect may last and how it may saturate. The search looks for values within the ranges."
_PRIORS_SAID = (
    "What you know of a channel before the data: each range holds the truth with nine in ten. What is left open "
    "follows from the spend and from all channels together."
)


def curves_part(form: Form, preview: Any) -> None:
    """Ranges for all media and for one at a time, with what they allow drawn beside them."""
    draft, engine = form.draft, engine_of(form.draft)
    general, own = curve_fields(engine)
    if not general and not own:
        return
    st.subheader("Curves of the media" if general else "What is expected of the media")
    st.markdown(_CURVES_SAID if general else _PRIORS_SAID)
    names = media_names(draft)
    changed = []
    if own:
        changed = [name for name in names if draft.get(("settings", "media", name))]
    of_all = "All media"
    options = [of_all, *names] if own else [of_all]
    key = draft.key(("curves",), "-of")
    last = st.session_state.get("curves-of")
    st.session_state.setdefault(key, last if last in options else of_all)
    chosen = st.selectbox(
        "Ranges of",
        options,
        format_func=lambda name: f"{name} · has its own" if name in changed else name,
        key=key,
    )
    st.session_state["curves-of"] = chosen
    left, right = st.columns([3, 2], gap="large")
    kind_of_all = str(draft.get(("settings", "adstock"), "geometric"))
    with left:
        if chosen == of_all:
            for field in _used(general, kind_of_all):
                form.setting(field)
            if not general:
                st.markdown("Choose a channel to say what is known of it.")
        else:
            kind = draft.get(("settings", "media", chosen, "adstock")) or kind_of_all
            for field in _used(own, str(kind)):
                in_general = draft.get(("settings", field.name), _default(general, field.name))
                form.setting(field, ("settings", "media", chosen), general=in_general)
    with right:
        preview(None if chosen == of_all else chosen)


def _default(fields: list[FormField], name: str) -> Any:
    return next((field.default for field in fields if field.name == name), None)


def signs_part(form: Form) -> None:
    """What direction each variable's effect may have."""
    draft = form.draft
    mapping = draft.get(("mapping",), {})
    entries = []
    for role in ("paid", "organic", "context", "factors"):
        usual = "positive" if role in ("paid", "organic") else "unconstrained"
        for number, row in enumerate(_rows(mapping, role)):
            name = str(row.get("spend") or row.get("column"))
            entries.append((role, number, name, usual))
    given = sum(
        draft.get(("mapping", role, number, "sign"), usual) != usual
        for role, number, _, usual in entries
    )
    with st.expander(f"Signs ({given} of {len(entries)} other than usual)" if given else "Signs"):
        st.markdown("Which way a variable may move the KPI. Media usually only raise it.")
        columns = st.columns(3)
        for place, (role, number, name, usual) in enumerate(entries):
            with columns[place % 3]:
                form.choice(
                    ("mapping", role, number, "sign"),
                    f"{plain(name)} ({role})",
                    _SIGNS,
                    usual,
                    format_func=_SIGN_NAMES.get,
                )


def further_parts(form: Form) -> None:
    """Validation, then every other setting of the engine."""
    fields = form_fields(engine_of(form.draft))
    general, _ = curve_fields(engine_of(form.draft))
    placed = {*SEARCH, *CURVES, VALIDATION, *(field.name for field in general)}
    for field in fields:
        if field.name == VALIDATION:
            st.subheader("Validation")
            st.markdown(
                "Hold out the last part of the window to see how the models do on data they have not seen."
            )
            form.setting(field)
    with st.expander("Advanced"):
        for field in fields:
            if field.name not in placed and field.kind != "by_medium":
                form.setting(field)
