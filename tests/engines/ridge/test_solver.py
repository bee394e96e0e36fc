"""The exact solver finds the optimum of any bounded ridge problem, also where columns are
collinear.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from mmm.engines.ridge.solver import solve_exact, solve_glmnet


def exact(
    A: np.ndarray, rhs: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, int]:
    p = len(rhs)
    b = np.empty(p)
    count = solve_exact(
        A, rhs, lower, upper, b, np.empty(p, np.int64), np.empty(p, np.int64), np.empty((p + 1, p))
    )
    return b, count


def problem(seed: int, p: int, rows: int, collinear: bool) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, p))
    if collinear:
        X[:, -1] = X[:, 0] + 1e-3 * rng.normal(size=rows)
    y = X @ rng.normal(size=p) + rng.normal(size=rows)
    X, y = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    penalty = 10.0 ** rng.uniform(-4, 1)
    A = X.T @ X / rows + penalty * np.eye(p)
    lower = rng.choice([-np.inf, 0.0, -0.1], p)
    upper = rng.choice([np.inf, 0.3, 0.05], p)
    return X, y, A, X.T @ y / rows, lower, upper, np.array(penalty)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 25), st.booleans())
def test_optimality_conditions_hold(seed: int, p: int, collinear: bool) -> None:
    _, _, A, rhs, lower, upper, _ = problem(seed, p, 60, collinear)
    b, count = exact(A, rhs, lower, upper)
    assert count > 0
    assert (b >= lower).all()
    assert (b <= upper).all()
    gradient = A @ b - rhs
    assert np.abs(gradient[(b > lower) & (b < upper)]).max(initial=0.0) < 1e-10
    assert (gradient[b == lower] > -1e-10).all()
    assert (gradient[b == upper] < 1e-10).all()


@pytest.mark.parametrize("seed", range(5))
def test_same_solution_as_a_general_solver(seed: int) -> None:
    X, y, A, rhs, lower, upper, penalty = problem(seed, 8, 60, False)
    b, _ = exact(A, rhs, lower, upper)
    rows = len(y)
    stacked = np.vstack([X / np.sqrt(rows), np.sqrt(penalty) * np.eye(8)])
    reference = lsq_linear(
        stacked, np.append(y / np.sqrt(rows), np.zeros(8)), (lower, upper), tol=1e-14, method="bvls"
    )
    assert np.abs(b - reference.x).max() < 1e-8


def test_no_penalty_and_a_column_twice_still_gives_an_optimum() -> None:
    X = np.random.default_rng(1).normal(size=(40, 3))
    X[:, 2] = X[:, 1]
    y = X[:, 0] + 2 * X[:, 1]
    b, _ = exact(X.T @ X / 40, X.T @ y / 40, np.zeros(3), np.full(3, np.inf))
    assert np.abs(X @ b - y).max() < 1e-6


def test_descent_comes_closer_with_a_smaller_threshold() -> None:
    _, _, A, rhs, lower, upper, penalty = problem(3, 10, 60, True)
    lower, upper = np.minimum(lower, 0.0), np.maximum(upper, 0.0)
    best, _ = exact(A, rhs, lower, upper)
    gaps = []
    for threshold in (1e-5, 1e-9, 1e-20):
        b, plain = np.empty(10), A - penalty * np.eye(10)
        memory = (np.empty(10, np.int64), np.empty(10, np.int64), np.empty(10), np.empty(10))
        assert (
            solve_glmnet(plain, rhs, np.full(10, penalty), lower, upper, threshold, b, *memory) > 0
        )
        gaps.append(np.abs(b - best).max())
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-9
