"""How the command line prints: tables, moments, durations, states."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from datetime import datetime

import typer

from mmm.runs.status import RunStatus
from mmm.workspace.models import StageProgress


def current_user() -> str:
    """Who runs the command, for the history and the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print left-aligned columns."""
    widths = [max(len(row[i]) for row in [headings, *rows]) for i in range(len(headings))]
    for row in [headings, *rows]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def moment(when: datetime) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M:%S}"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def progress(stage: StageProgress | None) -> str:
    if stage is None:
        return ""
    left = f", {duration(stage.seconds_left)} left" if stage.seconds_left and stage.done < stage.total else ""
    message = f" ({stage.message})" if stage.message else ""
    return f"{stage.stage} {stage.done:,}/{stage.total:,}{left}{message}"


def what_now(status: RunStatus) -> str:
    """Progress while it runs, else how it ended."""
    text = status.message if status.final else progress(status.progress)
    return text.splitlines()[0] if text else ""


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
