"""One trained run for all tests of the API, and real servers on it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from mmm.access import Role, User
from mmm.api.app import PREFIX
from mmm.api.serve import server_app
from mmm.data.ingest import ingest
from mmm.runs.events import History
from mmm.runs.sample import sample_experiment
from mmm.runs.task import run_task
from mmm.services.context import Services
from mmm.services.tokens import TokenRequest, issue
from mmm.settings import NAMES, Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace.models import RunState
from mmm.workspace.tokens import Scope

QUICK = {"trials": 1, "iterations": 60, "min_candidates": 20, "bootstrap": 100}
ADMIN = User("ann", role=Role.ADMIN)
ALL = tuple(Scope)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Asking:
    """Plain HTTP to a server on loopback."""

    port: int
    folder: Path
    services: Services
    run_id: str
    dataset: str
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def token(self, role: Role = Role.ADMIN, scopes: tuple[Scope, ...] = ALL) -> str:
        """A token of a kind, made once."""
        name = f"{role} {' '.join(scopes)}"
        if name not in self.tokens:
            request = TokenRequest(name=name, scopes=scopes, role=role)
            self.tokens[name] = issue(self.services.runs.workspace, request, ADMIN).token
        return self.tokens[name]

    def __call__(
        self,
        path: str,
        *,
        method: str = "GET",
        token: str | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        prefix: str = PREFIX,
    ) -> Answer:
        given = {"Authorization": f"Bearer {self.token() if token is None else token}"}
        if token == "":
            given = {}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            given["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request(method, prefix + path, data, given | (headers or {}))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        read = Answer(answer.status, found, answer.read())
        connection.close()
        return read


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one run on the sample, trained once."""
    folder = tmp_path_factory.mktemp("api") / "workspace"
    settings = Settings(workspace=str(folder))
    workspace = Services.open(settings).runs.workspace
    source = FileSource(sample.PATH)
    data = ingest(source, market="sample", origin="data.csv", workspace=workspace, by=ADMIN)
    given = sample_experiment(data.dataset_id, "ridge")
    changes = {**given.model_dump(), "settings": QUICK, "name": "Sample"}
    experiment = type(given).model_validate(changes)
    run_id = workspace.create_run(experiment)
    details = {"market": "sample", "dataset_id": data.dataset_id, "engine": experiment.engine}
    begun = History.begin(workspace, run_id, "ann", details={**details, "name": "Sample"})
    begun.add(RunState.STARTING, "ann")
    run_task(workspace.run_uri(run_id), settings)
    return folder


@pytest.fixture(scope="module")
def asking(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A server on a copy of it for each file of tests."""
    folder = tmp_path_factory.mktemp("served") / "workspace"
    shutil.copytree(template, folder)
    services = Services.open(Settings(workspace=str(folder), api_per_minute=100_000))
    workspace = services.runs.workspace
    (run_id,) = workspace.run_ids()
    (dataset,) = workspace.datasets("sample")
    with running(server_app(services)) as port:
        yield Asking(port, folder, services, run_id, dataset.dataset_id)


class running:
    """An app on a free port of loopback, in a thread."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.02)
            assert self._thread.is_alive(), "the server did not start"
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture(scope="session")
def served() -> type[running]:
    """served(app): a context that gives the port."""
    return running


@pytest.fixture
def here(asking: Asking, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asking:
    """The command line on that workspace, without this machine's settings."""
    for name in list(os.environ):
        if name in NAMES or name.startswith("MMM_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMM_WORKSPACE", str(asking.folder))
    return asking
