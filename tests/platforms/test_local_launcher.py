"""The local platform's tasks: real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mmm.platforms.base import TaskState, TaskStatus
from mmm.platforms.local.launcher import LocalLauncher

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
#: Sleeps in short pieces: a signal that comes just before a sleep is handled only after it.
POLITE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
print('up', flush=True)
while True: time.sleep(0.05)
"""


@pytest.fixture
def launcher(tmp_path: Path) -> LocalLauncher:
    return LocalLauncher(tmp_path / "tasks")


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def start(launcher: LocalLauncher, code: str) -> str:
    return launcher.start([sys.executable, "-c", code], "task")


def started(launcher: LocalLauncher, code: str) -> str:
    """Start a task that prints `up`, and wait until it has."""
    handle = start(launcher, code)
    wait_for(lambda: "up" in launcher.logs(handle))
    return handle


def ended(launcher: LocalLauncher, handle: str) -> TaskStatus:
    wait_for(lambda: launcher.describe(handle).state is TaskState.STOPPED)
    return launcher.describe(handle)


def test_exit_code_and_output_are_known_afterwards(launcher: LocalLauncher, tmp_path: Path) -> None:
    handle = start(
        launcher, "import sys; print('out'); print('err ✓', file=sys.stderr); sys.exit(7)"
    )
    assert ended(launcher, handle) == TaskStatus(TaskState.STOPPED, 7, "it ended with exit code 7")
    elsewhere = LocalLauncher(
        tmp_path / "other"
    )  # another process would have nothing but the handle
    assert elsewhere.describe(handle).exit_code == 7
    assert sorted(elsewhere.logs(handle)) == ["err ✓", "out"]


def test_a_killed_task_is_told_by_its_signal(launcher: LocalLauncher) -> None:
    handle = start(launcher, "import os; os.kill(os.getpid(), 9)")
    assert ended(launcher, handle) == TaskStatus(
        TaskState.STOPPED, 137, "it was killed by SIGKILL (often: out of memory)"
    )


def test_a_task_without_any_process_left_is_stopped(launcher: LocalLauncher) -> None:
    handle = started(launcher, POLITE)
    os.killpg(json.loads(handle)["pid"], signal.SIGKILL)
    assert ended(launcher, handle) == TaskStatus(
        TaskState.STOPPED, None, "its process is gone and left no exit code"
    )


def test_cancel_asks_first(launcher: LocalLauncher) -> None:
    handle = started(launcher, POLITE)
    assert launcher.describe(handle) == TaskStatus(TaskState.RUNNING)
    launcher.cancel(handle)
    assert launcher.describe(handle).exit_code == 3
    launcher.cancel(handle)  # gone already: no error


def test_cancel_ends_what_does_not_listen_with_its_children(launcher: LocalLauncher) -> None:
    popen = f"subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])"
    child = f"import subprocess, sys; p = {popen}; print('pid', p.pid, flush=True);"
    handle = started(launcher, child + STUBBORN)
    pids = [int(line.split()[1]) for line in launcher.logs(handle) if line.startswith("pid")]
    launcher.cancel(handle, grace_seconds=0.2)
    assert launcher.describe(handle).state is TaskState.STOPPED
    wait_for(lambda: not any(psutil.pid_exists(pid) and _alive(pid) for pid in pids))


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_another_process_with_the_same_id_is_not_the_task(launcher: LocalLauncher) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        time.sleep(0.05)  # more than the hundredth of a second that creation is counted in
        handle = json.loads(started(launcher, POLITE))
        reused = json.dumps({**handle, "pid": stranger.pid})
        assert launcher.describe(reused).state is TaskState.STOPPED
        launcher.cancel(reused, grace_seconds=0.1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        launcher.cancel(json.dumps(handle))


def test_a_task_of_another_machine_is_unknown_and_left_alone(launcher: LocalLauncher) -> None:
    handle = started(launcher, POLITE)
    elsewhere = json.dumps({**json.loads(handle), "host": "elsewhere"})
    assert launcher.describe(elsewhere) == TaskStatus(
        TaskState.UNKNOWN, reason="the task runs on elsewhere"
    )
    launcher.cancel(elsewhere)
    assert launcher.describe(handle).state is TaskState.RUNNING
    launcher.cancel(handle)


def test_a_task_survives_its_parent_and_its_terminals_hangup(
    launcher: LocalLauncher, tmp_path: Path
) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from mmm.platforms.local.launcher import LocalLauncher;"
            f"print(LocalLauncher(Path(sys.argv[1])).start([sys.executable, '-c', {POLITE!r}], 'task'), flush=True);"
            "time.sleep(60)",
            str(tmp_path / "tasks"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    handle = parent.stdout.readline()
    wait_for(lambda: "up" in launcher.logs(handle))
    os.killpg(parent.pid, signal.SIGHUP)
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert launcher.describe(handle).state is TaskState.RUNNING
    launcher.cancel(handle)
    assert launcher.describe(handle).exit_code == 3


def test_a_long_lived_parent_keeps_no_zombies(launcher: LocalLauncher) -> None:
    handle = start(launcher, "pass")
    wait_for(lambda: not psutil.pid_exists(json.loads(handle)["pid"]))
