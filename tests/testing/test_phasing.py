"""Next year's spend phased: the money stays, channels come apart, and the declared gain is what a year brings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmm.errors import UserError
from mmm.testing.phasing import Known, finding, phased_year, shown, told_by

CHANNELS, WEEKS = 3, 52


def usual() -> np.ndarray:
    """Channels that all follow the season and each other."""
    rng = np.random.default_rng(2)
    season = 1.0 + 0.3 * np.sin(2.0 * np.pi * np.arange(WEEKS) / 52.0)
    own = 1.0 + 0.05 * rng.normal(size=(CHANNELS, WEEKS))
    return np.asarray(100.0 * season * own * (1.0 + 0.1 * rng.normal(size=WEEKS)))


def known(draws: int = 400) -> Known:
    rng = np.random.default_rng(3)
    marginal = np.array([1.0, 2.0, 0.5]) + 0.4 * rng.normal(size=(draws, CHANNELS))
    noise = rng.normal(0.0, 60.0, 156)
    for row in range(1, 156):
        noise[row] += 0.3 * noise[row - 1]
    weights = np.full(draws, 1.0 / draws)
    return Known.of(marginal, weights, noise, [(1.0, 0.5, 0.25)] * CHANNELS, 52.0)


def test_the_money_stays_and_channels_come_apart() -> None:
    spend, before = usual(), known()
    found = phased_year(spend, before, 0.3)
    assert found.spend.sum(axis=1) == pytest.approx(spend.sum(axis=1))
    change = found.spend / spend
    assert (change.min() >= 0.7 - 1e-9, change.max() <= 1.3 + 1e-9) == (True, True)
    assert (found.told_usual.inflation > 2.0).all(), "they move together"
    assert (found.told.inflation < 1.3).all()
    assert (found.told.left < found.told_usual.left).all()
    assert (found.told_usual.left <= found.now + 1e-12).all()
    assert len(shown(("a", "b", "c"), found)) == CHANNELS
    assert finding(found).startswith("After the year the returns are known to ")


def test_the_declared_knowledge_is_what_simulated_years_bring() -> None:
    """True returns are drawn from what is known; each year gives data, and its own posterior."""
    before = known()
    spend = phased_year(usual(), before, 0.5).spend
    told = told_by(spend, before)
    rng = np.random.default_rng(4)
    lags = np.abs(np.subtract.outer(np.arange(WEEKS), np.arange(WEEKS)))
    noise = before.noise**2 * before.kept**lags
    smeared = [
        np.convolve(one, weights)[:WEEKS]
        for one, weights in zip(spend, before.carryover, strict=True)
    ]
    media = np.column_stack(smeared)
    time = 2.0 * np.pi * np.arange(WEEKS) / 52.0
    waves = [wave(order * time) for order in (1, 2) for wave in (np.sin, np.cos)]
    base = np.column_stack([np.ones(WEEKS), np.linspace(-1.0, 1.0, WEEKS), *waves])
    system = np.hstack([media, base])
    prior = np.zeros((system.shape[1], system.shape[1]))
    prior[:CHANNELS, :CHANNELS] = np.linalg.inv(before.covariance)
    precision = np.linalg.inv(noise)
    gain = np.linalg.solve(system.T @ precision @ system + prior, system.T @ precision)
    errors: list[Any] = []
    truths = rng.multivariate_normal(np.zeros(CHANNELS), before.covariance, 2000)
    for truth in truths:
        kpi = media @ truth + rng.multivariate_normal(np.zeros(WEEKS), noise, method="cholesky")
        errors.append((gain @ kpi)[:CHANNELS] - truth)
    assert np.std(errors, axis=0) == pytest.approx(told.left, rel=0.05)


def test_what_cannot_be_phased_is_told() -> None:
    with pytest.raises(UserError, match="one model without uncertainty"):
        known(draws=1)
    with pytest.raises(UserError, match="has 20 periods; 26 are needed"):
        phased_year(usual()[:, :20], known(), 0.3)
    still = usual()
    still[1] = 0.0
    found = phased_year(still, known(), 0.3)
    assert (found.spend[1] == 0.0).all()
    assert np.isnan(found.told.inflation[1])
    assert found.told.left[1] == pytest.approx(found.now[1], rel=0.05), "nothing is learnt of it"
