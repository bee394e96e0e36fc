"""How many cores there are to use."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """Cores this process may use: those it may run on, within its container's share of time.

    The machine's cores are counted in a container as well, and then more workers share the same few
    than help.
    """
    usable = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    limit = _quota(cgroup)
    return usable if limit is None else max(1, min(usable, ceil(limit)))


def _quota(cgroup: Path) -> float | None:
    """CPUs' worth of time the container has (cgroup 2, then 1); None without a limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota, period = (
                (cgroup / "cpu" / f"cpu.cfs_{name}_us").read_text().strip()
                for name in ("quota", "period")
            )
        except OSError:
            return None
    return int(quota) / int(period) if quota.isdecimal() and int(quota) > 0 else None
