"""Editing a recipe: its fields as plain data, validated as a whole, kept as a draft until a dataset
is made.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import streamlit as st

from mmm.data.calendar import WEEKDAYS
from mmm.data.country_names import same_country
from mmm.data.prepare.recipe import Across, Aggregate, Gap, Recipe, parse_recipe
from mmm.errors import UserError
from mmm.web.data.column_rows import rows_shown
from mmm.web.kit.tables import parsed_names
from mmm.web.kit.text import plain
from mmm.web.shell.border import border
from mmm.web.shell.form_draft import FormDraft

_AGGREGATES: dict[str, str] = {
    "sum": "Sum",
    "mean": "Mean",
    "max": "Largest",
    "last": "Last",
    "first": "First",
}
_GAPS: dict[str, str] = {
    "error": "A gap stops",
    "zero": "Fill with 0",
    "previous": "Fill from before",
    "interpolate": "Draw a line across",
}
_ACROSS: dict[str, str] = {
    "": "As over time",
    "sum": "Sum of markets",
    "mean": "Mean of markets",
    "max": "Largest",
}
_JOINS = {"one": "Only one is kept", "combine": "Joined into one", "split": "A dataset for each"}
_PERIODS = {"day": "Day", "week": "Week", "month": "Month", "quarter": "Quarter"}
_WIDTHS = (3.4, 1.4, 1.8, 1.8, 1.1)
assert set(_AGGREGATES) == set(get_args(Aggregate))  # noqa: S101 - a rule without a word would not be offered
assert set(_GAPS) == set(get_args(Gap))  # noqa: S101
assert set(_ACROSS) - {""} == set(get_args(Across))  # noqa: S101

Fields = dict[str, Any]


class RecipeEditor(FormDraft):
    """Editing of a recipe for one dataset and mapping. Fields are those of `Recipe`; they may not
    be valid yet.
    """

    def fields(self, begin: Callable[[], Recipe]) -> Fields:
        """As edited so far, here or in an earlier session; at first those of `begin`."""
        if not self.begun:
            self.begin(self.kept() or begin().model_dump(mode="json"))
        found: Fields = self.state
        return found

    def replace(self, fields: Fields) -> None:
        """Take fields that were changed elsewhere than in their widgets, and draw anew."""
        self.keep(fields, fields)
        self.redraw()

    def on_change(
        self, fields: Fields, name: str, key: str, read: Callable[[Any], Any] = lambda value: value
    ) -> Any:
        """A callback that takes one widget's value into `fields` (the recipe, or a part of it)
        under `name`.
        """

        def changed() -> None:
            fields[name] = read(st.session_state[key])
            with border():
                self.keep(self.state, self.state)

        return changed

    def select(
        self,
        label: str,
        fields: Fields,
        name: str,
        words: dict[str, str],
        where: str = "",
        *,
        bare: bool = False,
    ) -> None:
        """A box for a field that takes one of some words; "" stands for null."""
        key = self.key(name, where)
        st.selectbox(
            label,
            list(words),
            list(words).index(fields.get(name) or ""),
            words.__getitem__,
            key=key,
            on_change=self.on_change(fields, name, key, lambda value: value or None),
            label_visibility="collapsed" if bare else "visible",
            disabled=not self.may_edit,
        )


def checked(fields: Fields) -> Recipe:
    """The recipe; InvalidInput says what is wrong with the fields as they are."""
    return parse_recipe(json.dumps(fields), where="The recipe")


def periods(editor: RecipeEditor, fields: Fields, zoned: bool) -> None:
    """Period, its beginning, the window."""
    with st.container(horizontal=True):
        editor.select("Period", fields, "period", _PERIODS)
        if fields["period"] == "week":
            editor.select(
                "Weeks begin on", fields, "week_starts", {day: day.capitalize() for day in WEEKDAYS}
            )
        for name, label in (("start", "From"), ("end", "To")):
            key = editor.key(name)
            st.date_input(
                label,
                dt.date.fromisoformat(fields[name]) if fields.get(name) else None,
                min_value=dt.date(1900, 1, 1),
                max_value=dt.date(2200, 1, 1),
                key=key,
                on_change=editor.on_change(
                    fields, name, key, lambda day: day.isoformat() if day else None
                ),
                disabled=not editor.may_edit,
                help="Inclusive; empty for all the data cover.",
            )
        if zoned:
            key = editor.key("zone")
            change = editor.on_change(fields, "zone", key, lambda text: text.strip() or None)
            st.text_input(
                "Time zone of the days",
                fields.get("zone") or "",
                key=key,
                on_change=change,
                placeholder="Europe/Berlin",
                disabled=not editor.may_edit,
            )


_CALENDARS = {
    "calendar": "Calendar months",
    "4-4-5": "4-4-5 weeks",
    "4-5-4": "4-5-4 weeks",
    "5-4-4": "5-4-4 weeks",
}


def calendar_part(editor: RecipeEditor, fields: Fields) -> None:
    """What months and quarters are; asked only where the recipe makes some."""
    if fields["period"] not in ("month", "quarter"):
        return
    setting: Fields = fields.setdefault("calendar", {"kind": "calendar", "year_starts": 1})
    with st.container(horizontal=True):
        editor.select("Months are", setting, "kind", _CALENDARS)
        if setting["kind"] == "calendar":
            setting |= {"starts": None, "year_end": None}
            if fields["period"] == "quarter":
                key = editor.key("year-starts")
                st.number_input(
                    "Month the year starts with",
                    1,
                    12,
                    setting.get("year_starts") or 1,
                    key=key,
                    on_change=editor.on_change(setting, "year_starts", key),
                    disabled=not editor.may_edit,
                )
            return
        key = editor.key("calendar-starts")
        st.date_input(
            "First day of one of its years",
            dt.date.fromisoformat(setting["starts"]) if setting.get("starts") else None,
            min_value=dt.date(1900, 1, 1),
            max_value=dt.date(2200, 1, 1),
            key=key,
            on_change=editor.on_change(
                setting, "starts", key, lambda day: day.isoformat() if day else None
            ),
            disabled=not editor.may_edit,
        )


def group_rules(editor: RecipeEditor, fields: Fields, groups: Mapping[str, Sequence[str]]) -> None:
    """A rule for all columns of one role at once; single columns stay free below."""
    known = {rule["column"] for rule in fields["columns"]}
    present = {
        title: names for title, all_names in groups.items() if (names := known & set(all_names))
    }
    if not editor.may_edit or not present:
        return
    for title, names in present.items():
        about, aggregate, gap = st.columns((3.4, 1.8, 1.8), vertical_alignment="center")
        about.markdown(f"**{plain(title)}** ({len(names)})")
        for place, part, words in ((aggregate, "aggregate", _AGGREGATES), (gap, "gap", _GAPS)):
            values = {rule[part] for rule in fields["columns"] if rule["column"] in names}
            now = values.pop() if len(values) == 1 else None
            key = editor.key(f"group-{part}-{now}", title)
            place.selectbox(
                f"{part.capitalize()} of all: {plain(title)}",
                list(words),
                list(words).index(now) if now in words else None,
                words.__getitem__,
                key=key,
                placeholder="differs",
                label_visibility="collapsed",
                on_change=_set_all,
                args=(editor, fields, names, part, key),
            )


def _set_all(editor: RecipeEditor, fields: Fields, names: set[str], part: str, key: str) -> None:
    value = st.session_state[key]
    if value is None:
        return
    columns = [
        rule | {part: value} if rule["column"] in names else rule for rule in fields["columns"]
    ]
    with border():
        editor.replace(fields | {"columns": columns})


def markets(editor: RecipeEditor, fields: Fields, names: Sequence[str]) -> None:
    """Which markets of the table, and what becomes of several."""
    rule = fields.get("market")
    if not rule:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = editor.key("market-keep")
        st.multiselect(
            f"Markets of {plain(rule['column'])}",
            names,
            [name for name in rule["keep"] if name in names],
            key=key,
            placeholder="All",
            on_change=editor.on_change(rule, "keep", key),
            disabled=not editor.may_edit,
        )
        editor.select("Several markets are", rule, "join", _JOINS)
    for group in same_country(names):
        _same_market(editor, rule, group)


def _same_market(editor: RecipeEditor, rule: Fields, group: Sequence[str]) -> None:
    """Whether several names of one country are one market."""
    main, others = group[0], group[1:]
    key = editor.key("market-same", main)
    same = rule.setdefault("same", {})

    def changed() -> None:
        for name in others:
            if st.session_state[key]:
                same[name] = main
            else:
                same.pop(name, None)
        with border():
            editor.keep(editor.state, editor.state)

    st.checkbox(
        f"{plain(', '.join(others))} is the market {plain(main)} by another name",
        all(name in same for name in others),
        key=key,
        on_change=changed,
        disabled=not editor.may_edit,
    )


def column_rules(editor: RecipeEditor, fields: Fields, unused: Mapping[str, Aggregate]) -> None:
    """A row per column: rule, gap, markets, kept or not; and columns to add, with the rule they
    begin with.
    """
    rules = {rule["column"]: rule for rule in fields["columns"]}
    joined = bool(fields.get("market")) and fields["market"]["join"] == "combine"
    parts: dict[str, list[str]] = {}
    for kind, title in _AGGREGATES.items():
        columns = [column for column, rule in rules.items() if rule["aggregate"] == kind]
        if columns:
            parts[title] = columns
    for name in rows_shown(list(rules), editor.draft, parts):
        rule = rules[name]
        about, aggregate, gap, across, keep = st.columns(_WIDTHS, vertical_alignment="center")
        about.markdown(f"**{plain(name)}**")
        with aggregate:
            editor.select(f"Rule of {plain(name)}", rule, "aggregate", _AGGREGATES, name, bare=True)
        with gap:
            editor.select(f"Gaps of {plain(name)}", rule, "gap", _GAPS, name, bare=True)
        if joined:
            with across:
                editor.select(f"Markets of {plain(name)}", rule, "across", _ACROSS, name, bare=True)
        key = editor.key("keep", name)
        change = editor.on_change(rule, "keep", key)
        keep.checkbox("Keep", rule["keep"], key=key, on_change=change, disabled=not editor.may_edit)
    if editor.may_edit and unused:
        added = st.multiselect(
            "Add columns of the dataset", list(unused), key=editor.key("add"), placeholder="Choose"
        )
        if added and st.button("Add them", icon=":material/add:"):
            more = [
                {"column": name, "aggregate": "mean", "gap": "error", "across": None, "keep": True}
                for name in added
            ]
            editor.replace(fields | {"columns": fields["columns"] + more})
            st.rerun()


def _rule(column: str, aggregate: Aggregate) -> Fields:
    return {"column": column, "aggregate": aggregate, "gap": "error", "across": None, "keep": True}


def flags(editor: RecipeEditor, fields: Fields, texts: Sequence[str]) -> None:
    """Flags of texts: 1 where the text is one of some values."""
    _made(
        editor,
        fields,
        "flags",
        lambda item: f"1 where {item['column']} is {' or '.join(item['values'])}",
    )
    if not (editor.may_edit and texts):
        return
    with st.form(editor.key("flag"), border=True):
        name = st.text_input("Name of the flag")
        column = st.selectbox("Text column", texts)
        values = st.text_input("Texts that count as 1", placeholder="sale, clearance")
        if st.form_submit_button("Add the flag", icon=":material/add:"):
            _require_name(name.strip())
            flag = {"name": name.strip(), "column": column, "values": parsed_names(values, "texts")}
            columns = [*fields["columns"], _rule(name.strip(), "max")]
            now = fields | {"flags": [*fields["flags"], flag], "columns": columns}
            _taken(editor, now)


def derived(editor: RecipeEditor, fields: Fields) -> None:
    """Sums, products, ratios and lags of what the rules give."""
    words = {"sum": " + ", "product": " × "}

    def shown(item: Fields) -> str:
        if item["kind"] == "lag":
            return f"{item['column']}, {item['periods']} periods before"
        if item["kind"] == "ratio":
            return f"{item['numerator']} / {item['denominator']}"
        return words[item["kind"]].join(item["columns"])

    _made(editor, fields, "derived", shown)
    if not editor.may_edit:
        return
    kinds = {"sum": "Sum", "product": "Product", "ratio": "Ratio", "lag": "Lag"}
    known = [rule["column"] for rule in fields["columns"]] + [
        item["name"] for item in fields["derived"]
    ]
    kind = st.selectbox(
        "Kind", kinds, format_func=kinds.__getitem__, key=editor.key("derive-kind"), width=220
    )
    with st.form(editor.key("derive"), border=True):
        item: Fields = {"kind": kind, "name": st.text_input("Name of the new column").strip()}
        if kind == "lag":
            item |= {
                "column": st.selectbox("Column", known),
                "periods": int(st.number_input("Periods", 1, 60)),
            }
        elif kind == "ratio":
            item |= {
                "numerator": st.selectbox("Above", known),
                "denominator": st.selectbox("Below", known),
            }
            item["if_zero"] = "zero" if st.checkbox("0 where the lower one is 0") else "error"
        else:
            item["columns"] = st.multiselect("Columns", known)
        if st.form_submit_button("Add the column", icon=":material/add:"):
            _require_name(item["name"])
            if kind in ("sum", "product") and len(item["columns"]) < 2:
                raise UserError("choose at least two columns.", where="derived column")
            _taken(editor, fields | {"derived": [*fields["derived"], item]})


def _require_name(name: str) -> None:
    if not name:
        raise UserError("give it a name.", where="new column")


def _taken(editor: RecipeEditor, fields: Fields) -> None:
    """Take what was added once the whole is valid; else say what is wrong, and nothing is lost."""
    checked(fields)
    editor.replace(fields)
    st.rerun()


def _made(editor: RecipeEditor, fields: Fields, part: str, shown: Callable[[Fields], str]) -> None:
    """What has been added, each with a button that takes it away again."""
    for number, item in enumerate(fields[part]):
        about, button = st.columns((5, 1), vertical_alignment="center")
        about.markdown(f"**{plain(item['name'])}** {plain(shown(item))}")
        if editor.may_edit and button.button(
            "Remove", key=editor.key(part, str(number)), icon=":material/delete:"
        ):
            left = [other for other in fields[part] if other is not item]
            columns = fields["columns"]
            if part == "flags":
                columns = [rule for rule in columns if rule["column"] != item["name"]]
            editor.replace(fields | {part: left, "columns": columns})
            st.rerun()
