"""A sign-in that its person has ended, seen from this server and from others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mmm.web.shell.sign_outs import LOOK_SECONDS, EndedSignIns
from mmm.workspace import Workspace

AT = datetime(2026, 3, 1, tzinfo=UTC)
ANN = {"sub": "1", "iss": "https://id", "iat": 1000.0, "email": "ann@example.com"}


def test_it_has_ended_here_at_once_and_elsewhere_within_seconds(tmp_path: Path) -> None:
    now = [0.0]
    here = EndedSignIns(Workspace(tmp_path.as_uri()), lambda: now[0])
    there = EndedSignIns(Workspace(tmp_path.as_uri()), lambda: now[0])
    assert not here.ended(ANN)
    assert not there.ended(ANN)
    here.end(ANN, "ann@example.com", AT)
    assert here.ended(ANN)
    assert not there.ended(ANN)
    now[0] = LOOK_SECONDS
    assert there.ended(ANN)


def test_another_sign_in_of_the_person_goes_on(tmp_path: Path) -> None:
    ended = EndedSignIns(Workspace(tmp_path.as_uri()))
    ended.end(ANN, "ann@example.com", AT)
    ended.end(ANN, "ann@example.com", AT)
    assert not ended.ended(ANN | {"iat": 1001.0})
    assert not ended.ended(ANN | {"sub": "2"})
    assert EndedSignIns(Workspace(tmp_path.as_uri())).ended(ANN)
