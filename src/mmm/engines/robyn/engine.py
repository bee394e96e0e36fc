"""The engine `robyn`: Meta's Robyn 3.12.1 in R, from the problem to the engine-neutral tables."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmm.cores import usable_cores
from mmm.engines.adstock_hill.responding import AdstockHillResponds
from mmm.engines.base import EngineResult, Problem, ProgressListener
from mmm.engines.capabilities import Preview, Rates, SearchSize
from mmm.engines.robyn.course import Course
from mmm.engines.robyn.environment import REnvironment
from mmm.engines.robyn.files import WrittenFiles
from mmm.engines.robyn.inputs import check, write_inputs
from mmm.engines.robyn.process import run_script
from mmm.engines.robyn.settings import PRESETS, RobynSettings
from mmm.errors import Finding, Killed, UserError

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
        folder = Path(tempfile.mkdtemp(prefix="mmm-robyn-"))
        try:
            write_inputs(problem, settings, settings.cores or usable_cores(), folder)
            (folder / "artifacts").mkdir()
            course = Course(progress, settings.trials, settings.iterations)
            _run(folder, course)
            course.enter("tables", 1)

            # The compiled core, which checking does not need.
            from mmm.engines.robyn.outputs import read_outputs

            read = read_outputs(folder, problem, settings, course.warnings)
            files = WrittenFiles(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
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
        # Nobody looks at the files of a training that is only compared: its pages alone cost more
        # than reading its results.
        changes |= {"one_pagers": False, "allocator": False, "rds": False}
        if holdout is not None:
            changes["ts_validation"] = True
            changes["hyperparameters"] = {**settings.hyperparameters, "train_size": holdout}
        return RobynSettings.model_validate(settings.model_dump() | changes)

    def preview(
        self, settings: RobynSettings, channel: str, *, length: int, period: str
    ) -> Preview:
        from mmm.engines.adstock_hill.preview import preview

        return preview(settings.for_channel(channel), channel, length=length, period=period)


def _run(folder: Path, course: Course) -> None:
    """R's work. What ends it after the search's results were written costs files, not the results."""
    try:
        run_script(REnvironment.from_settings(), folder, course)
    except (UserError, MemoryError, Killed) as error:
        if not (folder / "about.json").exists():
            raise
        course.warnings.append(f"R ended before all of Robyn's files were written: {error}")
