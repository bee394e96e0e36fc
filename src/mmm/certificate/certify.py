"""Certify a run: simulate worlds on its data, train each with its settings, say how near it came."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmm.certificate import summarise
from mmm.certificate.baseline import residual_noise, smoother
from mmm.certificate.certificate import Certificate
from mmm.certificate.checks.all import STAGE as CHECKS_STAGE
from mmm.certificate.checks.all import run_checks
from mmm.certificate.checks.base import Situation
from mmm.certificate.claimed import claimed_error
from mmm.certificate.identify import after_training, before_training, design_of, typical_roi
from mmm.certificate.material import Tables, read_material
from mmm.certificate.refit import Advise, Bounds, Refit, refit
from mmm.certificate.saturation import saturation_told
from mmm.certificate.worlds import World, worlds
from mmm.engines.base import Engine, EngineResult, Problem, Progress, ProgressListener
from mmm.errors import UserError
from mmm.scoring.estimates import estimates

STAGE = "worlds"
#: Of more worlds than this a budget is advised in every second of each family: looking for one takes
#: half as long as training, and a hundred tell how good advice is.
_ALL_ADVISED = 100
#: The progress's stages.
STAGES = (STAGE, CHECKS_STAGE)


@dataclass(frozen=True)
class Trained:
    """What a run's engine said: its result tables, the model that is certified, and the level that
    its intervals claim.
    """

    tables: Tables
    model_id: str
    interval_level: float = 0.9


@dataclass(frozen=True)
class Asked:
    """How a run is certified: with so many worlds from a seed, each trained with `settings`, which
    `effort` describes. `advise` and `bounds` are how budgets are advised; without `checks`
    only the worlds count.
    """

    count: int
    seed: int
    settings: Any
    effort: str
    advise: Advise
    bounds: Bounds
    checks: bool = True


def certify(
    engine: Engine,
    problem: Problem,
    trained: Trained,
    asked: Asked,
    progress: ProgressListener,
) -> Certificate:
    """The certificate of a run's recommended model. `progress` is told after every world, and may
    raise to stop.

    UserError where no world could be trained.
    """
    material = read_material(problem, trained.tables, trained.model_id)
    begun = time.process_time()
    refits, failed = _refits(engine, worlds(material, asked.count, asked.seed), asked, progress)
    if not summarise.ordinary(refits):
        why = failed[0] if failed else "no world was asked for."
        raise UserError(
            f"none of the simulated worlds could be trained: {why}", where="certificate"
        )
    noise = residual_noise(material)
    smooth = smoother(material, noise.deviation / float(material.kpi.mean()))
    design = design_of(material, smooth)
    situation = Situation(
        engine,
        asked.settings,
        problem,
        trained.tables,
        trained.model_id,
        material,
        smooth,
        asked.seed,
    )
    errors = summarise.roi_errors(refits, typical_roi(material))
    after = after_training(design, errors)
    own = {name: name for name in material.channels}
    reported = estimates(trained.tables, trained.model_id, own)
    rows = summarise.channels(refits, reported, trained.interval_level)
    claimed = claimed_error(reported, material.window_spend, trained.interval_level)
    checks = run_checks(situation, progress) if asked.checks else ()
    return Certificate(
        model_id=trained.model_id,
        engine=engine.name,
        engine_version=engine.version,
        effort=asked.effort,
        seed=asked.seed,
        interval_level=trained.interval_level,
        total=summarise.total(refits, claimed),
        channels=summarise.with_confidence(rows, after, typical_roi(material)),
        families=summarise.families(refits),
        before=before_training(design),
        after=after,
        checks=checks,
        saturation=saturation_told(
            material, smooth, {item.name: item.roi for item in reported if np.isfinite(item.roi)}
        ),
        failed=tuple(failed),
        seconds=round(time.process_time() - begun, 1),
    )


def _no_advice(result: EngineResult, problem: Problem) -> None:
    """No budget is advised in this world."""


def _refits(
    engine: Engine, simulated: Iterator[World], asked: Asked, progress: ProgressListener
) -> tuple[list[Refit], list[str]]:
    """(scored worlds, why others could not be trained)."""
    refits: list[Refit] = []
    failed: list[str] = []
    seen: Counter[str] = Counter()
    progress(Progress(STAGE, 0, asked.count))
    for world in simulated:
        seen[world.family] += 1
        advised = asked.count <= _ALL_ADVISED or seen[world.family] % 2 == 1
        advise = asked.advise if advised else _no_advice
        found = refit(world, engine, asked.settings, advise, asked.bounds)
        if isinstance(found, Refit):
            refits.append(found)
        else:
            failed.append(f"World {world.number} ({world.family}): {found}")
        done = len(refits) + len(failed)
        progress(Progress(STAGE, done, asked.count, message=f"World {done} of {asked.count}"))
    return refits, failed
