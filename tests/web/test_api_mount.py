"""The API in the web app's process, and Streamlit's own interface for agents, which stays closed."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from mmm.access import Role, User
from mmm.services.tokens import TokenRequest, issue
from mmm.settings import Settings
from mmm.workspace import Workspace
from web_servers import web_app


def test_the_web_app_answers_the_api_with_tokens_and_nothing_for_agents_of_streamlits(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "workspace"
    workspace = Workspace.open(Settings(workspace=str(folder)))
    token = issue(workspace, TokenRequest(name="web"), User("ann", role=Role.ADMIN)).token
    known = {"Authorization": f"Bearer {token}"}
    assert st.get_option("server.enableAgentApi") is False
    on = {"STREAMLIT_SERVER_ENABLE_AGENT_API": "true"}
    log = tmp_path / "log"
    with web_app(log, MMM_WORKSPACE=str(folder), MMM_DISPATCH_SECONDS="0", **on) as address:

        def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            found = (answer.status, answer.read())
            connection.close()
            return found

        status, body = ask("/api/v1/runs", **known)
        assert (status, json.loads(body)) == (200, {"runs": [], "next": None})
        assert ask("/api/v1/runs")[0] == 401
        assert json.loads(ask("/api/v1/openapi.json")[1])["openapi"] == "3.1.0"
        assert ask("/api/v1/runs", Host="evil.test", **known)[0] == 421
        for path in ("interact", "mcp", "openapi.json"):
            for method in ("GET", "POST"):
                assert ask(f"/_stcore/agent/{path}", method) == (404, b"not found")
    assert token not in log.read_text()
