"""How a file was read, as tables on a terminal."""

from __future__ import annotations

import pyarrow as pa
import typer

from mmm.cli import show
from mmm.data.naming import naming_rules
from mmm.data.proposal import propose
from mmm.errors import UserError
from mmm.settings import load_settings
from mmm.sources.guarded import GuardedFile
from mmm.sources.reading import ColumnReading, Reading
from mmm.workspace import Workspace

_WIDTH = 20


def print_reading(source: GuardedFile, reading: Reading, rows: int) -> None:
    """The file's layout, its first rows, and every column with what was decided and why."""
    for line in layout_lines(reading):
        typer.echo(line)
    shown = source.preview(rows=rows)
    cells = [[_short(value) for value in column.to_pylist()] for column in shown.columns]
    typer.echo("")
    show.table(tuple(_short(name) for name in shown.column_names), list(zip(*cells, strict=True)))
    typer.echo("")
    roles = _roles(source)
    lines = [
        (
            item.column,
            item.type,
            roles.get(item.column, ("-", ""))[0],
            item.unit or "-",
            item.written or "-",
            why(item) or roles.get(item.column, ("", "-"))[1],
        )
        for item in reading.columns
    ]
    show.table(("COLUMN", "TYPE", "ROLE", "UNIT", "WRITTEN AS", "WHY"), lines)
    for item in reading.open_questions():
        answers = " or ".join(f'--column "{item.column}={choice}"' for choice in item.choices)
        typer.echo(f"Question: column {item.column!r}: {item.asked}. Answer {answers}.", err=True)


def layout_lines(reading: Reading) -> list[str]:
    """Encoding, separator or sheet, header, and what was left out."""
    found = []
    if reading.sheet:
        others = (
            f"; other sheets: {', '.join(reading.other_sheets)}" if reading.other_sheets else ""
        )
        found.append(f"Sheet {reading.sheet!r}{others}")
    if reading.separator:
        found.append(f"Encoding {reading.encoding}, separator {reading.separator!r}")
    if reading.header:
        rows = " and ".join(map(str, reading.header))
        found.append(f"Column names in row {rows}")
    found += [f"Above the header, left out: {text}" for text in reading.skipped]
    for item in reading.left_out:
        places = ", ".join(f"{line} {text!r}".removesuffix(" ''") for line, text in item["first"])
        found.append(f"Left out as {item['why']}: {item['rows']} (row {places})")
    return found


def why(item: ColumnReading) -> str:
    """The evidence of a column's reading, and what was read as empty."""
    parts = [item.evidence] if item.evidence else []
    if item.missing:
        marks = ", ".join(f"{count} x {text!r}" for text, count in item.missing.items())
        parts.append(f"empty: {marks}")
    if item.odd:
        parts.append(f"no numbers: {', '.join(map(repr, item.odd))}")
    return "; ".join(parts)


def _roles(source: GuardedFile) -> dict[str, tuple[str, str]]:
    """Each column's proposed role and reason; none where the file cannot be read yet."""
    try:
        with source.batches() as batches:
            table = pa.Table.from_batches(batches, batches.schema)
    except UserError:
        table = source.preview(rows=1000)
    found = propose(table, naming_rules(Workspace.open(load_settings().settings)))
    return {item.column: (item.role, item.reason) for item in found.columns}


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
