"""What a person can do with runs: submit, look, follow, cancel, retry. CLI, web pages and scripts
call these.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mmm.access import User
from mmm.errors import Finding, InvalidInput, UserError
from mmm.platforms import open_launcher
from mmm.platforms.base import NoRoom, TaskLauncher, TaskState
from mmm.runs.batch_board import BatchBoard
from mmm.runs.batch_jobs import BatchJobs
from mmm.runs.events import FINAL, History, TransitionRefused
from mmm.runs.notices import tell_of_batch, tell_of_no_room, tell_of_run
from mmm.runs.queue import Stepped, step
from mmm.runs.reconcile import ACTOR, reconcile
from mmm.runs.search import RunFilter
from mmm.runs.status import RunStatus, run_status
from mmm.runs.status_list import StatusList
from mmm.runs.waiting import WAITS, Waits, is_out_of_patience, refused_again, waits_of
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import Attempt, BatchDocument, LogRecord, RunError, RunEvent, RunState
from mmm.workspace.names import utc_now
from mmm.workspace.objects import StoreError
from mmm.workspace.stored import Unreadable

if TYPE_CHECKING:
    from pydantic import BaseModel

    from mmm.experiments.config import Experiment
    from mmm.runs.certification import CertificateRequest
    from mmm.runs.stability import StabilityStudy

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5


class RunService:
    """Runs of one workspace on one platform."""

    def __init__(self, workspace: Workspace, launcher: TaskLauncher, settings: Settings) -> None:
        self.workspace = workspace
        self._launcher = launcher
        self._settings = settings
        self._list = StatusList(workspace, settings.cache_dir)
        self._board = BatchBoard(workspace, self._list)
        self._jobs = BatchJobs(workspace, launcher, settings)

    @property
    def platform(self) -> str:
        """Where runs of this service are trained."""
        return self._settings.cloud_provider

    @classmethod
    def open(cls, settings: Settings) -> RunService:
        """The settings' workspace and platform; UserError where the platform cannot start tasks."""
        return cls(Workspace.open(settings), open_launcher(settings), settings)

    def submit(self, experiment: Experiment, by: User) -> str:
        """Check the experiment against its data, then queue and start a run; return its id.

        InvalidInput leaves nothing behind. A task that cannot be started leaves a crashed run and
        raises UserError. One for which the platform has no room leaves a queued run that is tried
        again (`status.waits`).
        """
        dataset = experiment.dataset
        self.workspace.permit(by, "run.submit", f"{dataset.market}/{dataset.dataset_id}")
        findings = self.check(experiment)

        run_id = self.workspace.create_run(experiment)
        details = {
            "name": experiment.name,
            "market": dataset.market,
            "dataset_id": dataset.dataset_id,
            "engine": experiment.engine,
            "platform": self.platform,
        }
        warnings = tuple(str(finding) for finding in findings)
        self.workspace.mark_run(run_id)
        with self.workspace.deed(by, "run.submit", run_id, **details):
            history = History.begin(
                self.workspace, run_id, by.id, warnings=warnings, details=details
            )
            self._start_or_wait(history, by.id)
        return run_id

    def submit_study(self, run_id: str, study: StabilityStudy, by: User) -> str:
        """Queue and start a study of a run that has results; return the study's id, by which it is
        followed as a run.

        UserError for a run without results, and while another study of the run is under way.
        """
        return self._submit_study(run_id, "stability", study, by)

    def submit_certificate(self, run_id: str, asked: CertificateRequest, by: User) -> str:
        """Queue and start the certifying of a run that has results; return the id by which it is
        followed as a run. Errors as in `submit_study`.
        """
        return self._submit_study(run_id, "certificate", asked, by)

    def _submit_study(self, run_id: str, kind: str, asked: BaseModel, by: User) -> str:
        self.workspace.permit(by, "run.study", run_id)
        self.workspace.results_manifest(run_id)
        for other in self.statuses(self.workspace.study_ids(run_id, kind)[-1:]):
            if not other.final:
                what, fix = (
                    f"a study of run {run_id} is under way.",
                    f"Wait for it, or `mmm cancel {other.run_id}`.",
                )
                raise UserError(what, where=kind, fix=fix)
        # A study of a batch's run is none of the batch: it does not wait for its turn.
        submitted = {
            name: value
            for name, value in self.workspace.event(run_id, 1).details.items()
            if name != "batch"
        } | {"platform": self.platform}
        study_id = self.workspace.create_study(run_id, asked, kind)
        self.workspace.mark_run(study_id)
        with self.workspace.deed(by, "run.study", study_id):
            history = History.begin(self.workspace, study_id, by.id, details=submitted)
            self._start_or_wait(history, by.id)
        return study_id

    def check(self, experiment: Experiment) -> list[Finding]:
        """What is worth knowing of an experiment before it runs; InvalidInput with all that stops
        it.
        """
        from mmm.engines import load_engine
        from mmm.experiments.environment import environment_findings
        from mmm.experiments.problem import (
            build_problem,
        )  # numpy and pyarrow, which looking at runs does not need
        from mmm.models.refresh import data_findings, previous_of

        table = self.workspace.read_dataset(
            experiment.dataset.market, experiment.dataset.dataset_id
        )
        _, findings = build_problem(experiment, table, previous_of(self.workspace, experiment))
        findings += data_findings(self.workspace, experiment, table)
        self._require_limits(experiment, table.num_rows)
        if self._settings.cloud_provider == "local":  # the task runs on this machine
            findings += environment_findings(load_engine(experiment.engine))
        return findings

    def _require_limits(self, experiment: Experiment, rows: int) -> None:
        """InvalidInput for a run that would take more than one may."""
        from mmm.runs.estimate import earlier_runs, estimate, formula, size_of
        from mmm.runs.limits import RunLimits, exceeded

        size = size_of(experiment, rows)
        # Times of earlier runs on a busy machine refuse nothing that the measured rates allow.
        earlier = [] if formula(size) is not None else earlier_runs(self, experiment.engine)
        found = exceeded(estimate(size, earlier, self.platform), RunLimits.of(self._settings))
        if found:
            raise InvalidInput("This run asks for more than one may:", found)

    def start_waiting(self, *, tidy: bool = True) -> list[str]:
        """Take a step of the queue: find what has ended, start what may start by now; return the
        ids of the runs started. Without `tidy` what has ended is left for another step to close.
        """
        return self._step(tidy=tidy).started

    def of_batch(self, batch: BatchDocument) -> list[RunStatus]:
        """The runs of a batch now, in its order; takes a step of the queue first."""
        stepped = self._step(tidy=True)
        if not stepped.started and batch.batch_id in stepped.seen:
            return stepped.seen[batch.batch_id]
        return self.look_at(batch)

    def look_at(self, batch: BatchDocument) -> list[RunStatus]:
        """The runs of a batch now, in its order."""
        return self._board.statuses(batch, self.status)

    @property
    def job_from(self) -> int:
        """How many runs make a batch one job, where the platform has jobs."""
        return self._settings.job_from

    def stop_job(self, batch: BatchDocument) -> None:
        """Stop the platform's job of a batch whose runs are cancelled; none is no error."""
        self._jobs.cancel(batch)

    def _step(self, *, tidy: bool) -> Stepped:
        def start(run_id: str) -> None:
            history = History(self.workspace, run_id)
            try:
                self._start(history, ACTOR)
            except TransitionRefused:  # lest the next step take it for waiting, too
                history.mark_last()
                raise

        try:
            return step(
                self.workspace,
                _Looks(self, self._board, tidy),
                start,
                self._settings.batch_at_once,
                self.platform,
                utc_now(),
                _Ends(self) if tidy else None,
                self._jobs,
            )
        except StoreError as failure:  # whoever looks must not need to write
            log.warning("no step of the queue could be taken: %s", failure)
            return Stepped([], {})

    def status(self, run_id: str) -> RunStatus:
        """The run now, after looking whether its task still lives."""
        last = reconcile(self.workspace, self._launcher, self._settings, run_id, utc_now())
        return run_status(self.workspace, run_id, last)

    def runs(self, first: int = 0, limit: int | None = None) -> list[RunStatus]:
        """Runs, newest first; from number `first` (0 is the newest) at most `limit`.

        One whose history cannot be read is among them and says so.
        """
        return self.statuses(
            self.workspace.run_ids()[first : None if limit is None else first + limit]
        )

    def find(self, wanted: RunFilter) -> list[RunStatus]:
        """The runs that pass, newest first; the statuses of all are looked at."""
        return [status for status in self.runs() if wanted.passes(status)]

    def statuses(self, run_ids: Sequence[str]) -> list[RunStatus]:
        """The named runs in their order, without those that have no history yet."""
        return self._list.statuses(run_ids, self.status)

    def cancel(self, run_id: str, by: User) -> RunStatus:
        """Stop a run that has not ended; UserError (TransitionRefused) when it has."""
        self.workspace.permit(by, "run.cancel", run_id)
        history = History(self.workspace, run_id)
        if history.last.state is not RunState.QUEUED:
            self.workspace.mark_run(run_id)  # should this process be killed before the task is
        with self.workspace.deed(by, "run.cancel", run_id, attempt=history.last.attempt):
            event = history.add(RunState.CANCELLED, by.id, message=f"Cancelled by {by.id}.")
        try:
            attempt = self._own_attempt(run_id, event.attempt)
        except Unreadable as damage:
            fix = "The run is cancelled. Its task sees that with its next heartbeat and stops."
            raise Unreadable(damage.what, where=damage.where, fix=fix) from damage
        if attempt is not None:
            self._launcher.cancel(attempt.handle)
        return run_status(self.workspace, run_id, event)

    def retry(self, run_id: str, by: User) -> RunStatus:
        """Begin a new attempt of a run that ended badly; UserError (TransitionRefused) otherwise."""
        self.workspace.permit(by, "run.retry", run_id)
        self.status(run_id)  # a lost task is found crashed first
        history = History(self.workspace, run_id)
        self.workspace.mark_run(run_id)
        with self.workspace.deed(by, "run.retry", run_id, attempt=history.last.attempt + 1):
            self._queue_again(history, by)
            self._start_or_wait(history, by.id)
        return run_status(self.workspace, run_id, history.last)

    def queue_again(self, run_id: str, batch_id: str, by: User) -> bool:
        """Begin a new attempt of a batch's run that ended badly; it starts when it is its turn.
        False when it has not ended so (any more).
        """
        try:
            self._queue_again(History(self.workspace, run_id), by, {"batch": batch_id})
        except TransitionRefused:
            return False
        return True

    def _queue_again(
        self, history: History, by: User, details: dict[str, str] | None = None
    ) -> RunEvent:
        attempt = history.last.attempt
        message = f"Attempt {attempt + 1}, asked for by {by.id}."
        # Of two who ask at once the second finds another attempt, not this one again.
        return history.add(
            RunState.QUEUED,
            by.id,
            attempt=attempt,
            after=FINAL,
            message=message,
            details=details or {},
        )

    def follow(self, run_id: str) -> Iterator[RunEvent]:
        """The run's events as they come, from the first to the one that ends the newest attempt."""
        number = 0
        while True:
            self.status(run_id)
            event = None
            for event in self.workspace.events(run_id, after=number):
                number = event.number
                yield event
            if event is not None and event.state in FINAL:
                return
            time.sleep(POLL_SECONDS)

    def log(self, run_id: str, *, follow: bool = False) -> Iterator[LogRecord]:
        """The run's log so far; with `follow` until the run ends."""
        part = 0
        while True:
            ended = (
                not follow or self.status(run_id).final
            )  # looked at first, so that nothing written after is missed
            records, part = self.workspace.log(run_id, after=part)
            yield from records
            if ended:
                return
            time.sleep(POLL_SECONDS)

    def output(self, run_id: str) -> Iterator[str]:
        """What the newest attempt's task printed outside its log."""
        attempt = self._own_attempt(run_id, self.workspace.last_event(run_id).attempt)
        return iter(()) if attempt is None else self._launcher.logs(attempt.handle)

    def _start_or_wait(self, history: History, actor: str) -> None:
        """Launch the task of the newest attempt, or leave it queued where there is no room."""
        with suppress(NoRoom):
            self._start(history, actor)

    def _start(self, history: History, actor: str) -> None:
        """Launch the task of the newest attempt. `starting` is written first: whoever writes it
        launches, once. NoRoom leaves the run queued, any other refusal crashed.
        """
        run_id = history.run_id
        starting = history.add(RunState.STARTING, actor)
        before = waits_of(self.workspace.event(run_id, starting.number - 1))
        try:
            handle = self._launcher.submit(
                self.workspace.run_uri(run_id), _task_name(run_id, starting.attempt, before)
            )
        except UserError as error:
            self._not_started(history, starting, before, error)
            raise
        platform = self._settings.cloud_provider
        self.workspace.save_attempt(
            run_id,
            Attempt(attempt=starting.attempt, platform=platform, handle=handle, at=utc_now()),
        )
        # Someone may have ended the run before there was a handle to stop its task by.
        if history.refresh().state in FINAL:
            self._launcher.cancel(handle)

    def _not_started(
        self, history: History, starting: RunEvent, before: Waits | None, error: UserError
    ) -> None:
        """Write down that the platform did not take the task. Where somebody has cancelled the run
        meanwhile, that stands.
        """
        actor, number, now = starting.actor, starting.attempt, utc_now()
        after = frozenset({RunState.STARTING})
        with suppress(TransitionRefused):
            if isinstance(error, NoRoom):
                waits = refused_again(before, error, now)
                if not is_out_of_patience(waits, error, now):
                    what = f"There is no room for its task: {error}"
                    details = {WAITS: waits.model_dump(mode="json")}
                    history.add(
                        RunState.QUEUED,
                        actor,
                        attempt=number,
                        after=after,
                        message=what,
                        details=details,
                    )
                    self._tell_of_no_room(history, waits)
                    return
            what = f"The task could not be started: {error}"
            history.add(
                RunState.CRASHED,
                actor,
                attempt=number,
                after=after,
                message=what,
                error=RunError(what=what),
            )

    def _tell_of_no_room(self, history: History, waits: Waits) -> None:
        """Once, at the first refusal. What cannot be told stops no run."""
        if waits.refused > 1:
            return
        status = run_status(self.workspace, history.run_id, history.last)
        try:
            tell_of_no_room(self.workspace, status, waits, utc_now())
        except UserError as error:
            log.warning("nobody could be told that there is no room: %s", error)

    def stop_cancelled(self, status: RunStatus) -> None:
        """Stop the task of a cancelled run that still lives: whoever cancelled it was killed."""
        attempt = self._own_attempt(status.run_id, status.attempt)
        if status.state is not RunState.CANCELLED or attempt is None:
            return
        if self._launcher.describe(attempt.handle).state in (TaskState.PENDING, TaskState.RUNNING):
            self._launcher.cancel(attempt.handle)

    def _own_attempt(self, run_id: str, number: int) -> Attempt | None:
        attempt = self.workspace.attempt(run_id, number)
        return (
            attempt
            if attempt is not None and attempt.platform == self._settings.cloud_provider
            else None
        )


def _task_name(run_id: str, attempt: int, waits: Waits | None) -> str:
    """What the platform knows the task by. A refused submission gets another name than the one
    after it, lest the platform repeat its answer.
    """
    refused = f"-{waits.refused}" if waits is not None else ""
    return f"{run_id.replace('/', '-')}-{attempt:04d}{refused}"


class _Looks:
    """How a step looks at batches and runs."""

    def __init__(self, service: RunService, board: BatchBoard, tidy: bool) -> None:
        self._service, self._board, self._tidy = service, board, tidy

    def batch(self, batch_id: str) -> BatchDocument:
        return self._board.batch(batch_id)

    def of_batch(self, batch: BatchDocument) -> list[RunStatus]:
        return self._board.statuses(batch, self._service.status, tidy=self._tidy)

    def of_runs(self, run_ids: Sequence[str]) -> list[RunStatus]:
        return self._service.statuses(run_ids)


class _Ends:
    """What the service does when something has ended."""

    def __init__(self, service: RunService) -> None:
        self._service = service

    def run(self, status: RunStatus) -> None:
        self._service.stop_cancelled(status)
        tell_of_run(self._service.workspace, status, utc_now())

    def batch(self, batch: BatchDocument, statuses: Sequence[RunStatus]) -> None:
        tell_of_batch(self._service.workspace, batch, statuses, utc_now())
