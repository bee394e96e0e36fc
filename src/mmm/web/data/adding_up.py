"""Adding a large table up in its database: the SQL is shown before it runs."""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from mmm.data.defaults import usual_period
from mmm.data.prepare import Recipe, parse_recipe, propose_long_recipe, propose_recipe
from mmm.data.prepare.added_up import ingest_added_up, pushed_down
from mmm.data.prepare.pushdown import PROPOSED_FROM_ROWS, table_rows
from mmm.data.proposal import propose
from mmm.data.references import proposed
from mmm.errors import UserError
from mmm.format import count
from mmm.sources.base import Source
from mmm.sources.database import DatabaseSource
from mmm.web.data.stored_data import datasets_changed, rules
from mmm.web.kit.text import error_markdown, plain
from mmm.web.shell.session import current_user, workspace
from mmm.workspace import DatasetManifest

_KEPT_SECONDS = 300.0


@st.cache_data(ttl=_KEPT_SECONDS, max_entries=50, show_spinner="Counting the rows")
def _rows(_source: DatabaseSource, table: str, who: tuple[str, ...]) -> int:
    return table_rows(_source, table)


def adding_up(
    source: Source, name: str, table: str, market: str, sample: pa.Table, who: tuple[str, ...]
) -> list[DatasetManifest]:
    """The part of the page for a table; the datasets once they are stored. `sample` holds the
    table's first rows, by which a recipe is proposed; `who` is what an answer belongs to.
    """
    if not isinstance(source, DatabaseSource):
        return []
    rows = _rows(source, table, who)
    large = rows >= PROPOSED_FROM_ROWS
    title = f"Add it up in the database ({count(rows, 'row')})"
    with st.expander(title, icon=":material/functions:", expanded=large):
        st.markdown(
            "The database computes one row per day and market; what arrives here is a few thousand "
            "rows. Periods and gaps are then done here, with the same result."
        )
        file = st.file_uploader(
            "A recipe of your own (JSON); without one it is proposed", type=["json"], key="pushed"
        )
        try:
            if file is None:
                recipe = _proposed(sample)
            else:
                recipe = parse_recipe(file.getvalue(), where=file.name)
            pushed = pushed_down(source, name, table, recipe)
        except UserError as error:
            st.info(error_markdown(error), icon=":material/info:")
            return []
        st.code(pushed.query.sql, language="sql")
        for parameter, value in pushed.query.parameters.items():
            st.caption(plain(f":{parameter} = {value!r}"))
        if not st.button("Add up there and read", icon=":material/functions:"):
            return []
        with st.spinner("The database adds up"):
            made = ingest_added_up(
                source,
                pushed,
                connection=name,
                table=table,
                market=market,
                workspace=workspace(),
                by=current_user(),
            )
    datasets_changed()
    return made


def _proposed(sample: pa.Table) -> Recipe:
    """A recipe by the first rows; texts, which need the rows in their order, are left out."""
    found = propose(sample, rules())
    if found.long is not None:
        return propose_long_recipe(
            sample, found.long, usual_period(sample, found.long.date), rules()
        )
    mapping = proposed(found)
    recipe = propose_recipe(sample, mapping, usual_period(sample, mapping.date), rules())
    plain_rules = [rule for rule in recipe.columns if rule.aggregate in ("sum", "mean", "max")]
    return recipe.model_copy(update={"columns": tuple(plain_rules)})
