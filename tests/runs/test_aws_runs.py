"""Runs on the platform aws and what can go wrong there: real clients and real tasks, see
aws_servers.py.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from aws_servers import Aws
from mmm.access import Role, User
from mmm.errors import UserError
from mmm.experiments.config import Experiment
from mmm.platforms import open_launcher
from mmm.platforms.base import TaskState
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import RunState
from mmm.workspace.names import utc_now
from mmm.workspace.objects import StoreError

ANN = User("ann", role=Role.ANALYST)
SHORT = {"trials": 1, "iterations": 100, "seed": 1, "min_candidates": 20, "bootstrap": 100}
LONG = {"trials": 1, "iterations": 1_000_000}
LIMITS = {
    "MMM_HEARTBEAT_SECONDS": 0.5,
    "MMM_CRASH_AFTER_SECONDS": 180,
    "MMM_START_TIMEOUT_SECONDS": 180,
}


@pytest.fixture
def settings(aws: Aws) -> Settings:
    return aws.settings(aws.new_bucket(), **LIMITS)


@pytest.fixture
def workspace(settings: Settings) -> Workspace:
    return Workspace.open(settings)


@pytest.fixture
def service(settings: Settings, aws: Aws) -> Iterator[RunService]:
    """A service whose runs have all ended when the test has, without the test's faults."""
    made = RunService.open(settings)
    yield made
    aws.faults()
    for status in made.runs():
        if not status.final:
            made.cancel(status.run_id, ANN)


def of_family(settings: Settings, family: str) -> RunService:
    return RunService.open(settings.model_copy(update={"training_task_family": family}))


def wait_until(
    service: RunService, run_id: str, done: Callable[[RunStatus], bool], seconds: float = 240
) -> RunStatus:
    deadline = time.monotonic() + seconds
    while not done(status := service.status(run_id)):
        assert time.monotonic() < deadline, status
        time.sleep(0.2)
    return status


def ended(service: RunService, run_id: str) -> RunStatus:
    return wait_until(service, run_id, lambda status: status.final)


def running(service: RunService, run_id: str) -> int:
    status = wait_until(
        service, run_id, lambda status: status.final or status.state is RunState.RUNNING
    )
    assert status.state is RunState.RUNNING, status
    heartbeat = service.workspace.heartbeat(run_id)
    assert heartbeat is not None
    return heartbeat.pid


def test_from_submitting_to_results(
    aws: Aws, service: RunService, experiment: Callable[..., Experiment]
) -> None:
    run_id = service.submit(experiment(**SHORT), ANN)
    status = ended(service, run_id)
    assert status.state is RunState.SUCCEEDED, status
    assert service.workspace.result_table(run_id, "models").num_rows == SHORT["iterations"]
    assert any("training with ridge" in line for line in service.output(run_id))

    # The task was given one thing, and nothing of the web app's settings.
    (arn,) = aws.client("ecs").list_tasks(
        cluster="mmm-app-cluster", startedBy=f"mmm/{run_id}-0001"
    )["taskArns"]
    (task,) = aws.client("ecs").describe_tasks(
        cluster="mmm-app-cluster", tasks=[arn], include=["TAGS"]
    )["tasks"]
    uri = service.workspace.run_uri(run_id)
    assert task["overrides"]["containerOverrides"] == [{"name": "training", "command": [uri]}]
    assert {"key": "mmm-app:run", "value": run_id} in task["tags"]


def test_a_killed_task_is_found_crashed_and_can_be_retried_or_cancelled(
    service: RunService, experiment: Callable[..., Experiment]
) -> None:
    run_id = service.submit(experiment(**LONG), ANN)
    os.kill(running(service, run_id), signal.SIGKILL)
    status = ended(service, run_id)
    assert status.state is RunState.CRASHED
    assert (
        status.message
        == "The task is gone without a result: it was killed by SIGKILL (often: out of memory)."
    )
    assert status.error is not None
    assert status.error.exit_code == 137
    assert "training with ridge" in status.error.output

    service.retry(run_id, ANN)
    pid = running(service, run_id)
    assert service.cancel(run_id, ANN).state is RunState.CANCELLED
    wait_until(service, run_id, lambda _: not _alive(pid))
    assert service.status(run_id).attempt == 2


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_task_that_takes_more_memory_than_it_has_says_so(
    aws: Aws, settings: Settings, service: RunService, experiment: Callable[..., Experiment]
) -> None:
    run_id = of_family(settings, aws.new_family(memory=90)).submit(experiment(**SHORT), ANN)
    status = ended(service, run_id)
    assert status.state is RunState.CRASHED
    assert status.message == (
        "The task is gone without a result: it ran out of memory (AWS says: OutOfMemoryError: Container killed due to "
        "memory usage). Give the training task more, or the experiment fewer candidates."
    )


def test_an_image_that_cannot_be_fetched_says_so(
    aws: Aws, settings: Settings, service: RunService, experiment: Callable[..., Experiment]
) -> None:
    run_id = of_family(settings, aws.new_family(image="mmm-app-training:never-pushed")).submit(
        experiment(), ANN
    )
    status = ended(service, run_id)
    assert status.state is RunState.CRASHED
    assert "its image could not be fetched (AWS says: CannotPullContainerError: " in status.message
    assert "mmm-app-training:never-pushed). Check that it was pushed" in status.message


NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"

VCPU_QUOTA = "You've reached the limit on the number of vCPUs you can run concurrently"
RUN = {"what": "ecs:RunTask"}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"answer": {"tasks": [], "failures": [{"reason": NO_CAPACITY}]}, **RUN},
            f"ECS cluster mmm-app-cluster: AWS had no capacity for it (AWS says: {NO_CAPACITY}). Try again later, or "
            "name subnets of more zones.",
        ),
        (
            {"answer": {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}, **RUN},
            "ECS cluster mmm-app-cluster: the cluster had no room for it (AWS says: RESOURCE:MEMORY). Try again later.",
        ),
        (
            {"status": 400, "code": "ThrottlingException", "message": "Rate exceeded", **RUN},
            "ECS cluster mmm-app-cluster: AWS is busy and did not do RunTask (ThrottlingException: Rate exceeded). Try "
            "again in a few minutes.",
        ),
        (
            {
                "status": 400,
                "code": "ExpiredTokenException",
                "message": "The security token is expired",
            },
            "the AWS credentials have expired. Sign in to AWS again (`aws sso login`) or set new keys.",
        ),
        (
            {
                "answer": {"tasks": [], "failures": [{"reason": VCPU_QUOTA}]},
                "what": "ecs:RunTask",
            },
            f"ECS cluster mmm-app-cluster: AWS says: {VCPU_QUOTA}.",
        ),
        (
            {
                "status": 400,
                "code": "ClientException",
                "message": "TaskDefinition is inactive",
                "what": "ecs:RunTask",
            },
            "AWS refused RunTask: TaskDefinition is inactive (ClientException).",
        ),
    ],
)
def test_what_aws_has_no_room_for_waits_says_why_and_starts_when_there_is(
    aws: Aws,
    service: RunService,
    experiment: Callable[..., Experiment],
    rule: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = experiment(**SHORT)
    aws.faults({"what": "ecs:(RunTask|DescribeTaskDefinition)", **rule})
    run_id = service.submit(wanted, ANN)
    status = service.status(run_id)
    assert (status.state, status.attempt) == (RunState.QUEUED, 1)
    assert status.waits is not None
    assert status.waits.why.endswith(message)
    aws.faults()
    assert service.start_waiting() == [], "it is not time yet"
    later = utc_now() + timedelta(seconds=16)
    monkeypatch.setattr("mmm.runs.service.utc_now", lambda: later)
    assert service.start_waiting() == [run_id]
    assert service.status(run_id).state in (RunState.STARTING, RunState.RUNNING)


def test_a_refusal_that_will_not_pass_leaves_a_crashed_run_that_says_why(
    aws: Aws, service: RunService, experiment: Callable[..., Experiment]
) -> None:
    wanted = experiment(**SHORT)
    denied = {"status": 400, "code": "AccessDeniedException", "message": "no"}
    aws.faults({"what": "ecs:RunTask", **denied})
    with pytest.raises(UserError, match="AWS does not allow RunTask"):
        service.submit(wanted, ANN)
    (status,) = service.runs()
    assert status.state is RunState.CRASHED
    aws.faults()
    assert service.retry(status.run_id, ANN).state is RunState.STARTING


def test_throttling_that_passes_is_not_noticed_and_starts_one_task(
    aws: Aws, service: RunService, experiment: Callable[..., Experiment]
) -> None:
    wanted = experiment(**LONG)
    aws.faults(
        {"what": "ecs:RunTask", "status": 400, "code": "ThrottlingException", "times": 1},
        {
            "what": "ecs:RunTask",
            "reset": "after",
            "times": 1,
        },  # AWS started it, and we were not told
        {"what": "ecs:DescribeTasks", "status": 400, "code": "ThrottlingException", "times": 2},
    )
    run_id = service.submit(wanted, ANN)
    running(service, run_id)
    tasks = aws.client("ecs").list_tasks(cluster="mmm-app-cluster", startedBy=f"mmm/{run_id}-0001")[
        "taskArns"
    ]
    assert len(tasks) == 1


def test_while_ecs_does_not_answer_a_run_lives_by_its_heartbeat(
    aws: Aws, service: RunService, settings: Settings, experiment: Callable[..., Experiment]
) -> None:
    run_id = service.submit(experiment(**LONG), ANN)
    pid = running(service, run_id)
    aws.faults({"what": "ecs:", "status": 400, "code": "AccessDeniedException", "message": "no"})
    assert service.status(run_id).state is RunState.RUNNING
    os.kill(pid, signal.SIGKILL)
    time.sleep(1.5)
    quick = RunService.open(settings.model_copy(update={"crash_after_seconds": 1.0}))
    quick.status(run_id)  # one look alone tells no silence
    time.sleep(1.5)
    status = quick.status(run_id)
    assert status.state is RunState.CRASHED
    assert status.message.startswith("The task has given no sign of life for ")
    assert status.message.endswith(
        ": ECS: AWS does not allow DescribeTasks. Give the role or user in use the permission DescribeTasks "
        "(docs/aws.md lists them all)."
    )


def test_a_task_that_ecs_has_forgotten_is_given_up_for_its_silence(
    aws: Aws, service: RunService, settings: Settings, experiment: Callable[..., Experiment]
) -> None:
    run_id = service.submit(experiment(**LONG), ANN)
    os.kill(running(service, run_id), signal.SIGKILL)
    aws.faults(
        {"what": "ecs:DescribeTasks", "answer": {"tasks": [], "failures": [{"reason": "MISSING"}]}}
    )
    time.sleep(1.5)
    assert service.status(run_id).state is RunState.RUNNING, "a moment's silence is no verdict"
    quick = RunService.open(settings.model_copy(update={"crash_after_seconds": 1.0}))
    time.sleep(1.5)
    assert quick.status(run_id).message.endswith(": AWS does not know its task (any more).")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "AccessDenied",
            "the store refuses access. Check the credentials and their rights on this bucket or folder.",
        ),
        (
            "ExpiredToken",
            "the credentials have expired. Sign in to AWS again (`aws sso login`) or set new keys.",
        ),
    ],
)
def test_a_bucket_that_refuses_is_told_and_nothing_is_begun(
    aws: Aws,
    service: RunService,
    settings: Settings,
    experiment: Callable[..., Experiment],
    code: str,
    message: str,
) -> None:
    wanted = experiment(**SHORT)
    status = 403 if code == "AccessDenied" else 400
    aws.faults({"what": "s3:PUT", "status": status, "code": code})
    with pytest.raises(StoreError) as raised:
        service.submit(wanted, ANN)
    assert str(raised.value).startswith(f"s3://{settings.s3_bucket}/runs/")
    assert str(raised.value).endswith(message)
    assert service.runs() == []


def test_a_task_that_may_not_write_its_results_says_so_where_it_can(
    aws: Aws, service: RunService, settings: Settings, experiment: Callable[..., Experiment]
) -> None:
    aws.faults(
        {
            "what": f"s3:PUT /{settings.s3_bucket}/runs/[^/]*/results",
            "status": 403,
            "code": "AccessDenied",
        }
    )
    run_id = service.submit(experiment(**SHORT), ANN)
    status = ended(service, run_id)
    assert status.state is RunState.CRASHED
    assert "/results/0001/begun.txt: the store refuses access." in status.message
    assert not service.workspace.results_exist(run_id)


def test_a_task_that_may_write_nothing_any_more_is_explained_by_what_it_printed(
    aws: Aws, service: RunService, settings: Settings, experiment: Callable[..., Experiment]
) -> None:
    run_id = service.submit(experiment(**SHORT), ANN)
    running(service, run_id)
    aws.faults({"what": f"s3:PUT /{settings.s3_bucket}", "status": 400, "code": "ExpiredToken"})
    attempt = service.workspace.attempt(run_id, 1)
    assert attempt is not None
    deadline = time.monotonic() + 240
    while open_launcher(settings).describe(attempt.handle).state is not TaskState.STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    aws.faults()
    status = service.status(run_id)
    assert (status.state, status.message) == (
        RunState.CRASHED,
        "The task is gone without a result: it ended with exit code 2.",
    )
    assert status.error is not None
    assert "the credentials have expired. Sign in to AWS again" in status.error.output


def test_with_a_tenth_of_all_calls_to_s3_failing_a_run_succeeds_and_nothing_is_lost(
    aws: Aws, service: RunService, settings: Settings, experiment: Callable[..., Experiment]
) -> None:
    wanted, begun = experiment(**SHORT), aws.fault_hits()
    bucket = f"s3:[A-Z]+ /{settings.s3_bucket}"
    aws.faults(
        {"what": bucket, "status": 503, "code": "SlowDown", "share": 0.03},
        {"what": bucket, "status": 500, "code": "InternalError", "share": 0.03},
        {"what": bucket, "reset": "before", "share": 0.02},
        {"what": bucket, "reset": "after", "share": 0.02},
    )
    run_id = service.submit(wanted, ANN)
    status = ended(service, run_id)
    assert aws.fault_hits() - begun >= 10
    aws.faults()
    assert status.state is RunState.SUCCEEDED, status
    events = service.workspace.events(run_id)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.state for event in events if event.state is not RunState.RUNNING] == [
        RunState.QUEUED,
        RunState.STARTING,
        RunState.SUCCEEDED,
    ]
    records, _ = service.workspace.log(run_id)
    assert any(record.message.startswith("training with ridge") for record in records)
    assert len(records) == len({(record.at, record.message) for record in records}), (
        "no line is stored twice"
    )
    manifest = service.workspace.results_manifest(run_id)
    for name, file in manifest.files.items():
        assert len(service.workspace.result_file(run_id, name)) == file.bytes


@pytest.fixture
def waiting(
    aws: Aws, settings: Settings, experiment: Callable[..., Experiment]
) -> Iterator[Waiting]:
    """A run whose task says nothing, seen with short limits."""
    family = aws.new_family(
        image="shell:test", environment=[{"name": "SCRIPT", "value": "echo up; sleep 60"}]
    )
    service = of_family(settings, family)
    run_id = service.submit(experiment(), ANN)
    yield lambda **limits: RunService.open(settings.model_copy(update=limits)).status(run_id)
    aws.faults()
    if not service.status(run_id).final:
        service.cancel(run_id, ANN)


Waiting = Callable[..., RunStatus]


def answer(task: dict[str, Any]) -> dict[str, Any]:
    return {"what": "ecs:DescribeTasks", "answer": {"tasks": [task], "failures": []}}


def test_a_task_that_waits_for_its_machine_is_not_silent_and_is_given_up_in_the_end(
    aws: Aws, waiting: Waiting
) -> None:
    aws.faults(answer({"lastStatus": "PENDING"}))
    time.sleep(1.1)
    assert waiting(crash_after_seconds=0.5).state is RunState.STARTING
    status = waiting(start_timeout_seconds=1.0)
    assert status.state is RunState.CRASHED
    assert status.message == "The task did not begin within 1 seconds: AWS is fetching the image."


def test_a_task_has_time_for_its_first_word_from_when_its_machine_is_there(
    aws: Aws, waiting: Waiting
) -> None:
    time.sleep(0.6)
    aws.faults(answer({"lastStatus": "RUNNING", "startedAt": time.time() + 60}))
    assert waiting(crash_after_seconds=0.5).state is RunState.STARTING
    aws.faults()
    aws.faults(answer({"lastStatus": "RUNNING", "startedAt": time.time() - 5}))
    assert waiting(crash_after_seconds=0.5).state is RunState.STARTING
    time.sleep(0.6)
    status = waiting(crash_after_seconds=0.5)
    assert status.state is RunState.CRASHED
    assert status.message.startswith("The task has given no sign of life for ")


def test_a_run_ends_even_when_its_output_cannot_be_read_nor_its_task_stopped(
    aws: Aws, waiting: Waiting
) -> None:
    denied = {"status": 400, "code": "AccessDeniedException", "message": "no"}
    aws.faults({"what": "logs:", **denied}, {"what": "ecs:StopTask", **denied})
    assert not waiting(crash_after_seconds=0.5).final  # the first of two looks that see the same
    time.sleep(0.6)
    status = waiting(crash_after_seconds=0.5)
    assert status.state is RunState.CRASHED
    assert status.error is not None
    assert status.error.output == (
        "(What it printed cannot be read: log group /ecs/mmm-app-training: AWS does not allow GetLogEvents. Give the "
        "role or user in use the permission GetLogEvents (docs/aws.md lists them all).)"
    )


def test_a_missing_cluster_or_family_is_named(
    aws: Aws, settings: Settings, service: RunService, experiment: Callable[..., Experiment]
) -> None:
    wanted = experiment()
    nowhere = RunService.open(settings.model_copy(update={"ecs_cluster": "no-cluster"}))
    with pytest.raises(
        UserError,
        match=r"no-cluster: there is no such ECS cluster. Check ECS_CLUSTER and AWS_REGION",
    ):
        nowhere.submit(wanted, ANN)
    elsewhere = of_family(settings, "no-family")
    status = elsewhere.status(elsewhere.submit(wanted, ANN))
    assert status.waits is not None  # for a while: a deployment may be replacing it
    assert status.waits.why.startswith(
        "TRAINING_TASK_FAMILY no-family: AWS refused DescribeTaskDefinition: Unable"
    )
    with pytest.raises(UserError, match="ECS_CLUSTER: is needed to train on AWS"):
        RunService.open(settings.model_copy(update={"ecs_cluster": None}))
