"""Other baselines: how much the effects change when slow movements and seasons are followed more
closely, or less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmm.certificate.checks.base import CheckResult, Situation, compared
from mmm.engines.base import Problem, Variable
from mmm.engines.capabilities import StiffensTrend, offered
from mmm.scoring.score import ChannelEstimate

_YEAR_DAYS = 365.25
_WAVE_DAYS = 182.0


@dataclass(frozen=True)
class BaselineVariants:
    """Adds waves of half a year over the window (a looser trend), and a finer season, as controls;
    and stiffens the trend, where the engine can. The value is the spend-weighted change of the ROIs.
    """

    key: str = "baseline_variants"
    threshold: float = 0.3
    decision: str = "whether the level and season are told from media"

    def run(self, situation: Situation) -> list[CheckResult]:
        results = []
        for name, columns in (
            ("a looser trend", waves(situation.problem)),
            ("a finer season", season(situation.problem)),
        ):
            context = (*situation.problem.context, *columns)
            others = situation.rois(replace(situation.problem, context=context))
            results.append(self._moved(situation, name, others))
        stiffens = offered(situation.engine, StiffensTrend)
        if stiffens is not None:
            settings = stiffens.with_stiffer_trend(situation.settings)
            others = situation.rois(situation.problem, settings)
            results.append(self._moved(situation, "a stiffer trend", others))
        return results

    def _moved(
        self, situation: Situation, name: str, others: dict[str, ChannelEstimate]
    ) -> CheckResult:
        value = situation.moved(others)
        finding = f"With {name} the ROIs change by {100 * value:.0f} %."
        return compared(self, value, name, finding, _ADVICE)


_ADVICE = (
    "Part of the effects may belong to the baseline: read ROIs with the recalibrated intervals, and "
    "settle the largest channel by a test."
)


def waves(problem: Problem) -> tuple[Variable, ...]:
    """Cosines over the window, down to waves of half a year."""
    days = len(problem.dates) * problem.step_days
    time = (np.arange(len(problem.dates)) + 0.5) / len(problem.dates)
    count = max(int(2 * days / _WAVE_DAYS), 2)
    return tuple(
        Variable(f"wave {number}", np.cos(np.pi * number * time)) for number in range(1, count + 1)
    )


def season(problem: Problem, pairs: tuple[int, ...] = (4, 5, 6, 7, 8)) -> tuple[Variable, ...]:
    """Fourier terms of the year that are finer than a quarter."""
    phase = 2 * np.pi * np.arange(len(problem.dates)) * problem.step_days / _YEAR_DAYS
    columns = []
    for pair in pairs:
        columns.append(Variable(f"season sine {pair}", np.sin(pair * phase)))
        columns.append(Variable(f"season cosine {pair}", np.cos(pair * phase)))
    return tuple(columns)
