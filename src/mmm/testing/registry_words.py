"""The registry's tests in cells, for the command line and pages alike."""

from __future__ import annotations

from mmm.format import MISSING, fixed, listed
from mmm.testing.registered import Check, RegisteredTest

HEADINGS = ("TEST", "STATE", "CHANNELS", "FROM", "TO", "LIFT", "STANDARD ERROR", "SPEND", "SOURCE")
CHECKS = ("GATE", "OUTCOME", "SEEN")


def row(name: str, test: RegisteredTest) -> tuple[str, ...]:
    """A row a test."""
    found = test.found
    numbers = (MISSING, MISSING, MISSING)
    if found is not None:
        numbers = (fixed(found.lift, 0), fixed(found.standard_error, 0), fixed(found.spend, 0))
    about = (name, test.state.value, listed(test.channels, 3), str(test.start), str(test.end))
    return (*about, *numbers, test.source)


def check_rows(checks: list[Check]) -> list[tuple[str, ...]]:
    """A row a check of the gate."""
    return [(name, outcome.value, said) for name, outcome, said in checks]
