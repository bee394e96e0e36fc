"""Work on a stream's items in threads, in order, with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from mmm.cores import usable_cores

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: More threads than this hold more memory than they save time: the steps around them are serial.
WORKERS = min(4, usable_cores())


def ordered_map(
    function: Callable[[_Item], _Result], items: Iterable[_Item], workers: int = WORKERS
) -> Iterator[_Result]:
    """Yield function(item) in the items' order, at most `workers + 1` items ahead of the reader.

    With one worker the items are worked on one after the other, beside the reader's own work.
    """
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[_Result]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
