"""The engine `robyn`: Meta's Robyn 3.12.1 in R, from the problem to the engine-neutral tables."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmm.cores import usable_cores
from mmm.engines.adstock_hill.responding import AdstockHillResponds
from mmm.engines.base import EngineResult, Problem, Progress, ProgressListener
from mmm.engines.capabilities import Preview, Rates, SearchSize
from mmm.engines.robyn.environment import REnvironment
from mmm.engines.robyn.inputs import check, write_inputs
from mmm.engines.robyn.process import run_script
from mmm.engines.robyn.settings import PRESETS, RobynSettings
from mmm.errors import Finding

_MEGABYTE = 1024**2
#: Neighbouring seeds share trials in Robyn's way of counting them; these are far apart.
_SEED_STEP = 1000
#: Two-sided probability of Robyn's bootstrapped intervals.
_LEVEL = 0.95


class RobynEngine(AdstockHillResponds):
    """See `mmm.engines.base.Engine`. Reproducible with the same inputs, seed, cores and versions of
    R's packages.
    """

    name = "robyn"
    version = "1"
    settings = RobynSettings
    stages = ("features", "search", "select", "files", "tables")
    presets: Mapping[str, Mapping[str, Any]] = PRESETS

    #: Measured as those of `ridge` (benchmarks/README.md): the R package's candidate takes 130 ms on
    #: one core, its outputs 70 s.
    rates = Rates(
        fixed=80.0,
        per_candidate=0.065,
        per_cell={"geometric": 0.065 / (157 * 12), "weibull": 0.13 / (157 * 12)},
        memory_bytes=900 * _MEGABYTE,
        memory_per_candidate=20_000.0,
    )

    def check(self, problem: Problem, settings: RobynSettings) -> list[Finding]:
        return check(problem, settings)

    def own_terms(self, problem: Problem, settings: RobynSettings) -> tuple[str, ...]:
        from mmm.engines.adstock_hill.checks import own_terms

        return own_terms(problem, settings.as_adstock_hill(problem))

    def check_environment(self) -> list[Finding]:
        return REnvironment.from_settings().check()

    def train(
        self, problem: Problem, settings: RobynSettings, progress: ProgressListener
    ) -> EngineResult:
        with TemporaryDirectory(prefix="mmm-robyn-") as name:
            folder = Path(name)
            write_inputs(problem, settings, settings.cores or usable_cores(), folder)
            (folder / "artifacts").mkdir()
            course = _Course(progress, settings.trials, settings.iterations)
            run_script(REnvironment.from_settings(), folder, course)
            course.enter("tables", 1)

            # The compiled core, which checking does not need.
            from mmm.engines.robyn.outputs import read_outputs

            read = read_outputs(folder, problem, settings, course.warnings)
            files = _files(folder / "artifacts")
        course.done(1)
        return EngineResult(
            self.name,
            read.version,
            read.tables,
            read.recommended,
            read.reason,
            files,
            interval_level=_LEVEL,
        )

    def search_size(self, settings: RobynSettings, *, calibrated: bool) -> SearchSize:
        return SearchSize(settings.trials * settings.iterations, settings.adstock.partition("_")[0])

    def variant(
        self,
        settings: RobynSettings,
        *,
        seed: int = 0,
        holdout: float | None = None,
        effort: Mapping[str, int] | None = None,
    ) -> RobynSettings:
        changes: dict[str, Any] = dict(effort or {})
        changes["seed"] = settings.seed + _SEED_STEP * seed
        if holdout is not None:
            changes["ts_validation"] = True
            changes["hyperparameters"] = {**settings.hyperparameters, "train_size": holdout}
        return RobynSettings.model_validate(settings.model_dump() | changes)

    def preview(
        self, settings: RobynSettings, channel: str, *, length: int, period: str
    ) -> Preview:
        from mmm.engines.adstock_hill.preview import preview

        return preview(settings.for_channel(channel), channel, length=length, period=period)


def _files(folder: Path) -> dict[str, bytes]:
    """What Robyn wrote, by names that any store takes."""
    written = sorted(path for path in folder.iterdir() if path.is_file())
    return {re.sub(r"[^A-Za-z0-9._-]", "_", path.name): path.read_bytes() for path in written}


@dataclass
class _Course:
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

    def __call__(self, told: dict[str, Any] | None, percent: int | None) -> None:
        if told is None and percent is None:
            self._tell()
        elif told is not None:
            if "warning" in told:
                self.warnings.append(told["warning"])
            if "stage" in told:
                self.enter(
                    told["stage"], self.trials * self.iterations if told["stage"] == "search" else 1
                )
        elif percent is not None and self._stage == "search":
            self._trial += percent < self._percent
            self._percent = percent
            self.done(min(self._total, round((self._trial + percent / 100) * self.iterations)))

    def enter(self, stage: str, total: int) -> None:
        """A new stage begins, which ends the one before."""
        if self._stage:
            self.done(self._total)
        self._stage, self._total, self._done, self._begun = stage, total, 0, self.clock()
        self._tell()

    def done(self, count: int) -> None:
        self._done = count
        self._tell()

    def _tell(self) -> None:
        if not self._stage:
            return
        share = self._done / self._total
        left = (self.clock() - self._begun) * (1 - share) / share if share else None
        trial = min(self._trial + 1, self.trials)
        message = f"Trial {trial} of {self.trials}" if self._stage == "search" else ""
        self.listener(Progress(self._stage, self._done, self._total, left, message))
