"""Runs whose task was lost: taken away by the platform, or gone without a word. They are tried
again by themselves, unlike those whose training or memory failed.
"""

from __future__ import annotations

from contextlib import suppress

from mmm.runs.events import FINAL, History, TransitionRefused
from mmm.runs.reconcile import ACTOR
from mmm.workspace.models import RunError, RunState

#: Attempts of a run in all, those that people asked for among them.
_ATTEMPTS = 3
#: 128 and SIGTERM: the platform told the task to end.
_STOPPED_CODE = 143


def is_lost(state: RunState, attempt: int, error: RunError | None) -> bool:
    """Whether an attempt ended because its task was lost and there may be another."""
    if state is not RunState.CRASHED or error is None or attempt >= _ATTEMPTS:
        return False
    told_to_end = error.exit_code == _STOPPED_CODE
    silent = error.exit_code is None and error.log_id is None
    return told_to_end or silent


def try_again(history: History, batch_id: str) -> None:
    """Queue a lost run again; somebody else may have done so, or cancelled it."""
    last = history.last
    message = f"Attempt {last.attempt + 1}: its task was lost. {last.message}"
    with suppress(TransitionRefused):
        history.add(
            RunState.QUEUED,
            ACTOR,
            attempt=last.attempt,
            after=FINAL,
            message=message,
            details={"batch": batch_id},
        )
