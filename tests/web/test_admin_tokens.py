"""Tokens of programs on the page Admin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mmm.access import Role
from mmm.errors import UserError
from mmm.services.tokens import holder
from mmm.settings import Settings
from mmm.web.shell import links
from mmm.workspace import Workspace
from mmm.workspace.tokens import Scope

Open = Callable[..., AppTest]


def press(app: AppTest, label: str) -> None:
    next(found for found in app.button if found.label == label).click().run()
    assert not app.exception


@pytest.mark.usefixtures("empty")
def test_a_token_is_shown_once_and_can_be_revoked(open_page: Open, tmp_path: Path) -> None:
    app = open_page(links.ADMIN)
    next(box for box in app.text_input if box.label == "What it is for").set_value("nightly")
    next(box for box in app.multiselect if box.label == "Scopes").set_value([Scope.WRITE])
    press(app, "Issue")
    assert "needs at least the role analyst" in app.error[0].value.replace("\\", "")
    assert not app.code
    next(box for box in app.text_input if box.label == "What it is for").set_value("nightly")
    next(box for box in app.selectbox if box.label == "Role of the token").set_value(Role.ANALYST)
    press(app, "Issue")
    text = app.code[0].value
    workspace = Workspace.open(Settings(workspace=str(tmp_path / "nothing")))
    found = holder(workspace, text)
    assert (found.name, found.role, found.scopes) == ("nightly", Role.ANALYST, (Scope.WRITE,))
    app.run()
    assert not app.code
    press(app, "Revoke")
    assert any("is revoked" in told.value for told in app.success)
    with pytest.raises(UserError, match="was revoked"):
        holder(workspace, text)
