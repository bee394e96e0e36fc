"""Training tasks as processes of this machine.

A task is a session of its own, so it survives its parent and its terminal. Its leader is a small
shell that waits for the task and writes down its exit code: the only way to learn it when the
parent has gone. The process id alone does not name a task, as ids are used again; with the moment
it was created, it does.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from mmm.errors import UserError
from mmm.platforms.base import TaskState, TaskStatus, exit_reason
from mmm.settings import SECRETS, Settings

#: A trapped signal is reset in the child (an ignored one is not): the task gets SIGTERM, the shell
#: waits for its code.
_WRAPPER = """trap : TERM INT HUP
exit_file=$1
afterwards=$2
shift 2
"$@"
code=$?
echo $code > "$exit_file.part" && mv "$exit_file.part" "$exit_file"
[ $code -gt 1 ] && [ -n "$afterwards" ] && eval "$afterwards" > "$exit_file.afterwards" 2>&1
"""

#: Two readings of the moment one process was created differ by rounding only; the system counts
#: hundredths of seconds.
_SAME_MOMENT_SECONDS = 0.004


#: A killed process gives its memory back before it is gone; a busy machine takes a while for that.
_KILLED_SECONDS = 30.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class _Handle:
    """`created` counts seconds since the machine started, which setting its clock does not change."""

    host: str
    pid: int
    created: float
    folder: str

    @property
    def exit_file(self) -> Path:
        return Path(self.folder) / "exit_code"

    @property
    def output(self) -> Path:
        return Path(self.folder) / "output.log"


class LocalLauncher:
    """Starts tasks as own processes; their output and exit codes lie in `folder`, one folder per
    task.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def from_settings(cls, settings: Settings) -> LocalLauncher:
        return cls(settings.tasks_dir)

    def submit(self, run_uri: str, name: str) -> str:
        """Start `mmm train run_uri`; UserError where processes cannot be started."""
        mmm = [sys.executable, "-P", "-m", "mmm"]
        # A task that ends by itself steps the queue itself; one that is killed cannot.
        return self.start(
            [*mmm, "train", run_uri], name, afterwards=[*mmm, "dispatch", "--after", run_uri]
        )

    def submit_job(self, batch_uri: str, name: str, tasks: int, slots: int) -> str:
        """Start one process that trains the whole batch with a pool of `tasks` x `slots`; UserError
        where processes cannot be started.
        """
        mmm = [sys.executable, "-P", "-m", "mmm"]
        command = [*mmm, "work", batch_uri, "--slots", str(tasks * slots)]
        return self.start(command, name, afterwards=[*mmm, "dispatch", "--after", batch_uri])

    def start(self, command: list[str], name: str, afterwards: Sequence[str] = ()) -> str:
        """Start any command as a task, with this process's environment and working directory.

        `afterwards` is run when the task was killed or ended with a code above 1.
        """
        if os.name != "posix":
            raise UserError(
                "the local platform needs Linux or macOS.",
                where="CLOUD_PROVIDER",
                fix="On Windows use WSL.",
            )
        # The fault handler leaves a trace in the output when native code dies.
        environment = _without_secrets(os.environ) | {"PYTHONFAULTHANDLER": "1"}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder))
            with (folder / "output.log").open("wb") as output:
                process = subprocess.Popen(  # noqa: S603
                    [
                        *("/bin/sh", "-c", _WRAPPER, "mmm-task"),
                        *(str(folder / "exit_code"), shlex.join(afterwards), *command),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise UserError(f"its process could not be started: {error}.", where=name) from error
        handle = _Handle(
            socket.gethostname(), process.pid, _created(psutil.Process(process.pid)), str(folder)
        )
        # A long-lived parent (the web app) must collect its children, or they stay as zombies.
        threading.Thread(target=process.wait, name=f"wait-{process.pid}", daemon=True).start()
        return json.dumps(asdict(handle))

    def describe(self, handle: str) -> TaskStatus:
        task = _Handle(**json.loads(handle))
        if task.host != socket.gethostname():
            return TaskStatus(TaskState.UNKNOWN, reason=f"the task runs on {task.host}")
        if _leader(task) is not None and not task.exit_file.exists():
            return TaskStatus(TaskState.RUNNING)
        try:
            code = int(task.exit_file.read_text())
        except FileNotFoundError:
            return TaskStatus(TaskState.STOPPED, reason="its process is gone and left no exit code")
        return TaskStatus(TaskState.STOPPED, code, exit_reason(code))

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None:
        """SIGTERM to the task's processes, and after `grace_seconds` SIGKILL to what is left of
        them.
        """
        task = _Handle(**json.loads(handle))
        if task.host != socket.gethostname():
            return
        # With an exit code written, nothing is left but the leader and what follows a killed task.
        if _leader(task) is None or task.exit_file.exists():
            return
        # The leader's id names the group as long as any of its processes lives.
        for number, seconds in (
            (signal.SIGTERM, grace_seconds),
            (signal.SIGKILL, max(grace_seconds, _KILLED_SECONDS)),
        ):
            with suppress(ProcessLookupError):
                os.killpg(task.pid, number)
                _wait_for_end(task, seconds)

    def logs(self, handle: str) -> Iterator[str]:
        output = _Handle(**json.loads(handle)).output
        if output.exists():
            with output.open(encoding="utf-8", errors="replace") as lines:
                yield from (line.rstrip("\n") for line in lines)


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What a task needs of the environment: of secrets only those that open its bucket."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith("AWS_") or name not in SECRETS
    }


def _created(process: psutil.Process) -> float:
    return float(process.create_time() - psutil.boot_time())


def _wait_for_end(task: _Handle, seconds: float) -> None:
    """Wait until the leader has gone, at most so long."""
    until = time.monotonic() + seconds
    while _leader(task) is not None and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)


def _leader(task: _Handle) -> psutil.Process | None:
    """The task's leading process while it lives; None for another process with the same id."""
    try:
        process = psutil.Process(task.pid)
        same = abs(_created(process) - task.created) < _SAME_MOMENT_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
