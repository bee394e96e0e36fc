"""What a person says about how an upload is read, kept as long as the upload: of the file as a
whole, and of single columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mmm.data.quality.currencies import CODES
from mmm.sources.reading import As, Reading
from mmm.sources.sheets import ALL
from mmm.web.kit.text import plain

_SEPARATORS = {
    "found by itself": None,
    "comma ,": ",",
    "semicolon ;": ";",
    "tab": "\t",
    "pipe |": "|",
}
_DECIMALS = {"found by itself": None, "point .": ".", "comma ,": ","}
_ENCODINGS = ("utf-8", "windows-1252", "utf-16", "iso-8859-15")
_FOUND = "found by itself"
AS_WORDS: dict[As, str] = {
    As.TEXT: "text",
    As.NUMBER: "number",
    As.DECIMAL_POINT: "number, decimal point",
    As.DECIMAL_COMMA: "number, decimal comma",
    As.DATE: "date",
    As.DAY_FIRST: "date, day first",
    As.MONTH_FIRST: "date, month first",
    As.YEAR_FIRST: "date, year first",
    As.WEEK: "ISO week",
    As.WEEK_ENDING: "last day of a week",
    As.MONTH: "month",
    As.SERIAL: "Excel's day number",
}


@dataclass(frozen=True)
class ReadingChoices:
    """The choices on one upload; `options` are those of `ReadOptions` that are not left open."""

    file_id: str

    @property
    def options(self) -> dict[str, Any]:
        found: dict[str, Any] = st.session_state.setdefault(f"read-options-{self.file_id}", {})
        return found

    def key(self, name: str) -> str:
        return f"read-{self.file_id}-{name}"

    def take(
        self, name: str, read: Callable[[Any], Any] = lambda value: value, key: str = ""
    ) -> Callable[[], None]:
        """A callback that takes a widget's value as an option; None leaves it open."""

        def changed() -> None:
            value = read(st.session_state[key or self.key(name)])
            if value in (None, (), ""):
                self.options.pop(name, None)
            else:
                self.options[name] = value

        return changed

    def say(self, column: str, kind: As | None) -> None:
        """What a column holds; None: as found."""
        said = {name: known for name, known in self._said.items() if name != column}
        if kind is not None:
            said[column] = kind
        if said:
            self.options["columns"] = said
        else:
            self.options.pop("columns", None)

    def said(self, column: str) -> As | None:
        return self._said.get(column)

    @property
    def _said(self) -> dict[str, As]:
        found: dict[str, As] = self.options.get("columns", {})
        return found


def file_options(
    choices: ReadingChoices, kind: str, sheets: Sequence[str], reading: Reading | None
) -> None:
    """Everything about the file as a whole. `reading` is None where it could not be read."""
    if kind == "parquet":
        return
    if kind == "excel" and sheets:
        _sheet_options(choices, sheets, reading or Reading())
    with st.expander("How the file is written", icon=":material/settings:"):
        if kind == "csv":
            with st.container(horizontal=True):
                _words(choices, "separator", "Between values", _SEPARATORS)
                _words(choices, "decimal", "Decimal mark", _DECIMALS)
                encodings = {_FOUND: None} | {name: name for name in _ENCODINGS}
                _words(choices, "encoding", "Encoding", encodings)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _number(choices, "header_row", "Column names in line", 1_000_000)
            _number(choices, "header_rows", "Lines of column names", 5)
            zone = "Whose days count where times say their distance to UTC."
            _text(choices, "zone", "Time zone of the days", "Europe/Berlin", zone)
            _currency(choices)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = choices.key("missing")
            st.text_input(
                "More texts that mean no value, with commas between",
                ", ".join(choices.options.get("missing", ())),
                key=key,
                on_change=choices.take("missing", _texts),
                placeholder="closed, tbd",
            )
            st.checkbox(
                "Keep rows of totals",
                bool(choices.options.get("keep_totals")),
                key=choices.key("keep_totals"),
                on_change=choices.take("keep_totals", lambda kept: kept or None),
            )


def _sheet_options(choices: ReadingChoices, sheets: Sequence[str], reading: Reading) -> None:
    """Which sheet, or all of one table; what Excel hides."""
    asked = choices.options.get("sheet")
    chosen = asked or reading.sheet
    if asked != ALL:
        st.selectbox(
            "Sheet",
            list(sheets),
            list(sheets).index(chosen) if chosen in sheets else 0,
            key=choices.key("sheet"),
            on_change=choices.take("sheet"),
        )
    if len(reading.alike_sheets) > 1 or asked == ALL:
        alike = ", ".join(reading.alike_sheets)
        st.checkbox(
            f"All sheets of this table, one after the other{f': {plain(alike)}' if alike else ''}",
            asked == ALL,
            key=choices.key("all-sheets"),
            on_change=choices.take("sheet", _all, choices.key("all-sheets")),
        )
    if asked == ALL:
        _text(
            choices,
            "sheet_column",
            "Column for the sheets' names",
            "market",
            "Where each sheet is a market or a channel: its name stands in this column.",
        )
    if reading.hidden or choices.options.get("skip_hidden"):
        st.checkbox(
            "Leave out what Excel hides",
            bool(choices.options.get("skip_hidden")),
            key=choices.key("skip_hidden"),
            on_change=choices.take("skip_hidden", lambda left_out: left_out or None),
        )


def _all(wanted: bool) -> str | None:
    return ALL if wanted else None


def _words(choices: ReadingChoices, name: str, label: str, words: dict[str, str | None]) -> None:
    values = list(words.values())
    st.selectbox(
        label,
        list(words),
        values.index(choices.options.get(name)),
        key=choices.key(name),
        on_change=choices.take(name, words.__getitem__),
    )


def _number(choices: ReadingChoices, name: str, label: str, most: int) -> None:
    st.number_input(
        label,
        min_value=1,
        max_value=most,
        value=choices.options.get(name),
        step=1,
        placeholder="found",
        key=choices.key(name),
        on_change=choices.take(name),
    )


def _text(choices: ReadingChoices, name: str, label: str, example: str, about: str) -> None:
    st.text_input(
        label,
        choices.options.get(name, ""),
        placeholder=f"such as {example}",
        key=choices.key(name),
        on_change=choices.take(name, lambda text: text.strip() or None),
        help=about,
    )


def _currency(choices: ReadingChoices) -> None:
    codes = sorted(CODES)
    chosen = choices.options.get("currency")
    st.selectbox(
        "Currency of the money",
        codes,
        codes.index(chosen) if chosen in codes else None,
        placeholder="as the columns say",
        key=choices.key("currency"),
        on_change=choices.take("currency"),
    )


def _texts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
