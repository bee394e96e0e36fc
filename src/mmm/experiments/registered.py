"""Tests of the registry that an experiment names become its lift tests: `"test:spring-tv"` or
`"test:spring-tv@2"` in the list stands for one.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from mmm.experiments.config import LiftTestConfig
from mmm.testing.registered import RegisteredTest, at_spend, lift_entry
from mmm.workspace import Workspace
from mmm.workspace.names import named_version, utc_now
from mmm.workspace.stored import model_of

PREFIX = "test:"
#: Spends of a test and of the data that differ by no more are the same.
SPEND_TOLERANCE = (0.9, 1.1)
_SOURCE = re.compile(r"test (?P<name>[^@\s]+)@(?P<version>\d+)(?::|$)")


def find_test(workspace: Workspace, named: str) -> tuple[str, int, RegisteredTest]:
    """(name, version, test) of NAME or NAME@VERSION; NotFound names those there are."""
    name, version = named_version(named, "test")
    text = workspace.registered_test(name, version)
    number = version if version is not None else max(workspace.registered_test_versions(name))
    return name, number, model_of(RegisteredTest, text, f"test {name!r}")


def with_registered(workspace: Workspace, tests: list[Any], today: date | None = None) -> list[Any]:
    """A list of lift tests with entries in place of names; what is no name stays."""
    day = today or utc_now().date()
    found = []
    for entry in tests:
        if isinstance(entry, str) and entry.startswith(PREFIX):
            name, version, test = find_test(workspace, entry.removeprefix(PREFIX))
            found.append(lift_entry(test, f"{name}@{version}", day))
        else:
            found.append(entry)
    return found


def named_in(source: str) -> tuple[str, int] | None:
    """(name, version) of the registry's test that a lift test's source names; None for others."""
    match = _SOURCE.match(source)
    return None if match is None else (match["name"], int(match["version"]))


def for_spend(test: LiftTestConfig, spend: float) -> tuple[LiftTestConfig, str]:
    """A test of the registry as it counts beside data with other spend in its days than it moved,
    and what was changed and why, empty where nothing was.

    A model compares a test with what all of the data's spend did. A geo test moved the spend of some
    geos alone: its lift is taken in proportion, less sure the further apart the spends are.
    """
    error = test.standard_error
    known = named_in(test.source) is not None and error is not None
    if not known or test.spend <= 0 or spend <= 0 or same_spend(test.spend, spend):
        return test, ""
    lift, wider = at_spend(test.lift, error or 0.0, test.spend, spend)
    changed = test.model_copy(update={"lift": lift, "standard_error": wider, "spend": spend})
    said = (
        f"the test moved {test.spend:,.0f} of spend, the data have {spend:,.0f} in its days: its lift "
        f"moved from {test.lift:,.4g} to {lift:,.4g} in proportion, its standard error from "
        f"{error:,.4g} to {wider:,.4g}, since 10 % of the lift count for each doubling."
    )
    return changed, said


def same_spend(first: float, second: float) -> bool:
    """Whether a test's spend is about that of the data, within 10 %."""
    low, high = SPEND_TOLERANCE
    return low * second <= first <= high * second
