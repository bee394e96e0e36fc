"""How much of what is being sent lies in the server's memory at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mmm.api.problems import TooMuch


class Room:
    """So many bytes of all requests together."""

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._lock = threading.Lock()

    @contextmanager
    def space(self) -> Iterator[Space]:
        """The space of one request; given back at the end."""
        space = Space(self)
        try:
            yield space
        finally:
            self.give_back(space.taken)

    def take(self, size: int) -> None:
        with self._lock:
            if self._held + size > self._most:
                what = "More would be open at once than the server has room for."
                fix = "Try again later (MMM_UPLOAD_TOTAL_MB)."
                raise TooMuch(what, where="the body", fix=fix)
            self._held += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._held -= size


class Space:
    """What one request has taken; at most `most` bytes where `take` is told so."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.taken = 0

    def take(self, size: int, most: int) -> None:
        """Count bytes that have come; TooMuch where they are too many, of this one or of all."""
        if self.taken + size > most:
            raise TooMuch(f"More than {most:,} bytes.", where="the body", fix="Send less.")
        self._room.take(size)
        self.taken += size
