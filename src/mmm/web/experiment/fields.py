"""Fields of the experiment's form: each shows a value of the document, writes it back, and says
what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import streamlit as st

from mmm.errors import UserError
from mmm.experiments.review import Review
from mmm.experiments.settings_form import FormField
from mmm.plain_json import read_json
from mmm.web.experiment.draft import Draft
from mmm.web.kit.text import plain

#: Larger whole numbers a browser would round.
_LARGEST = 2**53
_AS_GIVEN = "as in general"


class Form:
    """Draws fields of a draft beside what its review found; remembers which paths have shown their
    findings.

    Numbers get their value through the session: a number that is given as the widget's own value
    cannot be emptied.
    """

    def __init__(self, draft: Draft, found: Review) -> None:
        self.draft = draft
        self.found = found
        self.shown: list[str] = []

    def tell(self, *paths: str) -> None:
        """The errors and warnings at these paths, where the reader is looking."""
        self.shown += paths
        for finding in self.found.at(*paths):
            text = plain(f"{finding.what} {finding.fix}".strip())
            where = [part for part in finding.where.split(".") if part.isdecimal()]
            label = text
            if where and finding.where not in paths:
                label = f"{where[-1]}: {text}"
            if finding.level == "error":
                st.error(label, icon=":material/error:")
            else:
                st.warning(label, icon=":material/warning:")

    def text(self, path: tuple[str | int, ...], label: str, **options: Any) -> None:
        value = self.draft.get(path)
        self._widget(
            st.text_input,
            path,
            label,
            lambda text: text or None,
            value=_text(value),
            unset=None,
            **options,
        )
        self.tell(".".join(map(str, path)))

    def day(
        self, path: tuple[str | int, ...], label: str, told: str | None = None, **options: Any
    ) -> None:
        value = self.draft.get(path)
        self._widget(
            st.date_input,
            path,
            label,
            _iso,
            value=_day(value),
            unset=None,
            format="YYYY-MM-DD",
            **options,
        )
        if told is not None:
            self.tell(told)

    def choice(
        self,
        path: tuple[str | int, ...],
        label: str,
        options: Sequence[str],
        default: Any = None,
        **more: Any,
    ) -> None:
        value = self.draft.get(path, default)
        index = list(options).index(value) if value in options else None
        self._widget(
            st.selectbox,
            path,
            label,
            lambda chosen: chosen,
            options=options,
            index=index,
            unset=default,
            **more,
        )

    def number(
        self, path: tuple[str | int, ...], label: str, default: Any = None, **options: Any
    ) -> None:
        value = self.draft.get(path, default)
        known = (
            isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
        )
        st.session_state.setdefault(self.draft.key(path), float(value) if known else None)
        self._widget(
            st.number_input,
            path,
            label,
            lambda x: x,
            value=None,
            unset=default,
            format="%.6g",
            **options,
        )

    def setting(
        self, field: FormField, above: tuple[str, ...] = ("settings",), *, general: Any = None
    ) -> None:
        """A field of the engine's settings; `general` is what holds where a channel's own is left
        open.
        """
        path = (*above, field.name)
        draw = {
            "flag": self._flag,
            "integer": self._integer,
            "number": self._number,
            "choice": self._choice,
            "choices": self._choices,
            "range": self._range,
            "numbers": self._numbers,
            "group": self._group,
        }.get(field.kind, self._json)
        if field.kind in ("range", "choice") and field.optional:
            draw(field, path, general)  # type: ignore[call-arg]
        else:
            draw(field, path)
        if field.kind != "group":
            self.tell(".".join(path))

    def _widget(
        self,
        widget: Callable[..., Any],
        path: tuple[str | int, ...],
        label: str,
        read: Callable[[Any], Any],
        *,
        unset: Any,
        **options: Any,
    ) -> None:
        key = self.draft.key(path)
        widget(
            label, key=key, on_change=_take, args=(self.draft, path, key, read, unset), **options
        )

    def _flag(self, field: FormField, path: tuple[str, ...]) -> None:
        value = self.draft.get(path, field.default)
        self._widget(
            st.checkbox,
            path,
            field.title,
            bool,
            value=value is True,
            unset=field.default,
            help=field.help,
        )

    def _integer(self, field: FormField, path: tuple[str, ...]) -> None:
        value = self.draft.get(path, field.default)
        known = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST
        st.session_state.setdefault(self.draft.key(path), value if known else None)
        self._widget(
            st.number_input, path, field.title, lambda x: x, value=None, step=1,
            unset=field.default, placeholder="left open" if field.optional else None, help=field.help,
        )  # fmt: skip

    def _number(self, field: FormField, path: tuple[str, ...]) -> None:
        self.number(
            path,
            field.title,
            field.default,
            help=field.help,
            placeholder="left open" if field.optional else None,
        )

    def _choice(self, field: FormField, path: tuple[str, ...], general: Any = None) -> None:
        more = {"placeholder": f"{_AS_GIVEN}: {general}"} if field.optional else {}
        self.choice(path, field.title, field.options, field.default, help=field.help, **more)

    def _choices(self, field: FormField, path: tuple[str, ...]) -> None:
        value = self.draft.get(path, field.default)
        chosen = []
        if isinstance(value, list):
            chosen = [item for item in value if item in field.options]

        def read(items: Any) -> Any:
            return list(items) or (None if field.optional else [])

        more = {"placeholder": "left open"} if field.optional else {}
        self._widget(
            st.multiselect, path, field.title, read, options=field.options, default=chosen, unset=field.default,
            help=field.help, **more,
        )  # fmt: skip

    def _range(self, field: FormField, path: tuple[str, ...], general: Any = None) -> None:
        value = self.draft.get(path, field.default)
        if isinstance(value, list | tuple) and len(value) == 2:
            pair = list(value)
        else:
            pair = [value, value]
        for column, end, name in zip(st.columns(2), (0, 1), ("from", "to"), strict=True):
            key = self.draft.key(path, f"-{name}")
            known = isinstance(pair[end], int | float) and not isinstance(pair[end], bool)
            st.session_state.setdefault(key, float(pair[end]) if known else None)
            column.number_input(
                f"{field.title}: {name}",
                value=None,
                step=0.05,
                format="%.6g",
                key=key,
                placeholder=f"{_AS_GIVEN}: {general[end]:g}" if general else None,
                help=field.help,
                on_change=_take_end,
                args=(self.draft, path, key, end, field.default, general),
            )

    def _numbers(self, field: FormField, path: tuple[str, ...]) -> None:
        value = self.draft.get(path, field.default)
        items = list(value) if isinstance(value, list | tuple) else list(field.default or [])
        names = [f"{field.title}, {number}" for number in range(1, len(items) + 1)]
        for number, (column, label) in enumerate(zip(st.columns(len(items)), names, strict=True)):
            key = self.draft.key(path, f"-{number}")
            known = isinstance(items[number], int | float) and not isinstance(items[number], bool)
            st.session_state.setdefault(key, float(items[number]) if known else None)
            column.number_input(
                label,
                value=None,
                format="%.6g",
                key=key,
                help=field.help,
                on_change=_take_item,
                args=(self.draft, path, key, number, items, field.default),
            )

    def _group(self, field: FormField, path: tuple[str, ...]) -> None:
        """Its parts, behind a switch where it may be left out."""
        on = True
        if field.optional:
            key = self.draft.key(path, "-on")
            on = self.draft.get(path) is not None
            st.toggle(
                field.title,
                on,
                key=key,
                help=field.help,
                on_change=_switch,
                args=(self.draft, path, key),
            )
        if on:
            for part in field.parts:
                self.setting(part, path)
        else:
            self.shown.append(".".join(path))

    def _json(self, field: FormField, path: tuple[str, ...]) -> None:
        value = self.draft.get(path, field.default)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        self._widget(
            st.text_area,
            path,
            f"{field.title} (JSON)",
            _parsed,
            value=text,
            unset=field.default,
            help=field.help,
        )


def _take(
    draft: Draft, path: tuple[str | int, ...], key: str, read: Callable[[Any], Any], default: Any
) -> None:
    draft.put(path, read(st.session_state[key]), default)


def _take_end(
    draft: Draft, path: tuple[str, ...], key: str, end: int, default: Any, general: Any
) -> None:
    """One end of a range; where the other is open yet, it is what holds in general. Both emptied:
    left open.
    """
    value = draft.get(path, default)
    pair = list(value) if isinstance(value, list | tuple) and len(value) == 2 else [value, value]
    pair[end] = st.session_state[key]
    if general and pair[1 - end] is None and pair[end] is not None:
        pair[1 - end] = general[1 - end]
        draft.generation += 1
    draft.put(path, None if default is None and pair == [None, None] else pair, default)


def _take_item(
    draft: Draft, path: tuple[str, ...], key: str, number: int, items: list[Any], default: Any
) -> None:
    changed = [*items[:number], st.session_state[key], *items[number + 1 :]]
    draft.put(path, changed, default)


def _switch(draft: Draft, path: tuple[str, ...], key: str) -> None:
    draft.put(path, {} if st.session_state[key] else None)
    if not st.session_state[key]:
        draft.put(path, None, None)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _parsed(text: str) -> Any:
    """What the text means as JSON; text that means nothing stays text, for the checks to refuse."""
    try:
        return read_json(text, where="field")
    except UserError:
        return text


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
