"""What Check and Prepare share: the recipe that a form begins with, its result computed once, and the
columns by role.
"""

from __future__ import annotations

import streamlit as st

from mmm.data.defaults import usual_period
from mmm.data.mapping import Mapping
from mmm.data.prepare import (
    Prepared,
    Recipe,
    prepare,
    propose_long_recipe,
    propose_part_recipe,
    propose_recipe,
    source_columns,
)
from mmm.data.proposal import Proposal
from mmm.data.references import dataset_name
from mmm.web.data.stored_data import rules, table_of
from mmm.web.shell.session import workspace
from mmm.workspace import DatasetManifest


@st.cache_resource(max_entries=8, show_spinner="Preparing the data")
def _prepared(
    _manifest: DatasetManifest, _recipe: Recipe, url: str, name: str, recipe: str
) -> tuple[Prepared, ...]:
    return prepare(table_of(_manifest).select(source_columns(_manifest, _recipe)), _recipe)


def prepared(manifest: DatasetManifest, recipe: Recipe) -> tuple[Prepared, ...]:
    """The dataset by the recipe. Raises UserError for what the recipe cannot do."""
    return _prepared(manifest, recipe, workspace().url, dataset_name(manifest), recipe.to_json())


def usual_recipe(manifest: DatasetManifest, mapping: Mapping) -> Recipe:
    """The proposed recipe: days become weeks, anything longer stays."""
    table = table_of(manifest)
    return propose_recipe(table, mapping, usual_period(table, mapping.date), rules())


def part_recipe(manifest: DatasetManifest, found: Proposal) -> Recipe:
    """The proposed recipe of a table that is no model's by itself: it lacks a KPI or spend and is to
    be joined, or it is long and has to be spread.
    """
    table = table_of(manifest)
    dates = [item.column for item in found.columns if item.role == "date"]
    period = usual_period(table, dates[0]) if dates else "week"
    if found.long is not None:
        return propose_long_recipe(table, found.long, period, rules())
    return propose_part_recipe(table, found, period, rules())


def role_groups(mapping: Mapping) -> dict[str, list[str]]:
    """The mapped columns by role, for rules of a whole group."""
    exposures = [paid.exposure for paid in mapping.paid if paid.exposure is not None]
    return {
        "KPI": [mapping.kpi],
        "All spends": [paid.spend for paid in mapping.paid],
        "All exposures": exposures,
        "All organic media": [item.column for item in mapping.organic],
        "All control variables": [item.column for item in mapping.context],
    }
