"""The life of a run: which state may follow which, and the append-only history that says so.

An event is created only if its number is free. Whoever creates number n+1 has made the transition;
everyone else reads again and decides anew. There is no lock and nothing to repair.
"""

from __future__ import annotations

from typing import Any

from mmm.errors import AlreadyExists, UserError
from mmm.workspace import Workspace
from mmm.workspace.models import RunEvent, RunState
from mmm.workspace.names import utc_now

_ENDS_BADLY = {RunState.FAILED, RunState.CRASHED, RunState.TIMED_OUT, RunState.CANCELLED}

#: What may follow each state. `failed` is the training code's own error, `crashed` the machine's. A
#: bad end is final for its attempt; queueing again begins the next attempt. An attempt for which the
#: platform has no room goes back from starting to queued and stays the same attempt.
TRANSITIONS: dict[RunState | None, frozenset[RunState]] = {
    None: frozenset({RunState.QUEUED}),
    RunState.QUEUED: frozenset({RunState.STARTING, RunState.CRASHED, RunState.CANCELLED}),
    RunState.STARTING: frozenset({RunState.QUEUED, RunState.RUNNING, *_ENDS_BADLY}),
    RunState.RUNNING: frozenset({RunState.RUNNING, RunState.SUCCEEDED, *_ENDS_BADLY}),
    RunState.SUCCEEDED: frozenset(),
    **{state: frozenset({RunState.QUEUED}) for state in _ENDS_BADLY},
}
FINAL = frozenset({RunState.SUCCEEDED, *_ENDS_BADLY})
#: States in which nothing goes on: a run leaves them only by somebody's doing.
_AT_REST = frozenset({RunState.QUEUED, *FINAL})

#: For eyes; logic uses the state itself.
LABELS = {state: state.value.replace("_", " ") for state in RunState}


_FIXES = {
    RunState.QUEUED: "Only a run that ended badly can be tried again; `mmm submit` starts a new one.",
    RunState.CANCELLED: "Only a run that has not ended can be cancelled.",
}


class TransitionRefused(UserError):
    """The run is in a state from which the wanted one cannot follow, or in another attempt."""


class History:
    """A run's events, seen from one writer. Keeps the newest event it knows, so appending needs no
    listing.
    """

    def __init__(self, workspace: Workspace, run_id: str) -> None:
        self._workspace = workspace
        self.run_id = run_id
        self.last = workspace.last_event(run_id)

    @classmethod
    def begin(cls, workspace: Workspace, run_id: str, actor: str, **fields: Any) -> History:
        """Write a new run's first event, `queued`."""
        event = RunEvent(
            number=1, state=RunState.QUEUED, at=utc_now(), attempt=1, actor=actor, **fields
        )
        workspace.append_event(run_id, event)
        return cls(workspace, run_id)

    def refresh(self) -> RunEvent:
        self.last = self._workspace.last_event(self.run_id)
        return self.last

    def add(
        self,
        state: RunState,
        actor: str,
        *,
        attempt: int | None = None,
        after: frozenset[RunState] | None = None,
        **fields: Any,
    ) -> RunEvent:
        """Make the transition to `state`; TransitionRefused when it cannot follow what the history
        says by now.

        `attempt` is the writer's own: a task that was given up must not write into the attempt
        after it. `after` narrows down which states it may follow.
        """
        while True:
            if not self._may_follow(state, attempt, after):
                self.refresh()
                if not self._may_follow(state, attempt, after):
                    raise self._refusal(state, attempt)
            event = self._next(state, actor, fields)
            if self.last.state in _AT_REST:
                self._mark(event.number)
            try:
                self._workspace.append_event(self.run_id, event)
            except AlreadyExists:
                # A retried request may find its own event there.
                if self._workspace.event(self.run_id, event.number) != event:
                    self.refresh()
                    continue
            self.last = event
            return event

    def mark_last(self) -> None:
        """Mark that a batch's run has moved, for one whose mover did not."""
        self._mark(self.last.number)

    def _mark(self, number: int) -> None:
        """Say in the run's batch, before it happens, that the run is not where it was: who looks at
        the batch need not look at the others. A mark whose event never comes costs a look.
        """
        first = self.last if self.last.number == 1 else self._workspace.event(self.run_id, 1)
        if batch := first.details.get("batch"):
            self._workspace.mark_move(str(batch), self.run_id, number)

    def _may_follow(
        self, state: RunState, attempt: int | None, after: frozenset[RunState] | None
    ) -> bool:
        last = self.last
        if after is not None and last.state not in after:
            return False
        return state in TRANSITIONS[last.state] and attempt in (None, last.attempt)

    def _refusal(self, state: RunState, attempt: int | None) -> TransitionRefused:
        last = self.last
        if attempt not in (None, last.attempt):
            return TransitionRefused(
                f"run {self.run_id} is in attempt {last.attempt}, not {attempt} any more."
            )
        what = f"run {self.run_id} is {LABELS[last.state]} and cannot become {LABELS[state]}."
        return TransitionRefused(what, fix=_FIXES.get(state, ""))

    def _next(self, state: RunState, actor: str, fields: dict[str, Any]) -> RunEvent:
        last, now = self.last, utc_now()
        again = state is RunState.QUEUED
        carried = (
            {}
            if again
            else {"started": last.started, "stages": last.stages, "progress": last.progress}
        )
        if state is RunState.STARTING:
            carried["started"] = now
        attempt = last.attempt + 1 if again and last.state in FINAL else last.attempt
        return RunEvent(
            number=last.number + 1,
            state=state,
            at=now,
            attempt=attempt,
            actor=actor,
            **{**carried, **fields},
        )
