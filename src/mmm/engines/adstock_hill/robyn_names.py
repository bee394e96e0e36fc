"""What Robyn calls hyperparameters, regressors and lift tests."""

from __future__ import annotations

from typing import Any

from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.space import ROBYN_NAMES, Hyperparameter
from mmm.engines.base import Problem
from mmm.engines.words import Sign


def robyn_name(item: Hyperparameter, frame: Frame) -> str:
    """Robyn's name of a hyperparameter: `facebook_I_alphas`, `lambda_hp`, `trend_penalty`,
    `train_size`.
    """
    if not item.variable:
        return "lambda_hp" if item.parameter == "lambda" else item.parameter
    names = dict(zip(frame.media_names, frame.selected, strict=True))
    return f"{names.get(item.variable, item.variable)}_{ROBYN_NAMES.get(item.parameter, item.parameter)}"


def variable_names(frame: Frame) -> tuple[str, ...]:
    """Regressors by Robyn's names, in the order of the coefficients."""
    return frame.base_names + frame.selected


def calibration_input(problem: Problem) -> list[dict[str, Any]]:
    """Lift tests as rows of Robyn's calibration_input."""
    return [
        {
            "channel": "+".join(test.channels),
            "liftStartDate": str(test.start),
            "liftEndDate": str(test.end),
            "liftAbs": test.lift,
            "spend": test.spend,
            "confidence": test.confidence,
            "metric": problem.kpi_name,
            "calibration_scope": test.scope,
        }
        for test in problem.lift_tests
    ]


def robyn_sign(sign: str) -> str:
    """Robyn's word for the sign of a coefficient: default, positive or negative."""
    return "default" if sign == Sign.UNCONSTRAINED else str(sign)
