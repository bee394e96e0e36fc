"""The kernel's own exponential and logarithm are those of the C library, to the last digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba import njit

from mmm.engines.bayes import elementary

#: Two units in the last place.
CLOSE = 2.0 * np.finfo(float).eps


@njit
def _exp_all(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.shape[0]):
        out[i] = elementary.exp(x[i])


@njit
def _log_all(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.shape[0]):
        out[i] = elementary.log(x[i])


def _applied(function, x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    function(x, out)
    return out


@pytest.mark.parametrize(("low", "high"), [(-708.0, 708.0), (-1.0, 1.0), (-1e-8, 1e-8)])
def test_exponential(low: float, high: float) -> None:
    x = np.random.default_rng(1).uniform(low, high, 200_000)
    np.testing.assert_allclose(_applied(_exp_all, x), np.exp(x), rtol=CLOSE)


@pytest.mark.parametrize(("low", "high"), [(-700.0, 700.0), (-1.0, 1.0), (-1e-8, 1e-8)])
def test_logarithm(low: float, high: float) -> None:
    x = np.exp(np.random.default_rng(2).uniform(low, high, 200_000))
    np.testing.assert_allclose(_applied(_log_all, x), np.log(x), rtol=CLOSE, atol=1e-300)


def test_ends() -> None:
    """Bounds instead of 0 and infinity; no pressure has no logarithm."""
    bounds = _applied(_exp_all, np.array([-1e9, -math.inf, math.inf, 0.0]))
    np.testing.assert_allclose(
        bounds, [math.exp(-708.0), math.exp(-708.0), math.exp(708.0), 1.0], rtol=CLOSE
    )
    ends = _applied(_log_all, np.array([0.0, 1e-310, 1.0, 1.7e308]))
    assert list(ends[:3]) == [-math.inf, -math.inf, 0.0]
    assert ends[3] == pytest.approx(math.log(1.7e308), rel=CLOSE)
