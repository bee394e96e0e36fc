"""One training of a panel: the nation's tables from the sum of all geos, and the geos' own."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from mmm.engines.base import Problem, Progress, ProgressListener
from mmm.engines.bayes import forecast as ahead
from mmm.engines.bayes import tables
from mmm.engines.bayes.panel.chain import PanelChain
from mmm.engines.bayes.panel.posterior import PanelPosterior, panel_posterior
from mmm.engines.bayes.panel.setup import PanelSetup, set_up_panel
from mmm.engines.bayes.panel.tables import geo_tables
from mmm.engines.bayes.pipeline import posterior_tables, reason
from mmm.engines.bayes.sampling import Sampled, sample_until_agreed
from mmm.engines.bayes.settings import BayesSettings


def train_panel(
    problem: Problem, settings: BayesSettings, progress: ProgressListener
) -> tuple[dict[str, pa.Table], str]:
    """As `bayes.pipeline.train`, for a problem with a panel of two geos or more."""
    progress(Progress("setup", 0, 1))
    setup = set_up_panel(problem, settings)
    progress(Progress("setup", 1, 1))
    sampled = _sampled(setup, "sample", progress)
    found = panel_posterior(setup, sampled.draws, settings.draws, settings.seed)
    without = None
    if setup.nation.tests:
        without = _without_tests(problem, settings, progress)
    summary = tables.summarise(found, settings.seed)
    forecast = ahead.forecast(problem, settings, found, summary, progress, _forecasting)
    made = posterior_tables(found, summary, sampled, without, forecast, progress)
    made |= geo_tables(found, settings.seed)
    sentence = reason(setup.nation, sampled)
    return made, f"{setup.geos} geos in one posterior. {sentence}"


def _sampled(
    setup: PanelSetup, stage: str, progress: ProgressListener, longest: int | None = None
) -> Sampled:
    settings, market = setup.nation.settings, setup.market

    def new_chain(number: int, every: int) -> PanelChain:
        return PanelChain(market, settings.seed, number, settings.warm_up, every)

    return sample_until_agreed(setup.nation, stage, progress, longest=longest, new_chain=new_chain)


def _forecasting(
    problem: Problem, settings: BayesSettings, progress: ProgressListener
) -> PanelPosterior:
    """A posterior that does not see the last periods."""
    setup = set_up_panel(problem, settings)
    sampled = _sampled(setup, "forecast", progress, longest=1)
    return panel_posterior(setup, sampled.draws, settings.draws, settings.seed)


def _without_tests(
    problem: Problem, settings: BayesSettings, progress: ProgressListener
) -> PanelPosterior:
    """The posterior that the same data give without any lift test."""
    setup = set_up_panel(replace(problem, lift_tests=()), settings)
    sampled = _sampled(setup, "compare", progress, longest=1)
    return panel_posterior(setup, sampled.draws, settings.draws, settings.seed)
