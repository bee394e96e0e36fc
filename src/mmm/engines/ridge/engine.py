"""The native engine `ridge`: bounded ridge regression on adstocked and saturated media, Robyn's
method.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmm.engines.adstock_hill.checks import check, own_terms
from mmm.engines.adstock_hill.responding import AdstockHillResponds
from mmm.engines.base import EngineResult, Problem, ProgressListener
from mmm.engines.capabilities import (
    Deviation,
    Export,
    ExportRequest,
    Preview,
    Rates,
    SearchSize,
)
from mmm.engines.ridge.settings import PRESETS, RidgeSettings
from mmm.errors import Finding, UserError

if TYPE_CHECKING:
    from mmm.engines.ridge.model_file import StoredModel

_MEGABYTE = 1024**2
#: Neighbouring seeds share trials in Robyn's way of counting them; these are far apart.
_SEED_STEP = 1000
#: Robyn's defaults for a refresh.
_REFRESH = {"trials": 3, "iterations": 1000}
#: A quick training: so many trials and candidates at most (see `Quick`).
_QUICK = {"trials": 2, "iterations": 600}
#: Two-sided probability of the intervals: of the consensus as measured on simulated markets, of the
#: bootstrap by its quantile.
_LEVELS = {"exact": 0.9, "robyn": 0.95}


class RidgeEngine(AdstockHillResponds):
    """See `mmm.engines.base.Engine`. Bit-identical for the same inputs, seed and versions on the
    same machine.
    """

    name = "ridge"
    version = "1"
    settings = RidgeSettings
    stages = ("features", "search", "select", "tables")
    presets: Mapping[str, Mapping[str, Any]] = PRESETS

    #: Measured with benchmarks/engine.py on 2 cores (see benchmarks/README.md): 10,000 candidates on
    #: 157 rows x 12 columns took 1.9 s of search, of which the compiled core 27 us each (65 us with
    #: Weibull), and 12.3 s of everything else, the report among it.
    rates = Rates(
        fixed=12.3,
        per_candidate=163e-6,
        per_cell={"geometric": 27e-6 / (157 * 12), "weibull": 65e-6 / (157 * 12)},
        memory_bytes=600 * _MEGABYTE,
        memory_per_candidate=1_200.0,
    )

    def check(self, problem: Problem, settings: RidgeSettings) -> list[Finding]:
        return check(problem, settings)

    def own_terms(self, problem: Problem, settings: RidgeSettings) -> tuple[str, ...]:
        return own_terms(problem, settings)

    def check_environment(self) -> list[Finding]:
        return []  # it needs nothing but the libraries it is installed with

    def train(
        self, problem: Problem, settings: RidgeSettings, progress: ProgressListener
    ) -> EngineResult:
        from threadpoolctl import threadpool_limits

        # The compiled core, which checking does not need.
        from mmm.engines.ridge.pipeline import train

        # Threaded linear algebra sums in an order that depends on the number of cores.
        with threadpool_limits(1):
            tables, recommended, reason = train(problem, settings, progress)
        level = _LEVELS[settings.method]
        return EngineResult(
            self.name, self.version, tables, recommended, reason, interval_level=level
        )

    def search_size(self, settings: RidgeSettings, *, calibrated: bool) -> SearchSize:
        # A second search shows what lift tests moved (`mmm.results.calibration`).
        searches = 2 if calibrated else 1
        kind = settings.adstock.partition("_")[0]
        return SearchSize(searches * settings.trials * settings.iterations, kind)

    def variant(
        self,
        settings: RidgeSettings,
        *,
        seed: int = 0,
        holdout: float | None = None,
        effort: Mapping[str, int] | None = None,
    ) -> RidgeSettings:
        changes: dict[str, Any] = dict(effort or {})
        changes["seed"] = settings.seed + _SEED_STEP * seed
        if holdout is not None:
            changes["validation"] = {"train_size": holdout}
        return RidgeSettings.model_validate(settings.model_dump(by_alias=True) | changes)

    def quick_effort(self, settings: RidgeSettings) -> Mapping[str, int]:
        return {
            "trials": min(settings.trials, _QUICK["trials"]),
            "iterations": min(settings.iterations, _QUICK["iterations"]),
        }

    def refresh_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The parent's settings, whose ranges stay those of the chain's first model, with a
        refresh's search.

        Method "robyn" weighs the distance to the previous model alone, as Robyn does. Otherwise the
        parent's weights stay: a model that may not fit worse on the new data says more about them
        than one that only repeats the old shares.
        """
        found = {**settings, **_REFRESH}
        if settings.get("method") == "robyn":
            found["objective_weights"] = [0.0, 1.0, 1.0]
        return found

    def preview(
        self,
        settings: RidgeSettings,
        channel: str,
        *,
        length: int,
        period: str,
        problem: Problem | None = None,
    ) -> Preview:
        from mmm.engines.adstock_hill.preview import preview

        return preview(settings, channel, length=length, period=period)

    def export(self, request: ExportRequest) -> Export:
        from mmm.engines.ridge.export import export

        return export(request)

    def stored_model(self, section: Mapping[str, Any]) -> StoredModel:
        from mmm.engines.ridge.model_file import StoredModel

        return StoredModel.model_validate(section)

    def recreate(self, stored: StoredModel, problem: Problem) -> list[Deviation]:
        from mmm.engines.ridge.model_file import recreate

        dates = [str(day) for day in problem.dates.astype("datetime64[D]")]
        if dates != stored.dates:
            what = (
                f"has {len(dates)} periods from {dates[0]} to {dates[-1]}, the model "
                f"{len(stored.dates)} from {stored.dates[0]} to {stored.dates[-1]}; "
                "they must be the same."
            )
            fix = "Leave the data out: the file holds its own."
            raise UserError(what, where="the data", fix=fix)
        return recreate(problem, stored)[1]
