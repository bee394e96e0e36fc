"""What one run may ask for, judged by its estimate before it starts."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from mmm.errors import Finding
from mmm.runs import wording
from mmm.runs.estimate import Estimate
from mmm.settings import Settings

_MEGABYTE = 1024**2


@dataclass(frozen=True)
class RunLimits:
    """Seconds and bytes; no limit of memory where None."""

    seconds: float
    memory_bytes: float | None

    @classmethod
    def of(cls, settings: Settings) -> RunLimits:
        """The settings' limits. A task is ended at its time-out, so no run may ask for more; on the
        local platform the machine's memory is the most.
        """
        seconds = min(
            settings.run_seconds or settings.task_timeout_seconds, settings.task_timeout_seconds
        )
        if settings.run_memory_mb is not None:
            return cls(seconds, settings.run_memory_mb * _MEGABYTE)
        here = settings.cloud_provider == "local"
        return cls(seconds, float(psutil.virtual_memory().total) if here else None)


def exceeded(found: Estimate, limits: RunLimits) -> list[Finding]:
    """What of a run's estimate is beyond the limits. What is not known is not refused."""
    findings = []
    if found.seconds is not None and found.seconds > limits.seconds:
        what = f"would take about {wording.duration(found.seconds)}"
        most = wording.duration(limits.seconds)
        findings.append(_finding(what, most, "MMM_RUN_SECONDS and MMM_TASK_TIMEOUT_SECONDS"))
    memory = found.memory_bytes
    if memory is not None and limits.memory_bytes is not None and memory > limits.memory_bytes:
        what = f"would need about {memory / _MEGABYTE:,.0f} MB of memory"
        most = f"{limits.memory_bytes / _MEGABYTE:,.0f} MB"
        findings.append(_finding(what, most, "MMM_RUN_MEMORY_MB"))
    return findings


def _finding(what: str, most: str, setting: str) -> Finding:
    fix = f"Ask for fewer models, draws or bootstrap rounds. The limit is set by {setting}."
    return Finding("error", f"{what}; {most} is the most.", where="settings", fix=fix)
