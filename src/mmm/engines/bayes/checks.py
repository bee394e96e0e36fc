"""What would stop or weaken a training, found before it from the problem and the settings alone."""

from __future__ import annotations

import numpy as np

from mmm.engines.base import Problem
from mmm.engines.bayes.settings import BayesSettings
from mmm.errors import Finding

_FEWEST_PERIODS = 20
#: 104 weeks are two years to anybody.
_TWO_YEARS_DAYS = 2 * 52 * 7


def check(problem: Problem, settings: BayesSettings) -> list[Finding]:
    return [*_window(problem), *_media(problem, settings), *_tests(problem, settings)]


def own_terms(problem: Problem) -> tuple[str, ...]:
    """The baseline's terms. The columns of one term share a spread that the data choose, so that
    they weigh about as one coefficient each, however many they are.
    """
    terms: tuple[str, ...] = ("intercept", "trend", "season", "year_end")
    if problem.step_days < 28:
        terms += ("holiday",)
    return (*terms, "weekday") if problem.step_days == 1 else terms


def _window(problem: Problem) -> list[Finding]:
    rows = problem.window[1] - problem.window[0] + 1
    if rows < _FEWEST_PERIODS:
        what = f"{rows} periods are too few to model; {_FEWEST_PERIODS} are the least."
        return [Finding("error", what, "window", "Widen the window.")]
    kpi = problem.kpi[problem.window_rows]
    if not kpi.mean() > 0.0:
        what = "the KPI's mean in the window is not above 0."
        return [Finding("error", what, problem.kpi_name, "Choose another KPI or window.")]
    found = []
    if rows * problem.step_days < _TWO_YEARS_DAYS:
        what = "less than two years of data: season, trend and media can hardly be told apart."
        found.append(Finding("warning", what, "window", "Load more history."))
    return found


def _media(problem: Problem, settings: BayesSettings) -> list[Finding]:
    found = []
    rows = problem.window_rows
    trained = slice(rows.start, rows.start + round(settings.train_size * (rows.stop - rows.start)))
    for medium in problem.paid:
        modelled = medium.spend if medium.exposure is None else medium.exposure
        if not (medium.spend[trained].sum() > 0.0 and modelled[trained].sum() > 0.0):
            what = "nothing is spent in the rows that are trained on."
            found.append(Finding("error", what, medium.name, "Leave it out, or widen the window."))
        elif np.min(modelled) < 0.0 or np.min(medium.spend) < 0.0:
            found.append(Finding("error", "holds negative values.", medium.name, "Correct them."))
    for variable in problem.organic:
        if not variable.values[trained].sum() > 0.0 or np.min(variable.values) < 0.0:
            what = "must not be negative, nor 0 throughout."
            found.append(Finding("error", what, variable.name, "Map it as a control variable."))
    known = {medium.name for medium in problem.paid} | {item.name for item in problem.organic}
    for name in settings.media:
        if name not in known:
            fix = f"Use: {', '.join(sorted(known))}."
            what = f"unknown medium {name!r}."
            found.append(Finding("error", what, f"settings.media.{name}", fix))
    return found


def _tests(problem: Problem, settings: BayesSettings) -> list[Finding]:
    found = []
    for number, test in enumerate(problem.lift_tests, start=1):
        if not test.error > 0.0:
            what = "a test without a standard error cannot be weighed against the data."
            fix = "Give its standard error or an interval."
            found.append(Finding("error", what, f"lift_tests.{number}", fix))
    return found
