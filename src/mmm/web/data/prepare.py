"""Prepare: a recipe from one dataset to another, before and after side by side, frozen as a
dataset.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mmm.data.columns import is_number, is_text
from mmm.data.mapping import Mapping
from mmm.data.prepare import Prepared, Recipe, parse_recipe, prepare_dataset
from mmm.data.prepare.compare import BeforeAfter, Figures, before_after, series
from mmm.data.prepare.recipe import Aggregate
from mmm.data.references import dataset_name, mapping_saved_for
from mmm.errors import InvalidInput, UserError
from mmm.format import MISSING, compact, count, span
from mmm.web.data.dataset_list import notes_list, stored
from mmm.web.data.preparing import part_recipe, prepared, role_groups, usual_recipe
from mmm.web.data.recipe_editor import (
    Fields,
    RecipeEditor,
    calendar_part,
    checked,
    column_rules,
    derived,
    flags,
    group_rules,
    markets,
    periods,
)
from mmm.web.data.steps import Step, go_to, stepper
from mmm.web.data.stored_data import (
    chosen_dataset,
    chosen_mapping,
    datasets_changed,
    facts_of,
    findings_list,
    next_steps,
    proposal_of,
    table_of,
)
from mmm.web.kit.series_chart import series_chart
from mmm.web.kit.tables import download, file_name_of, preview, table
from mmm.web.kit.text import error_markdown, plain
from mmm.web.shell.border import border
from mmm.web.shell.session import current_user, workspace
from mmm.workspace import DatasetManifest

_HEADINGS = (
    "Column",
    "Rule",
    *(
        f"{what} {when}"
        for what in ("Values", "Sum", "Mean", "Range")
        for when in ("before", "after")
    ),
)
_LONGEST_RECIPE = 1_000_000


@st.cache_data(max_entries=20, show_spinner="Comparing before and after")
def _rows(
    _manifest: DatasetManifest, _recipe: Recipe, _prepared: Prepared, key: tuple[str, ...]
) -> list[tuple[str, ...]]:
    return [_row(item) for item in before_after(table_of(_manifest), _recipe, _prepared)]


@st.cache_data(max_entries=20, show_spinner=False)
def _series(
    _manifest: DatasetManifest,
    _recipe: Recipe,
    _prepared: Prepared,
    column: str,
    key: tuple[str, ...],
) -> tuple[pa.Table | None, pa.Table]:
    return series(table_of(_manifest), _recipe, _prepared, column)


def _market_names(found: pa.Table, fields: Fields) -> list[str]:
    rule = fields.get("market")
    if not rule or rule["column"] not in found.column_names:
        return []
    names = found[rule["column"]].unique().cast(pa.string()).to_pylist()
    return sorted(name for name in names if name is not None)


def _edit(
    editor: RecipeEditor, manifest: DatasetManifest, mapping: Mapping | None, fields: Fields
) -> None:
    found = table_of(manifest)
    kinds = {item.name: item.kind for item in facts_of(manifest)}
    date = found[fields["date"]].type if fields["date"] in found.column_names else pa.null()
    st.subheader("Period and window")
    calendar_part(editor, fields)
    periods(editor, fields, pa.types.is_timestamp(date) and date.tz is not None)
    markets(editor, fields, _market_names(found, fields))
    st.subheader("A rule per column")
    taken = {fields["date"], *(rule["column"] for rule in fields["columns"])}
    taken |= {fields["market"]["column"]} if fields.get("market") else set()
    usual: dict[str, Aggregate] = {"text": "last", "flag": "max"}
    unused = {
        name: usual.get(kind, "mean")
        for name, kind in kinds.items()
        if name not in taken and kind != "empty" and not fields.get("pivot")
    }
    if mapping is not None:
        group_rules(editor, fields, role_groups(mapping))
    column_rules(editor, fields, unused)
    texts = [name for name in found.column_names if is_text(found[name].type)]
    with st.expander(f"Flags of texts ({len(fields['flags'])})", icon=":material/flag:"), border():
        flags(editor, fields, texts)
    with (
        st.expander(f"Derived columns ({len(fields['derived'])})", icon=":material/function:"),
        border(),
    ):
        derived(editor, fields)


def _as_file(editor: RecipeEditor, manifest: DatasetManifest, fields: Fields) -> None:
    with st.expander("The recipe as a file", icon=":material/description:"), border():
        name = file_name_of("recipe", dataset_name(manifest), ending=".json")
        text = json.dumps(fields, indent=2, ensure_ascii=False)
        st.download_button(
            "Download (JSON)",
            text,
            name,
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        if not editor.may_edit:
            return
        file = st.file_uploader("Use a recipe (JSON)", type=["json"], key=editor.key("file"))
        if file is not None and st.button("Use it", icon=":material/upload:"):
            if file.size > _LONGEST_RECIPE:
                raise UserError("is too large for a recipe.", where=file.name)
            editor.replace(parse_recipe(file.getvalue(), where=file.name).model_dump(mode="json"))
            st.rerun()


def _cells(before: Figures | None, after: Figures) -> list[str]:
    def shown(figures: Figures | None) -> tuple[str, ...]:
        if figures is None or not figures.values:
            return (MISSING,) * 4
        ends = f"{compact(figures.minimum)} to {compact(figures.maximum)}"
        return f"{figures.values:,}", compact(figures.total), compact(figures.mean), ends

    return [cell for pair in zip(shown(before), shown(after), strict=True) for cell in pair]


def _row(item: BeforeAfter) -> tuple[str, ...]:
    return item.column, item.rule, *_cells(item.before, item.after)


def _compared(manifest: DatasetManifest, recipe: Recipe, found: tuple[Prepared, ...]) -> None:
    shown = found[0]
    if len(found) > 1:
        names = [str(item.market) for item in found]
        shown = found[
            names.index(st.selectbox("Market shown", names, key="market-shown", width=320))
        ]
    days = shown.table[recipe.date].to_pylist()
    st.markdown(
        f"**{count(manifest.rows, 'row')} become {count(shown.table.num_rows, recipe.period)}**, "
        f"{span(days[0], days[-1])}, {count(shown.table.num_columns, 'column')}"
        + (f", one of {count(len(found), 'dataset')}." if len(found) > 1 else ".")
    )
    notes_list(shown.notes)
    key = (workspace().url, dataset_name(manifest), recipe.to_json(), shown.market or "")
    rows = _rows(manifest, recipe, shown, key)
    table(_HEADINGS, rows)
    st.caption(
        "**How to read it.** A sum keeps its total, but for rows in incomplete periods at the edges; a mean does not."
    )
    download(
        "Before and after as CSV",
        _HEADINGS,
        rows,
        file_name_of("prepared", dataset_name(manifest), ending=".csv"),
    )
    numbers = [
        name
        for name in shown.table.column_names
        if name != recipe.date and is_number(shown.table[name].type)
    ]
    column = st.selectbox("Column shown", numbers, key="column-shown", width=320)
    before, after = _series(manifest, recipe, shown, column, key)
    panels = {f"{column} after, by {recipe.period}": after}
    if before is not None:
        panels = {f"{column} before": before} | panels
    series_chart(
        file_name_of("before-after", column, dataset_name(manifest), ending=""),
        panels,
        "Before and after",
        "Above the source (rows of one day added up), below the prepared column; each has its own scale, in the "
        "units of the data.",
    )
    with st.expander("The prepared table's first rows"):
        preview(shown.table.slice(0, 20))


def _freeze(
    editor: RecipeEditor, manifest: DatasetManifest, recipe: Recipe, mapping: str | None
) -> None:
    if not editor.may_edit:
        st.caption(f"Your role, {current_user().role}, may look at recipes and make no dataset.")
        return
    with st.container(horizontal=True):
        goes_on = st.button(
            "Freeze and set up the model", type="primary", icon=":material/arrow_forward:"
        )
        freezes = st.button("Freeze as dataset", icon=":material/ac_unit:")
        if st.button(
            "Start again", icon=":material/undo:", help="Forget what has been changed here."
        ):
            editor.forget()
            st.rerun()
    if freezes or goes_on:
        with st.spinner("Preparing and storing"):
            made = prepare_dataset(
                workspace(), manifest.market, manifest.dataset_id, recipe, current_user()
            )
        editor.drop()
        datasets_changed()
        if goes_on:
            go_to(Step.MODEL, made[0], mapping)
        for item in made:
            stored(item, "Frozen as")


def _begin(
    manifest: DatasetManifest,
) -> tuple[str | None, Mapping | None, Callable[[], Recipe]]:
    """(the mapping's name, the mapping, the recipe that the form begins with). A table that no model
    can be made of alone has no mapping and is prepared all the same.
    """
    found = proposal_of(manifest)
    chosen = mapping_saved_for(workspace(), manifest) or st.query_params.get("mapping")
    has_dates = any(item.role == "date" for item in found.columns)
    if chosen or found.mapping is not None or not has_dates:
        name, mapping, differences = chosen_mapping(manifest)
        findings_list(differences)
        return name, mapping, lambda: usual_recipe(manifest, mapping)
    if found.long is not None:
        st.info(plain(found.findings[0].what), icon=":material/table_rows:")
    else:
        lacking = " ".join(item.what for item in found.findings if item.level == "error")
        st.info(
            f"{plain(lacking)} What is prepared here can be joined with other tables on the page "
            "Connect; or give the columns roles on the page Map columns.",
            icon=":material/join_inner:",
        )
    return None, None, lambda: part_recipe(manifest, found)


def _page(manifest: DatasetManifest, steps: DeltaGenerator) -> None:
    with steps:
        stepper(Step.PREPARE, manifest, st.query_params.get("mapping"))
    name, mapping, usual = _begin(manifest)
    editor = RecipeEditor.of("recipe", "dataset.prepare", manifest, name)
    fields = editor.fields(usual)
    _edit(editor, manifest, mapping, fields)
    _as_file(editor, manifest, fields)
    st.subheader("Before and after")
    try:
        recipe = checked(fields)
        found = prepared(manifest, recipe)
    except UserError as error:
        st.error(error_markdown(error), icon=":material/error:")
        if isinstance(error, InvalidInput) or error.fix:
            st.caption(
                "What you have done is kept as a draft. Change the rules above, then the preview comes."
            )
        return
    _compared(manifest, recipe, found)
    with border():
        _freeze(editor, manifest, recipe, name)
    st.subheader("Next")
    st.caption("Without freezing, with the dataset as it is:")
    next_steps(manifest, name)


st.title("Prepare data")
steps = st.container()
st.markdown(
    "From days to weeks or months by a rule per column; the result is a dataset of its own, the source stays."
)
dataset = chosen_dataset()
if dataset is not None:
    _page(dataset, steps)
