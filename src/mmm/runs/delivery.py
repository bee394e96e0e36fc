"""The outbox is emptied: letters are sent, and tried again where they were not taken."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from mmm.errors import UserError
from mmm.platforms import open_secret_store
from mmm.platforms.base import SecretStore
from mmm.runs.notices import Channel, Letter, Notice
from mmm.runs.senders import post_webhook, send_mail
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.names import utc_now
from mmm.workspace.notices import person_key
from mmm.workspace.stored import model_of

log = logging.getLogger(__name__)

#: A letter that was not taken so often is given up: after about two hours.
_MOST_TRIES = 6
_FIRST_WAIT, _TAKEN_SECONDS = timedelta(minutes=1), 600.0


class Postman:
    """The dispatcher's chore: once a minute send the letters that are due."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._minute: datetime | None = None

    def __call__(self, service: RunService) -> None:
        now = self._clock()
        minute = now.replace(second=0, microsecond=0)
        if minute == self._minute:
            return
        self._minute = minute
        deliver(service.workspace, self._settings, now)


def deliver(workspace: Workspace, settings: Settings, now: datetime) -> None:
    """Send the letters that are due, each by whoever takes it first."""
    for letter_id in workspace.letter_ids():
        try:
            letter = _read(workspace, letter_id)
            if letter is None or letter.due > now:
                continue
            if workspace.take_letter(letter_id, now, _TAKEN_SECONDS):
                _deliver_taken(workspace, settings, letter_id, now)
        except UserError as error:  # a damaged letter; the others are sent
            log.warning("the letter %s was not sent: %s", letter_id, error)


def _deliver_taken(workspace: Workspace, settings: Settings, letter_id: str, now: datetime) -> None:
    letter = _read(workspace, letter_id)  # somebody else may have sent it meanwhile
    if letter is None or letter.due > now:
        workspace.give_back_letter(letter_id)
        return
    try:
        send(settings, open_secret_store(settings), letter)
    except UserError as error:
        tries = letter.tries + 1
        log.warning("a notice to %s was not taken (%d): %s", letter.person, tries, error)
        if tries < _MOST_TRIES:
            due = now + _FIRST_WAIT * 3 ** (tries - 1)
            later = letter.model_copy(update={"tries": tries, "due": due})
            workspace.post_letter(letter_id, later)
            workspace.give_back_letter(letter_id)
            return
    workspace.letter_sent(letter_id)


def _read(workspace: Workspace, letter_id: str) -> Letter | None:
    text = workspace.letter(letter_id)
    return None if text is None else model_of(Letter, text, f"letter {letter_id}")


def send(settings: Settings, secrets: SecretStore, letter: Letter) -> None:
    """Send a letter now; UserError where it is not taken."""
    notice = letter.notice
    link = _link(settings, notice)
    if letter.channel is Channel.EMAIL:
        password = _smtp_password(settings, secrets)
        send_mail(letter.email, notice.title, notice.text, link, settings, password)
        return
    url = secrets.get(webhook_secret(settings, letter.person))
    post_webhook(url, notice.title, notice.text, link, settings)


def webhook_secret(settings: Settings, person: str) -> str:
    """The secret that holds a person's webhook: no connection's name begins with a hyphen."""
    return f"{settings.service_name}-connection--webhook-{person_key(person)}"


def _smtp_password(settings: Settings, secrets: SecretStore) -> str:
    if settings.smtp_password is not None:
        return settings.smtp_password.get_secret_value()
    if settings.smtp_user is None:
        return ""
    return secrets.get(f"{settings.service_name}-connection--smtp-password")


def _link(settings: Settings, notice: Notice) -> str:
    """Where to look, in the web app; "" where its address is not known."""
    if settings.public_url is None:
        return ""
    query = f"?{urlencode(dict(notice.query))}" if notice.query else ""
    return f"{settings.public_url.rstrip('/')}/{notice.page}{query}"
