"""How the command line prints: tables, moments, lines that replace each other."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from mmm.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from mmm.format import Labels


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print left-aligned columns."""
    lines = [headings, *rows]
    widths = []
    for place in range(len(headings)):
        widths.append(max(len(line[place]) for line in lines))
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        typer.echo("  ".join(cells).rstrip())


def numbers(found: pa.Table, labels: Labels) -> None:
    """Print a table of numbers with the headings and formats of its columns."""
    from mmm.format import cell, heading

    headings = [heading(name, labels).upper() for name in found.column_names]
    rows = []
    for row in found.to_pylist():
        rows.append([cell(name, value, labels) for name, value in row.items()])
    table(headings, rows)


def moment(when: datetime) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M:%S}"


def short(text: str) -> str:
    """The beginning of a text for a table's cell, cut between words."""
    return textwrap.shorten(text, 80, placeholder=" ...")


def unreadable(found: Iterable[UserError]) -> None:
    """Say beside a list what of it cannot be read, and what to do."""
    for damage in found:
        typer.echo(f"Cannot be read: {damage}", err=True)


class Ticker:
    """Prints lines; on a terminal a line of the same kind replaces the one before it."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._kind: object = None

    def line(self, text: str, kind: object = None) -> None:
        if self._live and kind is not None and kind == self._kind:
            typer.echo("\x1b[1A\x1b[2K", nl=False)
        typer.echo(text)
        self._kind = kind


def as_json(content: Any) -> None:
    """Print as JSON; dates as ISO text."""
    typer.echo(json.dumps(content, indent=2, default=str))
