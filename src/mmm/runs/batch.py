"""Batches: one experiment on several datasets, with several settings, or both; each combination is
a run of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmm.access import User
from mmm.errors import Finding, InvalidInput, UserError
from mmm.experiments.config import DatasetRef, Experiment, parse_experiment
from mmm.runs.batch_board import begin
from mmm.runs.events import TransitionRefused
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.runs.waiting import Waits
from mmm.workspace.concurrent import concurrently
from mmm.workspace.models import BatchDocument, BatchMember, RunState
from mmm.workspace.names import new_id, new_ids, utc_now

#: More than this is a mistake: nobody looks through so many models, and each costs money.
_MOST = 10_000
#: States whose runs `retry_batch` queues again.
RETRIED = frozenset({RunState.FAILED, RunState.CRASHED, RunState.TIMED_OUT})
#: The one variant of a batch over datasets only.
AS_GIVEN: Mapping[str, Mapping[str, Any]] = {"": {}}


@dataclass(frozen=True)
class Planned:
    """One run to be: its dataset, its settings in place of the experiment's, and the experiment
    with both.
    """

    label: str
    dataset: DatasetRef
    settings: dict[str, Any]
    content: dict[str, Any]


def planned(
    content: dict[str, Any],
    datasets: Sequence[DatasetRef],
    variants: Mapping[str, Mapping[str, Any]] = AS_GIVEN,
) -> list[Planned]:
    """Every dataset with every variant (name -> settings, nested like the experiment's), datasets
    first.

    UserError for none, too many, or a combination that is there twice.
    """
    if not datasets or not variants:
        raise UserError("has no runs.", where="the batch", fix="Name one dataset or more.")
    if len(datasets) * len(variants) > _MOST:
        what = f"would have {len(datasets) * len(variants):,} runs; {_MOST:,} are the most."
        raise UserError(what, where="the batch", fix="Make several batches of it.")
    several = len({dataset.market for dataset in datasets}) < len(datasets)
    found, seen = [], set()
    for dataset in datasets:
        place = f"{dataset.market}/{dataset.dataset_id}" if several else dataset.market
        for variant, settings in variants.items():
            label = " · ".join(part for part in (content.get("name", ""), place, variant) if part)
            key = (dataset.market, dataset.dataset_id, json.dumps(settings, sort_keys=True))
            if key in seen:
                raise UserError(
                    "is there twice: same dataset, same settings.",
                    where=label,
                    fix="Leave one out.",
                )
            seen.add(key)
            merged = _merged(content.get("settings", {}), settings)
            own = {**content, "name": label, "dataset": dataset.model_dump(), "settings": merged}
            found.append(Planned(label, dataset, dict(settings), own))
    return found


def submit_batch(
    service: RunService, members: Sequence[Planned], by: User, *, name: str = ""
) -> BatchDocument:
    """Check every run of a batch, then store all and start the first of them.

    InvalidInput names every finding of every run that cannot start, and leaves nothing behind.
    """
    workspace, batch_id = service.workspace, new_id()
    workspace.permit(by, "batch.submit", name or batch_id)
    checked = _checked(service, members)
    run_ids = new_ids(len(checked))
    experiments = [experiment for experiment, _ in checked]
    concurrently(
        lambda one: workspace.create_run(*one), list(zip(experiments, run_ids, strict=True))
    )
    stored = []
    for run_id, member, (_, findings) in zip(run_ids, members, checked, strict=True):
        stored.append(
            BatchMember(
                run_id=run_id,
                label=member.label,
                market=member.dataset.market,
                dataset_id=member.dataset.dataset_id,
                settings=member.settings,
                warnings=tuple(str(finding) for finding in findings),
            )
        )
    batch = BatchDocument(
        batch_id=batch_id,
        name=name,
        at=utc_now(),
        actor=by.id,
        engine=checked[0][0].engine,
        platform=service.platform,
        members=tuple(stored),
        marked=True,
        run_seconds=_run_seconds(service, experiments),
    )
    workspace.save_batch(batch)
    workspace.append_audit(
        by, "batch.submit", batch_id, name=name, runs=[member.run_id for member in batch.members]
    )
    begin(workspace, batch)
    service.start_waiting()
    return batch


def _run_seconds(service: RunService, experiments: Sequence[Experiment]) -> float | None:
    """What a run of a large batch is estimated to take, by its first; None where nobody knows, and
    for a small batch, which nobody divides into tasks.
    """
    if len(experiments) < service.job_from:
        return None
    from mmm.runs.estimate import estimate_of

    return estimate_of(service, experiments[0]).seconds


def _checked(
    service: RunService, members: Sequence[Planned]
) -> list[tuple[Experiment, list[Finding]]]:
    """Each run's experiment and warnings; InvalidInput with what is wrong in any of them."""
    found, wrong, bad = [], [], 0
    for member in members:
        try:
            experiment = parse_experiment(
                json.dumps(member.content, default=str), where=member.label
            )
            found.append((experiment, service.check(experiment)))
        except UserError as error:
            bad += 1
            findings = (
                error.findings
                if isinstance(error, InvalidInput)
                else [Finding("error", str(error))]
            )
            wrong += [
                Finding(
                    "error", item.what, f"{member.label}: {item.where}".removesuffix(": "), item.fix
                )
                for item in findings
            ]
    if wrong:
        raise InvalidInput(
            f"{bad} of the batch's {len(members)} runs cannot start; none was started:", wrong
        )
    return found


def batch_statuses(service: RunService, batch: BatchDocument) -> list[RunStatus]:
    """The runs of a batch now, in its order; takes a step of the queue first."""
    return service.of_batch(batch)


def first_wait(statuses: Sequence[RunStatus]) -> Waits | None:
    """Why runs of a batch do not start: the refusal of the first that was refused, None for none."""
    return next((status.waits for status in statuses if status.waits is not None), None)


def cancel_batch(service: RunService, batch: BatchDocument, by: User) -> int:
    """Stop every run of the batch that has not ended, the waiting ones first; return how many.

    UserError, after all the others are stopped, where the platform did not stop the task of one.
    """
    service.workspace.permit(by, "batch.cancel", batch.batch_id)
    going = [status for status in service.look_at(batch) if not status.final]
    # What waits is ended first, or a place that becomes free would be taken by it.
    going.sort(key=lambda status: status.started is not None)
    cancelled, refused = 0, []
    for status in going:
        try:
            service.cancel(status.run_id, by)
        except TransitionRefused:  # it has ended since
            continue
        except UserError as error:
            refused.append(f"{status.run_id}: {error}")
        cancelled += 1
    try:
        service.stop_job(batch)
    except UserError as error:
        refused.append(f"the batch's job: {error}")
    service.workspace.append_audit(by, "batch.cancel", batch.batch_id, runs=cancelled)
    if refused:
        fix = "Their runs are cancelled and take nothing more from them; stop the tasks on the platform."
        raise UserError(
            f"tasks that could not be stopped: {'; '.join(refused)}", where=batch.batch_id, fix=fix
        )
    return cancelled


def retry_batch(service: RunService, batch: BatchDocument, by: User) -> int:
    """Queue every run of the batch again that failed, crashed or timed out; return how many. They
    start when it is their turn. Cancelled runs stay as they are.
    """
    workspace = service.workspace
    workspace.permit(by, "batch.retry", batch.batch_id)
    badly = [status.run_id for status in service.look_at(batch) if status.state in RETRIED]
    if not badly:
        return 0
    workspace.reopen_batch(batch.batch_id)  # before its runs wait, lest nobody look
    again = concurrently(lambda run_id: service.queue_again(run_id, batch.batch_id, by), badly)
    count = sum(again)
    workspace.append_audit(by, "batch.retry", batch.batch_id, runs=count)
    service.start_waiting()
    return count


def _merged(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """`own` with what `other` sets, objects within them merged likewise."""
    found = dict(own)
    for name, value in other.items():
        before = found.get(name)
        found[name] = (
            _merged(before, value)
            if isinstance(before, Mapping) and isinstance(value, Mapping)
            else value
        )
    return found
