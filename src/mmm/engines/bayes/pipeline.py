"""One training: set up, sample, follow every draw into effects, make the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from mmm.engines.base import Problem, Progress, ProgressListener
from mmm.engines.bayes import earlier, lift, predictive, tables
from mmm.engines.bayes import forecast as ahead
from mmm.engines.bayes.convergence import cause
from mmm.engines.bayes.frequency import (
    frequencies_table,
    frequency_curves,
    frequency_points_table,
)
from mmm.engines.bayes.learnt import learnt_table
from mmm.engines.bayes.posterior import Posterior, posterior
from mmm.engines.bayes.sampling import Sampled, sample_until_agreed
from mmm.engines.bayes.settings import BayesSettings
from mmm.engines.bayes.setup import Setup
from mmm.engines.schemas import table


def train(
    problem: Problem, settings: BayesSettings, progress: ProgressListener
) -> tuple[dict[str, pa.Table], str]:
    """The tables, and what is to be said of the result in a sentence. A panel of geos is summed to
    the nation here; `bayes.panel.pipeline` models it.
    """
    progress(Progress("setup", 0, 1))
    setup = earlier.prepared(problem, settings)
    progress(Progress("setup", 1, 1))
    sampled = sample_until_agreed(setup, "sample", progress)
    found = posterior(setup, sampled.draws, settings.draws, settings.seed)
    without = None
    if setup.tests:
        without = _without_tests(problem, settings, progress)
    summary = tables.summarise(found, settings.seed)
    forecast = ahead.forecast(problem, settings, found, summary, progress)
    made = posterior_tables(found, summary, sampled, without, forecast, progress)
    return made, reason(setup, sampled)


def _without_tests(
    problem: Problem, settings: BayesSettings, progress: ProgressListener
) -> Posterior:
    """The posterior that the same data give without any lift test."""
    setup = earlier.prepared(replace(problem, lift_tests=()), settings)
    sampled = sample_until_agreed(setup, "compare", progress, longest=1)
    return posterior(setup, sampled.draws, settings.draws, settings.seed)


def posterior_tables(
    found: Posterior,
    summary: tables.Summary,
    sampled: Sampled,
    without: Posterior | None,
    forecast: ahead.Forecast | None,
    progress: ProgressListener,
) -> dict[str, pa.Table]:
    """All tables of the whole market."""
    progress(Progress("tables", 0, 1))
    held_out = (np.nan, np.nan) if forecast is None else forecast.errors
    error = lift.calibration_error(found)
    frequencies = frequency_curves(found, summary)
    makers: dict[str, Callable[[], pa.Table]] = {
        "models": lambda: tables.models_table(found, summary, error, held_out),
        "channels": lambda: tables.channels_table(found, summary),
        "media": lambda: tables.media_table(found),
        "contributions": lambda: tables.contributions_table(found, summary),
        "fit": lambda: tables.fit_table(found, summary),
        "curves": lambda: tables.curves_table(found),
        "curve_points": lambda: tables.curve_points_table(found, summary),
        "adstock": lambda: tables.adstock_table(found),
        "parameters": lambda: tables.parameters_table(found),
        "draws": lambda: tables.draws_table(found),
        "frame": lambda: tables.frame_table(found),
        "lift_tests": lambda: lift.lift_tests_table(found, without),
        "moves": lambda: earlier.moves_table(found, summary),
        "learnt": lambda: learnt_table(found, summary),
        "frequencies": lambda: frequencies_table(frequencies),
        "frequency_points": lambda: frequency_points_table(frequencies),
        "forecast": lambda: ahead.forecast_table(forecast),
        "diagnostics": lambda: diagnostics_table(found, sampled, summary, forecast),
    }
    made = {name: make() for name, make in makers.items()}
    progress(Progress("tables", 1, 1))
    return made


def diagnostics_table(
    found: Posterior,
    sampled: Sampled,
    summary: tables.Summary,
    forecast: ahead.Forecast | None,
) -> pa.Table:
    """Named numbers and sentences: agreement of the chains and its cause, the posterior predictive
    check, the forecast.
    """
    setup = found.setup
    rows: list[tuple[str, str, float, str]] = [
        ("convergence", "", float(not sampled.short), reason(setup, sampled)),
        ("r_hat", "", max(item.r_hat for item in sampled.agreements), ""),
        ("effective_draws", "", min(item.effective for item in sampled.agreements), ""),
        ("rounds", "", float(sampled.rounds), ""),
    ]
    for item in sampled.agreements:
        subject = f"{item.channel}: {item.quantity}" if item.channel else item.quantity
        rows.append(("r_hat", subject, item.r_hat, ""))
        rows.append(("effective_draws", subject, item.effective, ""))
    for item in sampled.short[:1]:
        rows.append(("cause", item.channel, np.nan, cause(setup, sampled.draws, item)))
    if sampled.short:
        rows.append(("warning", "convergence", np.nan, reason(setup, sampled)))
    rows += predictive.told(found, summary, setup.settings.seed)
    rows += ahead.told(forecast)
    rows += earlier.told(found, summary)
    return table(
        "diagnostics",
        {
            "name": [row[0] for row in rows],
            "subject": [row[1] for row in rows],
            "value": [row[2] for row in rows],
            "text": [row[3] for row in rows],
        },
    )


def reason(setup: Setup, sampled: Sampled) -> str:
    """One sentence on the posterior, with what is not to be relied on."""
    draws = sampled.draws.channel.shape[0] * sampled.draws.channel.shape[1]
    worst = max(item.r_hat for item in sampled.agreements)
    if not sampled.short:
        return (
            f"The one posterior of {len(setup.names)} media: {draws:,} draws of "
            f"{sampled.draws.channel.shape[0]} chains that agree (R-hat at most {worst:.3f})."
        )
    names = list(dict.fromkeys(item.channel for item in sampled.short if item.channel))
    affected = ", ".join(names) if names else "the baseline"
    why = cause(setup, sampled.draws, sampled.short[0])
    return (
        f"The chains do not agree on {affected} (R-hat up to {worst:.3f}): {why} "
        "Do not rely on the figures of these."
    )
