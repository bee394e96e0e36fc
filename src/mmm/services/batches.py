"""Batches: runs that were submitted together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mmm.runs.batch import batch_statuses, cancel_batch, retry_batch
from mmm.runs.status import RunStatus
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, operation
from mmm.services.pages import before, page_of
from mmm.services.runs import Name
from mmm.workspace.models import BatchDocument
from mmm.workspace.tokens import Scope


class BatchesAsked(Fields):
    """`before` is a batch's id."""

    before: Name = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class BatchPage(Fields):
    """Newest first. `next` is what to ask for `before`."""

    batches: list[BatchDocument]
    unreadable: list[str]
    next: str | None


class OfBatch(Fields):
    """An id, an unambiguous start of one, or latest."""

    batch: Annotated[str, Field(min_length=1, max_length=100)]


class BatchOut(Fields):
    """The batch, and its runs now in its order."""

    batch: BatchDocument
    runs: list[RunStatus]


class Changed(Fields):
    batch_id: str
    runs: int


@operation(Method.GET, "/batches", Scope.READ)
def list_batches(context: Context, asked: BatchesAsked) -> BatchPage:
    """List batches, newest first."""
    page, following = page_of(before(context.workspace.batch_ids(), asked.before), asked.limit)
    found = context.workspace.batches(page)
    return BatchPage(
        batches=list(found),
        unreadable=[str(damage) for damage in found.unreadable],
        next=following,
    )


@operation(Method.GET, "/batches/{batch}", Scope.READ)
def get_batch(context: Context, asked: OfBatch) -> BatchOut:
    """Say how a batch and its runs stand."""
    batch = context.workspace.find_batch(asked.batch)
    return BatchOut(batch=batch, runs=batch_statuses(context.runs, batch))


@operation(Method.POST, "/batches/{batch}/cancel", Scope.COMPUTE)
def stop_batch(context: Context, asked: OfBatch) -> Changed:
    """Stop every run of a batch that has not ended."""
    batch = context.workspace.find_batch(asked.batch)
    return Changed(batch_id=batch.batch_id, runs=cancel_batch(context.runs, batch, context.user))


@operation(Method.POST, "/batches/{batch}/retry", Scope.COMPUTE, once=True)
def retry_batch_runs(context: Context, asked: OfBatch) -> Changed:
    """Queue every run of a batch again that failed, crashed or timed out."""
    batch = context.workspace.find_batch(asked.batch)
    return Changed(batch_id=batch.batch_id, runs=retry_batch(context.runs, batch, context.user))
