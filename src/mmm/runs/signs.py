"""What a task leaves in the workspace while it works: heartbeat and log."""

from __future__ import annotations

import logging
import queue
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import psutil

from mmm.errors import UserError
from mmm.logs import formatter
from mmm.runs.events import FINAL
from mmm.workspace import Workspace
from mmm.workspace.models import Heartbeat, LogRecord
from mmm.workspace.names import utc_now
from mmm.workspace.objects import StoreError

log = logging.getLogger(__name__)

_LOG_SECONDS = 1.0


@contextmanager
def heartbeat(
    workspace: Workspace,
    run_id: str,
    attempt: int,
    seconds: float,
    ended: Callable[[], None] | None = None,
    own: str = "",
) -> Iterator[None]:
    """Write a heartbeat now and every `seconds` until the block ends. A store that fails once is no
    reason to stop. `ended` is called once somebody other than `own` has ended the attempt: the platform
    may have lost the task's handle, and long computations say nothing for a while.
    """
    stop = threading.Event()
    process, host = psutil.Process(), socket.gethostname()

    def beat() -> None:
        while True:
            memory = _memory(process)
            sign = Heartbeat(
                attempt=attempt, at=utc_now(), host=host, pid=process.pid, memory_bytes=memory
            )
            try:
                workspace.write_heartbeat(run_id, sign)
            except StoreError as error:
                log.warning("heartbeat could not be stored: %s", error)
            if ended is not None and _is_over(workspace, run_id, attempt, own):
                ended()
                return
            if stop.wait(seconds):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _is_over(workspace: Workspace, run_id: str, attempt: int, own: str) -> bool:
    """Whether others have ended the attempt or another one has begun; no while that cannot be read."""
    try:
        last = workspace.last_event(run_id)
    except UserError:
        return False
    return last.attempt != attempt or (last.state in FINAL and last.actor != own)


def _memory(process: psutil.Process) -> int:
    """Resident bytes of a process and of all it has started."""
    total = int(process.memory_info().rss)
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += int(child.memory_info().rss)
    return total


class WorkspaceLogHandler(logging.Handler):
    """Collects log records and stores them in parts, about one a second while there is something to
    say.
    """

    def __init__(self, workspace: Workspace, run_id: str, attempt: int) -> None:
        super().__init__()
        self._workspace = workspace
        self._run_id = run_id
        self._attempt = attempt
        self._queue: queue.SimpleQueue[LogRecord] = queue.SimpleQueue()
        self._waiting: list[LogRecord] = []
        self._part = 1
        self._stop = threading.Event()
        self._storing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        stored = LogRecord(
            at=datetime.fromtimestamp(record.created, UTC),
            level=record.levelname,
            logger=record.name,
            message=self.format(record),
            attempt=self._attempt,
        )
        self._queue.put(stored)

    def flush(self) -> None:
        """Store what has been said so far."""
        self._store()

    def close(self) -> None:
        """Store what is left."""
        self._stop.set()
        self._thread.join()
        super().close()

    def _work(self) -> None:
        while not self._stop.wait(_LOG_SECONDS):
            self._store()
        self._store()

    def _store(self) -> None:
        with self._storing:
            while not self._queue.empty():
                self._waiting.append(self._queue.get())
            if not self._waiting:
                return
            try:
                self._part = self._workspace.append_log(self._run_id, self._waiting, self._part)
            except (
                StoreError
            ) as error:  # kept for the next time; not logged, which would come back here
                sys.stderr.write(f"log could not be stored: {error}\n")
            else:
                self._waiting = []


@contextmanager
def task_log(
    workspace: Workspace, run_id: str, attempt: int, level: str, log_format: str = "text"
) -> Iterator[None]:
    """Send all logging of this process to the workspace and to its own output until the block ends."""
    stored = WorkspaceLogHandler(workspace, run_id, attempt)
    printed = logging.StreamHandler(sys.stderr)
    printed.setFormatter(formatter(log_format, run_id))
    root = logging.getLogger()
    before = root.level
    root.setLevel(level)
    logging.captureWarnings(True)
    for handler in (stored, printed):
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in (stored, printed):
            root.removeHandler(handler)
            handler.close()
        logging.captureWarnings(False)
        root.setLevel(before)


def flush_log() -> None:
    """Store the log so far. Called before an event that ends the run: who follows the log stops at
    that event.
    """
    for handler in logging.getLogger().handlers:
        handler.flush()


def memory_peak_bytes() -> int:
    """Largest resident size that this process, or one it has started, has had."""
    import resource  # not on Windows, where no task runs

    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return peak if sys.platform == "darwin" else peak * 1024
