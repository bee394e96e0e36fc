"""Many requests of a store at once: a store answers after some milliseconds, however many ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREADS = 32


def concurrently(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """What `function` gives for each item, in their order; what it raises first is raised here,
    after those that have begun have ended.
    """
    asked = list(items)
    if len(asked) < 2:
        return [function(item) for item in asked]
    with ThreadPoolExecutor(min(_THREADS, len(asked)), "store") as pool:
        return list(pool.map(function, asked))
