"""What would stop or weaken a training, found before it from the problem and the settings alone."""

from __future__ import annotations

import numpy as np

from mmm.engines.adstock_hill.settings import AdstockHillSettings
from mmm.engines.base import Factor, Problem
from mmm.errors import Finding


def check(problem: Problem, settings: AdstockHillSettings) -> list[Finding]:
    return [
        *_settings(problem, settings),
        *_validation(problem, settings),
        *_lift_tests(problem, settings),
        *_previous(problem, settings),
    ]


def coefficients(problem: Problem, settings: AdstockHillSettings) -> int:
    """Number of coefficients of the model, with the intercept."""
    mapped = len(problem.context) + len(problem.paid) + len(problem.organic)
    return mapped + len(own_terms(problem, settings))


def own_terms(problem: Problem, settings: AdstockHillSettings) -> tuple[str, ...]:
    """The model's terms besides the mapped columns, one coefficient each."""
    return ("intercept", *prophet_parts(problem, settings))


def prophet_parts(problem: Problem, settings: AdstockHillSettings) -> tuple[str, ...]:
    """The Prophet components that are modelled. A weekday effect needs daily data; elsewhere it is
    rounding noise.
    """
    if settings.prophet is None:
        parts: tuple[str, ...] = ("trend", "season")
        if problem.step_days == 1:
            parts += ("weekday",)
        return (*parts, "holiday") if problem.holidays else parts
    return tuple(part for part in settings.prophet if part != "weekday" or problem.step_days == 1)


def _settings(problem: Problem, settings: AdstockHillSettings) -> list[Finding]:
    found = []
    media = {medium.name for medium in problem.paid} | {item.name for item in problem.organic}
    for name in settings.media:
        if name not in media:
            fix = f"Use: {', '.join(sorted(media))}."
            found.append(
                Finding("error", f"unknown medium {name!r}.", f"settings.media.{name}", fix)
            )
    parts = prophet_parts(problem, settings)
    if "holiday" in parts and not problem.holidays:
        fix = "Set the experiment's country, or leave out 'holiday'."
        found.append(
            Finding(
                "error", "holidays are to be modelled but none are known.", "settings.prophet", fix
            )
        )
    if settings.prophet and "weekday" in settings.prophet and problem.step_days != 1:
        what = "a weekday effect needs daily data; it is left out."
        found.append(Finding("warning", what, "settings.prophet"))
    if not parts and any(isinstance(item, Factor) for item in problem.context):
        fix = "Name a part such as 'trend', or leave the factors out."
        found.append(
            Finding(
                "error", "factor variables need at least one Prophet part.", "settings.prophet", fix
            )
        )
    if settings.min_candidates > settings.trials * settings.iterations:
        what = f"{settings.min_candidates} models are to be kept of {settings.trials * settings.iterations} candidates."
        found.append(
            Finding("error", what, "settings.min_candidates", "Raise iterations or trials.")
        )
    return found


def _validation(problem: Problem, settings: AdstockHillSettings) -> list[Finding]:
    """The smallest training split must hold the coefficients, and every split must show a varying
    KPI.
    """
    if settings.validation is None:
        return []
    rows = problem.window[1] - problem.window[0] + 1
    smallest = int(np.floor(1 + (rows - 1) * settings.validation.train_size[0]))
    count = coefficients(problem, settings)
    held_out = int((1 - settings.validation.train_size[1]) / 2 * rows)
    where = "settings.validation.train_size"
    if smallest < count + 2:
        what = f"the smallest training part has {smallest} periods for {count} coefficients."
        return [Finding("error", what, where, "Raise its lower end, or widen the window.")]
    if held_out < 2:
        what = f"the validation part would have {held_out} periods."
        return [Finding("error", what, where, "Lower its upper end, or leave validation out.")]
    return []


def _lift_tests(problem: Problem, settings: AdstockHillSettings) -> list[Finding]:
    """Method "robyn" measures by the share of the lift that is missed, which a lift of 0 has not."""
    if not settings.as_robyn:
        return []
    what = 'a lift of 0 gives method "robyn" no scale for the error.'
    return [
        Finding("error", what, f"lift_tests.{number}.lift", 'Leave it out, or use method "exact".')
        for number, test in enumerate(problem.lift_tests, start=1)
        if test.lift == 0
    ]


def _previous(problem: Problem, settings: AdstockHillSettings) -> list[Finding]:
    """A refresh models what the previous model did, in a window that keeps some of its periods."""
    previous = problem.previous
    if previous is None:
        return []
    names = (
        *prophet_parts(problem, settings),
        *(item.name for item in problem.context),
        *(item.name for item in problem.paid),
        *(item.name for item in problem.organic),
    )
    known = set(previous.effects) - {"intercept"}
    found = [
        f"{name!r} is no part of model {previous.model_id}." for name in names if name not in known
    ]
    found += [
        f"{name!r} of model {previous.model_id} is missing." for name in sorted(known - set(names))
    ]
    fix = "A refresh models the same variables; for others submit a new experiment."
    findings = [Finding("error", what, "refresh", fix) for what in found]
    rows = problem.window[1] - problem.window[0] + 1
    if previous.steps >= rows:
        what = f"{previous.steps} new periods leave nothing of the previous window of {rows}."
        findings.append(Finding("error", what, "refresh.steps", "Submit a new experiment."))
    elif 2 * previous.steps > rows:
        what = f"more than half of the window, {previous.steps} of {rows} periods, is new."
        findings.append(
            Finding(
                "warning", what, "refresh.steps", "A new experiment would be freer to find its way."
            )
        )
    return findings
