"""How a file was read, as tables on a terminal."""

from __future__ import annotations

import pyarrow as pa
import typer

from mmm.cli import show
from mmm.data.naming import naming_rules
from mmm.data.proposal import propose
from mmm.settings import load_settings
from mmm.sources.describe import evidence_of, layout_of
from mmm.sources.guarded import GuardedFile
from mmm.sources.reading import Reading
from mmm.workspace import Workspace

_WIDTH = 26


def print_reading(source: GuardedFile, reading: Reading, rows: int) -> None:
    """The file's layout, its first rows, and every column with what was decided and why."""
    for line in layout_of(reading):
        typer.echo(line)
    table, _, _ = source.look()
    shown = table.slice(0, rows)
    headings = [_short(name) for name in shown.column_names]
    columns = []
    for column in shown.columns:
        columns.append([_short(value) for value in column.to_pylist()])
    typer.echo("")
    show.table(headings, list(zip(*columns, strict=True)))
    typer.echo("")
    roles = _roles(table)
    lines = [
        (
            item.column,
            item.type,
            roles.get(item.column, ("-", ""))[0],
            item.unit or "-",
            item.written or "-",
            evidence_of(item) or roles.get(item.column, ("", "-"))[1],
        )
        for item in reading.columns
    ]
    show.table(("COLUMN", "TYPE", "ROLE", "UNIT", "WRITTEN AS", "WHY"), lines)
    for item in reading.open_questions():
        answers = " or ".join(f'--column "{item.column}={choice}"' for choice in item.choices)
        typer.echo(f"Question: column {item.column!r}: {item.asked}. Answer {answers}.", err=True)


def _roles(table: pa.Table) -> dict[str, tuple[str, str]]:
    """Each column's proposed role and reason; by the first rows where a file cannot be read yet."""
    found = propose(table, naming_rules(Workspace.open(load_settings().settings)))
    return {item.column: (item.role, item.reason) for item in found.columns}


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
