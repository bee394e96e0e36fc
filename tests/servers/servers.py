"""Real servers for tests on free loopback ports, and a way in between that can be cut."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from left_out import unavailable

HERE = Path(__file__).parent
SNOWFLAKE_VENV = HERE.parents[1] / ".venv-snowflake"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the server does not answer (exit code {process.poll()})")


def snowflake_python() -> Path:
    """The interpreter of the emulator's own environment, which is made or renewed when its lock
    file changed.
    """
    lock = HERE / "snowflake.lock"
    with _one_at_a_time():
        return _snowflake_python(lock)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Workers of one test run take turns."""
    with (SNOWFLAKE_VENV.parent / ".venv-snowflake.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _snowflake_python(lock: Path) -> Path:
    stamp, digest = SNOWFLAKE_VENV / ".lock", hashlib.sha256(lock.read_bytes()).hexdigest()
    python = SNOWFLAKE_VENV / "bin" / "python"
    if not (stamp.is_file() and stamp.read_text() == digest):
        # The uv that `make setup` installs: pip takes 30 CPU seconds where uv takes one.
        uv = Path(sys.executable).with_name("uv")
        environment = [uv, "venv", "--quiet", "--clear", "--python", sys.executable]
        installer = [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes"]
        try:
            subprocess.run([*environment, SNOWFLAKE_VENV], check=True, capture_output=True)
            subprocess.run([*installer, "-r", lock], check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            reason = f"The Snowflake emulator cannot be installed: {error.stderr}."
            unavailable(reason, "the Snowflake emulator (it needs a package index)")
        stamp.write_text(digest)
    return python


@contextmanager
def snowflake_server(users: dict[str, object], log: Path) -> Iterator[int]:
    """The emulator with these users (see snowflake_server.py); gives its port."""
    port = free_port()
    config = log.with_suffix(".json")
    config.write_text(json.dumps({"account": "MYORG-SHOP", "users": users}))
    command = [snowflake_python(), HERE / "snowflake_server.py", str(port), config]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(60)


@dataclass(frozen=True)
class Postgres:
    """A cluster with the superuser `admin` (password `admin`)."""

    port: int
    kill: Callable[[], None]


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A throwaway cluster from Debian's package; the server refuses to run as root."""
    programs = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    if not programs:
        unavailable("PostgreSQL's server is not installed.", "PostgreSQL", "postgresql")
    folder = Path(tempfile.mkdtemp(prefix="mmm-postgres-"))
    user: dict[str, str] = {"user": "nobody"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "nobody")
    port = free_port()
    (folder / "password").write_text("admin")
    (folder / "password").chmod(0o644)
    initdb = [
        programs[-1] / "initdb",
        "-D",
        folder / "data",
        "-U",
        "admin",
        "-A",
        "scram-sha-256",
        "--no-sync",
    ]
    server = [
        programs[-1] / "postgres",
        "-D",
        folder / "data",
        "-p",
        str(port),
        "-k",
        folder,
        "-c",
        "fsync=off",
    ]
    process = None
    try:
        arguments = [*initdb, "-E", "UTF8", "--locale", "C.UTF-8", "--pwfile", folder / "password"]
        subprocess.run(arguments, check=True, capture_output=True, cwd=folder, **user)  # type: ignore[call-overload]
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(server, stdout=log, stderr=log, cwd=folder, **user)  # type: ignore[call-overload]
        ready = [programs[-1] / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "20"]
        while process.poll() is None and subprocess.run(ready).returncode:
            time.sleep(0.05)
        yield Postgres(port, process.kill)
    finally:
        if process is not None:
            process.terminate()
            process.wait(20)
        shutil.rmtree(folder)


class Proxy:
    """A TCP way to a server that is cut for good after so many bytes of answers (None: never)."""

    def __init__(self, target: int, cut_after: int | None) -> None:
        self._target, self._left = target, cut_after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_cut:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                threading.Thread(
                    target=self._pump, args=(client, server, False), daemon=True
                ).start()
                threading.Thread(
                    target=self._pump, args=(server, client, True), daemon=True
                ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if answers and self._left is not None:
                    self._left -= len(data)
                    if self._left < 0:
                        self.cut()
                        return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        self.is_cut = True
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._listener.close()
        self.cut()
