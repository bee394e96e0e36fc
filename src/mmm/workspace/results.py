"""Results of a run: tables and files that become visible all at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmm.errors import AlreadyExists, NotFound
from mmm.workspace.models import ResultFile, ResultsManifest
from mmm.workspace.names import checked_artifact, checked_file, checked_run, utc_now
from mmm.workspace.objects import Objects
from mmm.workspace.part import Part
from mmm.workspace.stored import Unreadable, encoded

if TYPE_CHECKING:
    import pyarrow as pa


_ARTIFACTS = "artifacts/"


class ResultsWriter:
    """Writes one numbered set of results; nobody sees any of it before `commit`. Made by
    `Results.results_writer`.
    """

    def __init__(self, objects: Objects, folder: str, number: int) -> None:
        self._objects = objects
        self._folder = folder
        self._number = number
        self._files: dict[str, ResultFile] = {}

    def table(self, name: str, table: pa.Table) -> None:
        """Add a table; it is stored as `<name>.parquet`."""
        from mmm.workspace.tables import (
            write_parquet,
        )  # pyarrow takes half a second to import; listing needs none

        self._add(checked_file(f"{name}.parquet"), write_parquet(table), rows=table.num_rows)

    def file(self, name: str, data: bytes | str) -> None:
        """Add a file as it is; text is stored as UTF-8."""
        self._add(checked_file(name), data.encode() if isinstance(data, str) else data)

    def artifact(self, name: str, data: bytes | Path) -> None:
        """Add a file that the engine wrote in a format of its own; one on disk goes in chunks."""
        name = f"{_ARTIFACTS}{checked_artifact(name)}"
        if isinstance(data, bytes):
            self._add(name, data)
            return
        with data.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._objects.upload(f"{self._folder}/{name}", data)
        self._files[name] = ResultFile(bytes=data.stat().st_size, sha256=digest)

    def commit(self) -> ResultsManifest:
        """Make everything added visible, as the run's results."""
        manifest = ResultsManifest(number=self._number, created=utc_now(), files=self._files)
        self._objects.create(f"{self._folder}/manifest.json", encoded(manifest, "results"))
        return manifest

    def _add(self, name: str, data: bytes, rows: int | None = None) -> None:
        self._objects.put(f"{self._folder}/{name}", data)
        self._files[name] = ResultFile(
            bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), rows=rows
        )


class Results(Part):
    """runs/<run_id>/results/0001/: files, then manifest.json.

    Every writer has a number of its own, so that two attempts of a run can never mix their files;
    the highest number with a manifest holds the run's results.
    """

    def results_writer(self, run_id: str) -> ResultsWriter:
        """Begin a new set of results."""
        number = 1
        while True:
            folder = _folder(run_id, number)
            try:
                self._objects.create(f"{folder}/begun.txt", utc_now().isoformat().encode())
            except AlreadyExists:
                number += 1
                continue
            return ResultsWriter(self._objects, folder, number)

    def results_exist(self, run_id: str) -> bool:
        return self._committed(run_id) is not None

    def results_manifest(self, run_id: str) -> ResultsManifest:
        """The manifest of the run's results; NotFound while there are none."""
        number = self._committed(run_id)
        if number is None:
            raise NotFound(
                f"run {run_id} has no results.",
                where="results",
                fix=f"`mmm status {run_id}` says why.",
            )
        return self._read(f"{_folder(run_id, number)}/manifest.json", ResultsManifest, "results")

    def result_table(
        self,
        run_id: str,
        name: str,
        columns: Sequence[str] | None = None,
        manifest: ResultsManifest | None = None,
    ) -> pa.Table:
        """A result table, all columns or the named ones. Whoever reads several files hands on the
        manifest, so that all are of one set of results and it is looked for once.
        """
        from mmm.workspace.tables import read_parquet  # see `ResultsWriter.table`

        file = f"{name}.parquet"
        manifest = manifest or self.results_manifest(run_id)
        where = self._objects.where(f"{_folder(run_id, manifest.number)}/{file}")
        return read_parquet(self._result(run_id, file, manifest), columns, where)

    def result_file(self, run_id: str, name: str, manifest: ResultsManifest | None = None) -> bytes:
        return bytes(self._result(run_id, name, manifest))

    def derived_file(self, run_id: str, name: str, manifest: ResultsManifest) -> bytes | None:
        """A file that was derived from one set of results; None while it has not been made."""
        key = f"{_folder(run_id, manifest.number)}/{checked_file(name)}"
        return self._objects.get(key) if self._objects.exists(key) else None

    def save_derived(self, run_id: str, name: str, data: bytes, manifest: ResultsManifest) -> None:
        """Put a file beside the results that it was derived from, in place of an earlier one."""
        if name in manifest.files and not name.endswith(".html"):
            raise ValueError(f"{name} is one of the results, which never change")
        self._objects.put(f"{_folder(run_id, manifest.number)}/{checked_file(name)}", data)

    def result_artifacts(self, run_id: str, manifest: ResultsManifest | None = None) -> list[str]:
        """Names of the files that the run's engine wrote in formats of its own."""
        files = (manifest or self.results_manifest(run_id)).files
        return sorted(
            name.removeprefix(_ARTIFACTS) for name in files if name.startswith(_ARTIFACTS)
        )

    def result_artifact(
        self, run_id: str, name: str, manifest: ResultsManifest | None = None
    ) -> bytes:
        return bytes(self._result(run_id, f"{_ARTIFACTS}{name}", manifest))

    def copy_artifact(self, run_id: str, name: str, path: Path) -> None:
        """Write such a file to `path`, in chunks: some are larger than the memory."""
        manifest, name = self.results_manifest(run_id), f"{_ARTIFACTS}{name}"
        _require(run_id, name, manifest)
        key = f"{_folder(run_id, manifest.number)}/{name}"
        if self._objects.download(key, path) != manifest.files[name].sha256:
            path.unlink()
            raise self._changed(key)

    def _changed(self, key: str) -> Unreadable:
        what = "is not what the run wrote: its sha256 differs."
        return Unreadable(what, where=self._objects.where(key))

    def _result(self, run_id: str, name: str, manifest: ResultsManifest | None) -> Any:
        manifest = manifest or self.results_manifest(run_id)
        _require(run_id, name, manifest)
        key = f"{_folder(run_id, manifest.number)}/{name}"
        buffer = self._objects.get_buffer(key)
        drawn_again = name.endswith(
            ".html"
        )  # of an earlier version; today's are not in the manifest
        if not drawn_again and hashlib.sha256(buffer).hexdigest() != manifest.files[name].sha256:
            raise self._changed(key)
        return buffer

    def _committed(self, run_id: str) -> int | None:
        numbers = self._objects.folders(f"runs/{checked_run(run_id)}/results")
        for number in sorted((int(name) for name in numbers if name.isdecimal()), reverse=True):
            if self._objects.exists(f"{_folder(run_id, number)}/manifest.json"):
                return number
        return None


def _require(run_id: str, name: str, manifest: ResultsManifest) -> None:
    if name not in manifest.files:
        raise NotFound(
            f"run {run_id} has no result {name!r}.", fix=f"It has: {', '.join(manifest.files)}."
        )


def _folder(run_id: str, number: int) -> str:
    return f"runs/{checked_run(run_id)}/results/{number:04d}"
