"""Many people at once: sessions that click from page to page in one server. `python -m
benchmarks.load [sessions]`

Each session is a websocket that speaks Streamlit's own protocol, so what is measured is the
server's work; a browser would add its drawing. The sessions run on the same cores as the server.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.runs.events import History
from mmm.runs.sample import sample_experiment
from mmm.runs.service import RunService
from mmm.runs.task import run_task
from mmm.settings import Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace.models import RunEvent, RunState
from mmm.workspace.names import new_id, utc_now

ROOT = Path(__file__).parents[1]
SESSIONS, RUNS, ROUNDS = 50, 200, 5
#: Between two clicks of one person.
PAUSE_SECONDS = 0.5
ANN = User("ann", role=Role.ANALYST)


@dataclass
class Measured:
    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


def prepare(folder: Path) -> str:
    """A workspace with many runs, one of which has results; that run's id."""
    settings = Settings(workspace=str(folder))
    service = RunService.open(settings)
    stored = ingest(
        FileSource(sample.PATH),
        market="sample",
        origin="sample.csv",
        workspace=service.workspace,
        by=ANN,
    )
    quick = {"trials": 1, "iterations": 500, "min_candidates": 50, "bootstrap": 100}
    experiment = sample_experiment(stored.dataset_id).model_copy(update={"settings": quick})
    run_id = service.workspace.create_run(experiment)
    details = {
        "name": experiment.name,
        "market": "sample",
        "dataset_id": stored.dataset_id,
        "engine": "ridge",
    }
    History.begin(service.workspace, run_id, "ann", details=details).add(RunState.STARTING, "ann")
    if run_task(service.workspace.run_uri(run_id), settings) != 0:
        sys.exit("the run that the pages show did not succeed")
    now = utc_now()
    for number in range(1, RUNS):
        other, at = new_id(now - timedelta(minutes=number)), now - timedelta(minutes=number)
        first = RunEvent(
            number=1, state=RunState.QUEUED, at=at, attempt=1, actor="ann", details=details
        )
        last = RunEvent(
            number=2, state=RunState.FAILED, at=at, attempt=1, actor="task", message="made for this"
        )
        service.workspace.append_event(other, first)
        service.workspace.append_event(other, last)
    return run_id


def _ask(page: str, query: str) -> bytes:
    message = BackMsg()
    message.rerun_script.query_string = query
    message.rerun_script.page_name = page
    return message.SerializeToString()


async def session(address: str, pages: list[tuple[str, str]], measured: Measured) -> None:
    """One person: every page in turn, some times over."""
    async with connect(address, subprotocols=["streamlit"], max_size=None) as channel:  # type: ignore[list-item]
        for page, query in pages * ROUNDS:
            begun = time.perf_counter()
            await channel.send(_ask(page, query))
            await _drawn(channel, page, measured)
            measured.seconds.append(time.perf_counter() - begun)
            await asyncio.sleep(PAUSE_SECONDS)


async def _drawn(channel: object, page: str, measured: Measured) -> None:
    """Read until the script has ended; what it says went wrong is counted."""
    while True:
        message = ForwardMsg.FromString(await channel.recv())  # type: ignore[attr-defined]
        kind = message.WhichOneof("type")
        if kind == "script_finished":
            if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                measured.errors[f"{page or 'home'}: ended with {message.script_finished}"] += 1
            return
        if kind == "page_not_found":
            measured.errors[f"{page}: no such page"] += 1
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "exception":
                measured.errors[f"{page or 'home'}: {element.exception.message[:80]}"] += 1
            elif element.WhichOneof("type") == "alert" and element.alert.format == Alert.ERROR:
                measured.errors[f"{page or 'home'}: {element.alert.body[:80]}"] += 1


async def _all(address: str, pages: list[tuple[str, str]], sessions: int) -> Measured:
    measured = Measured()
    started = [
        session(address, pages[n % len(pages) :] + pages[: n % len(pages)], measured)
        for n in range(sessions)
    ]
    for done in await asyncio.gather(*started, return_exceptions=True):
        if isinstance(done, BaseException):
            measured.errors[f"session ended: {type(done).__name__}: {done}"[:100]] += 1
    return measured


def main() -> None:
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else SESSIONS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        run_id = prepare(folder / "workspace")
        port = _free_port()
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app/streamlit_app.py",
            "--server.port",
            str(port),
        ]
        with (folder / "server.log").open("wb") as log:
            server = psutil.Popen(
                command,
                cwd=ROOT,
                env=os.environ | {"MMM_WORKSPACE": str(folder / "workspace")},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait(f"http://localhost:{port}/_stcore/health")
            # The failed runs' page would show their error, which is no error of the page's.
            pages = [("runs", ""), ("run", f"run={run_id}"), ("results", f"run={run_id}")]
            pages += [("results", f"run={run_id}&part=Response")]
            before = server.memory_info().rss
            print("sessions  clicks  p50 s  p95 s  max s CPU s/click     MB  errors")
            for number in sorted({1, 10, sessions}):
                cpu = sum(server.cpu_times()[:2])
                measured = asyncio.run(_all(f"ws://localhost:{port}/_stcore/stream", pages, number))
                spent = sum(server.cpu_times()[:2]) - cpu
                _print(number, measured, spent, server.memory_info().rss)
            print(f"memory before the first session: {before / 1e6:.0f} MB")
        finally:
            server.terminate()
            server.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(health: str) -> None:
    for _ in range(150):
        try:
            with urllib.request.urlopen(health) as answer:  # noqa: S310
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.2)
    sys.exit("the server does not answer")


def _print(sessions: int, measured: Measured, cpu: float, memory: int) -> None:
    times = sorted(measured.seconds) or [float("nan")]
    p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
    print(
        f"{sessions:>8} {len(measured.seconds):>7} {statistics.median(times):>6.2f} {p95:>6.2f} {times[-1]:>6.2f} "
        f"{cpu / max(1, len(measured.seconds)):>11.3f} {memory / 1e6:>6.0f}  {sum(measured.errors.values())}"
    )
    for error, count in measured.errors.most_common(5):
        print(f"         {count} x {error}")


if __name__ == "__main__":
    main()
