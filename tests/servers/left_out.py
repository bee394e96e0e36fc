"""What a machine lacks for some tests: they are left out, and the run's last line says what brings
them back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

import pytest

_MARK = re.compile(r"\[lacks ([^:\]]+): ([^\]]*)\]")


def unavailable(reason: str, lacks: str, packages: str = "") -> None:
    """Skip the test; where everything must be there (CI=true), fail instead.

    `lacks` is what is missing, in a word; `packages` are Debian's packages that bring it.
    """
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} With CI=true this test may not be skipped.", pytrace=False)
    pytest.skip(f"{reason} [lacks {lacks}: {packages}]")


def closing_line(reasons: Iterable[str]) -> str:
    """One line on what the skipped tests' reasons say the machine lacks; empty if it lacks nothing."""
    lacking: dict[str, str] = {}
    count = 0
    for reason in reasons:
        found = _MARK.search(reason)
        if found:
            lacking[found[1]] = found[2]
            count += 1
    if not lacking:
        return ""
    packages = " ".join(sorted(filter(None, lacking.values())))
    command = f"; to run them: apt-get install {packages}" if packages else ""
    tests = "1 test" if count == 1 else f"{count} tests"
    return f"Left out for want of {', '.join(sorted(lacking))}: {tests}{command}"
