"""A foreign file read by a process of its own, so that no file can harm who asks for it.

The process has limits of memory and time (`ReadLimits`); when it dies, that is an error about the
file. The table comes back through a temporary folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from mmm.errors import Finding, InvalidInput, UserError
from mmm.sources.base import Batches, ConnectionTest, Query
from mmm.sources.files import FileSource
from mmm.sources.limits import ReadLimits
from mmm.sources.reader_process import ANSWER, ERRORS, OUT_OF_MEMORY, TABLE
from mmm.sources.reading import Reading

#: What the process that reads is told of this one's environment: no secret is among it.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH")
_LOOK_SECONDS = 0.05


class GuardedFile:
    """`FileSource` in a process of its own; a source like it, with the same options and answers."""

    def __init__(
        self, path: Path | str, *, limits: ReadLimits | None = None, **options: Any
    ) -> None:
        self._own = FileSource(path, **options)  # looks at the first bytes only
        self.path, self.kind = self._own.path, self._own.kind
        self.options, self._limits = self._own.options, limits or ReadLimits()

    def test(self) -> ConnectionTest:
        """Open the file and read its first rows."""
        start = time.perf_counter()
        shown = self.preview()
        seconds = time.perf_counter() - start
        return ConnectionTest(seconds, shown.num_rows, self.readable())

    def readable(self) -> str:
        """What a person is told about a file that could be read."""
        return self._own.readable()

    def tables(self) -> list[str]:
        """Sheets with cells for a workbook, else the file's own name."""
        if self.kind != "excel":
            return self._own.tables()
        with tempfile.TemporaryDirectory(prefix="mmm-read-") as folder:
            return list(self._ask(Path(folder), "tables")["tables"])

    def preview(self, table_or_query: str | Query | None = None, rows: int = 50) -> pa.Table:
        """The first rows; the types of a text file's columns are those that fit the rows shown."""
        with tempfile.TemporaryDirectory(prefix="mmm-read-") as folder:
            self._ask(Path(folder), "preview", self._named(table_or_query), rows)
            with pa.OSFile(str(Path(folder) / TABLE), "rb") as file:
                return pa.ipc.open_stream(file).read_all()

    def batches(self, table_or_query: str | Query | None = None) -> Batches:
        """The whole table; it has been read to its end before the first batch comes."""
        kept = tempfile.TemporaryDirectory(prefix="mmm-read-")
        folder = Path(kept.name)
        try:
            answer = self._ask(folder, "batches", self._named(table_or_query))
            with pa.OSFile(str(folder / TABLE), "rb") as file:
                schema = pa.ipc.open_stream(file).schema
        except BaseException:
            kept.cleanup()
            raise

        def read() -> Iterator[pa.RecordBatch]:
            with pa.OSFile(str(folder / TABLE), "rb") as file, pa.ipc.open_stream(file) as batches:
                yield from batches

        types, notes = tuple(answer["source_types"]), tuple(answer["notes"])
        return Batches(schema, read, types, notes, kept.cleanup, _reading(answer))

    def reading(self) -> Reading:
        """How the whole file is read, questions that are still open included."""
        with tempfile.TemporaryDirectory(prefix="mmm-read-") as folder:
            return Reading.model_validate(self._ask(Path(folder), "reading")["reading"])

    def look(self) -> tuple[pa.Table, Reading | None, UserError | None]:
        """(the whole table, how it was read, None); where something has to be asked before it can
        be read: (its first rows, the reading with the questions, the refusal).
        """
        with tempfile.TemporaryDirectory(prefix="mmm-read-") as folder:
            answer = self._ask(Path(folder), "look")
            with pa.OSFile(str(Path(folder) / TABLE), "rb") as file:
                table = pa.ipc.open_stream(file).read_all()
        refused = answer.get("refused")
        return table, _reading(answer), None if refused is None else _error(refused)

    def _named(self, table: str | Query | None) -> str | None:
        if isinstance(table, Query):
            raise UserError("a file takes no query.", where=self.path.name)
        return table

    def _ask(
        self, folder: Path, what: str, table: str | None = None, rows: int = 0
    ) -> dict[str, Any]:
        job = {
            "what": what,
            "path": str(self.path.resolve()),
            "folder": str(folder),
            "table": table,
            "rows": rows,
            "options": self.options.model_dump(mode="json", exclude_defaults=True),
            "limits": asdict(self._limits),
        }
        _run(job, self.path.name, self._limits)
        answer: dict[str, Any] = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
        if "error" in answer:
            raise _error(answer["error"])
        return answer


def _run(job: dict[str, Any], where: str, limits: ReadLimits) -> None:
    """Let the process do its job; UserError when it takes too much or dies."""
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "mmm.sources.reader_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        watch = _Watch(process, limits)
        watch.start()
        try:
            _, told = process.communicate(json.dumps(job).encode())
        except BaseException:
            process.kill()
            raise
        finally:
            watch.stop()
    if process.returncode:
        raise _death(process.returncode, told.decode(errors="replace"), where, watch)


class _Watch(threading.Thread):
    """Ends the process when it uses more memory than it may, or takes longer."""

    def __init__(self, process: subprocess.Popen[bytes], limits: ReadLimits) -> None:
        super().__init__(name="watch-reading", daemon=True)
        self._process, self.limits = process, limits
        self._ended = threading.Event()
        self.too_large = self.too_slow = False

    def run(self) -> None:
        until = time.monotonic() + self.limits.seconds
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            while not self._ended.wait(_LOOK_SECONDS):
                self.too_large = process.memory_info().rss > self.limits.memory_mb << 20
                self.too_slow = time.monotonic() > until
                if self.too_large or self.too_slow:
                    self._process.kill()
                    return

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _death(code: int, told: str, where: str, watch: _Watch) -> Exception:
    """Why the process ended without an answer; what is our own defect stays one."""
    if watch.too_slow:
        what = f"was not read within {watch.limits.seconds:g} seconds."
        return UserError(what, where=where, fix="Make it smaller, or raise MMM_READ_SECONDS.")
    if watch.too_large or code == OUT_OF_MEMORY or "memory allocation of" in told:
        what = f"needs more than {watch.limits.memory_mb:,} MB of memory to be read."
        fix = "Save the table alone as CSV or Parquet, or raise MMM_READ_MEMORY_MB."
        return UserError(what, where=where, fix=fix)
    if code < 0:
        what = f"ended the program that reads it (signal {-code}): it is damaged."
        return UserError(what, where=where, fix="Save it again, or as CSV.")
    return RuntimeError(f"reading {where} failed:\n{told}")


def _reading(answer: dict[str, Any]) -> Reading | None:
    told = answer["reading"]
    return None if told is None else Reading.model_validate(told)


def _error(told: dict[str, Any]) -> UserError:
    if told["findings"]:
        return InvalidInput(told["what"], [Finding(**finding) for finding in told["findings"]])
    kind = ERRORS.get(told["type"], UserError)
    return kind(told["what"], where=told["where"], fix=told["fix"])
