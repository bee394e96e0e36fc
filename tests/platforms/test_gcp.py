"""The platform gcp beyond the contracts: what Cloud Run says in words, calls without a clear answer,
credentials, secrets' own ways.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud.run_v2 import Condition, Execution, TaskAttemptResult

from gcp_servers import PROJECT, REGION, Gcp, write_key
from mmm.errors import NotFound, UserError
from mmm.platforms import open_launcher, open_secret_store
from mmm.platforms.base import NoRoom, TaskState, TaskStatus
from mmm.platforms.gcp.executions import execution_status, in_words
from mmm.platforms.gcp.launcher import Clients, CloudRunLauncher
from mmm.platforms.gcp.secrets import SecretManagerStore
from mmm.workspace.objects import Objects, StoreError, open_store

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
RUN = "gs://bucket/runs/20260101T000000-00000000"
ENDED = {"start_time": BEGAN, "completion_time": BEGAN, "failed_count": 1}
State, Reason = Condition.State, Condition.ExecutionReason


def completed(state: Any, message: str = "", **more: Any) -> dict[str, Any]:
    return {"conditions": [{"type_": "Completed", "state": state, "message": message, **more}]}


def attempt(message: str = "The container exited with an error.", **more: Any) -> dict[str, Any]:
    return {"status": {"code": 2, "message": message}, **more}


@pytest.mark.parametrize(
    ("execution", "result", "state", "code", "reason"),
    [
        ({}, None, "pending", None, "Google Cloud is looking for a machine"),
        (
            completed(State.CONDITION_RECONCILING, "Waiting for resources to be available."),
            None,
            "pending",
            None,
            "Google Cloud had no room for it (Google Cloud says: Waiting for resources to be "
            "available). Try again later",
        ),
        ({"start_time": BEGAN, "running_count": 1}, None, "running", None, ""),
        (
            {**ENDED, "failed_count": 0, "succeeded_count": 1},
            None,
            "stopped",
            0,
            "it ended with exit code 0",
        ),
        (ENDED, attempt(exit_code=3), "stopped", 3, "it ended with exit code 3"),
        (ENDED, attempt(term_signal=11), "stopped", 139, "it was killed by SIGSEGV"),
        (
            ENDED,
            attempt(term_signal=9),
            "stopped",
            137,
            "it was killed by SIGKILL (often: out of memory)",
        ),
        (
            ENDED,
            attempt("Memory limit of 512 MiB exceeded with 520 MiB used.", term_signal=9),
            "stopped",
            137,
            "it ran out of memory (Google Cloud says: Memory limit of 512 MiB exceeded with 520 "
            "MiB used). Give the training job more, or the experiment fewer candidates",
        ),
        (
            {**ENDED, **completed(State.CONDITION_FAILED, "Image 'x' not found.")},
            None,
            "stopped",
            None,
            "its image could not be fetched (Google Cloud says: Image 'x' not found). Check that "
            "it was pushed and that Cloud Run may read the registry",
        ),
        (
            {
                "start_time": BEGAN,
                "running_count": 1,
                **completed(State.CONDITION_RECONCILING, "", execution_reason=Reason.CANCELLING),
            },
            None,
            "stopped",
            None,
            "it was stopped",
        ),
        ({**ENDED, "cancelled_count": 1}, attempt(exit_code=143), "stopped", 143, "it was stopped"),
        (ENDED, None, "stopped", None, "Google Cloud gives no reason"),
    ],
)
def test_what_cloud_run_says_of_an_execution(
    execution: dict[str, Any],
    result: dict[str, Any] | None,
    state: str,
    code: int | None,
    reason: str,
) -> None:
    given = None if result is None else TaskAttemptResult(result)
    began = execution.get("start_time")
    assert execution_status(Execution(execution), given) == TaskStatus(
        TaskState(state), code, reason, began
    )


def test_words_without_a_meaning_here_are_told_as_they_are() -> None:
    assert in_words(" Something new. ") == "Google Cloud says: Something new"


def shell(gcp: Gcp, script: str, **job: Any) -> CloudRunLauncher:
    """A launcher whose tasks run a shell script, and which does not wait long between its looks."""
    name = gcp.new_job(image="shell:test", env=[{"name": "SCRIPT", "value": script}], **job)
    full = f"projects/{PROJECT}/locations/{REGION}/jobs/{name}"
    clients = Clients.from_settings(gcp.settings("no-bucket"))
    return CloudRunLauncher(clients, job=full, timeout=3600, looks=(0.05, 0.3))


def until(launcher: CloudRunLauncher, handle: str, state: TaskState) -> TaskStatus:
    deadline = time.monotonic() + 180
    while (status := launcher.describe(handle)).state is not state:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def last_line(launcher: CloudRunLauncher, handle: str, text: str) -> None:
    deadline = time.monotonic() + 180
    while [*launcher.logs(handle)][-1:] != [text]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _no_faults_afterwards(request: pytest.FixtureRequest) -> Any:
    yield
    if "gcp" in request.fixturenames:
        request.getfixturevalue("gcp").faults()


def test_output_of_any_length_comes_in_order(gcp: Gcp) -> None:
    launcher = shell(gcp, "seq 1 2500")
    handle = launcher.submit(RUN, "long")
    assert list(launcher.logs(handle)) == [], "it has printed nothing yet"
    assert until(launcher, handle, TaskState.STOPPED).exit_code == 0
    assert list(launcher.logs(handle)) == [str(number) for number in range(1, 2501)]


def test_cancel_asks_first_and_cloud_run_kills_what_does_not_listen(gcp: Gcp) -> None:
    loop = "echo up; while :; do sleep 0.05; done"
    polite_ones = shell(gcp, f"trap 'echo bye; exit 3' TERM; {loop}")
    stubborn_ones = shell(gcp, f"trap '' TERM; {loop}")
    polite = polite_ones.submit(RUN, "polite")
    stubborn = stubborn_ones.submit(RUN, "stubborn")
    for handle in (polite, stubborn):
        last_line(polite_ones, handle, "up")
        polite_ones.cancel(handle)
        assert polite_ones.describe(handle).reason == "it was stopped"
    deadline = time.monotonic() + 180
    while (code := stubborn_ones.describe(stubborn).exit_code) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (code, polite_ones.describe(polite).exit_code) == (137, 3)
    last_line(polite_ones, polite, "bye")


def test_a_task_may_take_as_long_as_the_settings_say(gcp: Gcp) -> None:
    name = gcp.new_job(image="shell:test", env=[{"name": "SCRIPT", "value": "exec sleep 60"}])
    settings = gcp.settings("no-bucket", TRAINING_JOB_NAME=name, MMM_TASK_TIMEOUT_SECONDS="1")
    launcher = CloudRunLauncher.from_settings(settings)
    status = until(launcher, launcher.submit(RUN, "slow"), TaskState.STOPPED)
    assert status.reason.startswith("it was killed by SIGKILL") or "longer" in status.reason


@pytest.mark.parametrize(
    "rule",
    [
        {"reset": "after"},
        {"status": 503, "done": True},
        {"status": 504, "code": "DEADLINE_EXCEEDED", "done": True},
    ],
    ids=["cut", "503", "504"],
)
def test_a_call_without_a_clear_answer_is_looked_for_and_not_repeated(
    gcp: Gcp, rule: dict[str, Any]
) -> None:
    launcher = shell(gcp, "true")
    gcp.faults({"what": "run:POST .*:run$", "times": 1} | rule)
    handle = launcher.submit(RUN, "doubtful")
    assert until(launcher, handle, TaskState.STOPPED).exit_code == 0
    assert executions(launcher) == 1


@pytest.mark.parametrize("rule", [{"reset": "before"}, {"status": 503}], ids=["cut", "503"])
def test_a_call_that_did_nothing_is_made_again_after_the_looks(
    gcp: Gcp, rule: dict[str, Any]
) -> None:
    launcher = shell(gcp, "true")
    gcp.faults({"what": "run:POST .*:run$", "times": 2} | rule)
    launcher.submit(RUN, "again")
    assert executions(launcher) == 1


def test_without_a_look_nothing_is_repeated(gcp: Gcp) -> None:
    launcher = shell(gcp, "true")
    gcp.faults(
        {"what": "run:POST .*:run$", "reset": "after"},
        {"what": "run:GET .*/executions$", "status": 403, "message": "no", "code": "X"},
    )
    with pytest.raises(UserError, match="Google Cloud does not allow"):
        launcher.submit(RUN, "blind")
    gcp.faults()
    assert executions(launcher) == 1


def test_a_clear_refusal_is_told_at_once(gcp: Gcp) -> None:
    launcher = shell(gcp, "true")
    quota = "Quota exceeded for total allowable CPU per project per region."
    for status, code, message, words in (
        (429, "RESOURCE_EXHAUSTED", quota, f"no room or is asked too often ({quota.rstrip('.')})"),
        (
            403,
            "PERMISSION_DENIED",
            "Permission 'run.jobs.runWithOverrides' denied on resource 'x' (or it may not exist).",
            "does not allow run.jobs.runWithOverrides. Give the service account",
        ),
        (
            403,
            "PERMISSION_DENIED",
            "Cloud Run Admin API has not been used in project 1 before or it is disabled.",
            "the Cloud Run Admin API is not enabled in the project. Enable it",
        ),
        (401, "UNAUTHENTICATED", "Token expired", "does not accept the credentials (Token"),
    ):
        gcp.faults()
        gcp.faults({"what": "run:POST .*:run$", "status": status, "code": code, "message": message})
        with pytest.raises(UserError) as raised:
            launcher.submit(RUN, "refused")
        assert words in str(raised.value)
        assert isinstance(raised.value, NoRoom) == (status != 403)  # it waits, or needs a person
    gcp.faults()
    assert executions(launcher) == 0


def executions(launcher: CloudRunLauncher) -> int:
    found = launcher._clients.executions.list_executions(parent=launcher._job)
    return len(list(found))


def test_of_two_executions_of_one_attempt_the_one_that_goes_on_counts(
    gcp: Gcp, tmp_path: Path
) -> None:
    """The second leaves with 0 because the first trains; its handle must not say that all is over."""
    launcher = shell(gcp, f"mkdir {tmp_path}/claimed || exit 0; echo up; exec sleep 60")
    first = launcher.submit(RUN, "twice")
    last_line(launcher, first, "up")
    second = launcher.submit(RUN, "twice")
    last_line(launcher, second, f"mkdir: cannot create directory '{tmp_path}/claimed': File exists")
    time.sleep(0.3)
    assert launcher.describe(second).state is TaskState.RUNNING
    launcher.cancel(first)
    assert until(launcher, second, TaskState.STOPPED).exit_code == 0


def test_a_forgotten_task_is_unknown_and_cancelling_it_no_error(gcp: Gcp) -> None:
    launcher = shell(gcp, "true")
    handle = json.loads(launcher.submit(RUN, "task"))
    gone = json.dumps(handle | {"execution": f"{handle['execution']}-gone"})
    assert launcher.describe(gone) == TaskStatus(
        TaskState.UNKNOWN, reason="Google Cloud does not know its task (any more)"
    )
    launcher.cancel(gone)


def test_a_missing_job_or_setting_is_named(gcp: Gcp) -> None:
    nowhere = gcp.settings("no-bucket", TRAINING_JOB_NAME="no-job")
    with pytest.raises(NotFound) as raised:
        open_launcher(nowhere).submit(RUN, "x")
    assert str(raised.value) == (
        "Cloud Run job no-job: there is no such job. Check TRAINING_JOB_NAME, GCP_PROJECT and "
        "GCP_REGION."
    )
    unset = gcp.settings("no-bucket").model_copy(update={"training_job_name": None})
    with pytest.raises(UserError, match="TRAINING_JOB_NAME: is needed to train on Google Cloud"):
        open_launcher(unset)


def test_a_secret_without_a_value_is_none_and_a_deleted_one_can_be_brought_back(gcp: Gcp) -> None:
    store = SecretManagerStore.from_settings(gcp.settings("no-bucket"))
    store._create(store._path("made-by-terraform"))
    assert not store.exists("made-by-terraform")
    with pytest.raises(NotFound, match="there is no secret 'made-by-terraform'"):
        store.get("made-by-terraform")
    store.put("made-by-terraform", "first")
    store.put("made-by-terraform", "filled in")
    assert store.get("made-by-terraform") == "filled in"
    store.delete("made-by-terraform")
    with pytest.raises(NotFound):
        store.get("made-by-terraform")
    store._client.enable_secret_version(name=f"{store._path('made-by-terraform')}/versions/2")
    assert store.get("made-by-terraform") == "filled in"
    store.put("made-by-terraform", "again")
    assert store.get("made-by-terraform") == "again"


def test_names_with_dots_are_secrets_of_their_own(gcp: Gcp) -> None:
    store = SecretManagerStore.from_settings(gcp.settings("no-bucket"))
    names = ("dotted.a-b", "dotted-a.b", "dotted-a-b")
    for name in names:
        store.put(name, f"value of {name}")
    assert [store.get(name) for name in names] == [f"value of {name}" for name in names]


def test_what_is_busy_for_a_moment_is_asked_again(gcp: Gcp) -> None:
    store = SecretManagerStore.from_settings(gcp.settings("no-bucket"))
    store.put("busy", "x")
    gcp.faults({"what": "secrets:", "status": 503, "times": 2})
    assert store.get("busy") == "x"


def test_a_bucket_that_is_not_there_or_refuses_is_told(gcp: Gcp) -> None:
    settings = gcp.settings("mmm-test-no-such-bucket")
    objects = Objects(open_store(settings.workspace_url, settings), settings.workspace_url)
    calls: tuple[Callable[[], object], ...] = (
        lambda: objects.get("x"),
        lambda: objects.put("x", b""),
        lambda: objects.names("runs"),
    )
    for call in calls:
        with pytest.raises(StoreError, match=r"there is no such bucket\. Check its name"):
            call()
    gcp.faults({"what": "storage:", "status": 403, "code": "AccessDenied"})
    with pytest.raises(StoreError, match="the store refuses access"):
        objects.put("x", b"")


def test_a_key_that_google_does_not_know_is_told(gcp: Gcp, tmp_path: Path) -> None:
    write_key(tmp_path / "key.json", gcp.url, "stranger")
    settings = gcp.settings("no-bucket", GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "key.json"))
    with pytest.raises(UserError, match="Google Cloud does not accept the credentials"):
        open_secret_store(settings).get("x")
    missing = gcp.settings("no-bucket", GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none.json"))
    with pytest.raises(UserError, match="there are no Google Cloud credentials"):
        open_store("gs://no-bucket", missing)


def test_an_address_where_nobody_answers_is_told(gcp: Gcp) -> None:
    nowhere = gcp.settings("no-bucket", GCP_ENDPOINT_URL="http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"Google Cloud cannot be reached \(.*GCP_ENDPOINT_URL"):
        open_launcher(nowhere).submit(RUN, "x")


CODE = """
from mmm.settings import load_settings
from mmm.platforms import open_secret_store
from mmm.workspace.objects import Objects, open_store
settings = load_settings().settings
objects = Objects(open_store(settings.workspace_url, settings), settings.workspace_url)
objects.create("x", b"by the metadata server's token")
print(open_secret_store(settings).exists("nothing"), objects.get("x").decode())
"""


def run_code(code: str, environment: dict[str, str], folder: Path) -> str:
    base = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=base | environment, cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_on_google_cloud_the_service_account_gives_the_credentials(
    gcp: Gcp, tmp_path: Path
) -> None:
    host = gcp.url.removeprefix("http://")
    environment = gcp.environment(gcp.new_bucket(), GCE_METADATA_HOST=host, GCE_METADATA_IP=host)
    del environment["GOOGLE_APPLICATION_CREDENTIALS"]
    assert run_code(CODE, environment, tmp_path) == "False by the metadata server's token\n"


def test_without_credentials_it_is_said_what_to_do(gcp: Gcp, tmp_path: Path) -> None:
    environment = gcp.environment("bucket", NO_GCE_CHECK="true")
    del environment["GOOGLE_APPLICATION_CREDENTIALS"]
    said = run_code(CODE, environment, tmp_path)
    assert "there are no Google Cloud credentials" in said
    assert "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION" in said


def test_no_client_of_google_is_loaded_for_other_platforms() -> None:
    code = (
        "import sys, mmm.platforms, mmm.workspace.objects\n"
        "print([name for name in sys.modules if name.startswith('google.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
