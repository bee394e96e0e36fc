"""The registry of tests: states, versions, the audit trail, and a named test in an experiment."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mmm.access import NotAllowed, Role, User
from mmm.errors import AlreadyExists, NotFound, UserError
from mmm.experiments.config import LiftTestConfig
from mmm.experiments.registered import find_test, named_in, with_registered
from mmm.experiments.submission import resolve
from mmm.models.tests_kept import history, move, record, register, registry, uses
from mmm.testing.designed import TimeDesign
from mmm.testing.registered import Found, State
from mmm.testing.time_design import Pattern
from mmm.workspace import Workspace

ANA = User("ana", role=Role.ANALYST)
FOUND = Found(lift=1000.0, standard_error=100.0, spend=500.0, pre_fit_passes=True, disturbed=())
ABOUT: dict[str, Any] = {
    "channels": ("tv_S",),
    "start": date(2026, 1, 5),
    "end": date(2026, 2, 1),
    "source": "geo test",
}


@pytest.fixture
def room() -> Workspace:
    return Workspace("memory://")


def design(channel: str = "tv_S") -> TimeDesign:
    return TimeDesign(
        channel=channel,
        start=date(2026, 1, 5),
        end=date(2026, 2, 1),
        periods=4,
        detectable=0.05,
        power=0.8,
        expected=0.05,
        false_positives=0.1,
        windows=10,
        spread=0.02,
        pattern=Pattern.PULSE,
        on=(False, True, True, False),
    )


def test_a_test_goes_from_planned_to_analysed_and_its_history_stays(room: Workspace) -> None:
    register(room, "spring", ANA, design=design())
    with pytest.raises(AlreadyExists, match="there is a test 'spring'"):
        register(room, "spring", ANA, design=design())
    move(room, "spring", ANA, State.RUNNING)
    record(room, "spring", ANA, FOUND, **ABOUT)
    states = [one.state for one in history(room, "spring")]
    assert states == [State.PLANNED, State.RUNNING, State.ANALYSED]
    assert registry(room)["spring"].design == design(), "the result keeps its design"
    with pytest.raises(UserError, match="it is analysed and cannot become running"):
        move(room, "spring", ANA, State.RUNNING)
    move(room, "spring", ANA, State.DISCARDED)
    days = [room.audit(day) for day in room.audit_days()]
    assert [entry.action for day in days for entry in day].count("test.save") == 4


def test_what_cannot_be_kept_is_told(room: Workspace) -> None:
    with pytest.raises(NotAllowed, match=r"test\.save needs the role"):
        record(room, "spring", User("eve"), FOUND, **ABOUT)
    with pytest.raises(UserError, match="the design names no channel"):
        register(room, "spring", ANA, design=design(channel=""))
    register(room, "spring", ANA, design=design(channel="radio_S"))
    with pytest.raises(UserError, match="a test of radio_S, not of tv_S"):
        record(room, "spring", ANA, FOUND, **ABOUT)
    with pytest.raises(NotFound, match="there is no test 'autumn'"):
        history(room, "autumn")


def test_an_experiment_takes_a_test_by_its_name(room: Workspace) -> None:
    record(room, "spring", ANA, FOUND, **ABOUT)
    entries = with_registered(room, ["test:spring"], date(2026, 2, 1))
    test = LiftTestConfig.model_validate(entries[0])
    assert (test.lift, test.spend, test.channels) == (1000.0, 500.0, ("tv_S",))
    assert test.standard_error == pytest.approx(100.0)
    assert named_in(test.source) == ("spring", 1)
    written = {"channels": ["tv_S"], "lift": 1.0}
    resolved = resolve(room, {"lift_tests": ["test:spring@1", written]})
    assert resolved["lift_tests"][1] == written
    assert resolved["lift_tests"][0]["source"] == test.source
    assert find_test(room, "spring@1")[1] == 1


def test_a_test_that_is_not_analysed_or_did_not_fit_is_refused(room: Workspace) -> None:
    register(room, "spring", ANA, design=design())
    with pytest.raises(UserError, match="it is planned, so a model cannot use it"):
        with_registered(room, ["test:spring"])
    bad = FOUND.model_copy(update={"pre_fit_passes": False})
    record(room, "summer", ANA, bad, **ABOUT)
    with pytest.raises(UserError, match="did not follow"):
        with_registered(room, ["test:summer"])
    with pytest.raises(NotFound, match="Known tests: spring, summer"):
        with_registered(room, ["test:winter"])
    assert uses(room, "summer") == []
