"""The R process: started, followed, and ended with everything it started."""

from __future__ import annotations

import json
import logging
import os
import re
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any

import psutil

from mmm.engines.robyn.environment import REnvironment
from mmm.errors import Killed, UserError

log = logging.getLogger(__name__)

_TICK_SECONDS, _GRACE_SECONDS = 2.0, 5.0
_LAST_LINES = 15
#: R's progress bar: wiped, then drawn anew with a percentage at its end.
_BAR = re.compile(r"^\s*\|[= ]*(?:\|\s*(\d+)%)?$")
#: The status line of Robyn's loop over the kept models, drawn anew with each of them.
_STATUS = re.compile(r"^\s*\d\d:\d\d:\d\d \[[= ]*\]\s*[\d.]+% \|")
_NO_MEMORY = ("cannot allocate", "Cannot allocate memory", "out of memory")
#: What R says where a worker of a parallel step was killed, mostly for memory.
_WORKER_LOST = ("unserialize", "did not deliver result")
_HINTS = {
    "there is no package called": "Install it into the library of MMM_ROBYN_LIBRARY.",
    "nevergrad": "Install nevergrad into the Python of RETICULATE_PYTHON.",
}

#: Called with (JSON object or None, percentage of R's bar or None) for every line of progress, and
#: at every tick.
Listener = Callable[[dict[str, Any] | None, int | None], None]


def run_script(environment: REnvironment, folder: Path, listener: Listener) -> None:
    """Run `run_robyn.R` in `folder` to its end; its prints go to the log.

    Raises UserError with R's message, MemoryError where R says that it had too little memory, and
    Killed where it was. Whatever `listener` raises ends R.
    """
    read, write = os.pipe()
    with os.fdopen(read, "rb", buffering=0) as progress:
        try:
            command = environment.command(str(folder), f"/dev/fd/{write}")
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment.variables()
                | {"TMPDIR": str(folder)},  # what a killed R leaves goes with the folder
                cwd=folder,
                pass_fds=(write,),
            )
        finally:
            os.close(write)
        with _ended(process):
            assert process.stdout is not None  # noqa: S101 - for the type checker
            failure, last = _follow(process, progress.fileno(), process.stdout.fileno(), listener)
            code = process.wait()
    if failure is not None or code != 0:
        raise _error(failure, code, last)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever happens in the block, R and its workers do not outlive it."""
    try:
        yield
    finally:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(process.pid)
            tree = [root, *root.children(recursive=True)]
            for member in tree:
                with suppress(psutil.NoSuchProcess):
                    member.terminate()
            for member in psutil.wait_procs(tree, _GRACE_SECONDS)[1]:
                with suppress(psutil.NoSuchProcess):
                    member.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _follow(
    process: subprocess.Popen[bytes], progress: int, output: int, listener: Listener
) -> tuple[str | None, list[str]]:
    """Read both streams until they end, or R has ended and a worker of its keeps them open; (R's
    error, last lines).
    """
    failure: str | None = None
    last: deque[str] = deque(maxlen=_LAST_LINES)
    rest = {progress: b"", output: b""}
    ticked = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for stream in rest:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(_TICK_SECONDS)
            if not ready and process.poll() is not None:
                break
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fd)
                    data = b"\n"
                *lines, rest[key.fd] = re.split(rb"[\r\n]+", rest[key.fd] + data)
                for line in (raw.decode(errors="replace") for raw in lines if raw.strip()):
                    if key.fd == output:
                        _printed(line, last, listener)
                        continue
                    told = json.loads(line)
                    failure = told.get("error", failure)
                    listener(told, None)
            if time.monotonic() - ticked >= _TICK_SECONDS:
                listener(None, None)  # a listener that raises is how a cancelled run stops
                ticked = time.monotonic()
    return failure, list(last)


def _printed(line: str, last: deque[str], listener: Listener) -> None:
    """A line that R printed: a state of a bar, or something for the log."""
    if bar := _BAR.match(line):
        if bar[1]:
            listener(None, int(bar[1]))
        return
    if _STATUS.match(line):
        listener({"counted": 1}, None)
        return
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    last.append(line)
    log.info("R: %s", line)


def _error(failure: str | None, code: int, last: list[str]) -> Exception:
    said = failure or "\n".join(last)
    if code == -SIGKILL:
        end = f" Its last lines:\n{said}" if said else ""
        return Killed(f"R was killed (mostly for lack of memory).{end}")
    if any(words in said for words in _NO_MEMORY):
        return MemoryError(said)
    if failure is None:
        how = f"was ended by {Signals(-code).name}" if code < 0 else f"ended with code {code}"
        said = f"R {how} without saying why. Its last lines:\n{said}"
    hint = next(
        (text for words, text in _HINTS.items() if words in said), "The log has all that R printed."
    )
    if any(words in said for words in _WORKER_LOST):
        hint = "A worker was killed (mostly for lack of memory): give the task more, or set `cores` to 1."
    return UserError(said, where="Robyn", fix=hint)
