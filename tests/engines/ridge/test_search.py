from __future__ import annotations

import numpy as np

from mmm.engines.ridge.convergence import dominated_area
from mmm.engines.ridge.search import fronts_by_domination, search, spread_by_area


def two_bowls(points: np.ndarray) -> np.ndarray:
    """Two objectives that pull apart, each in [0, 1]."""
    return np.column_stack([((points - 0.2) ** 2).mean(axis=1), ((points - 0.8) ** 2).mean(axis=1)])


def run(trials: int, iterations: int, seed: int) -> list[np.ndarray]:
    asked: list[np.ndarray] = []

    def losses(points: np.ndarray) -> np.ndarray:
        asked.append(points.copy())
        return two_bowls(points)

    done = list(search(6, trials, iterations, seed, losses))
    assert done[-1] == iterations
    assert done == sorted(done)
    return asked


def test_every_trial_gets_exactly_its_iterations_within_the_cube() -> None:
    asked = run(3, 50, 1)
    assert sum(len(points) for points in asked) == 150
    for points in asked:
        assert points.min() >= 0.0
        assert points.max() <= 1.0


def test_a_trial_depends_on_seed_and_number_alone() -> None:
    alone, beside = run(1, 60, 7), run(3, 60, 7)
    assert all((a == b[: len(a)]).all() for a, b in zip(alone, beside, strict=True))
    assert not (run(1, 60, 8)[0] == alone[0]).all()


def test_search_beats_chance() -> None:
    found = dominated_area(two_bowls(np.vstack(run(1, 600, 3))))
    chance = dominated_area(two_bowls(np.random.default_rng(0).random((600, 6))))
    # The front of the two bowls dominates 1 - 0.36^2 ... at best; random points stay far from it.
    assert found > chance + 0.02
    front = np.column_stack([x := np.linspace(0, 0.36, 2001), (0.6 - np.sqrt(x)) ** 2])
    assert found > 0.98 * dominated_area(front)


def test_candidates_without_a_loss_are_never_kept() -> None:
    def losses(points: np.ndarray) -> np.ndarray:
        values = two_bowls(points)
        values[points[:, 0] > 0.5] = np.nan
        return values

    later: list[np.ndarray] = []

    def recorded(points: np.ndarray) -> np.ndarray:
        later.append(points)
        return losses(points)

    list(search(4, 1, 400, 1, recorded))
    assert np.mean(np.vstack(later[-5:])[:, 0] > 0.5) < 0.2


def test_fronts_by_domination() -> None:
    losses = np.array([[1, 4], [2, 2], [4, 1], [3, 3], [5, 5], [2, 2]], float)
    assert fronts_by_domination(losses).tolist() == [0, 0, 0, 1, 2, 0]


def test_spread_keeps_what_dominates_most_by_itself() -> None:
    losses = np.array([[0.1, 0.9], [0.12, 0.89], [0.5, 0.5], [0.9, 0.1]])
    # By hand: alone they add 0.002, 0.0038, 0.156 and 0.04, so 0 goes first; then 3 (0.04 against
    # 0.0418), then 1.
    assert spread_by_area(losses, np.arange(4)).tolist() == [2, 1, 3, 0]


def test_dominated_area_by_hand() -> None:
    assert dominated_area(np.array([[0.5, 0.5]])) == 0.25
    assert np.isclose(
        dominated_area(np.array([[0.2, 0.6], [0.6, 0.2], [0.7, 0.7]])), 0.8 * 0.4 + 0.4 * 0.4
    )
    assert dominated_area(np.array([[1.5, 0.1]])) == 0.0
