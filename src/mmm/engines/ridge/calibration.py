"""Lift tests against the kept models: what each model says happened over a test's days."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.frame import Frame, study_rows
from mmm.engines.adstock_hill.models import Chosen, Search
from mmm.engines.base import LiftTest, Problem
from mmm.engines.ridge.settings import RidgeSettings
from mmm.engines.schemas import table


def compared_tests(
    problem: Problem, frame: Frame, settings: RidgeSettings
) -> list[tuple[int, LiftTest]]:
    """(number from 1, test) of those inside the window: the studies of the design, in its order."""
    robyn = settings.method == "robyn"
    tests = enumerate(problem.lift_tests, start=1)
    return [
        (number, test) for number, test in tests if study_rows(frame, test, robyn=robyn) is not None
    ]


def lift_tests_table(
    problem: Problem,
    frame: Frame,
    found: Search,
    chosen: Chosen,
    settings: RidgeSettings,
    unmoved: np.ndarray,
) -> pa.Table:
    """Kept models x tests. `unmoved` (S, 2): effects in the model that would be recommended without
    any test.
    """
    tests = compared_tests(problem, frame, settings)
    kept = len(chosen.models)

    def each(values: list[object]) -> list[object]:
        return values * kept

    return table(
        "lift_tests",
        {
            "model_id": [model.model_id for model in chosen.models for _ in tests],
            "test": each([number for number, _ in tests]),
            "channels": each([" + ".join(test.channels) for _, test in tests]),
            "start": each([test.start for _, test in tests]),
            "end": each([test.end for _, test in tests]),
            "scope": each([test.scope for _, test in tests]),
            "test_spend": each([test.spend for _, test in tests]),
            "confidence": each([test.confidence for _, test in tests]),
            "standard_error": each([test.error for _, test in tests]),
            "lift": each([test.lift for _, test in tests]),
            "effect": found.evaluation.studied[chosen.selection.kept, :, 0].ravel(),
            "uncalibrated": np.tile(unmoved[:, 0], kept),
        },
    )
