"""Notifications: who asked is told, once, by real HTTP and SMTP servers on loopback; what is not
taken comes again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from pydantic import SecretStr

from mail_server import MailServer, mail_server
from mmm.access import NotAllowed, Role, User
from mmm.errors import UserError
from mmm.platforms import open_secret_store
from mmm.platforms.base import NoRoom, SecretStore, TaskState, TaskStatus
from mmm.runs.batch import planned, submit_batch
from mmm.runs.delivery import deliver
from mmm.runs.dispatch import Dispatcher
from mmm.runs.events import History
from mmm.runs.notices import Event, tell_of_schedule
from mmm.runs.service import RunService
from mmm.runs.subscribing import choose, chosen, end, try_out
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import RunError, RunState
from mmm.workspace.names import utc_now

ANN = User("ann", role=Role.ANALYST)
BOB = User("Bob", email="bob@example.com", role=Role.ADMIN)
NOW = datetime.fromisoformat("2026-03-10T06:00:00+00:00")


class Platform:
    """Takes every task while there is room, and trains none."""

    room = True

    def submit(self, run_uri: str, name: str) -> str:
        if not self.room:
            raise NoRoom("the vCPU quota is used up.")
        return run_uri

    def describe(self, handle: str) -> TaskStatus:
        return TaskStatus(TaskState.PENDING)

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None: ...

    def logs(self, handle: str) -> Any:
        return iter(())


class Hook:
    """A webhook: what was posted, and the status that it answers with."""

    def __init__(self) -> None:
        self.posted: list[str] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posted.append(json.loads(body)["text"])
                self.send_response(hook.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/services/T0/B0/secret"


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()
    Thread(target=found.server.serve_forever, daemon=True).start()
    yield found
    found.server.shutdown()


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with mail_server(tmp_path) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        yield server


@pytest.fixture
def own(settings: Settings, mail: MailServer, tmp_path: Path) -> Settings:
    return settings.model_copy(
        update={
            "webhook_hosts": ("127.0.0.1",), "smtp_host": "localhost", "smtp_port": mail.port,
            "smtp_from": "mmm@example.com", "smtp_user": "mmm",
            "smtp_password": SecretStr("right"), "public_url": "https://mmm.example.com",
            "secrets_dir": tmp_path / "secrets",
        }
    )  # fmt: skip


@pytest.fixture
def secrets(own: Settings) -> SecretStore:
    return open_secret_store(own)


@pytest.fixture
def service(workspace: Workspace, own: Settings) -> RunService:
    return RunService(workspace, Platform(), own)


def fail(workspace: Workspace, run_id: str) -> None:
    error = RunError(what="radio <b> is missing & gone")
    History(workspace, run_id).add(RunState.FAILED, "task", message=error.what, error=error)


def test_nobody_is_told_without_asking(
    service: RunService, workspace: Workspace, experiment: Any
) -> None:
    run_id = service.submit(experiment(trials=1), ANN)
    fail(workspace, run_id)
    service.start_waiting()
    assert workspace.letter_ids() == []


def test_a_failed_run_is_told_once_by_webhook_and_mail(
    service: RunService, workspace: Workspace, own: Settings, secrets: SecretStore, hook: Hook,
    mail: MailServer, experiment: Any,
) -> None:  # fmt: skip
    choose(
        workspace, own, secrets, ANN, events=list(Event), email="ann@example.com", webhook=hook.url
    )
    choose(workspace, own, secrets, BOB, events=[Event.FAILED], email="bob@example.com")
    run_id = service.submit(experiment(trials=1), ANN)
    fail(workspace, run_id)
    service.start_waiting()
    service.start_waiting()
    assert len(workspace.letter_ids()) == 2, "Bob asked for his own runs alone"

    barrier = Barrier(2)

    def dispatch() -> None:
        barrier.wait()
        deliver(workspace, own, utc_now())

    two = [Thread(target=dispatch) for _ in range(2)]
    for thread in two:
        thread.start()
    for thread in two:
        thread.join()
    assert workspace.letter_ids() == []
    (text,) = hook.posted
    assert "radio &lt;b&gt; is missing &amp; gone" in text
    assert f"<https://mmm.example.com/run?run={run_id}|Look at it>" in text
    ((to, message, secure, user),) = mail.received
    assert (to, secure, user) == ("ann@example.com", True, "mmm")
    assert str(message["Subject"]).endswith("failed")
    assert "radio <b> is missing & gone" in str(message.get_payload())
    deliver(workspace, own, utc_now())
    assert (len(hook.posted), len(mail.received)) == (1, 1)


def test_a_webhook_that_does_not_answer_well_is_tried_again_and_then_given_up(
    workspace: Workspace, own: Settings, secrets: SecretStore, hook: Hook
) -> None:
    choose(workspace, own, secrets, ANN, events=[Event.FAILED], webhook=hook.url)
    tell_of_schedule(workspace, "weekly", ANN.id, NOW, "the database is gone.", NOW)
    hook.status = 302  # a redirect is not followed
    tried = []
    for minute in range(200):
        before = len(hook.posted)
        deliver(workspace, own, NOW + timedelta(minutes=minute))
        if len(hook.posted) > before:
            tried.append(minute)
    assert tried == [0, 1, 4, 13, 40, 121]
    assert workspace.letter_ids() == []

    tell_of_schedule(workspace, "weekly", ANN.id, NOW, "the database is gone.", NOW)
    assert workspace.letter_ids() == [], "it was told"
    tell_of_schedule(workspace, "weekly", ANN.id, NOW + timedelta(days=7), "gone again.", NOW)
    deliver(workspace, own, NOW)
    hook.status = 200
    deliver(workspace, own, NOW + timedelta(minutes=1))
    assert workspace.letter_ids() == []
    assert "gone again." in hook.posted[-1]


def test_a_letter_of_a_dispatcher_that_was_killed_is_sent_by_another(
    workspace: Workspace, own: Settings, secrets: SecretStore, hook: Hook
) -> None:
    choose(workspace, own, secrets, ANN, events=[Event.FAILED], webhook=hook.url)
    tell_of_schedule(workspace, "weekly", ANN.id, NOW, "gone.", NOW)
    (letter,) = workspace.letter_ids()
    assert workspace.take_letter(letter, NOW, 600)  # and then it is killed
    deliver(workspace, own, NOW + timedelta(minutes=5))
    assert hook.posted == []
    deliver(workspace, own, NOW + timedelta(minutes=11))
    assert len(hook.posted) == 1
    assert workspace.letter_ids() == []


def test_a_mail_server_without_encryption_gets_no_password(
    workspace: Workspace, own: Settings, secrets: SecretStore, mail: MailServer
) -> None:
    choose(workspace, own, secrets, BOB, events=[Event.FAILED], email="bob@example.com")
    mail.offers_tls = False
    with pytest.raises(UserError, match="did not take it"):
        try_out(workspace, own, secrets, BOB)
    assert mail.received == []
    mail.offers_tls, mail.password = True, "other"
    with pytest.raises(UserError, match="did not take it"):
        try_out(workspace, own, secrets, BOB)
    mail.password, mail.refuse = "right", "550 nobody"
    with pytest.raises(UserError, match="550"):
        try_out(workspace, own, secrets, BOB)
    mail.refuse = ""
    assert try_out(workspace, own, secrets, BOB) == ["email"]


def test_what_cannot_be_chosen_is_said(
    workspace: Workspace, own: Settings, secrets: SecretStore, settings: Settings, hook: Hook
) -> None:
    def wrong(by: User, given: Settings, **more: Any) -> str:
        with pytest.raises(UserError) as caught:
            choose(workspace, given, secrets, by, events=[Event.FAILED], **more)
        return str(caught.value)

    assert "one's own address alone" in wrong(BOB, own, email="eve@example.com")
    assert "give an e-mail address or a webhook" in wrong(ANN, own)
    assert "there is no mail server" in wrong(ANN, settings, email="ann@example.com")
    told = wrong(ANN, settings, webhook="https://169.254.169.254/latest/token")
    assert "must not post to 169.254.169.254" in told
    assert "token" not in told
    assert "https://" in wrong(ANN, own, webhook="http://hooks.slack.com/services/x")
    assert workspace.subscriptions() == []


def test_a_webhook_is_kept_secret_and_ends_with_its_person(
    workspace: Workspace, own: Settings, secrets: SecretStore, hook: Hook
) -> None:
    choose(workspace, own, secrets, ANN, events=[Event.FAILED], webhook=hook.url)
    stored = b"".join(workspace.objects.get(one.key) for one in workspace.objects.everything())
    assert b"secret" not in stored
    assert try_out(workspace, own, secrets, ANN) == ["webhook"]
    with pytest.raises(NotAllowed):
        end(workspace, own, secrets, ANN, "Bob")
    end(workspace, own, secrets, BOB, "ann")
    assert chosen(workspace, ANN) is None
    with pytest.raises(UserError, match="asked for no notifications"):
        end(workspace, own, secrets, ANN)


def test_a_platform_without_room_is_told_once_for_a_batch_and_its_end_once(
    workspace: Workspace, own: Settings, secrets: SecretStore, hook: Hook, experiment: Any,
    dataset: Any,
) -> None:  # fmt: skip
    choose(workspace, own, secrets, ANN, events=list(Event), webhook=hook.url)
    platform = Platform()
    platform.room = False
    service = RunService(workspace, platform, own)
    content = json.loads(experiment(trials=1).to_json())
    variants: dict[str, dict[str, Any]] = {"a": {"seed": 1}, "b": {"seed": 2}}
    batch = submit_batch(service, planned(content, [dataset], variants), ANN)
    dispatcher = Dispatcher(lambda: service, 1)
    dispatcher.round()
    deliver(workspace, own, utc_now())
    (text,) = hook.posted
    assert "the vCPU quota is used up." in text
    dispatcher.round()
    assert workspace.letter_ids() == []
    platform.room = True
    for member in batch.members:
        history = History(workspace, member.run_id)
        if history.last.state is RunState.QUEUED:
            history.add(RunState.STARTING, "task")
        history.add(RunState.RUNNING, "task")
        history.add(RunState.SUCCEEDED, "task")
    dispatcher.round()
    deliver(workspace, own, utc_now())
    assert len(hook.posted) == 2
    assert "2 of 2 runs succeeded" in hook.posted[1]
