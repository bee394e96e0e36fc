"""The dispatcher: acts on what is stored, whoever looks or not.

A round takes a step of the queue (which finds lost tasks, starts what waits, stops the tasks of
cancelled runs) and does the chores that are due. What is kept between rounds only saves reading, so
any number of dispatchers may run, and one that is killed loses nothing. Idle it costs a listing a
round for the queue and one a minute for each chore.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Event, Thread

from mmm.errors import UserError
from mmm.runs.delivery import Postman
from mmm.runs.firing import Scheduler
from mmm.runs.service import RunService
from mmm.settings import Settings

log = logging.getLogger(__name__)

Chore = Callable[[RunService], None]


class Dispatcher:
    """Takes rounds every `seconds`: the queue's step unless `queue` is false, then the `chores`."""

    def __init__(
        self,
        open_service: Callable[[], RunService],
        seconds: float,
        chores: Sequence[Chore] = (),
        *,
        queue: bool = True,
    ) -> None:
        self._open_service = open_service
        self._seconds = seconds
        self._chores = chores
        self._queue = queue
        self._service: RunService | None = None

    @classmethod
    def of(cls, settings: Settings) -> Dispatcher:
        """The dispatcher of the settings' workspace and platform, with all chores."""
        chores = (Scheduler(settings), Postman(settings))
        return cls(lambda: RunService.open(settings), settings.dispatch_seconds, chores)

    def round(self) -> list[str]:
        """One round; the ids of the runs started. UserError of what went wrong first, after
        everything was tried.
        """
        service = self._service = self._service or self._open_service()
        failure: UserError | None = None
        started: list[str] = []
        if self._queue:
            try:
                started = service.start_waiting()
            except UserError as error:
                failure = error
        for chore in self._chores:
            try:
                chore(service)
            except UserError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return started

    def run(self, stop: Event) -> None:
        """Take rounds until `stop` is set. A round that fails is told in the log; the next comes."""
        while not stop.is_set():
            try:
                for run_id in self.round():
                    log.info("started run %s", run_id)
            except UserError as error:
                log.warning("a round of the dispatcher failed: %s", error)
            except Exception:  # the border of the thread: a defect must not end the dispatching
                log.exception("a round of the dispatcher failed")
            stop.wait(self._seconds)


def dispatchers(settings: Settings) -> list[Dispatcher]:
    """Those of a process that stays: the queue, and each chore by itself, lest reading a large
    source or a mail server that does not answer hold up the queue.
    """

    def open_service() -> RunService:
        return RunService.open(settings)

    seconds = settings.dispatch_seconds or 20.0
    chores: tuple[Chore, ...] = (Scheduler(settings), Postman(settings))
    alone = [Dispatcher(open_service, seconds, [chore], queue=False) for chore in chores]
    return [Dispatcher(open_service, seconds), *alone]


def start_in_background(settings: Settings) -> Event | None:
    """Dispatch in threads of this process, which end with it; the event that stops them. None where
    MMM_DISPATCH_SECONDS is 0.
    """
    if not settings.dispatch_seconds:
        return None
    stop = Event()
    for one in dispatchers(settings):
        Thread(target=one.run, args=(stop,), name="dispatcher", daemon=True).start()
    return stop
