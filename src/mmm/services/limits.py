"""How often a token may ask, and how often an address may ask in vain."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mmm.errors import UserError

#: Of the askers that are remembered; the one not heard of for the longest is forgotten.
_MOST = 10_000


class TooOften(UserError):
    """More was asked for than may be in a minute."""


@dataclass
class _Bucket:
    left: float
    at: float


class Rate:
    """So many requests a minute by asker, all at once or evenly; in this process's memory."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = float(per_minute), clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, asker: str) -> None:
        """Count a request; TooOften where there have been too many."""
        with self._lock:
            bucket = self._filled(asker)
            if bucket.left < 1.0:
                raise TooOften(
                    f"More than {self._most:g} requests in a minute.",
                    where="requests",
                    fix="Wait a minute; ask for larger pages (MMM_API_PER_MINUTE).",
                )
            bucket.left -= 1.0

    def _filled(self, asker: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.pop(asker, None) or _Bucket(self._most, now)
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._most / 60.0)
        bucket.at = now
        self._buckets[asker] = bucket
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return bucket
