"""What somebody has begun in a form is there again, for them and for nobody else."""

from __future__ import annotations

import pytest

from mmm.access import User
from mmm.errors import UserError
from mmm.workspace import Workspace

ANN, BOB = User("Ann", email="ann@example.com"), User("Bob", email="bob@example.com")


def test_the_last_fields_kept_come_back_until_they_are_dropped(workspace: Workspace) -> None:
    assert workspace.draft(ANN, "experiment") is None
    workspace.save_draft(ANN, "experiment", {"name": "a"})
    workspace.save_draft(ANN, "experiment", {"name": "b", "tests": [1, None]})
    assert workspace.draft(ANN, "experiment") == {"name": "b", "tests": [1, None]}
    assert workspace.draft_names(ANN) == ["experiment"]
    workspace.drop_draft(ANN, "experiment")
    workspace.drop_draft(ANN, "experiment")
    assert workspace.draft(ANN, "experiment") is None
    assert workspace.draft_names(ANN) == []


def test_people_do_not_see_each_others(workspace: Workspace) -> None:
    workspace.save_draft(ANN, "mapping DE", {"kpi": "revenue"})
    assert workspace.draft(BOB, "mapping DE") is None
    assert workspace.draft_names(BOB) == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_a_name_cannot_leave_its_folder(workspace: Workspace, name: str) -> None:
    with pytest.raises(UserError, match="draft"):
        workspace.save_draft(ANN, name, {})
