"""A run in words: durations, progress, what is going on. The command line and the web app say the
same.
"""

from __future__ import annotations

from mmm.runs.status import RunStatus
from mmm.runs.waiting import Waits
from mmm.workspace.models import StageProgress


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
    left = (
        f", {duration(stage.seconds_left)} left"
        if stage.seconds_left and stage.done < stage.total
        else ""
    )
    message = f" ({stage.message})" if stage.message else ""
    return f"{stage.stage} {stage.done:,}/{stage.total:,}{left}{message}"


def waiting(waits: Waits) -> str:
    """Why a queued run does not start, and when it is tried again. The time first: cells are short."""
    return f"No room; next try {waits.next:%H:%M:%S} UTC. {waits.why}"


def what_now(status: RunStatus) -> str:
    """Progress while it runs, else how it ended, on one line: of several findings the first."""
    if status.waits is not None:
        return waiting(status.waits)
    text = status.message if status.final else progress(status.progress)
    first, *findings = text.splitlines() or [""]
    if not findings:
        return first
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{findings[0].strip().removeprefix('- ')}{more}" if first.endswith(":") else first
