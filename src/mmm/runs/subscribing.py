"""A person chooses what they are told of and where, tries it, and ends it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mmm.access import User
from mmm.errors import UserError
from mmm.platforms.base import SecretStore
from mmm.runs.delivery import send, webhook_secret
from mmm.runs.notices import Channel, Event, Letter, Notice, Subscription
from mmm.runs.senders import require_webhook
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.names import utc_now
from mmm.workspace.stored import model_of

_ADDRESS = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,.]+")


def chosen(workspace: Workspace, person: User) -> Subscription | None:
    """What the person asked for; None where they asked for nothing."""
    text = workspace.subscription(person.id)
    return None if text is None else model_of(Subscription, text, "subscription")


def choose(
    workspace: Workspace,
    settings: Settings,
    secrets: SecretStore,
    by: User,
    *,
    events: Iterable[Event],
    email: str = "",
    webhook: str = "",
    everybody: bool = False,
) -> Subscription:
    """Store what a person wants to be told and where, in place of what they chose before. An empty
    `webhook` keeps the one there is. UserError for what cannot be.
    """
    workspace.permit(by, "notifications.choose", by.id)
    before = chosen(workspace, by)
    subscription = Subscription(
        person=by.id,
        events=tuple(dict.fromkeys(events)),
        email=email.strip(),
        webhook=bool(webhook) or (before is not None and before.webhook),
        everybody=everybody,
    )
    _require(subscription, by, settings)
    if webhook:
        require_webhook(webhook, settings)
    channels = subscription.channels()
    with workspace.deed(by, "notifications.choose", by.id, channels=channels):
        if webhook:
            secrets.put(webhook_secret(settings, by.id), webhook)
        workspace.save_subscription(by.id, subscription)
    return subscription


def _require(subscription: Subscription, by: User, settings: Settings) -> None:
    if not subscription.events:
        raise UserError("choose at least one thing to be told of.", where="notifications")
    if not subscription.channels():
        raise UserError("give an e-mail address or a webhook.", where="notifications")
    email = subscription.email
    if not email:
        return
    if not _ADDRESS.fullmatch(email):
        raise UserError(f"{email!r} is no e-mail address.", where="e-mail")
    if by.email and email.lower() != by.email.lower():
        raise UserError("notifications go to one's own address alone.", where="e-mail")
    if not settings.smtp_host:
        fix = "An administrator sets MMM_SMTP_HOST and MMM_SMTP_FROM; a webhook needs neither."
        raise UserError("there is no mail server.", where="e-mail", fix=fix)


def end(
    workspace: Workspace, settings: Settings, secrets: SecretStore, by: User, person: str = ""
) -> None:
    """Tell the person (an administrator may name another) nothing any more."""
    whom = person or by.id
    action = "notifications.choose" if whom == by.id else "notifications.end"
    workspace.permit(by, action, whom)
    if workspace.subscription(whom) is None:
        raise UserError(f"{whom} asked for no notifications.", where="notifications")
    with workspace.deed(by, action, whom, ended=True):
        workspace.drop_subscription(whom)
        secrets.delete(webhook_secret(settings, whom))


def try_out(
    workspace: Workspace, settings: Settings, secrets: SecretStore, by: User
) -> list[Channel]:
    """Send a notice now by all that the person chose; UserError of the first that is not taken."""
    subscription = chosen(workspace, by)
    if subscription is None:
        raise UserError("you asked for no notifications.", where="notifications")
    notice = Notice(
        event=Event.FINISHED, owner=by.id, title="A try", text="Notifications reach you.", page=""
    )
    for channel in subscription.channels():
        letter = Letter(
            notice=notice, person=by.id, email=subscription.email, channel=channel, due=utc_now()
        )
        send(settings, secrets, letter)
    return subscription.channels()
