"""An experiment under construction: the checks of a submission, told without stopping, as often as
it changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmm.errors import Finding, InvalidInput, UserError
from mmm.experiments.config import Experiment, parse_experiment
from mmm.experiments.problem import build_problem

if TYPE_CHECKING:
    import pyarrow as pa

    from mmm.engines.base import Problem


@dataclass(frozen=True)
class Review:
    """`experiment` is None while its fields are not valid, `problem` while it cannot be run on its
    data.
    """

    experiment: Experiment | None
    problem: Problem | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == "error"]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.level != "error"]

    def at(self, *paths: str) -> list[Finding]:
        """What was found at fields or below them, by path as in `validation_findings`."""
        return [finding for finding in self.findings if _within_any(finding, paths)]

    def elsewhere(self, shown: Iterable[str]) -> list[Finding]:
        """Errors at none of the paths: those that no field shows."""
        paths = tuple(shown)
        return [finding for finding in self.errors if not _within_any(finding, paths)]


def _within_any(finding: Finding, paths: Iterable[str]) -> bool:
    return any(_within(finding.where, path) for path in paths)


def review(content: dict[str, Any], table_of: Callable[[str, str], pa.Table]) -> Review:
    """Check what an experiment's file would hold. `table_of` reads a dataset by market and id."""
    try:
        experiment = parse_experiment(json.dumps(content, default=str))
    except UserError as error:
        return Review(None, None, _findings(error))
    try:
        table = table_of(experiment.dataset.market, experiment.dataset.dataset_id)
        problem, warnings = build_problem(experiment, table)
    except UserError as error:
        return Review(experiment, None, _findings(error))
    return Review(experiment, problem, tuple(warnings))


def _findings(error: UserError) -> tuple[Finding, ...]:
    if isinstance(error, InvalidInput):
        return error.findings
    return (Finding("error", error.what, error.where, error.fix),)


def _within(where: str, path: str) -> bool:
    return where == path or where.startswith(f"{path}.")
