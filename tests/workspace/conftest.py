"""One workspace per kind of store: the contract in this folder holds for each. A further store is a
further name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.objects import Objects, open_store


@pytest.fixture(params=["memory", "file", "s3", "gs"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(kind: str, request: pytest.FixtureRequest) -> Settings | None:
    """What the store needs beside its address."""
    cloud = {"s3": "aws", "gs": "gcp"}.get(kind)
    return request.getfixturevalue(cloud).settings("unused") if cloud else None


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "s3":
        return f"s3://{request.getfixturevalue('aws').new_bucket()}/team a"
    if kind == "gs":
        return f"gs://{request.getfixturevalue('gcp').new_bucket()}/team a"
    return {"memory": "memory://", "file": (tmp_path / "a b é").as_uri()}[kind]


@pytest.fixture
def objects(url: str, settings: Settings | None) -> Objects:
    return Objects(open_store(url, settings), url)


@pytest.fixture
def workspace(url: str, settings: Settings | None) -> Workspace:
    return Workspace(url, settings)
