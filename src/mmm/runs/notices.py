"""Notices: what people who asked for it are told of runs, batches and schedules. Written into the
outbox here; `mmm.runs.delivery` sends them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from mmm.errors import UserError
from mmm.format import count
from mmm.runs.firing_names import BY_SCHEDULE
from mmm.runs.status import RunStatus
from mmm.runs.waiting import Waits
from mmm.runs.wording import duration, what_now
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, RunState
from mmm.workspace.notices import person_key
from mmm.workspace.stored import Unreadable, model_of

log = logging.getLogger(__name__)

_BADLY = (RunState.FAILED, RunState.CRASHED, RunState.TIMED_OUT)


class Event(StrEnum):
    """What one may be told of. `quota` is a platform without room for a run."""

    FINISHED = "finished"
    FAILED = "failed"
    REFRESH_MOVED = "refresh-moved"
    QUOTA = "quota"


class Channel(StrEnum):
    EMAIL = "email"
    WEBHOOK = "webhook"


class Subscription(BaseModel):
    """What one person asked to be told, and where. The webhook's address is a secret and lies in
    the secret store. `everybody`: of everybody's runs, not only of one's own.
    """

    model_config = ConfigDict(frozen=True)

    person: str
    events: tuple[Event, ...] = tuple(Event)
    email: str = ""
    webhook: bool = False
    everybody: bool = False

    def wants(self, notice: Notice) -> bool:
        own = notice.owner.partition(BY_SCHEDULE)[0] == self.person
        return notice.event in self.events and (own or self.everybody)

    def channels(self) -> list[Channel]:
        asked = {Channel.EMAIL: bool(self.email), Channel.WEBHOOK: self.webhook}
        return [channel for channel in Channel if asked[channel]]


class Notice(BaseModel):
    """One thing to tell. `owner` is who submitted it; `page` and `query` are where to look."""

    model_config = ConfigDict(frozen=True)

    event: Event
    owner: str
    title: str
    text: str
    page: str
    query: Mapping[str, str] = Field(default_factory=dict)


class Letter(BaseModel):
    """A notice on its way to one person by one channel; tried `tries` times, again at `due`."""

    model_config = ConfigDict(frozen=True)

    notice: Notice
    person: str
    email: str
    channel: Channel
    tries: int = 0
    due: datetime


def subscriptions(workspace: Workspace) -> list[Subscription]:
    """What everybody asked for."""
    found = []
    for text in workspace.subscriptions():
        try:
            found.append(model_of(Subscription, text, "subscription"))
        except Unreadable as damage:  # the others are told
            log.warning("a subscription cannot be read: %s", damage)
    return found


def tell(workspace: Workspace, what: str, notices: Iterable[Notice], now: datetime) -> None:
    """Put letters for all who want a notice into the outbox, once for each `what`."""
    people = subscriptions(workspace)
    if not people or workspace.is_told(what):
        return
    for notice in notices:
        for person in people:
            if person.wants(notice):
                _post(workspace, what, notice, person, now)
    workspace.mark_told(what)


def _post(
    workspace: Workspace, what: str, notice: Notice, person: Subscription, now: datetime
) -> None:
    for channel in person.channels():
        parts = (what.replace("/", "~"), notice.event, person_key(person.person), channel)
        letter = Letter(
            notice=notice, person=person.person, email=person.email, channel=channel, due=now
        )
        workspace.post_letter("-".join(parts), letter)


def tell_of_run(workspace: Workspace, status: RunStatus, now: datetime) -> None:
    """A run of its own has ended."""
    what = f"{status.run_id}-{status.attempt}"
    if status.state in _BADLY:
        title = f"{_name(status)} {status.label}"
        notice = Notice(
            event=Event.FAILED, owner=status.submitted_by, title=title, text=what_now(status),
            page="run", query={"run": status.run_id},
        )  # fmt: skip
        tell(workspace, what, [notice], now)
    elif status.state is RunState.SUCCEEDED:
        tell(workspace, what, _of_success(workspace, status), now)


def _of_success(workspace: Workspace, status: RunStatus) -> Iterable[Notice]:
    """That it has finished, and for a refresh what moved; read only where somebody is to be told."""
    look = {"run": status.run_id}
    yield Notice(
        event=Event.FINISHED, owner=status.submitted_by, title=f"{_name(status)} has succeeded",
        text=f"It took {duration(status.seconds)}.", page="results", query=look,
    )  # fmt: skip
    if "/" in status.run_id:  # a study brings no model up to date
        return
    from mmm.runs.moved import moved

    try:
        found = moved(workspace, status.run_id)
    except UserError as error:  # the model in use is gone, or of a newer version
        log.warning("what run %s moved cannot be told: %s", status.run_id, error)
        return
    if found is None or not found.channels:
        return
    both = {"runs": f"{found.before},{status.run_id}"}
    title = f"{_name(status)} moved {count(len(found.channels), 'channel')}"
    text = " ".join((*found.sentences, "It waits for a person to accept it."))
    yield Notice(
        event=Event.REFRESH_MOVED, owner=status.submitted_by, title=title, text=text,
        page="compare", query=both,
    )  # fmt: skip


def tell_of_batch(
    workspace: Workspace, batch: BatchDocument, statuses: Sequence[RunStatus], now: datetime
) -> None:
    """All runs of a batch have ended: one notice for them together."""
    badly = sum(status.state in _BADLY for status in statuses)
    if all(status.state is RunState.CANCELLED for status in statuses):
        return
    event = Event.FAILED if badly else Event.FINISHED
    name = batch.name or f"Batch {batch.batch_id}"
    done = sum(status.state is RunState.SUCCEEDED for status in statuses)
    text = f"{done} of {count(len(statuses), 'run')} succeeded, {badly} ended badly."
    notice = Notice(
        event=event, owner=batch.actor, title=f"{name} has ended", text=text, page="batch",
        query={"batch": batch.batch_id},
    )  # fmt: skip
    attempts = sum(status.attempt for status in statuses)  # a batch that is retried ends again
    tell(workspace, f"{batch.batch_id}-{attempts}", [notice], now)


def tell_of_no_room(workspace: Workspace, status: RunStatus, waits: Waits, now: datetime) -> None:
    """A platform has no room for a run; told once for all runs of a batch."""
    subject = status.batch or f"{status.run_id}-{status.attempt}"
    notice = Notice(
        event=Event.QUOTA, owner=status.submitted_by, title=f"{_name(status)} waits for room",
        text=f"{waits.why} It is tried again by itself.", page="run",
        query={"run": status.run_id},
    )  # fmt: skip
    tell(workspace, f"{subject}-no-room", [notice], now)


def tell_of_schedule(
    workspace: Workspace, name: str, owner: str, moment: datetime, error: str, now: datetime
) -> None:
    """A schedule could not act on its moment."""
    notice = Notice(
        event=Event.FAILED, owner=owner, title=f"Schedule {name} failed", text=error,
        page="schedules",
    )  # fmt: skip
    tell(workspace, f"schedule-{person_key(name)}-{moment:%Y%m%dT%H%M}", [notice], now)


def _name(status: RunStatus) -> str:
    return f"{status.name or f'Run {status.run_id}'} ({status.market})"
