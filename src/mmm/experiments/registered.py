"""Tests of the registry that an experiment names become its lift tests: `"test:spring-tv"` or
`"test:spring-tv@2"` in the list stands for one.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from mmm.testing.registered import RegisteredTest, lift_entry
from mmm.workspace import Workspace
from mmm.workspace.names import named_version, utc_now
from mmm.workspace.stored import model_of

PREFIX = "test:"
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
