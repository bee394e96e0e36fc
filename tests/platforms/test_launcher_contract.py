"""What every platform's task launcher must do. A further platform is a further name in the fixture."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mmm.platforms.aws.launcher import EcsLauncher
from mmm.platforms.base import JobLauncher, TaskLauncher, TaskState
from mmm.platforms.gcp.launcher import CloudRunLauncher
from mmm.platforms.local.launcher import LocalLauncher

Make = Callable[[], TaskLauncher]


@pytest.fixture(params=["local", "aws", "gcp"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Make a launcher; each one is a later process with nothing but the handle."""
    if request.param == "local":
        return lambda: LocalLauncher(tmp_path / "tasks")
    if request.param == "gcp":
        gcp = request.getfixturevalue("gcp")
        return lambda: CloudRunLauncher.from_settings(gcp.settings("no-bucket"))
    aws = request.getfixturevalue("aws")
    return lambda: EcsLauncher.from_settings(aws.settings("no-bucket"))


def ended(launcher: TaskLauncher, handle: str) -> int | None:
    """Wait for the task's end; its exit code."""
    deadline = time.monotonic() + 180
    while (status := launcher.describe(handle)).state is not TaskState.STOPPED:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status.exit_code


class TaskLauncherContract:
    """A run's address that leads nowhere is enough to see a task begin, speak and end."""

    def test_a_task_runs_mmm_train_and_its_exit_code_and_output_are_known(
        self, make: Make, tmp_path: Path
    ) -> None:
        uri = (tmp_path / "no workspace" / "runs" / "20260101T000000-00000000").as_uri()
        handle = make().submit(uri, "20260101T000000-00000000-0001")
        assert ended(make(), handle) == 2
        assert list(make().logs(handle)) == [
            f"Error: {tmp_path / 'no workspace'}: there is no such folder."
        ]

    def test_a_task_can_be_cancelled_while_it_runs_and_afterwards(
        self, make: Make, tmp_path: Path
    ) -> None:
        handle = make().submit((tmp_path / "runs" / "20260101T000000-00000000").as_uri(), "name")
        make().cancel(handle, grace_seconds=0.1)
        assert make().describe(handle).state is TaskState.STOPPED
        make().cancel(handle)

    def test_two_tasks_of_one_name_are_two(self, make: Make, tmp_path: Path) -> None:
        uris = [
            (tmp_path / name / "runs" / "20260101T000000-00000000").as_uri()
            for name in ("one", "two")
        ]
        handles = [make().submit(uri, "name") for uri in uris]
        assert [ended(make(), handle) for handle in handles] == [2, 2]
        for handle, name in zip(handles, ("one", "two"), strict=True):
            assert f"/{name}:" in "".join(make().logs(handle))

    def test_a_job_of_two_tasks_is_described_and_ends_as_one(
        self, make: Make, tmp_path: Path
    ) -> None:
        launcher = make()
        if not isinstance(launcher, JobLauncher):
            pytest.skip("this platform has no jobs: each run of a batch is a task of its own")
        batch_id = "20260101T000000-00000000"
        uri = (tmp_path / "no workspace" / "batches" / batch_id).as_uri()
        handle = launcher.submit_job(uri, f"{batch_id}-0001", 2, 1)
        assert ended(make(), handle) == 2
        said = f"Error: {tmp_path / 'no workspace'}: there is no such folder."
        assert set(make().logs(handle)) == {said}
        make().cancel(handle)


class TestTaskLauncher(TaskLauncherContract):
    pass
