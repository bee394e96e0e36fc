"""The native engine `ridge`: bounded ridge regression on adstocked and saturated media, Robyn's
method.
"""

from __future__ import annotations

from mmm.engines.base import EngineResult, Problem, ProgressListener
from mmm.engines.ridge.checks import check
from mmm.engines.ridge.settings import RidgeSettings
from mmm.errors import Finding


class RidgeEngine:
    """See `mmm.engines.base.Engine`. Bit-identical for the same inputs, seed and versions on the
    same machine.
    """

    name = "ridge"
    version = "1"
    settings = RidgeSettings
    stages = ("features", "search", "select", "tables")

    def check(self, problem: Problem, settings: RidgeSettings) -> list[Finding]:
        return check(problem, settings)

    def check_environment(self) -> list[Finding]:
        return []  # it needs nothing but the libraries it is installed with

    def train(
        self, problem: Problem, settings: RidgeSettings, progress: ProgressListener
    ) -> EngineResult:
        from threadpoolctl import threadpool_limits

        from mmm.engines.ridge.pipeline import (
            train,
        )  # the compiled core, which checking does not need

        # Threaded linear algebra sums in an order that depends on the number of cores.
        with threadpool_limits(1):
            tables, recommended, reason = train(problem, settings, progress)
        return EngineResult(self.name, self.version, tables, recommended, reason)
