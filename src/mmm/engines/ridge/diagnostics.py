"""Named numbers and sentences about a whole run: solver, convergence, clusters, exposures, rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.features import exposure_costs, exposure_fit
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.models import LISTED_OF_MANY, Chosen, Search
from mmm.engines.adstock_hill.space import Space
from mmm.engines.base import Problem
from mmm.engines.ridge.candidates import Design
from mmm.engines.ridge.convergence import convergence, settled
from mmm.engines.ridge.settings import RidgeSettings
from mmm.engines.ridge.spread import Spread
from mmm.engines.schemas import table


@dataclass(frozen=True)
class _Note:
    name: str
    subject: str = ""
    value: float = float("nan")
    text: str = ""


def diagnostics_table(
    problem: Problem,
    frame: Frame,
    design: Design,
    space: Space,
    found: Search,
    chosen: Chosen,
    settings: RidgeSettings,
    spread: Spread | None,
) -> pa.Table:
    notes = [
        *_notes(problem, frame, design, space, found, chosen, settings),
        *_on_bounds(frame, design, chosen),
        *_variants(frame, spread),
    ]
    return table(
        "diagnostics",
        {
            "name": [note.name for note in notes],
            "subject": [note.subject for note in notes],
            "value": [note.value for note in notes],
            "text": [note.text for note in notes],
        },
    )


def _notes(
    problem: Problem,
    frame: Frame,
    design: Design,
    space: Space,
    found: Search,
    chosen: Chosen,
    settings: RidgeSettings,
) -> Iterator[_Note]:
    solver = {
        "exact": "Each candidate's bounded ridge problem is solved to its optimum.",
        "robyn": f"Coordinate descent stops at glmnet's threshold {settings.threshold:g}, as in Robyn.",
    }
    yield _Note("solver", settings.method, text=solver[settings.method])
    yield _Note("lambda_max", value=space.lambda_max)
    course, listed = found.course, len(found.trial)
    if listed < len(course.trial):
        text = (
            f"{len(course.trial):,} candidates were evaluated. Listed, and exported as all, are the "
            f"{len(chosen.models)} kept models and every {len(course.trial) // LISTED_OF_MANY}th of the others."
        )
        yield _Note("candidates", "listed", listed, text)
    errors = course.loss
    if settings.method == "robyn":
        for column, name in enumerate(("NRMSE", "DECOMP.RSSD", "MAPE")):
            run = convergence(name, errors[:, column], course.trial)
            if run is not None:
                yield _Note("convergence", name, float(run.converged), run.text)
    else:
        growth, enough = settled(errors[:, :2], course.iteration)
        verdict = "settled" if enough else "had not settled: more iterations may find better models"
        text = f"The search {verdict}. Its last fifth of candidates enlarged the dominated area by {growth:.2%}."
        yield _Note("convergence", "search", float(enough), text)
    if course.unsolved:
        yield _Note(
            "warning",
            "solver",
            course.unsolved,
            f"{course.unsolved} candidates did not reach the solver's stopping rule.",
        )
    for k, wss in enumerate(chosen.clusters.wss, start=1):
        yield _Note("clusters_wss", str(k), float(wss))
    costs = exposure_costs(problem)
    for medium in problem.paid:
        if medium.exposure is not None:
            fit = exposure_fit(medium, costs, problem.window_rows)
            text = ""
            if fit == fit:
                text = (
                    f"{medium.selected} explains {fit:.0%} of the variance of {medium.name} "
                    "at a constant cost."
                )
            yield _Note("exposure_fit", medium.name, fit, text)
    parameters = len(frame.names) + 1
    yield _Note(
        "observations_per_parameter",
        value=frame.n / parameters,
        text=f"{frame.n} periods for {parameters} coefficients.",
    )


def _on_bounds(frame: Frame, design: Design, chosen: Chosen) -> Iterator[_Note]:
    """Coefficients of the recommended model that a bound holds: the data would have them beyond."""
    coefficients = chosen.models[chosen.recommended].coefficients
    of_baseline = set(design.flexible_part.tolist())
    for j, name in enumerate(frame.names):
        if j in of_baseline:
            continue
        held = [
            bound
            for bound in (design.lower[j], design.upper[j])
            if np.isfinite(bound) and abs(coefficients[j] - bound) <= 1e-9
        ]
        if not held:
            continue
        text = (
            f"The coefficient of {name} lies on its bound of {held[0]:g}: the data alone would "
            "have it beyond. Check its sign in the mapping, or what it may stand for."
        )
        media = j >= len(frame.base_names)
        yield _Note("on_bound" if media else "warning", name, float(coefficients[j]), text)


def _variants(frame: Frame, spread: Spread | None) -> Iterator[_Note]:
    """How far each variant of the baseline moves the media's total effect."""
    if spread is None:
        return
    total = float(spread.centre.sum())
    for name, effects in spread.variants.items():
        change = float(effects.sum()) / total - 1.0 if total else float("nan")
        text = f"With {name} all paid media together have {change:+.0%} effect."
        yield _Note("baseline_variant", name, change, text)
