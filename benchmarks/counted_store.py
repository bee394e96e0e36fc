"""A workspace whose requests of the store are counted, and may take some time each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import obstore

from mmm.workspace import Workspace
from mmm.workspace.objects import Objects, Stored

#: Buckets list so many objects with one request.
_PAGE = 1000


class CountedObjects(Objects):
    """Counts what a bucket would be asked; each request takes `seconds` longer."""

    def __init__(self, of: Objects, seconds: float = 0.0) -> None:
        self.__dict__.update(of.__dict__)
        self.seconds, self.requests = seconds, 0
        self._counting = threading.Lock()

    def _ask(self, requests: int = 1) -> None:
        with self._counting:
            self.requests += requests
        if self.seconds:
            time.sleep(requests * self.seconds)

    def get_buffer(self, key: str) -> obstore.Bytes:
        self._ask()
        return super().get_buffer(key)

    def exists(self, key: str) -> bool:
        self._ask()
        return super().exists(key)

    def put(self, key: str, data: bytes) -> None:
        self._ask()
        super().put(key, data)

    def create(self, key: str, data: bytes) -> None:
        self._ask()
        super().create(key, data)

    def delete(self, key: str) -> None:
        self._ask()
        super().delete(key)

    def everything(self, prefix: str = "") -> Iterator[Stored]:
        found = list(super().everything(prefix))
        self._ask(_pages(len(found)))
        yield from found

    def names(self, prefix: str) -> list[str]:
        found = super().names(prefix)
        self._ask(_pages(len(found)))
        return found

    def folders(self, prefix: str) -> list[str]:
        found = super().folders(prefix)
        self._ask(_pages(len(found)))
        return found


def count_requests(workspace: Workspace, seconds: float = 0.0) -> CountedObjects:
    """Count the workspace's requests from here on; the counter."""
    counted = CountedObjects(workspace.objects, seconds)
    workspace._objects = counted
    return counted


def _pages(entries: int) -> int:
    return max(1, -(-entries // _PAGE))
