"""Servers that several folders' tests use, one of each kind per session. Tests keep apart by names
of their own.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aws_servers import ALLOW_ALL, Aws, aws_server
from bigquery_stub import bigquery_stub
from gcp_servers import Gcp, gcp_server
from left_out import closing_line
from robyn_library import RobynLibrary, install_stand_in
from servers import Postgres, Proxy, postgres_server, snowflake_server

_numbers = itertools.count(1)

# Servers and tasks that the tests start import in a third of the time where compiled modules are
# kept; some machines forbid to keep them.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

#: Folders whose tests train models or start what takes long.
_SLOW = ("certificate", "infra", "recovery", "engines/ridge", "engines/bayes", "planning", "cli")
#: Which files begin, in turn for one worker and the other: the first ones compile kernels that
#: nearly all others need, on a machine that has none compiled. Two workers at once would both
#: compile them.
_FIRST = (
    "certificate/test_certificate.py",
    "engines/bayes/test_engine.py",
    "certificate/test_checks.py",
    "engines/bayes/test_panel.py",
)
_reasons: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Markers by what a test uses: `make check` leaves the marked ones out."""
    for item in items:
        path = item.path.relative_to(Path(__file__).parent)
        fixtures = set(getattr(item, "fixturenames", ()))
        if "browser" in path.name:
            item.add_marker("browser")
        if "aws" in path.name or fixtures & {"aws", "strict_aws"}:
            item.add_marker("aws")
        if path.parts[0] == "docker":
            item.add_marker("images")
        if fixtures & {
            "robyn",
            "stand_in",
            "trained",
            "stored",
            "asking",
        } or path.as_posix().startswith(_SLOW):
            item.add_marker("slow")
    items.sort(key=_turn(items).__getitem__)


def _turn(items: list[pytest.Item]) -> dict[pytest.Item, int]:
    """When a test's file has its turn: what compiles first, then what trains, then what drives a
    browser, which finds kernels compiled, then the many small files, which keep both workers busy
    to the end.
    """
    folder = Path(__file__).parent
    turns = {folder / name: number - len(_FIRST) for number, name in enumerate(_FIRST)}
    for item in items:
        if item.get_closest_marker("browser"):
            turns.setdefault(item.path, 1)
        elif item.get_closest_marker("slow"):
            turns.setdefault(item.path, 0)
    return {item: turns.get(item.path, 2) for item in items}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        _reasons.append(report.longrepr[2])


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line: what was left out on this machine, and the command that brings it."""
    line = closing_line(_reasons)
    if line and not hasattr(config, "workerinput"):
        print(line)


@dataclass(frozen=True)
class Snowflake:
    """The emulator: account MYORG-SHOP, user ANA with a key (passphrase "open") and a password,
    role READER.

    ANA may also use NO_GRANTS; BOB has another key.
    """

    port: int
    key: str
    encrypted_key: str
    other_key: str
    password: str

    def connect(self, **options: Any) -> Any:
        """A connection of the real connector, for a test's own tables."""
        import snowflake.connector

        return snowflake.connector.connect(
            **{
                "account": "MYORG-SHOP", "user": "ANA", "password": self.password, "role": "READER",
                "host": "127.0.0.1", "port": self.port, "protocol": "http",
                "enable_server_session_keep_alive_auto_detection": False,
            }
            | options
        )  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the product keeps beside the workspace goes into a folder of the tests'; nobody looks
    for real AWS.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _reports_are_drawn_when_looked_at() -> Iterator[None]:
    """Tasks leave the report undrawn, in a test's own process and in theirs: drawing takes longer than
    a quick training, and a report that is looked at is drawn then. Those of engines/test_contract.py,
    test_lifecycle.py, of the command line and in a cloud draw it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMM_DRAW_REPORTS", "false")
        patch.setattr("mmm.runs.training.draw", lambda workspace, run_id: None)
        yield


@pytest.fixture(scope="session")
def snowflake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snowflake]:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    keys = [rsa.generate_private_key(65537, 2048) for _ in range(2)]

    def pem(key: Any, encryption: Any) -> str:
        return str(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, encryption).decode())

    def public(key: Any) -> str:
        return str(
            key.public_key()
            .public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    users = {
        "ANA": {
            "password": "correct horse",
            "public_key": public(keys[0]),
            "roles": ["READER", "NO_GRANTS"],
        },
        "BOB": {"public_key": public(keys[1]), "roles": ["READER"]},
    }
    with snowflake_server(users, tmp_path_factory.mktemp("snowflake") / "server.log") as port:
        plain, encrypted = s.NoEncryption(), s.BestAvailableEncryption(b"open")
        own, other = pem(keys[0], plain), pem(keys[1], plain)
        yield Snowflake(port, own, pem(keys[0], encrypted), other, "correct horse")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """AWS on loopback, without IAM: any key may do anything. See aws_servers.py."""
    with aws_server(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture(scope="session")
def strict_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """AWS on loopback that checks signatures and policies; this view of it is an administrator's."""
    with aws_server(tmp_path_factory.mktemp("strict-aws")) as server:
        admin = server.user("admin", {"Version": "2012-10-17", "Statement": [ALLOW_ALL]})
        server.enforce()
        yield admin


@pytest.fixture(scope="session")
def gcp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcp]:
    """Google Cloud on loopback. See gcp_server.py."""
    with gcp_server(tmp_path_factory.mktemp("gcp")) as server:
        yield server


@pytest.fixture(scope="session")
def bigquery() -> Iterator[tuple[str, Any]]:
    """(endpoint, DuckDB connection that makes its tables)."""
    with bigquery_stub() as stub:
        yield stub


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> RobynLibrary:
    """An R library with the stand-in for Robyn; as it is installed, without trouble asked for."""
    return install_stand_in(tmp_path_factory.mktemp("robyn"))


@pytest.fixture
def robyn(stand_in: RobynLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RobynLibrary:
    """A copy of that library for one test, and the environment that makes the engine use it."""
    library = stand_in.copy(tmp_path / "robyn library")
    monkeypatch.setenv("MMM_ROBYN_LIBRARY", str(library.folder))
    monkeypatch.setenv(
        "RETICULATE_PYTHON", sys.executable
    )  # the developers' environment has nevergrad
    return library


@pytest.fixture
def proxy() -> Iterator[Callable[..., Proxy]]:
    """proxy(port, cut_after=bytes) -> a Proxy; closed at the test's end."""
    made: list[Proxy] = []

    def make(port: int, cut_after: int | None = None) -> Proxy:
        made.append(Proxy(port, cut_after))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def new_name() -> str:
    """A name no other test has, for a database or schema."""
    return f"shop{next(_numbers)}"
