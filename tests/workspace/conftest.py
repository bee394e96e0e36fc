"""One workspace per kind of store: the contract in this folder holds for each. A further store is a further name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmm.workspace import Workspace
from mmm.workspace.objects import Objects, open_store


def _url(kind: str, tmp_path: Path) -> str:
    return {"memory": "memory://", "file": (tmp_path / "a b é").as_uri()}[kind]


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _url(request.param, tmp_path)


@pytest.fixture
def objects(url: str) -> Objects:
    return Objects(open_store(url), url)


@pytest.fixture
def workspace(url: str) -> Workspace:
    return Workspace(url)
