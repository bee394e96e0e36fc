"""Files a person uploads: on the server's disk while their session looks at them, then a dataset."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from mmm.data.defaults import usual_market, usual_period
from mmm.data.ingest import ingest
from mmm.data.long_form import LongForm
from mmm.data.naming import NamingRules
from mmm.data.prepare import prepare_dataset, propose_long_recipe
from mmm.data.proposal import Proposal, propose
from mmm.data.references import dataset_name
from mmm.errors import UserError
from mmm.format import count
from mmm.sources.describe import type_of
from mmm.sources.guarded import GuardedFile
from mmm.sources.limits import ReadLimits
from mmm.sources.reading import ColumnReading, Reading
from mmm.web.data.long_editor import long_part
from mmm.web.data.reading_options import ReadingChoices, file_options
from mmm.web.data.reading_table import column_table, layout, questions
from mmm.web.data.stored_data import datasets_changed, rules
from mmm.web.kit.tables import preview
from mmm.web.kit.text import error_markdown, plain
from mmm.web.shell import links
from mmm.web.shell.session import current_user, settings, workspace
from mmm.workspace import DatasetManifest

_ENDINGS = ["csv", "tsv", "txt", "tab", "parquet", "pq", "xlsx", "xlsm", "xlsb", "xls"]
#: Roles are proposed by the first rows of a file; a day-by-market table of years has fewer.
_LOOKED_AT = 200_000
_ROWS_SHOWN = 20


@dataclass(frozen=True)
class _Kept:
    """An upload on disk; the folder goes when the session forgets it."""

    file_id: str
    folder: TemporaryDirectory[str]
    path: Path


@dataclass(frozen=True)
class _Read:
    """A file as read with some options. `rows` is None, and `table` holds the first rows only, while
    something has to be asked; `refused` says what cannot be read as asked.
    """

    reading: Reading
    table: pa.Table
    rows: int | None
    proposal: Proposal | None
    refused: UserError | None = None


def upload_form() -> list[DatasetManifest]:
    """Upload, look, store; the datasets once they are stored, the one to go on with last."""
    limit = st.get_option("server.maxUploadSize")
    uploaded = st.file_uploader(
        f"CSV, Parquet or Excel, up to {limit} MB",
        type=_ENDINGS,
        key="upload",
        help="One row per day, week or month; one column per number; column names in the first row.",
    )
    st.caption(
        f"A file that turns red has more than {limit} MB and was refused: save it as Parquet, several times smaller, "
        "read it through a database connection, or use `mmm ingest` on the server, which has no limit."
    )
    if uploaded is None:
        st.session_state.pop("kept-upload", None)
        return []
    kept = _kept(uploaded)
    limits = ReadLimits.of(settings())
    choices = ReadingChoices(kept.file_id)
    kind = GuardedFile(kept.path, limits=limits).kind
    sheets = _sheets(kept.path, limits, kept.file_id) if kind == "excel" else []
    options_place = st.container()
    source = GuardedFile(kept.path, limits=limits, **choices.options)
    try:
        found = _read(source, rules(), kept.file_id, repr(choices.options))
    except UserError:
        with options_place:
            file_options(choices, kind, sheets, None)
        raise
    with options_place:
        st.markdown(_sentence(source, found))
        file_options(choices, kind, sheets, found.reading)
    return _looked_at(choices, source, found, uploaded.name)


def _sentence(source: GuardedFile, found: _Read) -> str:
    rows = "" if found.rows is None else f" {count(found.rows, 'row')} read."
    return f"{plain(source.readable())}{rows}"


def _looked_at(
    choices: ReadingChoices, source: GuardedFile, found: _Read, origin: str
) -> list[DatasetManifest]:
    """What was read, in sight; then the storing of it."""
    layout(found.reading)
    questions(choices, found.reading)
    if found.refused is not None and not found.reading.open_questions():
        st.error(error_markdown(found.refused), icon=":material/error:")
    preview(found.table.slice(0, _ROWS_SHOWN))
    roles = {}
    if found.proposal is not None:
        roles = {item.column: item for item in found.proposal.columns}
    with st.expander(
        f"The {count(len(found.reading.columns), 'column')}: type, role, unit, and why",
        expanded=True,
        icon=":material/view_column:",
    ):
        column_table(choices, found.reading, roles, can_say=source.kind != "parquet")
    if found.rows is None or found.proposal is None:
        st.caption("It can be stored when nothing is left to be asked.")
        return []
    long = None
    if found.proposal.long is not None:
        long = long_part(choices, found.table, found.proposal.long)
    return _store(source, found, long, origin)


def table_of_upload(uploaded: UploadedFile) -> pa.Table:
    """A small table that a person uploads beside the data, read as any file is."""
    with TemporaryDirectory(prefix="mmm-upload-") as folder:
        path = Path(folder) / _safe(uploaded.name)
        path.write_bytes(uploaded.getbuffer())
        source = GuardedFile(path, limits=ReadLimits.of(settings()))
        with source.batches() as batches:
            return pa.Table.from_batches(list(batches), batches.schema)


def _kept(uploaded: UploadedFile) -> _Kept:
    """The upload as a file, written once."""
    kept: _Kept | None = st.session_state.get("kept-upload")
    if kept is None or kept.file_id != uploaded.file_id:
        folder = TemporaryDirectory(prefix="mmm-upload-")
        path = Path(folder.name) / _safe(uploaded.name)
        with st.spinner("Taking the file in"):
            path.write_bytes(uploaded.getbuffer())
        kept = st.session_state["kept-upload"] = _Kept(uploaded.file_id, folder, path)
    return kept


def _safe(name: str) -> str:
    """A name that stays in its folder whatever the browser called the file; messages show it."""
    return re.sub(r"[^\w .()-]", "_", name)[-100:].lstrip(". ") or "upload"


@st.cache_data(max_entries=20, show_spinner="Listing the sheets")
def _sheets(_path: Path, _limits: ReadLimits, file_id: str) -> list[str]:
    return GuardedFile(_path, limits=_limits).tables()


@st.cache_resource(max_entries=6, show_spinner="Reading the file")
def _read(_source: GuardedFile, _rules: NamingRules, file_id: str, options: str) -> _Read:
    """The whole file as it is read now; where something has to be asked, its first rows."""
    table, told, refused = _source.look()
    reading = told or _of_types(table.schema)
    if refused is not None:
        return _Read(reading, table, None, None, refused)
    rows, table = table.num_rows, table.slice(0, _LOOKED_AT)
    return _Read(reading, table, rows, propose(table, _rules))


def _of_types(schema: pa.Schema) -> Reading:
    """The reading of a file whose columns have types of their own."""
    columns = [ColumnReading(column=field.name, type=type_of(field.type)) for field in schema]
    return Reading(columns=tuple(columns))


def _store(
    source: GuardedFile, found: _Read, long: LongForm | None, origin: str
) -> list[DatasetManifest]:
    """The buttons; what they have stored, or nothing."""
    proposal = found.proposal
    assert proposal is not None  # noqa: S101 - the caller looked
    named = next((item.column for item in proposal.columns if item.role == "market"), None)
    usual = usual_market(found.table, named, origin)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        market = st.text_input(
            "Market", usual, key=f"upload-market-{origin}", help="Whose data these are."
        ).strip()
        go_on = st.button("Store and map columns", type="primary", icon=":material/arrow_forward:")
        only = st.button("Store as dataset", icon=":material/save:")
    if not (go_on or only):
        return []
    with st.spinner("Reading all rows and storing them"):
        stored = [
            ingest(
                source,
                market=market,
                origin=origin[-200:],
                workspace=workspace(),
                by=current_user(),
            )
        ]
    datasets_changed()
    if long is not None:
        with st.spinner("Spreading the long table into columns"):
            period = usual_period(found.table, long.date)
            recipe = propose_long_recipe(found.table, long, period, rules())
            first = stored[0]
            stored += prepare_dataset(
                workspace(), first.market, first.dataset_id, recipe, current_user()
            )
        datasets_changed()
    if go_on:
        st.switch_page(links.MAP, query_params={"dataset": dataset_name(stored[-1])})
    return stored
