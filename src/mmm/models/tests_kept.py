"""The registry of tests: kept in versions, moved from state to state, and what runs made of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from mmm.access import User
from mmm.errors import AlreadyExists, NotFound, UserError
from mmm.experiments.config import parse_experiment
from mmm.experiments.registered import find_test, named_in
from mmm.results.store import read_results
from mmm.results.summary import of_model, recommended
from mmm.testing.designed import Design, TimeDesign
from mmm.testing.registered import NEXT, Found, RegisteredTest, State
from mmm.workspace import Workspace
from mmm.workspace.names import utc_now
from mmm.workspace.stored import model_of

#: Of so many of the newest runs is looked up which tests they used.
_RUNS_LOOKED_AT = 100


@dataclass(frozen=True)
class Use:
    """A run that used a version of a test: what it says of the test's dates without the test and with
    it, beside the lift that it counted with; None where it has no results. `given` is the lift that
    the test had; a run whose data spent otherwise in its dates counts another (see `for_spend`).
    """

    run_id: str
    version: int
    given: float
    lift: float
    without: float | None = None
    with_it: float | None = None

    @property
    def sentence(self) -> str:
        """What the test moved in the run; empty where the run has no results."""
        if self.without is None or self.with_it is None:
            return ""
        said = f"moved from {self.without:,.4g} to {self.with_it:,.4g}, measured {self.lift:,.4g}"
        if self.lift != self.given:
            said += f" ({self.given:,.4g} by the test's own spend)"
        return said


def register(
    workspace: Workspace, name: str, by: User, *, design: Design, source: str = ""
) -> RegisteredTest:
    """Keep a designed test as planned. UserError where the name is taken or no channel is named."""
    workspace.permit(by, "test.save", name)
    if workspace.registered_test_versions(name):
        raise AlreadyExists(f"there is a test {name!r}.", fix="Choose another name.")
    if not design.channel:
        fix = "Design it with its channel."
        raise UserError("the design names no channel.", where="channel", fix=fix)
    kind = "test in time" if isinstance(design, TimeDesign) else f"geo test, {design.kind}"
    test = RegisteredTest(
        state=State.PLANNED,
        channels=(design.channel,),
        start=design.start,
        end=design.end,
        source=source or kind,
        design=design,
        saved_by=by.id,
        at=utc_now(),
    )
    return _save(workspace, name, by, test)


def record(
    workspace: Workspace,
    name: str,
    by: User,
    found: Found,
    *,
    channels: tuple[str, ...],
    start: date,
    end: date,
    source: str,
) -> RegisteredTest:
    """Keep a test's result under a name, one that is planned or running or a new one."""
    workspace.permit(by, "test.save", name)
    design = None
    if workspace.registered_test_versions(name):
        _, _, before = find_test(workspace, name)
        _require_next(name, before.state, State.ANALYSED)
        if set(before.channels) != set(channels):
            what = f"it is a test of {', '.join(before.channels)}, not of {', '.join(channels)}."
            raise UserError(what, where=f"test {name!r}", fix="Choose another name.")
        design = before.design
    test = RegisteredTest(
        state=State.ANALYSED,
        channels=channels,
        start=start,
        end=end,
        source=source,
        design=design,
        found=found,
        saved_by=by.id,
        at=utc_now(),
    )
    return _save(workspace, name, by, test)


def move(workspace: Workspace, name: str, by: User, state: State) -> RegisteredTest:
    """Say that a test runs, or is discarded; earlier versions stay."""
    workspace.permit(by, "test.save", name)
    _, _, before = find_test(workspace, name)
    _require_next(name, before.state, state)
    test = before.model_copy(update={"state": state, "saved_by": by.id, "at": utc_now()})
    return _save(workspace, name, by, test)


def registry(workspace: Workspace) -> dict[str, RegisteredTest]:
    """All tests by name, the newest version of each."""
    return {
        name: find_test(workspace, name)[2] for name in sorted(workspace.registered_test_names())
    }


def history(workspace: Workspace, name: str) -> list[RegisteredTest]:
    """All versions of a test, the oldest first; NotFound names the tests there are."""
    find_test(workspace, name)
    versions = workspace.registered_test_versions(name)
    return [
        model_of(RegisteredTest, workspace.registered_test(name, version), f"test {name!r}")
        for version in versions
    ]


def uses(workspace: Workspace, name: str) -> list[Use]:
    """The newest runs that used a test, and what it moved in them."""
    found = []
    for run_id in workspace.run_ids()[:_RUNS_LOOKED_AT]:
        experiment = parse_experiment(workspace.job_config(run_id), where=f"run {run_id}")
        for place, test in enumerate(experiment.lift_tests):
            named = named_in(test.source)
            if named is not None and named[0] == name:
                moved = _moved(workspace, run_id, place, str(test.start))
                lift, without, with_it = moved or (test.lift, None, None)
                found.append(Use(run_id, named[1], test.lift, lift, without, with_it))
    return found


def _moved(
    workspace: Workspace, run_id: str, place: int, start: str
) -> tuple[float, float | None, float | None] | None:
    """(lift as it counted, effect without the test, with it); None without results."""
    try:
        tables = read_results(workspace, run_id)
    except NotFound:
        return None
    rows = of_model(tables["lift_tests"], recommended(tables)).sort_by("test").to_pylist()
    starting: list[dict[str, Any]] = [row for row in rows if str(row["start"]) == start]
    if not starting:
        return None
    row = starting[0]
    if len(starting) > 1 and place < len(rows):
        row = rows[place]
    return row["lift"], row["uncalibrated"], row["effect"]


def _require_next(name: str, before: State, state: State) -> None:
    if state not in NEXT[before]:
        what = f"it is {before} and cannot become {state}."
        raise UserError(what, where=f"test {name!r}", fix="Keep it under another name.")


def _save(workspace: Workspace, name: str, by: User, test: RegisteredTest) -> RegisteredTest:
    with workspace.deed(by, "test.save", name, state=test.state.value):
        workspace.save_test(name, test)
    return test
