"""What each role may do, and the people the settings let in."""

from __future__ import annotations

import pytest

from mmm.access import LOWEST_ROLE, NotAllowed, Role, User


@pytest.mark.parametrize("action", LOWEST_ROLE)
def test_a_role_may_what_the_roles_below_it_may_and_an_admin_everything(action: str) -> None:
    may = [User("x", role=role).may(action) for role in (Role.VIEWER, Role.ANALYST, Role.ADMIN)]
    assert may == sorted(may)
    assert may[-1]


def test_a_viewer_may_only_choose_what_to_be_told() -> None:
    viewer = User("x", role=Role.VIEWER)
    allowed = [action for action in LOWEST_ROLE if viewer.may(action)]
    assert allowed == ["notifications.choose"]


def test_a_refusal_names_who_what_and_the_role_it_takes() -> None:
    with pytest.raises(NotAllowed) as refusal:
        User("Vic", "vic@example.com").require("run.submit")
    assert str(refusal.value) == (
        "role: vic@example.com has the role viewer; run.submit needs the role analyst. Ask an administrator."
    )


def test_an_action_that_is_not_declared_is_a_defect() -> None:
    with pytest.raises(KeyError):
        User("x", role=Role.ADMIN).may("run.explode")
