"""The process that reads one foreign file: a job as JSON on standard input, the table in a folder.

It holds no secrets, may take only so much memory, and may die of what it reads without harm.
`mmm.sources.guarded` starts it.
"""

from __future__ import annotations

import json
import resource
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from mmm.errors import AlreadyExists, InvalidInput, NotFound, UserError

TABLE, ANSWER = "table.arrow", "answer.json"
OUT_OF_MEMORY = 12
#: What the interpreter and Arrow map without using it: thread stacks, arenas.
_MAPPED_BYTES = 2 << 30
#: A table on its way through the disk.
_FILE_BYTES = 16 << 30
#: One batch in memory; a single value may be larger.
_BATCH_BYTES = 64 << 20
ERRORS = {kind.__name__: kind for kind in (UserError, NotFound, AlreadyExists)}


def main() -> None:
    """Do the job; exit code 0 with an answer (an error of the user's is one), 12 for no memory."""
    job = json.load(sys.stdin)
    folder = Path(job["folder"])
    _limit(job["limits"]["memory_mb"] << 20)
    sys.meta_path.insert(0, _WithoutPandas())
    try:
        answer = _answer(job, folder)
    except UserError as error:
        answer = {"error": _told(error)}
    except MemoryError:  # pyarrow's error is one of these
        sys.exit(OUT_OF_MEMORY)
    (folder / ANSWER).write_text(json.dumps(answer), encoding="utf-8")


class _WithoutPandas(MetaPathFinder):
    """Hides pandas, which nothing here needs and Arrow imports where it is installed: that takes
    longer than reading most files does.
    """

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("the process that reads files does without pandas")


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, most in (
        (resource.RLIMIT_AS, memory + _MAPPED_BYTES),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, hard))


def _answer(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    # After the limits: what is imported here counts.
    from mmm.sources.files import FileSource
    from mmm.sources.limits import ReadLimits, judge

    path = Path(job["path"])
    limits = ReadLimits(**job["limits"])
    source = FileSource(path, **job["options"])
    judge(path, source.kind, limits)
    if job["what"] == "tables":
        return {"tables": source.tables()}
    if job["what"] == "reading":
        return {"reading": source.reading().model_dump(mode="json")}
    if job["what"] == "look":
        return _look(source, folder, path.name, limits)
    if job["what"] == "preview":
        return _preview(source.preview(job["table"], job["rows"]), folder)
    return _table(source, job["table"], folder, path.name, limits)


def _table(source: Any, table: str | None, folder: Path, where: str, limits: Any) -> dict[str, Any]:
    """The whole table, and how it was read."""
    with source.batches(table) as batches:
        _write(batches, folder, where, limits)
        reading = batches.reading
        return {
            "source_types": list(batches.source_types),
            "notes": list(batches.notes),
            "reading": None if reading is None else reading.model_dump(mode="json"),
        }


def _look(source: Any, folder: Path, where: str, limits: Any) -> dict[str, Any]:
    """The whole table; where something has to be asked first, its first rows, and the refusal."""
    try:
        return _table(source, None, folder, where, limits)
    except UserError as error:
        reading = source.reading()
        _preview(source.preview(), folder)
        return {"reading": reading.model_dump(mode="json"), "refused": _told(error)}


def _preview(table: Any, folder: Path) -> dict[str, Any]:
    import pyarrow as pa

    with pa.OSFile(str(folder / TABLE), "wb") as file, pa.ipc.new_stream(file, table.schema) as to:
        to.write_table(table)
    return {}


def _write(batches: Any, folder: Path, where: str, limits: Any) -> None:
    import pyarrow as pa

    from mmm.sources.limits import require_size

    rows = 0
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        pa.OSFile(str(folder / TABLE), "wb") as file,
        pa.ipc.new_stream(file, batches.schema, options=options) as to,
    ):
        for batch in batches:
            rows += batch.num_rows
            require_size(rows, batch.num_columns, where, limits)
            for part in _small(batch):
                to.write_batch(part)


def _small(batch: Any) -> list[Any]:
    """The batch in parts that a reader can hold; almost always itself."""
    if batch.nbytes <= _BATCH_BYTES or batch.num_rows < 2:
        return [batch]
    half = batch.num_rows // 2
    return [*_small(batch.slice(0, half)), *_small(batch.slice(half))]


def _told(error: UserError) -> dict[str, Any]:
    findings = error.findings if isinstance(error, InvalidInput) else ()
    return {
        "type": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "fix": error.fix,
        "findings": [vars(finding) for finding in findings],
    }


if __name__ == "__main__":
    main()
