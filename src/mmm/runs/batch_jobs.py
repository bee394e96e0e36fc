"""Batches as one job of many tasks on the platform's own engine: when one is submitted, how many
tasks it has, and what happens when it is over and runs still wait.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from math import ceil

from mmm.errors import UserError
from mmm.platforms.base import JobLauncher, NoRoom, TaskLauncher, TaskState
from mmm.runs.events import History, TransitionRefused
from mmm.runs.lost import is_lost, try_again
from mmm.runs.reconcile import ACTOR
from mmm.runs.status import RunStatus
from mmm.runs.waiting import Waits, refused_again
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, BatchJob, BatchJobAnswer, RunError, RunState
from mmm.workspace.names import utc_now

log = logging.getLogger(__name__)

_TASK_SECONDS = 600.0
#: A submitter answers within seconds; one that has not by now was killed.
_SUBMIT_SECONDS = 60.0
#: After so many jobs in a row that took no run, what waits is ended: something is wrong with them.
_FRUITLESS = 3


class BatchJobs:
    """The jobs of batches on one platform."""

    def __init__(self, workspace: Workspace, launcher: TaskLauncher, settings: Settings) -> None:
        self._workspace, self._settings, self._platform = workspace, settings, launcher
        self._launcher = launcher if isinstance(launcher, JobLauncher) else None

    def takes(self, batch: BatchDocument) -> bool:
        """Whether the batch is trained by jobs, not by a task for each run."""
        enough = len(batch.members) >= self._settings.job_from
        return self._launcher is not None and batch.marked and enough

    def revive(self, batch: BatchDocument, statuses: Sequence[RunStatus]) -> bool:
        """Queue the runs again whose task was lost; whether there were any."""
        lost = [
            one for one in statuses if one.readable and is_lost(one.state, one.attempt, one.error)
        ]
        for status in lost:
            try:
                try_again(History(self._workspace, status.run_id), batch.batch_id)
            except UserError as error:  # the others go on, and the next step tries again
                log.warning("run %s could not be queued again: %s", status.run_id, error)
        return bool(lost)

    def tend(
        self, batch: BatchDocument, statuses: Sequence[RunStatus], places: int, now: datetime
    ) -> tuple[bool, Waits | None]:
        """See that a job works on the runs that wait; (whether one was submitted now, why there is
        no room). `places` are how many runs may be begun on a machine of one's own.
        """
        queued = [one for one in statuses if one.state is RunState.QUEUED]
        waiting = [one.run_id for one in queued]
        if not waiting:
            return False, None
        newest = self._workspace.newest_job(batch.batch_id)
        waits: Waits | None = None
        if newest is not None:
            job, answer = newest
            if answer is None:
                if (now - job.at).total_seconds() <= _SUBMIT_SECONDS:
                    return False, None
            elif answer.waits is not None:
                waits = Waits.model_validate(answer.waits)
                if waits.next > now:
                    return False, waits
            elif answer.handle and self._goes_on(answer.handle):
                return False, None
            same = job.waiting == len(waiting) and all(one.updated < job.at for one in queued)
            if waits is None and same and job.fruitless + 1 >= _FRUITLESS:
                self._give_up(waiting, f"{_FRUITLESS} jobs in a row took none of the batch's runs.")
                return False, None
        if places < 1 and self._settings.cloud_provider == "local":
            return False, None
        return self._submit(batch, waiting, newest[0] if newest else None, waits, places)

    def cancel(self, batch: BatchDocument) -> None:
        """Stop the newest job: its runs have been cancelled."""
        newest = self._workspace.newest_job(batch.batch_id)
        if newest is not None and newest[1] is not None and newest[1].handle:
            self._platform.cancel(newest[1].handle)

    def _goes_on(self, handle: str) -> bool:
        return self._platform.describe(handle).state is not TaskState.STOPPED

    def _submit(
        self,
        batch: BatchDocument,
        waiting: Sequence[str],
        before: BatchJob | None,
        waits: Waits | None,
        places: int,
    ) -> tuple[bool, Waits | None]:
        if self._launcher is None:
            return False, None
        tasks, slots = self._size(batch, len(waiting), places)
        same = before is not None and waits is None and before.waiting == len(waiting)
        job = BatchJob(
            number=1 if before is None else before.number + 1,
            tasks=tasks,
            slots=slots,
            at=utc_now(),
            waiting=len(waiting),
            fruitless=before.fruitless + 1 if same and before is not None else 0,
        )
        if not self._workspace.create_job(batch.batch_id, job):
            return False, None
        uri, name = self._workspace.batch_uri(batch.batch_id), f"{batch.batch_id}-{job.number:04d}"
        try:
            handle = self._launcher.submit_job(uri, name, tasks, slots)
        except NoRoom as refusal:
            again = refused_again(waits, refusal, utc_now())
            answer = BatchJobAnswer(at=utc_now(), waits=again.model_dump(mode="json"))
            self._workspace.answer_job(batch.batch_id, job.number, answer)
            return False, again
        except UserError as error:
            answer = BatchJobAnswer(at=utc_now())
            self._workspace.answer_job(batch.batch_id, job.number, answer)
            self._give_up(waiting, f"The batch's job could not be started: {error}")
            return False, None
        answer = BatchJobAnswer(at=utc_now(), handle=handle)
        self._workspace.answer_job(batch.batch_id, job.number, answer)
        return True, None

    def _size(self, batch: BatchDocument, waiting: int, places: int) -> tuple[int, int]:
        """(tasks, slots): about ten minutes a task by the estimate; one run a task where a run
        takes as long as that, or nobody knows. On a machine of one's own one pool.
        """
        if self._settings.cloud_provider == "local":
            return 1, max(1, min(places, waiting))
        seconds, most = batch.run_seconds, min(self._settings.job_tasks, waiting)
        if seconds is None or seconds >= _TASK_SECONDS:
            return most, 1
        slots = self._settings.job_slots
        return max(1, min(most, ceil(seconds * waiting / (slots * _TASK_SECONDS)))), slots

    def _give_up(self, run_ids: Sequence[str], why: str) -> None:
        log.warning("%s runs of a batch are ended: %s", len(run_ids), why)
        for run_id in run_ids:
            with suppress(TransitionRefused):
                error = RunError(what=why, exit_code=1)
                queued = frozenset({RunState.QUEUED})
                history = History(self._workspace, run_id)
                history.add(RunState.CRASHED, ACTOR, after=queued, message=why, error=error)
