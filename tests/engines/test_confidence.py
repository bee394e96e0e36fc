"""The one rule of confidence words."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.engines.confidence import (
    HIGH_ERROR,
    HIGH_GAIN,
    HIGH_WIDTH,
    MEDIUM_ERROR,
    MEDIUM_WIDTH,
    Evidence,
    confidence,
    confidence_word,
)
from mmm.engines.words import Confidence


def within(width: float, **more: float | bool) -> Confidence:
    """The word of an interval of 1 -+ width."""
    return confidence(Evidence(1.0 - width, 1.0 + width, **more))  # type: ignore[arg-type]


def test_the_interval_alone() -> None:
    assert within(HIGH_WIDTH) is Confidence.HIGH
    assert within(HIGH_WIDTH + 1e-6) is Confidence.MEDIUM
    assert within(MEDIUM_WIDTH) is Confidence.MEDIUM
    assert within(MEDIUM_WIDTH + 1e-6) is Confidence.INCONCLUSIVE
    assert confidence(Evidence(0.0, 0.1)) is Confidence.INCONCLUSIVE
    assert confidence(Evidence(float("nan"), 1.0)) is Confidence.INCONCLUSIVE


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"gain": HIGH_GAIN}, Confidence.HIGH),
        ({"gain": HIGH_GAIN - 0.01}, Confidence.MEDIUM),
        ({"separable": True}, Confidence.HIGH),
        ({"separable": False}, Confidence.MEDIUM),
        ({"expected_error": HIGH_ERROR}, Confidence.HIGH),
        ({"expected_error": HIGH_ERROR + 0.01}, Confidence.MEDIUM),
        ({"expected_error": MEDIUM_ERROR + 0.01}, Confidence.INCONCLUSIVE),
    ],
)
def test_what_else_is_known_can_only_lower_it(
    more: dict[str, float | bool], word: Confidence
) -> None:
    assert within(0.1, **more) is word


def test_of_models_the_middle_nine_tenths_count() -> None:
    values = np.concatenate([np.linspace(0.9, 1.1, 96), [0.0, 50.0], [np.nan]])
    assert confidence_word(values) is Confidence.HIGH
    assert confidence_word(np.array([np.nan])) is Confidence.INCONCLUSIVE
