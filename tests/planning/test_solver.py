"""The solver finds the best split, also where S-shaped curves have local optima, and keeps every
constraint.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mmm.engines.adstock_hill.response import SteadyCurves
from mmm.planning.solver import Program, polish, solve
from mmm.planning.weighted import MeanResponse


def _curves(
    coefficient: list[float], alpha: list[float], inflexion: list[float], offset: float = 0.0
) -> MeanResponse:
    n = len(alpha)
    one = (
        np.array([coefficient]),
        np.array([alpha]),
        np.array([inflexion]),
        np.full((1, n), offset),
    )
    names = tuple(f"c{i}" for i in range(n))
    return MeanResponse(SteadyCurves(names, np.ones(1), *one, np.ones((1, n))))


def _budget(curves: MeanResponse, low: float, high: float, budget: float) -> Program:
    n = len(curves.model.channels)
    return Program(
        curves, np.full(n, low), np.full(n, high), np.ones((1, n)), np.array([budget]), np.array([budget])
    )  # fmt: skip


def test_equal_concave_channels_share_evenly() -> None:
    found = solve(_budget(_curves([100.0] * 4, [0.8] * 4, [50.0] * 4), 0.0, 100.0, 120.0))
    assert found is not None
    assert found == pytest.approx([30.0] * 4, rel=1e-5)


def test_at_the_optimum_the_marginal_responses_are_equal() -> None:
    program = _budget(
        _curves([300.0, 100.0, 50.0], [0.9, 1.0, 0.6], [80.0, 20.0, 40.0]), 0.0, 1000.0, 150.0
    )
    found = solve(program)
    assert found is not None
    assert found.sum() == pytest.approx(150.0, rel=1e-12)
    marginal = program.curves.marginal(found)
    assert marginal == pytest.approx(np.full(3, marginal.mean()), rel=1e-5)


def test_s_curves_do_not_trap_it() -> None:
    """Two equal steep curves and money for one: sharing evenly is a stationary point and far from
    the best.
    """
    program = _budget(_curves([100.0, 100.0], [3.0, 3.0], [100.0, 100.0]), 0.0, 200.0, 110.0)
    even = np.array([55.0, 55.0])
    assert program.value(polish(program, even)) == pytest.approx(program.value(even))
    found = solve(program, even)
    assert found is not None
    grid = np.linspace(0.0, 110.0, 100_001)
    best = max(program.curves.response(np.column_stack([grid, 110.0 - grid])).sum(axis=1))
    assert program.value(found) >= best * (1 - 1e-9)
    assert best > 1.9 * program.value(even)


@pytest.mark.parametrize("seed", range(6))
def test_close_to_the_best_of_a_fine_grid(seed: int) -> None:
    """Three random channels, S-shaped or not, wide bounds: a grid of a hundred thousand points is
    no better.
    """
    rng = np.random.default_rng(seed)
    curves = _curves(
        *(rng.uniform(*ends, 3).tolist() for ends in ((50, 150), (0.5, 3.0), (30, 200)))
    )
    program = _budget(curves, 0.0, 200.0, float(rng.uniform(100, 400)))
    budget = program.sum_low[0]
    grid = np.linspace(0.0, 200.0, 401)
    a, b = (axis.ravel() for axis in np.meshgrid(grid, grid))
    points = np.column_stack([a, b, budget - a - b])
    points = points[(points[:, 2] >= 0) & (points[:, 2] <= 200)]
    found = solve(program)
    assert found is not None
    assert program.feasible(found)
    assert program.value(found) >= curves.response(points).sum(axis=1).max() * (1 - 1e-5)


def test_sums_of_channels_are_kept() -> None:
    curves = _curves([100.0, 90.0, 10.0], [0.9, 0.9, 0.9], [50.0, 50.0, 50.0])
    program = Program(
        curves, np.zeros(3), np.full(3, 100.0), np.array([[1.0, 1, 0], [1, 1, 1]]), np.array([0.0, 120.0]),
        np.array([60.0, 120.0]),
    )  # fmt: skip
    found = solve(program)
    assert found is not None
    assert found[0] + found[1] == pytest.approx(60.0, rel=1e-9)
    assert found[2] == pytest.approx(60.0, rel=1e-9)


@pytest.mark.parametrize(("efficiency", "room"), [(0.5, 1000.0), (1.5, 1000.0), (0.1, 50.0)])
def test_an_efficiency_is_kept_with_the_most_response(efficiency: float, room: float) -> None:
    curves = _curves([300.0, 200.0], [0.9, 0.8], [80.0, 60.0])
    program = Program(
        curves, np.zeros(2), np.full(2, room), np.zeros((0, 2)), np.zeros(0), np.zeros(0), efficiency
    )  # fmt: skip
    found = solve(program)
    assert found is not None
    ratio = curves.response(found).sum() / found.sum()
    if room == 50.0:  # the upper bounds come first
        assert found == pytest.approx([50.0, 50.0])
        assert ratio > efficiency
    else:
        assert ratio == pytest.approx(efficiency, rel=1e-8)
        grid = np.linspace(0.0, 1000.0, 1001)
        points = np.array(list(product(grid, grid)))
        values = curves.response(points).sum(axis=1)
        assert curves.response(found).sum() >= values[
            values >= efficiency * points.sum(axis=1)
        ].max() * (1 - 1e-9)


def test_nothing_is_found_where_nothing_fits() -> None:
    assert solve(_budget(_curves([1.0, 1.0], [1.0, 1.0], [1.0, 1.0]), 0.0, 10.0, 21.0)) is None


def test_never_worse_than_a_start() -> None:
    program = _budget(_curves([100.0, 100.0], [3.0, 3.0], [100.0, 100.0]), 0.0, 200.0, 110.0)
    start = np.array([110.0, 0.0])
    found = solve(program, start)
    assert found is not None
    assert program.value(found) >= program.value(start)


def test_channels_without_input_or_effect_do_no_harm() -> None:
    curves = _curves([100.0, 0.0, 50.0], [0.9, 1.0, 2.0], [50.0, 0.0, 40.0])
    found = solve(_budget(curves, 0.0, 60.0, 100.0))
    assert found is not None
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(100.0, rel=1e-9)
