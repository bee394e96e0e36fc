"""The engine's pipeline, stage by stage: features, search, selection, tables."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow as pa

from mmm.cores import usable_cores
from mmm.engines.adstock_hill import tables
from mmm.engines.adstock_hill.candidates import Evaluation
from mmm.engines.adstock_hill.decomposition import decompose
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.models import (
    LISTED_OF_MANY,
    MOST_LISTED,
    Chosen,
    Course,
    Rule,
    Search,
    Selection,
    kept_models,
)
from mmm.engines.adstock_hill.reason import reason, recommended
from mmm.engines.adstock_hill.space import Space, build_space
from mmm.engines.base import Problem, Progress, ProgressListener
from mmm.engines.ridge import diagnostics, refresh
from mmm.engines.ridge.calibration import lift_tests_table
from mmm.engines.ridge.candidates import TEST, Design, evaluate
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.exact_frame import ridge_frame, variant_frames
from mmm.engines.ridge.intervals import intervals
from mmm.engines.ridge.search import search
from mmm.engines.ridge.selection import (
    cluster_models,
    consensus_weights,
    eligible,
    error_scores,
    likeliest_by_trial,
    log_weights,
    nearest_to_consensus,
    pareto_fronts,
    pareto_fronts_by_trial,
)
from mmm.engines.ridge.settings import RidgeSettings
from mmm.engines.ridge.spread import Spread, measured_spread
from mmm.errors import UserError


class _Stage:
    """Reports one stage's progress with the seconds that are left at the pace so far."""

    def __init__(self, listener: ProgressListener, name: str, total: int) -> None:
        self._listener, self._name, self._total = listener, name, total
        self._start = time.monotonic()
        listener(Progress(name, 0, total))

    def done(self, count: int) -> None:
        elapsed = time.monotonic() - self._start
        left = elapsed / count * (self._total - count) if count else None
        self._listener(Progress(self._name, count, self._total, left))


def train(
    problem: Problem, settings: RidgeSettings, progress: ProgressListener
) -> tuple[dict[str, pa.Table], str, str]:
    """(tables, recommended model's id, the reason in words)."""
    stage = _Stage(progress, "features", 1)
    frame = ridge_frame(problem, settings)
    design = build_design(frame, settings, problem.lift_tests, problem.previous)
    space = build_space(frame, settings)
    if problem.previous is not None:
        space = refresh.narrowed(space, problem.previous, settings)
    # One candidate, so that compiling on first use does not count as the search's pace.
    evaluate(design, space.candidates(space.values(np.full((1, space.dimensions), 0.5))), cores=1)
    stage.done(1)

    calibrated = len(design.lift_value) > 0
    candidates = settings.trials * settings.iterations
    stage = _Stage(progress, "search", candidates * (1 + calibrated))
    found = run_search(design, space, settings, stage)
    plain = build_design(frame, settings, (), problem.previous)
    free = run_search(plain, space, settings, stage, before=candidates) if calibrated else None

    stage = _Stage(progress, "select", 1)
    variants = variant_frames(problem, settings, frame)
    chosen, spread = choose(frame, design, space, found, settings, problem, variants)
    if free is not None:
        others = replace(problem, lift_tests=())
        other, _ = choose(frame, plain, space, free, settings, others, variants)
        # What this run would have recommended without any lift test: the same data, seed and
        # settings.
        best = free.values[[other.selection.kept[other.recommended]]]
        unheeded = design._replace(lift_error=np.full(len(design.lift_error), np.inf))
        unmoved = evaluate(unheeded, space.candidates(best), cores=1).studied[0]
    else:
        unmoved = np.empty((0, 2))
    stage.done(1)

    builders = {
        "models": lambda: tables.models_table(found, chosen, calibrated),
        "channels": lambda: tables.channels_table(
            problem, frame, chosen, intervals(frame, chosen, settings, spread)
        ),
        "media": lambda: tables.media_table(frame),
        "contributions": lambda: tables.contributions_table(frame, chosen),
        "fit": lambda: tables.fit_table(frame, chosen, _train_sizes(space, found, chosen)),
        "curves": lambda: tables.curves_table(frame, chosen),
        "curve_points": lambda: tables.curve_points_table(frame, chosen),
        "adstock": lambda: tables.adstock_table(frame, chosen),
        "parameters": lambda: tables.parameters_table(frame, space, found, chosen),
        "frame": lambda: tables.frame_table(problem, frame),
        "moves": lambda: refresh.moves_table(problem, design, space, found, chosen),
        "lift_tests": lambda: lift_tests_table(problem, frame, found, chosen, settings, unmoved),
        "diagnostics": lambda: diagnostics.diagnostics_table(
            problem, frame, design, space, found, chosen, settings, spread
        ),
    }
    stage = _Stage(progress, "tables", len(builders))
    built = {}
    for number, (name, build) in enumerate(builders.items(), start=1):
        built[name] = build()
        stage.done(number)
    why = reason(found, chosen, None if problem.previous is None else problem.previous.model_id)
    return built, chosen.models[chosen.recommended].model_id, why


def _spread(
    problem: Problem,
    frame: Frame,
    space: Space,
    found: Search,
    kept: np.ndarray,
    weights: np.ndarray,
    settings: RidgeSettings,
    variants: Mapping[str, Frame],
) -> Spread | None:
    """How far the effects may be off: the kept models, and the same fitted again beside variants of
    the baseline. None in method "robyn".
    """
    if settings.method == "robyn":
        return None
    k = frame.base.shape[1]
    channels = slice(k, k + frame.paid)
    candidates = space.candidates(found.values[kept])
    refits = {}
    for name, other in variants.items():
        design = build_design(other, settings, problem.lift_tests, problem.previous)
        refit = evaluate(design, candidates)
        refits[name] = refit.effects[:, channels], _weights(design, refit, settings)
    of = found.evaluation
    errors = of.effect_error[kept][:, : frame.paid]
    return measured_spread(of.effects[kept][:, channels], weights, errors, refits)


def _weights(design: Design, evaluation: Evaluation, settings: RidgeSettings) -> np.ndarray:
    """How much models count in their consensus, (K,)."""
    missed = (evaluation.studied[:, :, 0] - design.lift_value) / design.lift_error
    return consensus_weights(evaluation.loss, missed, len(design.y), settings.objective_weights)


def run_search(
    design: Design, space: Space, settings: RidgeSettings, stage: _Stage, before: int = 0
) -> Search:
    """All candidates of all trials, ordered by trial and iteration; of very many, those that are
    listed. The stage has done `before` candidates already.

    Of very many candidates only hyperparameters and losses are held, until it is known which to
    list; these are evaluated again, which gives the same numbers bit for bit.
    """
    calibrated = len(design.lift_value) > 0
    objectives = [i for i in range(3 if calibrated else 2) if settings.objective_weights[i] > 0]
    trials, count = settings.trials, settings.iterations
    many = trials * count > MOST_LISTED
    values = np.empty((trials, count, len(space.hyperparameters)))
    loss = np.empty((trials, count, 3))
    test = np.empty((trials, count))
    evaluations: list[Evaluation] = []
    done = unsolved = 0

    def losses(asked: np.ndarray) -> np.ndarray:
        nonlocal done, unsolved
        found = space.values(asked)
        result = evaluate(design, space.candidates(found), pool=pool)
        now = slice(done, done + len(asked) // trials)
        values[:, now] = found.reshape(trials, -1, found.shape[1])
        loss[:, now] = result.loss.reshape(trials, -1, 3)
        test[:, now] = result.nrmse[:, TEST].reshape(trials, -1)
        done, unsolved = now.stop, unsolved + int((result.passes < 0).sum())
        if not many:
            evaluations.append(result)
        return result.loss[:, objectives]

    with ThreadPoolExecutor(usable_cores()) as pool:
        for number in search(space.dimensions, trials, count, settings.seed, losses):
            stage.done(before + number * trials)
    trial = np.repeat(np.arange(1, trials + 1), count)
    iteration = np.tile(np.arange(1, count + 1), trials)
    course = Course(loss.reshape(-1, 3), trial, iteration, unsolved)
    if not np.isfinite(course.loss[:, :2]).all(axis=1).any():
        raise UserError(
            "no candidate gives any paid channel an effect.",
            where="search",
            fix="Check the signs and the spends in the mapping; widen the ranges of lambda and gamma.",
        )
    flat = values.reshape(-1, values.shape[2])
    scores = error_scores(_scored(course.loss, test.ravel(), settings), settings.objective_weights)
    if not many:
        evaluation = Evaluation(
            *(_by_trial(parts, trials) for parts in zip(*evaluations, strict=True))
        )
        return Search(flat, evaluation, course.trial, course.iteration, scores)
    rows = np.arange(len(flat)) % (len(flat) // LISTED_OF_MANY) == 0
    rows[
        select(course, settings, len(design.y), refreshing=len(design.previous_share) > 0).kept
    ] = True
    evaluation = evaluate(design, space.candidates(flat[rows]))
    return Search(
        flat[rows], evaluation, course.trial[rows], course.iteration[rows], scores[rows], course
    )


def _scored(loss: np.ndarray, test: np.ndarray, settings: RidgeSettings) -> np.ndarray:
    """Losses (B, 3) as the error score takes them: Robyn's counts the test NRMSE (B,) where the
    search was led by the validation's.
    """
    if settings.method != "robyn" or settings.validation is None:
        return loss
    return np.column_stack([test, loss[:, 1:]])


def _by_trial(parts: tuple[np.ndarray, ...], trials: int) -> np.ndarray:
    """Generations, each ordered by trial, to one array ordered by trial and generation."""
    split = [part.reshape(trials, len(part) // trials, *part.shape[1:]) for part in parts]
    joined = np.concatenate(split, axis=1)
    return joined.reshape(trials * joined.shape[1], *joined.shape[2:])


def choose(
    frame: Frame,
    design: Design,
    space: Space,
    found: Search,
    settings: RidgeSettings,
    problem: Problem,
    variants: Mapping[str, Frame],
) -> tuple[Chosen, Spread | None]:
    """Fronts, clusters, the kept models' consensus over all baselines and the recommended one.

    The recommended model is the one nearest to the consensus, and stands for its cluster. Method
    "robyn" takes the smallest score of the clusters' best; in a refresh, the nearest to the
    previous model. A refresh by the exact method lets fit count as well, by the score.
    """
    loss = found.evaluation.loss
    robyn = settings.method == "robyn"
    refreshing = len(design.previous_share) > 0
    selection = listed(select(found.course, settings, frame.n, refreshing=refreshing), found)
    kept = selection.kept
    scored = _scored(loss[kept], found.evaluation.nrmse[kept, TEST], settings)
    scores = error_scores(scored, settings.objective_weights)
    media = [
        i
        for i, item in enumerate(space.hyperparameters)
        if item.parameter not in ("lambda", "train_size")
    ]
    clusters = cluster_models(
        found.values[kept][:, media], scores, settings.clusters, settings.seed
    )
    models = kept_models(frame, space, found, kept)
    parts = tuple(decompose(frame, model) for model in models)
    weights = _weights(design, found.evaluation.rows(kept), settings)
    spread = _spread(problem, frame, space, found, kept, weights, settings, variants)
    rule = _rule(robyn, refreshing)
    if rule == "consensus" and spread is not None:
        k = frame.base.shape[1]
        effects = found.evaluation.effects[kept, k : k + frame.paid]
        best = nearest_to_consensus(effects, spread.centre)
        clusters = clusters.standing_for_its_own(best)
    elif rule == "previous":
        best = int(np.argmin(loss[kept, 1]))
    else:
        best = recommended(clusters.best, scores)
    return Chosen(selection, clusters, models, parts, best, rule, weights), spread


def _rule(robyn: bool, refreshing: bool) -> Rule:
    """By what one of the kept models is recommended."""
    if not robyn and not refreshing:
        return "consensus"
    if robyn and refreshing:
        return "previous"
    return "score"


def select(course: Course, settings: RidgeSettings, rows: int, *, refreshing: bool) -> Selection:
    """Fronts of all candidates. Method "robyn" keeps those that are nearest to the lift tests
    alone, but for a refresh, whose candidates are all near the previous model.
    """
    robyn = settings.method == "robyn"
    within = eligible(
        course.loss, settings.calibration_constraint if robyn and not refreshing else 1.0
    )
    within &= np.isfinite(course.loss[:, :2]).all(axis=1)
    if not robyn and not refreshing:
        counts = log_weights(course.loss, rows, settings.objective_weights)
        return likeliest_by_trial(
            counts, course.loss, within, settings.min_candidates, course.trial
        )
    if robyn:
        return pareto_fronts(course.loss, within, settings.min_candidates, robyn=True)
    return pareto_fronts_by_trial(course.loss, within, settings.min_candidates, course.trial)


def listed(selection: Selection, found: Search) -> Selection:
    """The selection among all candidates as one among those that are listed."""
    if found.every is None:
        return selection
    place = (found.trial - 1) * int(found.every.iteration.max()) + found.iteration - 1
    fronts = selection.fronts[place]
    return Selection(fronts, np.flatnonzero(fronts > 0), selection.count)


def _train_sizes(space: Space, found: Search, chosen: Chosen) -> list[float]:
    sizes = space.candidates(found.values[chosen.selection.kept]).train_size
    return [float(size) for size in sizes]
