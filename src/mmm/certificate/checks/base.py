"""What a check is, what it is given, what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from mmm.certificate.baseline import Smoother
from mmm.certificate.material import Material, Tables
from mmm.engines.base import Engine, EngineResult, Problem, Progress
from mmm.engines.training import train
from mmm.errors import UserError
from mmm.scoring.estimates import estimates
from mmm.scoring.score import ChannelEstimate


class Outcome(StrEnum):
    """How a check came out."""

    PASSED = "passed"
    CONCERN = "concern"
    COULD_NOT_RUN = "could not run"


@dataclass(frozen=True)
class CheckResult:
    """One check's answer. `value` is compared with `threshold`, both None where the check could not
    run. `about` names what it is about (a channel, a control); `decision` what it bears on.
    """

    check: str
    outcome: Outcome
    value: float | None
    threshold: float
    about: str
    finding: str
    recommendation: str
    decision: str


@dataclass(frozen=True)
class Situation:
    """The run that is checked. `settings` are those that refits take."""

    engine: Engine
    settings: Any
    problem: Problem
    tables: Tables
    model_id: str
    material: Material
    smoother: Smoother
    seed: int

    def reported(self) -> dict[str, ChannelEstimate]:
        """What the run says of its paid channels, by name."""
        own = {name: name for name in self.material.channels}
        return {item.name: item for item in estimates(self.tables, self.model_id, own)}

    def refit(self, problem: Problem, settings: Any = None) -> EngineResult:
        """Train a changed problem. UserError where the engine cannot."""
        chosen = self.settings if settings is None else settings
        return train(self.engine, problem, chosen, _silent)

    def rois(self, problem: Problem, settings: Any = None) -> dict[str, ChannelEstimate]:
        """What the engine says of the paid channels of a changed problem."""
        result = self.refit(problem, settings)
        own = {medium.name: medium.name for medium in problem.paid}
        found = estimates(result.tables, result.recommended, own)
        return {item.name: item for item in found}

    @cached_property
    def same(self) -> dict[str, ChannelEstimate]:
        """What a refit of the unchanged problem says: what others are compared with, since refits
        may be of less effort than the run.
        """
        return self.rois(self.problem)

    def moved(self, others: dict[str, ChannelEstimate]) -> float:
        """Spend-weighted change of the ROIs from those of an unchanged refit, over their size."""
        base, spend = self.same, self.material.window_spend
        names = self.material.channels
        change = np.array([abs(others[name].roi - base[name].roi) for name in names])
        size = np.array([abs(base[name].roi) for name in names])
        below = float(spend @ size)
        return float(spend @ change) / below if below > 0 else float("inf")


class Check(Protocol):
    """One check. `threshold` is where a concern begins; `decision` says what it bears on."""

    @property
    def key(self) -> str: ...

    @property
    def threshold(self) -> float: ...

    @property
    def decision(self) -> str: ...

    def run(self, situation: Situation) -> list[CheckResult]:
        """One result or more. CouldNotRun where there is nothing to check; UserError of a refit
        counts as that, too.
        """
        ...


class CouldNotRun(Exception):
    """There is nothing to check, and why."""


def run_check(check: Check, situation: Situation) -> list[CheckResult]:
    """The check's results; one that says why, where it could not run."""
    try:
        return check.run(situation)
    except (CouldNotRun, UserError) as reason:
        return [could_not_run(check, str(reason))]


def could_not_run(check: Check, reason: str) -> CheckResult:
    """The result of a check that could not run."""
    return CheckResult(
        check=check.key,
        outcome=Outcome.COULD_NOT_RUN,
        value=None,
        threshold=check.threshold,
        about="",
        finding=reason,
        recommendation="What it would have told stays unknown.",
        decision=check.decision,
    )


def compared(
    check: Check, value: float, about: str, finding: str, recommendation: str, *, high: bool = True
) -> CheckResult:
    """A result by comparing a value with the check's threshold: a concern above it (`high`) or
    below it.
    """
    beyond = value > check.threshold if high else value < check.threshold
    return CheckResult(
        check=check.key,
        outcome=Outcome.CONCERN if beyond else Outcome.PASSED,
        value=value,
        threshold=check.threshold,
        about=about,
        finding=finding,
        recommendation=recommendation if beyond else "",
        decision=check.decision,
    )


def _silent(progress: Progress) -> None:
    """The progress of checks is told by the check."""
