"""Training tasks as executions of a Cloud Run job."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core import exceptions as api
from google.cloud.logging import Client as LoggingClient
from google.cloud.run_v2 import (
    EnvVar,
    ExecutionsClient,
    JobsClient,
    RunJobRequest,
    TasksClient,
)

from mmm.errors import NotFound, UserError
from mmm.platforms.base import NoRoom, TaskState, TaskStatus
from mmm.platforms.gcp.errors import gcp_errors, in_doubt, may_pass
from mmm.platforms.gcp.executions import (
    CONTAINER,
    NAME_VARIABLE,
    execution_status,
    has_succeeded,
    is_over,
    mark,
)
from mmm.platforms.gcp.session import (
    READS,
    TIMEOUT,
    client_options,
    needed,
    open_client,
    open_credentials,
    project,
)
from mmm.settings import Settings

log = logging.getLogger(__name__)

#: Calls of one submission; each after the first only when no execution of the one before is there.
_CALLS = 3
#: Seconds between the looks for an execution after a call without a clear answer.
_LOOKS = (0.5, 1.5, 4.0)
#: This machine's clock may differ from Google's by less than this.
_CLOCKS = timedelta(minutes=5)
_PAGE = 1000


@dataclass(frozen=True)
class _Handle:
    """Enough for a later process. `since` is the execution's creation: Cloud Logging looks at one day
    alone unless it is told from when.
    """

    execution: str
    since: str

    @property
    def id(self) -> str:
        return self.execution.rpartition("/")[2]

    @property
    def job(self) -> str:
        return self.execution.partition("/executions/")[0]


@dataclass(frozen=True)
class Clients:
    """The clients of the services that a launcher calls."""

    jobs: Any
    executions: Any
    tasks: Any
    logging: Any

    @classmethod
    def from_settings(cls, settings: Settings) -> Clients:
        credentials = open_credentials(settings)
        with gcp_errors("Cloud Logging"):
            # The client has no other way to choose REST.
            logs = LoggingClient(
                project=project(settings),
                credentials=credentials,
                client_options=client_options(settings),
                _use_grpc=False,
            )
        return cls(
            jobs=open_client(JobsClient, credentials, settings),
            executions=open_client(ExecutionsClient, credentials, settings),
            tasks=open_client(TasksClient, credentials, settings),
            logging=logs,
        )


class CloudRunLauncher:
    """Executes a job with the run's address as the container's argument.

    Cloud Run knows no client token, so a call without a clear answer is never repeated blindly: its
    execution is looked for first, by the address and the name that were given to it. Where Cloud Run
    executes one attempt twice all the same, the run's events decide: the second task leaves with 0.
    """

    def __init__(
        self, clients: Clients, *, job: str, timeout: float, looks: Sequence[float] = _LOOKS
    ) -> None:
        self._clients, self._job, self._timeout, self._looks = clients, job, timeout, looks
        self._where = f"Cloud Run job {job.rpartition('/')[2]}"

    @classmethod
    def from_settings(cls, settings: Settings) -> CloudRunLauncher:
        name = needed("TRAINING_JOB_NAME", settings.training_job_name)
        region = needed("GCP_REGION", settings.gcp_region)
        job = f"projects/{project(settings)}/locations/{region}/jobs/{name}"
        timeout = settings.task_timeout_seconds
        return cls(Clients.from_settings(settings), job=job, timeout=timeout)

    def submit(self, run_uri: str, name: str) -> str:
        """Start the task; UserError when Google Cloud refuses, NoRoom when it may take the task
        later.
        """
        return self._submit([run_uri], name, tasks=1)

    def submit_job(self, batch_uri: str, name: str, tasks: int, slots: int) -> str:
        """Start an execution of so many tasks; errors as of `submit`. All go on at once, unless the
        job has a `parallelism`, which an execution cannot change.
        """
        args = [batch_uri, "--of", str(tasks), "--slots", str(slots)]
        return self._submit(args, name, tasks)

    def _submit(self, args: list[str], name: str, tasks: int) -> str:
        began = datetime.now(UTC)
        for _ in range(_CALLS):
            try:
                return _handle(self._run(args, name, tasks))
            except NotFound as error:
                fix = "Check TRAINING_JOB_NAME, GCP_PROJECT and GCP_REGION."
                raise NotFound("there is no such job.", where=self._where, fix=fix) from error
            except UserError as error:
                if may_pass(error.__cause__):
                    raise NoRoom(error.what, where=error.where, fix=error.fix) from error
                if not in_doubt(error.__cause__):
                    raise
                refusal = error
            log.warning("it is not clear whether a task was started: %s", refusal)
            found = self._look_for((args[0], name), began)
            if found is not None:
                return _handle(found)
        raise refusal

    def describe(self, handle: str) -> TaskStatus:
        """Unknown is no verdict: what cannot be looked at now may be well."""
        task = _handle_of(handle)
        try:
            with gcp_errors("Cloud Run"):
                found = self._clients.executions.get_execution(
                    name=task.execution, retry=READS, timeout=TIMEOUT
                )
            status = self._status(found)
            if status.exit_code == 0:
                return self._other_of(found) or status
            return status
        except NotFound:
            return TaskStatus(
                TaskState.UNKNOWN, reason="Google Cloud does not know its task (any more)"
            )
        except UserError as error:
            log.warning("a task cannot be looked at: %s", error)
            return TaskStatus(TaskState.UNKNOWN, reason=str(error).rstrip("."))

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None:
        """SIGTERM now and SIGKILL later; on Cloud Run the grace is ten seconds, not the caller's."""
        task = _handle_of(handle)
        with gcp_errors("Cloud Run"):
            try:
                self._clients.executions.cancel_execution(
                    name=task.execution, retry=READS, timeout=TIMEOUT
                )
            except (api.NotFound, api.BadRequest, api.Conflict):  # it is over or forgotten
                return

    def logs(self, handle: str) -> Iterator[str]:
        task = _handle_of(handle)
        chosen = (
            'resource.type="cloud_run_job"',
            f'resource.labels.job_name="{task.job.rpartition("/")[2]}"',
            f'labels."run.googleapis.com/execution_name"="{task.id}"',
            '(log_id("run.googleapis.com/stdout") OR log_id("run.googleapis.com/stderr"))',
            f'timestamp>="{task.since}"',
        )
        with gcp_errors("Cloud Logging"):
            entries = self._clients.logging.list_entries(
                filter_=" AND ".join(chosen), order_by="timestamp asc", page_size=_PAGE
            )
            for entry in entries:
                yield _line(entry.payload)

    def _run(self, args: list[str], name: str, tasks: int) -> Any:
        """Make the call once; the execution that it made."""
        overrides = RunJobRequest.Overrides(
            container_overrides=[
                RunJobRequest.Overrides.ContainerOverride(
                    name=CONTAINER,
                    args=args,
                    env=[EnvVar(name=NAME_VARIABLE, value=name)],
                )
            ],
            task_count=tasks,
            timeout=timedelta(seconds=self._timeout),
        )
        request = RunJobRequest(name=self._job, overrides=overrides)
        with gcp_errors(self._where):
            operation = self._clients.jobs.run_job(request=request, retry=None, timeout=TIMEOUT)
            return operation.metadata

    def _look_for(self, wanted: tuple[str, str], began: datetime) -> Any:
        """The newest execution with this mark that was made since; None when there is none after all
        looks. UserError when Google Cloud cannot even be asked.
        """
        failure: UserError | None = None
        for wait in self._looks:
            time.sleep(wait)
            try:
                found = next(self._marked(wanted, began - _CLOCKS), None)
            except UserError as error:
                failure = error
                continue
            if found is not None:
                return found
            failure = None
        if failure is not None:
            raise failure
        return None

    def _marked(self, wanted: tuple[str, str], since: datetime) -> Iterator[Any]:
        """The job's executions with this mark, newest first; Cloud Run lists them in that order."""
        with gcp_errors(self._where):
            for one in self._clients.executions.list_executions(
                parent=self._job, retry=READS, timeout=TIMEOUT
            ):
                if one.create_time < since:
                    return
                if mark(one) == wanted:
                    yield one

    def _other_of(self, ended: Any) -> TaskStatus | None:
        """The status of a twin that still goes on: this one may have left because of it."""
        for one in self._marked(mark(ended), ended.create_time - _CLOCKS):
            if one.name != ended.name and not is_over(one):
                return self._status(one)
        return None

    def _status(self, execution: Any) -> TaskStatus:
        if not is_over(execution) or has_succeeded(execution):
            return execution_status(execution)
        with gcp_errors("Cloud Run"):
            tasks = self._clients.tasks.list_tasks(
                parent=execution.name, retry=READS, timeout=TIMEOUT
            )
            results = [task.last_attempt_result for task in tasks]
        # Of several tasks the first that failed tells why.
        told = [result for result in results if result.status.code or result.exit_code]
        return execution_status(execution, next(iter([*told, *results]), None))


def _handle(execution: Any) -> str:
    created = execution.create_time or datetime.now(UTC)
    since = (created - _CLOCKS).isoformat()
    return json.dumps(asdict(_Handle(execution.name, since)))


def _handle_of(handle: str) -> _Handle:
    return _Handle(**json.loads(handle))


def _line(payload: Any) -> str:
    """A line that is JSON comes back taken apart."""
    if isinstance(payload, str):
        return payload.rstrip("\n")
    return json.dumps(payload, ensure_ascii=False)
