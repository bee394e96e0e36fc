"""Progress from an engine to the run's events."""

from __future__ import annotations

import logging
import threading
import time

from mmm.engines.base import Progress
from mmm.runs.events import History
from mmm.workspace.models import RunState, StageProgress
from mmm.workspace.objects import StoreError

log = logging.getLogger(__name__)

#: Between two events of one stage: a second, or this share of the time the task has taken,
#: whichever is longer. So a day's run has hundreds of events, not tens of thousands.
_SECONDS_BETWEEN, _SHARE_BETWEEN = 1.0, 0.01


class ProgressRecorder:
    """Writes a `running` event at every stage's beginning and end, and at most about one per second
    between.

    Raises TransitionRefused when someone else has ended the run: the way a task learns that it
    shall stop.
    """

    def __init__(self, history: History, actor: str, attempt: int) -> None:
        self._history = history
        self._actor = actor
        self._attempt = attempt
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._last: Progress | None = None
        self._stage_begun = self._written = self._begun
        self._seconds: dict[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            now = time.monotonic()
            last = self._last
            if last is None or progress.stage != last.stage:
                self._close_stage(now)
                last, self._stage_begun = None, now
            wait = max(_SECONDS_BETWEEN, _SHARE_BETWEEN * (now - self._begun))
            ends = progress.done >= progress.total and (last is None or last.done < last.total)
            if last is None or ends or now - self._written >= wait:
                self._write(progress, now)
            self._last = progress

    def seconds_per_stage(self) -> dict[str, float]:
        """Seconds spent in each stage, in order, up to now."""
        with self._lock:
            self._close_stage(time.monotonic())
            return {stage: round(seconds, 3) for stage, seconds in self._seconds.items()}

    def _close_stage(self, now: float) -> None:
        if self._last is not None:
            stage = self._last.stage
            self._seconds[stage] = self._seconds.get(stage, 0.0) + now - self._stage_begun
            self._stage_begun = now

    def _write(self, progress: Progress, now: float) -> None:
        left = progress.seconds_left
        if progress.done >= progress.total:
            left = 0.0
        elif left is None and progress.done > 0:
            left = (now - self._stage_begun) * (progress.total - progress.done) / progress.done
        stage = StageProgress(
            stage=progress.stage,
            done=progress.done,
            total=progress.total,
            seconds_left=None if left is None else round(left, 1),
            message=progress.message,
        )
        try:
            self._history.add(RunState.RUNNING, self._actor, attempt=self._attempt, progress=stage)
        except StoreError as error:
            log.warning("progress could not be stored, training goes on: %s", error)
        self._written = time.monotonic()
