"""What came of a schedule's moment: how its run went, what moved, and whether a person is waited
for.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmm.errors import UserError
from mmm.models.refresh import in_use
from mmm.runs.moved import moved
from mmm.runs.schedules import Firing
from mmm.runs.service import RunService
from mmm.runs.wording import what_now
from mmm.workspace.models import RunState


@dataclass(frozen=True)
class Outcome:
    """`waits` where the new model is neither accepted nor overtaken by a later one."""

    text: str
    run_id: str = ""
    waits: bool = False
    before: str = ""


def outcome(service: RunService, firing: Firing) -> Outcome:
    """A moment as it stands now."""
    if firing.error:
        return Outcome(f"It failed: {firing.error}")
    if firing.unchanged:
        return Outcome("The data have not changed; nothing was trained.")
    if not firing.run_id:
        return Outcome("It was begun and has no end so far.")
    return _of_run(service, firing.run_id)


def _of_run(service: RunService, run_id: str) -> Outcome:
    status = service.status(run_id)
    if status.state is not RunState.SUCCEEDED:
        return Outcome(f"Its run is {status.label}: {what_now(status)}", run_id)
    try:
        found = moved(service.workspace, run_id)
        used = in_use(service.workspace, run_id)
    except UserError as error:  # the model in use is gone or cannot be read
        return Outcome(f"Its run has succeeded and cannot be compared: {error}", run_id)
    told, before = ("", "") if found is None else (" ".join(found.sentences), found.before)
    if used is None or used.run_id < run_id:
        return Outcome(f"{told} It waits for a person to accept it.", run_id, True, before)
    by = f"accepted by {used.actor}" if used.run_id == run_id else "overtaken by a later model"
    return Outcome(f"{told} It was {by}.", run_id, False, before)
