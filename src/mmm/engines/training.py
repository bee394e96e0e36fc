"""Training with any engine: the one way to a result, which is checked before anyone sees it."""

from __future__ import annotations

from typing import Any

from mmm.engines.base import Engine, EngineResult, Problem, ProgressListener
from mmm.engines.result_check import check_result


def train(
    engine: Engine, problem: Problem, settings: Any, progress: ProgressListener
) -> EngineResult:
    """The engine's result; `InvalidResult` where it contradicts itself, which is the engine's
    defect.
    """
    result = engine.train(problem, settings, progress)
    check_result(result)
    return result
