"""What R is given: the data as CSV, and as JSON what each of Robyn's functions is called with."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmm.engines.adstock_hill import checks
from mmm.engines.adstock_hill.checks import prophet_parts
from mmm.engines.adstock_hill.robyn_names import calibration_input, robyn_sign
from mmm.engines.adstock_hill.space import media_hyperparameters
from mmm.engines.base import Factor, Problem
from mmm.engines.robyn.settings import ENDINGS, RobynSettings
from mmm.errors import Finding

DATE = "DATE"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._]*")
#: Columns Robyn makes itself beside the user's.
_OWN = {
    DATE, "ds", "dep_var", "trend", "season", "monthly", "weekday", "holiday", "intercept", "depVarHat", "solID",
    "cluster", "top_sol", "type", "rn", "lambda", "train_size",
}  # fmt: skip
#: Of all candidates this share is left when Robyn has dropped the worst tenth by either error.
_LEFT = 0.8
#: Robyn stops when no more than this many are left without calibration.
_FEWEST = 100


def check(problem: Problem, settings: RobynSettings) -> list[Finding]:
    """What would stop Robyn or silently change its meaning."""
    if problem.previous is not None:
        what = (
            "Robyn's models are not refreshed here: robyn_refresh of 3.12.1 stops in R before 4.3, "
            "and the image has R 4.2."
        )
        fix = "Submit a new experiment on the new data, or use the engine ridge."
        return [Finding("error", what, "refresh", fix)]
    if not problem.paid:
        fix = "Map a spend, or use the engine bayes or ridge."
        return [Finding("error", "Robyn needs a paid channel.", "mapping.paid", fix)]
    ours = {
        "settings.prophet": "settings.prophet_vars",
        "settings.validation.train_size": "settings.hyperparameters.train_size",
    }
    shared = checks.check(problem, settings.as_adstock_hill(problem))
    return [
        *(replace(finding, where=ours.get(finding.where, finding.where)) for finding in shared),
        *_names(problem),
        *_hyperparameters(problem, settings),
        *_search(problem, settings),
        *_studies(problem),
    ]


def _names(problem: Problem) -> list[Finding]:
    found = []
    for name in _columns(problem):
        where = f"column {name!r}"
        if not _NAME.fullmatch(name):
            what = "Robyn takes names of letters, digits, . and _ that begin with a letter."
            found.append(
                Finding("error", what, where, "Rename the column, or use the engine ridge.")
            )
        elif name in _OWN:
            found.append(
                Finding(
                    "error",
                    "Robyn makes a column of this name itself.",
                    where,
                    "Rename the column.",
                )
            )
    return found


def _columns(problem: Problem) -> dict[str, Any]:
    """Values by column, as they are in the data."""
    found: dict[str, Any] = {problem.kpi_name: problem.kpi}
    for medium in problem.paid:
        found[medium.name] = medium.spend
        if medium.exposure is not None:
            found[medium.selected] = medium.exposure
    for item in (*problem.organic, *problem.context):
        found[item.name] = item.levels if isinstance(item, Factor) else item.values
    return found


def _hyperparameters(problem: Problem, settings: RobynSettings) -> list[Finding]:
    """Every name must be a medium's. By position, as Robyn renames them, ranges would land on other
    media.
    """
    names = {item.name for item in problem.organic}
    for paid in problem.paid:
        names |= {paid.name, paid.selected}
    used = ["alphas", "gammas", "shapes", "scales"]
    if settings.adstock == "geometric":
        used = ["alphas", "gammas", "thetas"]
    found, seen = [], set()
    alias = {medium.name: medium.selected for medium in problem.paid}
    for name in settings.hyperparameters:
        medium, _, ending = name.rpartition("_")
        where = f"settings.hyperparameters.{name}"
        if ending not in ENDINGS or not medium:
            continue
        if medium not in names:
            found.append(
                Finding(
                    "error",
                    f"unknown medium {medium!r}.",
                    where,
                    f"Use: {', '.join(sorted(names))}.",
                )
            )
        elif ending not in used:
            what = f"{settings.adstock} adstock has no {ending}."
            found.append(Finding("error", what, where, f"It has {', '.join(used)}."))
        elif (same := (alias.get(medium, medium), ending)) in seen:
            what = "is given by the spend's name and by the exposure's."
            found.append(Finding("error", what, where, "Give it once."))
        else:
            seen.add(same)
    return found


def _search(problem: Problem, settings: RobynSettings) -> list[Finding]:
    """Numbers with which Robyn runs for an hour and then stops."""
    found = []
    candidates, where = settings.trials * settings.iterations, "settings.iterations"
    weights = settings.objective_weights
    if all_fixed(problem, settings):
        what = (
            "every hyperparameter of the media is fixed, so only lambda is searched and Robyn can "
            "form no clusters; the best score of the first front is recommended."
        )
        fix = "Give at least one a range to get clusters and their intervals."
        found.append(Finding("warning", what, "settings.hyperparameters", fix))
    if problem.lift_tests:
        left = settings.calibration_constraint * candidates
        if left < settings.min_candidates:
            what = f"lift tests leave about {left:.0f} of {candidates} candidates, fewer than min_candidates."
            found.append(
                Finding(
                    "error", what, where, "Raise iterations or trials, or lower min_candidates."
                )
            )
    elif _LEFT * candidates <= max(_FEWEST, settings.min_candidates):
        what = f"{candidates} candidates are too few for {max(_FEWEST, settings.min_candidates)} models."
        found.append(Finding("error", what, where, "Raise iterations or trials."))
    if weights is not None and len(weights) != (3 if problem.lift_tests else 2):
        what = f"{len(weights)} weights are given; {'with' if problem.lift_tests else 'without'} lift tests there are "
        found.append(
            Finding(
                "error", f"{what}{3 if problem.lift_tests else 2}.", "settings.objective_weights"
            )
        )
    if settings.allocator and len(problem.paid) < 2:
        found.append(
            Finding(
                "error",
                "Robyn's allocator needs two paid media.",
                "settings.allocator",
                "Turn it off.",
            )
        )
    return found


def _studies(problem: Problem) -> list[Finding]:
    """A study within one period: Robyn divides by the days between its periods and silently leaves
    it out.
    """
    days = problem.dates.astype("datetime64[D]")
    nothing = [
        Finding(
            "error",
            "a lift of 0 gives Robyn no scale for the error.",
            f"lift_tests.{number}.lift",
            "Leave the test out, or use another engine.",
        )
        for number, test in enumerate(problem.lift_tests, start=1)
        if test.lift == 0
    ]
    return nothing + [
        Finding("warning", "lies within one period; Robyn leaves it out.", f"lift_tests.{number}")
        for number, test in enumerate(problem.lift_tests, start=1)
        if days.searchsorted(np.datetime64(test.start), "right")
        == days.searchsorted(np.datetime64(test.end), "right")
    ]


def write_inputs(problem: Problem, settings: RobynSettings, cores: int, folder: Path) -> None:
    """data.csv, holidays.csv where there are any, and inputs.json."""
    columns = _columns(problem)
    days = [str(day)[:10] for day in problem.dates]
    _write(
        folder / "data.csv",
        (DATE, *columns),
        zip(days, *(map(_text, item) for item in columns.values()), strict=True),
    )
    country = problem.country or "none"
    if problem.holidays:
        rows = (
            (item.date.isoformat(), item.name, country, item.date.year) for item in problem.holidays
        )
        _write(folder / "holidays.csv", ("ds", "holiday", "country", "year"), rows)
    factors = [item.name for item in problem.context if isinstance(item, Factor)]
    document = {
        "types": {
            DATE: "Date",
            **{name: "character" if name in factors else "numeric" for name in columns},
        },
        "inputs": _present(_inputs(problem, settings, days, factors, country)),
        "calibration": calibration_input(problem),
        "run": _present(_run(settings, cores)),
        "outputs": _outputs(problem, settings),
        "files": {"one_pagers": settings.one_pagers, "rds": settings.rds},
        "allocator": {"scenario": "max_response", "export": True} if settings.allocator else {},
    }
    (folder / "inputs.json").write_text(
        json.dumps(document, indent=1, allow_nan=False), encoding="utf-8"
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(float(value))


def _write(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
        writer.writerow(names)
        writer.writerows(rows)


def _present(arguments: dict[str, Any]) -> dict[str, Any]:
    """Without what is not given: R's own default is meant then."""
    return {name: value for name, value in arguments.items() if value not in (None, [], ())}


def _inputs(
    problem: Problem, settings: RobynSettings, days: list[str], factors: list[str], country: str
) -> dict[str, Any]:
    """Arguments of robyn_inputs beside the data. The window's ends are data dates, which Robyn
    takes as they are.
    """
    parts = prophet_parts(problem, settings.as_adstock_hill(problem))
    return {
        "date_var": DATE,
        "dep_var": problem.kpi_name,
        "dep_var_type": problem.kpi_kind,
        "paid_media_spends": [medium.name for medium in problem.paid],
        "paid_media_vars": [medium.selected for medium in problem.paid],
        "paid_media_signs": [robyn_sign(medium.sign) for medium in problem.paid],
        "organic_vars": [item.name for item in problem.organic],
        "organic_signs": [robyn_sign(item.sign) for item in problem.organic],
        "context_vars": [item.name for item in problem.context],
        "context_signs": [robyn_sign(item.sign) for item in problem.context],
        "factor_vars": factors,
        "prophet_vars": list(parts),
        "prophet_country": country if "holiday" in parts else None,
        "adstock": settings.adstock,
        "hyperparameters": hyperparameters(problem, settings),
        "window_start": days[problem.window[0]],
        "window_end": days[problem.window[1]],
    }


def all_fixed(problem: Problem, settings: RobynSettings) -> bool:
    """Whether every hyperparameter of every medium has one value, so that only lambda is searched."""
    own = ("lambda", "train_size")
    ranges = hyperparameters(problem, settings)
    return all(len(ends) == 1 for name, ends in ranges.items() if name not in own)


def hyperparameters(problem: Problem, settings: RobynSettings) -> dict[str, list[float]]:
    """Ranges by the names Robyn wants: of the modelled column, an exposure's where there is one."""
    media = [(medium.name, medium.selected) for medium in problem.paid]
    media += [(item.name, item.name) for item in problem.organic]
    ranges = media_hyperparameters(media, settings.as_adstock_hill(problem))
    found = {name: [item.low] if item.fixed else [item.low, item.high] for name, item in ranges}
    if settings.ts_validation:
        low, high = settings.train_size
        found["train_size"] = [low] if low == high else [low, high]
    if "lambda" in settings.hyperparameters:
        found["lambda"] = list(settings.hyperparameters["lambda"])
    return found


def _run(settings: RobynSettings, cores: int) -> dict[str, Any]:
    """Arguments of robyn_run. Never quiet: with `quiet` it stops when hyperparameters are to be
    searched.
    """
    weights = settings.objective_weights
    return {
        "cores": cores,
        "iterations": settings.iterations,
        "trials": settings.trials,
        "seed": settings.seed,
        "ts_validation": settings.ts_validation,
        "add_penalty_factor": settings.add_penalty_factor,
        "rssd_zero_penalty": settings.rssd_zero_penalty,
        "intercept": settings.intercept,
        "intercept_sign": settings.intercept_sign,
        "nevergrad_algo": settings.nevergrad_algo,
        "objective_weights": None if weights is None else list(weights),
        "outputs": False,
        "quiet": False,
    }


def _outputs(problem: Problem, settings: RobynSettings) -> dict[str, Any]:
    """Arguments of robyn_outputs, which exports nothing: the script writes the files after it.
    `min_candidates` and `k` reach the selection and the clusters through its dots. Models that
    differ in no hyperparameter of a medium cannot be grouped by them, and Robyn would fail.
    """
    return {
        "pareto_fronts": "auto",
        "min_candidates": settings.min_candidates,
        "calibration_constraint": settings.calibration_constraint,
        "clusters": not all_fixed(problem, settings),
        "k": settings.clusters or "auto",
        "quiet": False,
    }
