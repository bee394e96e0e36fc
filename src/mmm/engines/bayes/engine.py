"""The native engine `bayes`: adstock, saturation and a flexible baseline in one posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmm.engines.base import EngineResult, Problem, ProgressListener
from mmm.engines.bayes.checks import check, own_terms
from mmm.engines.bayes.settings import PRESETS, BayesSettings
from mmm.engines.capabilities import Preview, Rates, SearchSize, Tables
from mmm.errors import Finding

if TYPE_CHECKING:
    import numpy as np

    from mmm.engines.capabilities import EffectsByDraw
    from mmm.engines.response import ResponseModel

_MEGABYTE = 1024**2
_SEED_STEP = 1000
#: A stiffer trend's shortest wave is so many times as long: a year for a quarter.
_STIFFER = 4.0
#: A quick training: two short chains, whose estimates and intervals are those of long ones but for
#: some Monte Carlo error (see `Quick`).
_QUICK = {"chains": 2, "warm_up": 250, "sweeps": 400, "longest": 1, "draws": 200}


class BayesEngine:
    """See `mmm.engines.base.Engine`. Bit-identical for the same inputs, seed and versions on the
    same machine, whatever its number of cores.
    """

    name = "bayes"
    version = "1"
    settings = BayesSettings
    stages = ("setup", "sample", "tables")
    takes_frequency = True
    presets: Mapping[str, Mapping[str, Any]] = PRESETS
    rates = Rates(
        fixed=6.0,
        per_candidate=100e-6,
        per_cell={"": 0.2e-6},
        memory_bytes=300 * _MEGABYTE,
        memory_per_candidate=0.0,
    )

    def check(self, problem: Problem, settings: BayesSettings) -> list[Finding]:
        return check(problem, settings)

    def own_terms(self, problem: Problem, settings: BayesSettings) -> tuple[str, ...]:
        return own_terms(problem)

    def check_environment(self) -> list[Finding]:
        return []  # it needs nothing but the libraries it is installed with

    def train(
        self, problem: Problem, settings: BayesSettings, progress: ProgressListener
    ) -> EngineResult:
        from threadpoolctl import threadpool_limits

        # The compiled core, which checking does not need.
        from mmm.engines.bayes.panel.pipeline import train_panel
        from mmm.engines.bayes.pipeline import train
        from mmm.engines.bayes.tables import MODEL_ID

        # Threaded linear algebra sums in an order that depends on the number of cores.
        with threadpool_limits(1):
            # A panel of one geo is the nation.
            panel = problem.panel is not None and len(problem.panel.geos) > 1
            fit = train_panel if panel else train
            tables, reason = fit(problem, settings, progress)
        return EngineResult(self.name, self.version, tables, MODEL_ID, reason, interval_level=0.9)

    def search_size(self, settings: BayesSettings, *, calibrated: bool) -> SearchSize:
        # A second posterior shows what lift tests moved, a third one what is forecast.
        fits = 1 + int(calibrated) + int(settings.holdout is not None)
        return SearchSize(fits * settings.chains * (settings.warm_up + settings.sweeps))

    def refresh_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def quick_effort(self, settings: BayesSettings) -> Mapping[str, int]:
        sizes = settings.model_dump()
        return {name: min(size, int(sizes[name])) for name, size in _QUICK.items()}

    def variant(
        self,
        settings: BayesSettings,
        *,
        seed: int = 0,
        holdout: float | None = None,
        effort: Mapping[str, int] | None = None,
    ) -> BayesSettings:
        changes: dict[str, Any] = {"seed": settings.seed + _SEED_STEP * seed}
        sizes = {"iterations": "sweeps", "trials": "chains"}
        for name, size in (effort or {}).items():
            changes[sizes.get(name, name)] = size
        if holdout is not None:
            changes["train_size"] = holdout
        return BayesSettings.model_validate(settings.model_dump() | changes)

    def with_stiffer_trend(self, settings: BayesSettings) -> BayesSettings:
        stiffer = {"trend_wave": _STIFFER * settings.trend_wave}
        return BayesSettings.model_validate(settings.model_dump() | stiffer)

    def preview(
        self,
        settings: BayesSettings,
        channel: str,
        *,
        length: int,
        period: str,
        problem: Problem | None = None,
    ) -> Preview:
        if problem is None:
            return Preview()  # what is expected follows from the spend and the KPI
        from mmm.engines.bayes.preview import preview

        return preview(problem, settings, channel)

    def response_model(
        self,
        tables: Tables,
        rows: np.ndarray | None = None,
        *,
        carryover: str = "held",
        models: Sequence[str] | None = None,
    ) -> ResponseModel:
        from mmm.engines.bayes.responding import response_model

        return response_model(tables, rows, carryover=carryover, models=models)

    def drawn_effects(self, tables: Tables, model_id: str) -> EffectsByDraw | None:
        from mmm.engines.adstock_hill.drawn_effects import drawn_effects
        from mmm.engines.schemas import has_geos

        if has_geos(tables):
            return None  # a panel's effects are sums of its geos', which the nation's draws are not
        return drawn_effects(tables, model_id)
