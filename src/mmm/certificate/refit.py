"""The engine's answer to a world: the settings in use, trained on it, scored against its truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmm.certificate.families import Family
from mmm.certificate.worlds import World
from mmm.engines.base import Engine, EngineResult, Problem, Progress
from mmm.engines.training import train
from mmm.errors import UserError
from mmm.scoring.advice import Advice, best_budget, judge
from mmm.scoring.estimates import estimates
from mmm.scoring.score import Recovery, score

#: Today's and the advised spend per period by channel; None where there is nothing to move.
Advise = Callable[[EngineResult, Problem], "tuple[dict[str, float], dict[str, float]] | None"]


@dataclass(frozen=True)
class Refit:
    """A world and how near the engine came. `moves` are (advised, best) spends over today's by
    channel, empty without advice; `evidence` is the world's.
    """

    number: int
    family: Family
    recovery: Recovery
    advice: Advice
    moves: dict[str, tuple[float, float]]
    evidence: float = 0.0


@dataclass(frozen=True)
class Bounds:
    """How far an advised budget may move a channel, as factors of its spend today."""

    low: float
    high: float


def refit(
    world: World, engine: Engine, settings: Any, advise: Advise, bounds: Bounds
) -> Refit | str:
    """Train the world and score the answer; the reason in words where it cannot be trained."""
    try:
        result = train(engine, world.problem, settings, _silent)
    except UserError as error:
        return str(error)
    own = {medium.name: medium.name for medium in world.problem.paid}
    recovery = score(world.truths, estimates(result.tables, result.recommended, own))
    found = advise(result, world.problem)
    if found is None:
        return Refit(world.number, world.family, recovery, Advice(), {}, world.evidence)
    today, advised = found
    limits = {name: (bounds.low * now, bounds.high * now) for name, now in today.items()}
    best = best_budget(world.truths, limits, sum(advised.values()))
    moves = {}
    for name, now in today.items():
        if now > 0:
            moves[name] = (advised[name] / now, best[name] / now)
    advice = judge(world.truths, today, advised, limits)
    return Refit(world.number, world.family, recovery, advice, moves, world.evidence)


def _silent(progress: Progress) -> None:
    """The progress of a certificate is told by the world."""
