"""The page Notifications, with a real webhook on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mmm.platforms.local.user import local_user
from mmm.settings import load_settings
from mmm.web.shell import links
from mmm.workspace import Workspace

Open = Callable[..., AppTest]


def button(app: AppTest, label: str) -> Any:
    return next(found for found in app.button if found.label == label)


@pytest.mark.usefixtures("empty")
def test_one_chooses_tries_and_ends(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MMM_WEBHOOK_HOSTS", "127.0.0.1")
    monkeypatch.setenv("MMM_SECRETS_DIR", "secrets")
    app = open_page(links.NOTIFICATIONS)
    assert app.markdown[0].value == "##### You are told nothing."
    button(app, "Save").click().run()
    assert "give an e" in app.error[0].value
    app.text_input[1].set_value(f"http://127.0.0.1:{server.server_address[1]}/secret")
    button(app, "Save").click().run()
    assert app.markdown[0].value == "##### You are told of your runs by webhook."
    button(app, "Send a try").click().run()
    assert posted == ["*A try*\nNotifications reach you."]
    button(app, "Tell me nothing any more").click().run()
    assert not app.exception
    assert Workspace.open(load_settings().settings).subscription(local_user().id) is None
    server.shutdown()
