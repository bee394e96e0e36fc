"""Lift tests against the posterior: what the model says happened over a test's days."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mmm.engines.bayes.posterior import Posterior
from mmm.engines.bayes.tables import MODEL_ID
from mmm.engines.schemas import table


def test_effects(found: Posterior) -> np.ndarray:
    """Effect over each test's days in its scope, by draw, in units of the KPI: (K, tests)."""
    effects = np.zeros((found.size, len(found.setup.tests)))
    for c in range(found.setup.paid):
        concerned = [n for n, test in enumerate(found.setup.tests) if c in test[2].channels]
        if not concerned:
            continue
        total, carried = found.media_effects(c)
        for number in concerned:
            evidence = found.setup.tests[number][2]
            rows = slice(evidence.first, evidence.last + 1)
            effect = total[:, rows]
            if evidence.immediate:
                effect = effect - carried[:, rows]
            effects[:, number] += effect.sum(axis=1) * evidence.factor
    return effects


def lift_tests_table(found: Posterior, without: Posterior | None) -> pa.Table:
    """The tests, the model's effect there, and what it says `without` any test."""
    tests = found.setup.tests
    effects = np.median(test_effects(found), axis=0) if tests else np.empty(0)
    plain = np.full(len(tests), np.nan)
    if without is not None and tests:
        plain = _plain_effects(found, without)
    return table(
        "lift_tests",
        {
            "model_id": [MODEL_ID] * len(tests),
            "test": [number for number, _, _ in tests],
            "channels": [" + ".join(test.channels) for _, test, _ in tests],
            "start": [test.start for _, test, _ in tests],
            "end": [test.end for _, test, _ in tests],
            "scope": [test.scope for _, test, _ in tests],
            "test_spend": [test.spend for _, test, _ in tests],
            "confidence": [test.confidence for _, test, _ in tests],
            "standard_error": [test.error for _, test, _ in tests],
            "lift": [test.lift for _, test, _ in tests],
            "effect": effects,
            "uncalibrated": plain,
        },
    )


def _plain_effects(found: Posterior, without: Posterior) -> np.ndarray:
    """Median effects of the tests' days in the posterior without tests."""
    from dataclasses import replace

    setup = replace(without.setup, tests=found.setup.tests)
    return np.asarray(np.median(test_effects(replace(without, setup=setup)), axis=0))


def calibration_error(found: Posterior) -> float:
    """Mean absolute error of the tests' effects as a share of the lifts; NaN without tests."""
    tests = [test for _, test, _ in found.setup.tests]
    lifts = np.array([test.lift for test in tests])
    if not len(lifts) or not (lifts != 0.0).all():
        return float("nan")
    effects = np.median(test_effects(found), axis=0)
    return float(np.mean(np.abs(effects - lifts) / np.abs(lifts)))
