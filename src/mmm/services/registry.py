"""The registry of tests: what there is, how good it is, what runs made of it; and what is kept in it."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any

from pydantic import Field

from mmm.models.tests_kept import history, move, record, register, registry, uses
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, Nothing, operation
from mmm.testing.designed import read_design
from mmm.testing.registered import (
    Found,
    RegisteredTest,
    State,
    contradictions,
    discounted_error,
    quality,
)
from mmm.workspace.names import utc_now
from mmm.workspace.tokens import Scope

TestName = Annotated[str, Field(min_length=1, max_length=100)]
_Channel = Annotated[str, Field(min_length=1, max_length=200)]


class OfTest(Fields):
    name: TestName


class Contradiction(Fields):
    """Two tests that cannot both be right, and what each says."""

    first: str
    second: str
    said: str


class RegistryOut(Fields):
    """The newest version of each test by name."""

    tests: dict[str, RegisteredTest]
    contradictions: list[Contradiction]


class GateCheck(Fields):
    """`outcome` is good, bad or unknown."""

    check: str
    outcome: str
    seen: str


class UseOut(Fields):
    """A run that used the test: what it says without the test and with it. `given` is the test's
    lift, `lift` the one that counted: in proportion to the data's spend in the test's dates.
    """

    run_id: str
    version: int
    given: float
    lift: float
    without: float | None
    with_it: float | None


class RegisteredOut(Fields):
    """A test: all versions, the oldest first; `error_today` is its discounted standard error."""

    versions: list[RegisteredTest]
    gate: list[GateCheck]
    error_today: float | None
    uses: list[UseOut]


class KeepBody(Fields):
    """A design as `POST /tests/design` gives it, with its channel."""

    design: dict[str, Any]


class StateBody(Fields):
    state: State


class ResultBody(Fields):
    """A result, of a test that is planned or running or of a new one."""

    channels: Annotated[tuple[_Channel, ...], Field(min_length=1, max_length=100)]
    start: date
    end: date
    found: Found
    source: Annotated[str, Field(max_length=300)] = ""


@operation(Method.GET, "/registry", Scope.READ)
def list_tests(context: Context, asked: Nothing) -> RegistryOut:
    """List all tests of the registry, and those that contradict each other."""
    tests = registry(context.workspace)
    apart = [
        Contradiction(first=first, second=second, said=said)
        for first, second, said in contradictions(tests)
    ]
    return RegistryOut(tests=tests, contradictions=apart)


@operation(Method.GET, "/registry/{name}", Scope.READ)
def get_test(context: Context, asked: OfTest) -> RegisteredOut:
    """Give a test's versions, its gate, and the runs that used it."""
    versions, today = history(context.workspace, asked.name), utc_now().date()
    newest = versions[-1]
    gate = [
        GateCheck(check=name, outcome=outcome.value, seen=said)
        for name, outcome, said in quality(newest, today)
    ]
    return RegisteredOut(
        versions=versions,
        gate=gate,
        error_today=None if newest.found is None else discounted_error(newest, today),
        uses=[UseOut(**vars(one)) for one in uses(context.workspace, asked.name)],
    )


@operation(Method.POST, "/registry/{name}", Scope.WRITE)
def keep_test(context: Context, asked: OfTest, body: KeepBody) -> RegisteredTest:
    """Keep a design as a planned test."""
    design = read_design(json.dumps(body.design))
    return register(context.workspace, asked.name, context.user, design=design)


@operation(Method.POST, "/registry/{name}/state", Scope.WRITE)
def move_test(context: Context, asked: OfTest, body: StateBody) -> RegisteredTest:
    """Say that a test runs, or is discarded."""
    return move(context.workspace, asked.name, context.user, body.state)


@operation(Method.POST, "/registry/{name}/result", Scope.WRITE)
def record_test(context: Context, asked: OfTest, body: ResultBody) -> RegisteredTest:
    """Keep a test's result."""
    return record(
        context.workspace,
        asked.name,
        context.user,
        body.found,
        channels=body.channels,
        start=body.start,
        end=body.end,
        source=body.source,
    )
