"""A long table on its way to a wide one: why it is taken for one, what becomes of it, and the
columns of the pivot, each of which can be changed.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import streamlit as st

from mmm.data.columns import is_number, is_text
from mmm.data.long_form import LongForm, Pivot, spread
from mmm.errors import UserError
from mmm.format import count
from mmm.web.data.reading_options import ReadingChoices
from mmm.web.kit.text import error_markdown, plain

_ROWS = 5


def long_part(choices: ReadingChoices, table: pa.Table, found: LongForm) -> LongForm | None:
    """The long form as chosen; None where the person leaves the table as it is, or the pivot does
    not work.
    """
    st.warning(
        f"This is a long table: {found.rows:,} rows for {count(found.dates, 'date')}, and "
        f"{plain(found.reason)}. Added up as it is, what repeats would count several times.",
        icon=":material/table_rows:",
    )
    wanted = st.toggle(
        f"Spread {plain(found.pivot.key)} into columns", value=True, key=choices.key("spread")
    )
    if not wanted:
        return None
    with st.expander("How it is spread", icon=":material/pivot_table_chart:"):
        pivot = _pivot(choices, table, found)
    try:
        wide = spread(table, found.date, pivot)
    except UserError as error:
        st.error(error_markdown(error), icon=":material/error:")
        return None
    st.caption(
        f"Before: {count(table.num_rows, 'row')} of {count(table.num_columns, 'column')}. After: "
        f"{count(wide.num_rows, 'row')} of {count(wide.num_columns, 'column')}, of which the first:"
    )
    st.dataframe(wide.slice(0, _ROWS), hide_index=True, width="stretch")
    return replace(found, pivot=pivot)


def _pivot(choices: ReadingChoices, table: pa.Table, found: LongForm) -> Pivot:
    texts = [name for name in table.column_names if is_text(table[name].type)]
    numbers = [name for name in table.column_names if is_number(table[name].type)]
    usual = found.pivot
    key = st.selectbox(
        "Column that names channels or variables",
        texts,
        texts.index(usual.key) if usual.key in texts else 0,
        key=choices.key("pivot-key"),
    )
    values = st.multiselect(
        "Columns to spread", numbers, list(usual.values), key=choices.key("pivot-values")
    )
    repeated = st.multiselect(
        "Columns that are the same on all rows of a date",
        [name for name in numbers if name not in values],
        [name for name in usual.repeated if name not in values],
        key=choices.key("pivot-repeated"),
    )
    others = [name for name in texts if name != key]
    market = st.selectbox(
        "Column of markets",
        others,
        index=others.index(usual.market) if usual.market in others else None,
        placeholder="none",
        key=choices.key("pivot-market"),
    )
    if not values:
        return usual
    return Pivot(key=key, values=tuple(values), repeated=tuple(repeated), market=market)
