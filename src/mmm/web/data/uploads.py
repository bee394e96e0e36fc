"""Files a person uploads: on the server's disk while their session looks at them, then a dataset."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from mmm.data.ingest import ingest
from mmm.format import count, fixed
from mmm.sources.base import ConnectionTest
from mmm.sources.guarded import GuardedFile
from mmm.sources.limits import ReadLimits
from mmm.web.data.stored_data import datasets_changed
from mmm.web.kit.tables import preview
from mmm.web.kit.text import plain
from mmm.web.shell.session import current_user, settings, workspace
from mmm.workspace import DatasetManifest

_ENDINGS = ["csv", "tsv", "txt", "tab", "parquet", "pq", "xlsx", "xlsm", "xlsb", "xls"]
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


@dataclass(frozen=True)
class _Kept:
    """An upload on disk; the folder goes when the session forgets it."""

    file_id: str
    folder: TemporaryDirectory[str]
    path: Path


def upload_form() -> DatasetManifest | None:
    """Upload, look, store; the dataset once it is stored."""
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
        return None
    kept = _kept(uploaded)
    limits = ReadLimits.of(settings())
    kind = GuardedFile(kept.path, limits=limits).kind
    options = _csv_options() if kind == "csv" else _sheet(kept, limits) if kind == "excel" else {}
    source = GuardedFile(kept.path, limits=limits, **options)
    tested, shown = _first_rows(source, kept.file_id, repr(options))
    st.markdown(
        f"{plain(tested.message)} {count(tested.rows, 'row')} read in {fixed(tested.seconds)} s."
    )
    preview(shown)
    return _store(source, uploaded.name)


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


def _csv_options() -> dict[str, Any]:
    with (
        st.expander("How the file is written", icon=":material/settings:"),
        st.container(horizontal=True),
    ):
        separator = st.selectbox("Between values", list(_SEPARATORS), key="csv-separator")
        decimal = st.selectbox("Decimal mark", list(_DECIMALS), key="csv-decimal")
        encoding = st.selectbox("Encoding", [_FOUND, *_ENCODINGS], key="csv-encoding")
    return {
        "separator": _SEPARATORS[separator],
        "decimal": _DECIMALS[decimal],
        "encoding": None if encoding == _FOUND else encoding,
    }


def _sheet(kept: _Kept, limits: ReadLimits) -> dict[str, Any]:
    return {"sheet": st.selectbox("Sheet", _sheets(kept.path, limits, kept.file_id), key="sheet")}


@st.cache_data(max_entries=20, show_spinner="Listing the sheets")
def _sheets(_path: Path, _limits: ReadLimits, file_id: str) -> list[str]:
    return GuardedFile(_path, limits=_limits).tables()


@st.cache_data(max_entries=20, show_spinner="Reading the first rows")
def _first_rows(
    _source: GuardedFile, file_id: str, options: str
) -> tuple[ConnectionTest, pa.Table]:
    """How the file answered, and its first rows; a workbook takes seconds to open."""
    start = time.perf_counter()
    shown = _source.preview()
    return ConnectionTest(
        time.perf_counter() - start, shown.num_rows, _source.readable()
    ), shown.slice(0, 20)


def _store(source: GuardedFile, origin: str) -> DatasetManifest | None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        market = st.text_input(
            "Market", key="upload-market", placeholder="DE", help="Whose data these are."
        )
        asked = st.button("Store as dataset", type="primary", icon=":material/save:")
    if not asked:
        return None
    with st.spinner("Reading all rows and storing them"):
        stored = ingest(
            source,
            market=market.strip(),
            origin=origin[-200:],
            workspace=workspace(),
            by=current_user(),
        )
    datasets_changed()
    return stored
