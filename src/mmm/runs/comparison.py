"""Runs of the workspace brought side by side."""

from __future__ import annotations

from collections.abc import Sequence

from mmm.errors import Finding, InvalidInput, UserError
from mmm.results.compare import FEWEST, LETTERS, MOST, Comparison, Side, compare
from mmm.results.store import read_results
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.runs.wording import what_now
from mmm.workspace.models import RunState


def compare_runs(service: RunService, run_ids: Sequence[str]) -> Comparison:
    """Two to four runs that have succeeded, each with its recommended model, side by side.

    UserError for too few or too many, InvalidInput naming those that have no results.
    """
    if not FEWEST <= len(run_ids) <= MOST:
        raise UserError(
            f"{FEWEST} to {MOST} runs can be compared; got {len(run_ids)}.", where="runs"
        )
    statuses = [service.status(run_id) for run_id in run_ids]
    without = [
        Finding("error", f"is {status.label}: {what_now(status)}", f"run {status.run_id}")
        for status in statuses
        if status.state is not RunState.SUCCEEDED
    ]
    if without:
        raise InvalidInput("Only runs with results can be compared:", without)
    return compare(
        [_side(service, letter, status) for letter, status in zip(LETTERS, statuses, strict=False)]
    )


def _side(service: RunService, letter: str, status: RunStatus) -> Side:
    return Side(
        letter=letter,
        run_id=status.run_id,
        name=status.name,
        summary=read_results(service.workspace, status.run_id).summary,
        seconds=status.seconds,
        memory_bytes=status.details.get("memory_peak_bytes"),
    )
