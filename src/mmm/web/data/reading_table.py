"""A reading in sight: how the file is laid out, its first rows, and every column with its type,
role, unit and why; each column's can be changed in place, and what is ambiguous is asked first.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from mmm.data.proposed import ColumnProposal
from mmm.sources.describe import evidence_of, layout_of
from mmm.sources.reading import As, ColumnReading, Reading
from mmm.web.data.column_rows import rows_shown
from mmm.web.data.reading_options import AS_WORDS, ReadingChoices
from mmm.web.data.role_editor import ROLE_WORDS
from mmm.web.kit.text import plain

_WIDTHS = (3.4, 1.5, 1.3, 4.0, 2.0)
_LONGEST_NAME = 60


def layout(reading: Reading) -> None:
    """Encoding, separator or sheet, header, and what was left out."""
    lines = [f"- {plain(line)}" for line in layout_of(reading)]
    if lines:
        st.markdown("\n".join(lines))


def questions(choices: ReadingChoices, reading: Reading) -> None:
    """What can be read in two ways and nothing decides: one answer each."""
    for item in reading.open_questions():
        with st.container(border=True):
            st.markdown(
                f":orange-badge[:material/help: question] **{plain(item.column)}** "
                f"{plain(item.asked)}."
            )
            with st.container(horizontal=True):
                for answer in item.choices:
                    st.button(
                        AS_WORDS[answer].capitalize(),
                        key=choices.key(f"answer-{item.column}-{answer}"),
                        on_click=choices.say,
                        args=(item.column, answer),
                    )


def column_table(
    choices: ReadingChoices,
    reading: Reading,
    roles: Mapping[str, ColumnProposal],
    *,
    can_say: bool,
) -> None:
    """A row per column."""
    columns = {item.column: item for item in reading.columns}
    unused = {name for name in columns if name in roles and roles[name].role == "unused"}
    parts = {
        "To look at": {name for name, item in columns.items() if item.asked or item.odd},
        "With a role": {name for name in columns if name in roles} - unused,
        "Not used": unused,
    }
    shown = rows_shown(list(columns), choices.key("columns"), parts)
    for name in shown:
        _row(choices, columns[name], roles.get(name), can_say=can_say)


def _row(
    choices: ReadingChoices, item: ColumnReading, role: ColumnProposal | None, *, can_say: bool
) -> None:
    about, kind, part, why, said = st.columns(_WIDTHS, vertical_alignment="center")
    name = item.column if len(item.column) <= _LONGEST_NAME else item.column[:_LONGEST_NAME] + "…"
    about.markdown(f"**{plain(name)}**")
    kind.markdown(plain(" · ".join(filter(None, [item.type, item.unit]))))
    part.markdown(ROLE_WORDS[role.role] if role is not None else "")
    reasons = [item.written, evidence_of(item), role.reason if role is not None else ""]
    why.caption(plain("; ".join(filter(None, reasons))))
    if not can_say:
        return
    key = choices.key(f"column-{item.column}")
    options: list[As | None] = [None, *As]

    def changed() -> None:
        choices.say(item.column, st.session_state[key])

    said.selectbox(
        f"Read {plain(item.column)} as",
        options,
        options.index(choices.said(item.column)),
        lambda kind: "as found" if kind is None else AS_WORDS[kind],
        key=key,
        on_change=changed,
        label_visibility="collapsed",
    )
