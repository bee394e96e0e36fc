"""How far R is, from its progress bars and what the script says, as the platform's progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mmm.engines.base import Progress, ProgressListener

#: Of the selection's time the share in which the bar of the response curves fills; the rest are the
#: kept models one by one.
_CURVES = 0.5


@dataclass
class Course:
    """R's progress as the platform's. In the search R's bar fills once per trial."""

    listener: ProgressListener
    trials: int
    iterations: int
    clock: Callable[[], float] = time.monotonic
    warnings: list[str] = field(default_factory=list)
    _stage: str = ""
    _begun: float = 0.0
    _done: int = 0
    _total: int = 1
    _trial: int = 0
    _percent: int = 0
    _models: int = 0
    _counted: int = 0

    def __call__(self, told: dict[str, Any] | None, percent: int | None) -> None:
        if told is None and percent is None:
            self._tell()
        elif told is not None:
            self._hear(told)
        elif percent is not None and self._stage == "search":
            self._trial += percent < self._percent
            self._percent = percent
            self.done(round((self._trial + percent / 100) * self.iterations))
        elif percent is not None and self._stage == "select" and not self._counted:
            self.done(round(_CURVES * percent))

    def _hear(self, told: dict[str, Any]) -> None:
        if "warning" in told:
            self.warnings.append(told["warning"])
        if "stage" in told:
            sizes = {"search": self.trials * self.iterations, "select": 100}
            self.enter(told["stage"], told.get("total", sizes.get(told["stage"], 1)))
        if "models" in told:
            self._models = told["models"]
        if "done" in told:
            self.done(told["done"])
        if "counted" in told and self._stage == "select" and self._models:
            self._counted += 1
            share = _CURVES + (1 - _CURVES) * self._counted / self._models
            self.done(round(100 * share))

    def enter(self, stage: str, total: int) -> None:
        """A new stage begins, which ends the one before."""
        if self._stage:
            self.done(self._total)
        self._stage, self._total, self._done, self._begun = stage, total, 0, self.clock()
        self._tell()

    def done(self, count: int) -> None:
        self._done = min(count, self._total)
        self._tell()

    def _tell(self) -> None:
        if not self._stage:
            return
        share = self._done / self._total
        left = (self.clock() - self._begun) * (1 - share) / share if share else None
        trial = min(self._trial + 1, self.trials)
        message = ""
        if self._stage == "search":
            message = f"Trial {trial} of {self.trials}"
        self.listener(Progress(self._stage, self._done, self._total, left, message))
