"""Waiting for room: why a queued run was refused by its platform, and when it is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from mmm.platforms.base import NoRoom
from mmm.workspace.models import RunEvent, RunState

#: Where a `queued` event keeps it.
WAITS = "waits"
_FIRST_SECONDS, _LONGEST_SECONDS = 15.0, 600.0


class Waits(BaseModel):
    """The platform had no room: since when, how often it said so, and when to ask again."""

    model_config = ConfigDict(frozen=True)

    why: str
    since: datetime
    next: datetime
    refused: int


def refused_again(before: Waits | None, refusal: NoRoom, now: datetime) -> Waits:
    """The wait after one more refusal: 15 seconds at first, then twice as long up to 10 minutes."""
    refused = 1 if before is None else before.refused + 1
    seconds = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(refused - 1, 10))
    since = now if before is None else before.since
    return Waits(
        why=str(refusal), since=since, next=now + timedelta(seconds=seconds), refused=refused
    )


def is_out_of_patience(waits: Waits, refusal: NoRoom, now: datetime) -> bool:
    """Whether the refusal has lasted for longer than its kind may."""
    patience = refusal.patience_seconds
    return patience is not None and (now - waits.since).total_seconds() > patience


def waits_of(event: RunEvent) -> Waits | None:
    """What a `queued` event says of a refusal; None for any other event."""
    if event.state is not RunState.QUEUED or WAITS not in event.details:
        return None
    try:
        return Waits.model_validate(event.details[WAITS])
    except ValidationError:  # another version's: it is tried again at once
        return None
