"""A small market with known truth for the engine's pieces."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.engines.bayes.baseline import order_columns, season_columns, trend_columns
from mmm.engines.bayes.calendar import event_columns, week_columns, year_end_events
from mmm.engines.bayes.kernel import Market
from mmm.engines.bayes.model import LiftEvidence, Medium, market
from mmm.engines.bayes.priors import frequency_curve


@pytest.fixture(scope="session")
def small_market() -> Market:
    """Two years of weeks, three channels and one with a frequency, lift tests of both scopes."""
    rng = np.random.default_rng(4)
    weeks = 104
    dates = np.datetime64("2023-01-02") + 7 * np.arange(weeks)
    spends = rng.lognormal(0.0, 0.6, (3, weeks + 10)) * np.array([[30.0], [20.0], [5.0]])
    kpi = 200.0 + 0.8 * spends[0, 10:] + 0.5 * spends[1, 9:-1] + rng.normal(0.0, 8.0, weeks)
    reach, frequency = rng.lognormal(0.0, 0.5, (2, weeks + 10))
    columns = week_columns(dates, 7) + event_columns(dates, 7, year_end_events((2023, 2024)))
    columns += trend_columns(weeks, float(weeks)) + season_columns(dates, 6)
    mean = kpi.mean()
    media = [Medium(spend, float(spend[10:].sum() / mean)) for spend in spends]
    by_frequency = Medium(reach, 0.1 * weeks, frequency_curve(2.0), frequency=frequency)
    media.append(by_frequency)
    tests = (
        LiftEvidence((0,), 10, 17, 150.0 / mean, 40.0 / mean),
        LiftEvidence((1, 2), 30, 35, 60.0 / mean, 30.0 / mean, factor=0.9, immediate=True),
        LiftEvidence((0, 3), 40, 44, 60.0 / mean, 20.0 / mean, immediate=True),
        LiftEvidence((3,), 60, 66, 60.0 / mean, 20.0 / mean),
    )
    level = float(np.log(0.2 * kpi.sum() / spends[:, 10:].sum()))
    return market(kpi / mean, media, order_columns(columns), 1.0, 16, level, tests)
