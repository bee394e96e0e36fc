"""An R process is followed and ended whatever it does: real R with scripts of the tests' own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from mmm.engines.base import Progress
from mmm.engines.robyn import environment
from mmm.engines.robyn.course import Course
from mmm.engines.robyn.environment import REnvironment
from mmm.engines.robyn.process import run_script
from mmm.errors import Killed, UserError
from robyn_library import RobynLibrary

PROGRESS = "stream <- file(commandArgs(TRUE)[[2]], open = 'w', raw = TRUE)\n"


@pytest.fixture
def follow(robyn: RobynLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run an R script; what the listener was told."""

    def run(code: str, listener: Any = None) -> list[Any]:
        script = tmp_path / "script.R"
        script.write_text(code)
        monkeypatch.setattr(environment, "script", lambda: script)
        told: list[Any] = []
        run_script(
            REnvironment.from_settings(), tmp_path, listener or (lambda *given: told.append(given))
        )
        return told

    return run


def test_a_script_that_ends_without_a_word_is_told_by_its_last_lines(follow: Any) -> None:
    with pytest.raises(UserError) as caught:
        follow("cat('all is well\\n'); quit(status = 3)")
    assert str(caught.value).startswith(
        "Robyn: R ended with code 3 without saying why. Its last lines:\nall is well"
    )


def test_a_signal_is_named(follow: Any) -> None:
    with pytest.raises(UserError, match="R was ended by SIGSEGV without saying why"):
        follow("tools::pskill(Sys.getpid(), 11); Sys.sleep(10)")


def test_a_killed_r_is_told_with_its_last_lines_and_without_a_cause_that_nobody_saw(
    follow: Any,
) -> None:
    with pytest.raises(Killed) as caught:
        follow("cat('half way\\n'); flush(stdout()); tools::pskill(Sys.getpid(), 9); Sys.sleep(10)")
    assert str(caught.value) == (
        "R was killed (mostly for lack of memory). Its last lines:\nhalf way"
    )


def test_a_lost_worker_is_explained(follow: Any) -> None:
    with pytest.raises(
        UserError,
        match=r"A worker was killed \(mostly for lack of memory\): give the task more, or set `cores` to 1",
    ):
        follow(
            PROGRESS
            + 'writeLines(\'{"error":"error reading: unserialize(socklist)"}\', stream); quit(status = 1)'
        )


def test_progress_and_the_bar_are_told_apart_from_what_is_printed(
    follow: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    told = follow(
        PROGRESS
        + 'writeLines(\'{"stage":"search"}\', stream); flush(stream); Sys.sleep(0.3)\n'
        + "bar <- txtProgressBar(max = 2, style = 3)\n"
        + "for (step in 1:2) setTxtProgressBar(bar, step)\nclose(bar)\n"
        + "cat('\\033[31mred\\033[0m words | 50%\\n')\n"
    )
    assert [given for given in told if given != (None, None)] == [
        ({"stage": "search"}, None), (None, 0), (None, 50), (None, 100),
    ]  # fmt: skip
    assert [record.getMessage() for record in caplog.records if record.name.startswith("mmm.")] == [
        "R: red words | 50%"
    ]


def test_what_r_leaves_behind_lies_in_its_folder(
    follow: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    follow("cat(dirname(tempdir()), '\\n')")
    assert f"R: {tmp_path}" in caplog.messages[-1]


def test_a_listener_that_refuses_ends_r_and_what_it_started(follow: Any) -> None:
    """So a run that someone else has ended stops, also while R says nothing."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}

    class Refused(Exception):
        pass

    def refuse(told: Any, percent: Any) -> None:
        raise Refused

    begun = time.monotonic()
    with pytest.raises(Refused):
        follow("system('sleep 300')", refuse)
    assert time.monotonic() - begun < 30
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_a_worker_that_outlives_r_does_not_hold_the_run(follow: Any) -> None:
    begun = time.monotonic()
    follow("system('sleep 20', wait = FALSE)")
    assert time.monotonic() - begun < 15


def test_status_lines_of_the_kept_models_count_and_do_not_fill_the_log(
    follow: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    told = follow(
        "cat('\\r 00:00:01 [=====      ] 50% | 1     ')\n"
        "cat('\\r 00:00:02 [===========] 100% | 2     \\n')\n"
    )
    assert [given for given in told if given != (None, None)] == [({"counted": 1}, None)] * 2
    assert not [record for record in caplog.records if record.name.startswith("mmm.")]


def test_selecting_and_writing_tell_how_far_they_are() -> None:
    seen: list[Progress] = []
    now = [0.0]
    course = Course(seen.append, trials=1, iterations=50, clock=lambda: now[0])
    course({"stage": "select"}, None)
    course({"models": 4}, None)
    for second, percent in enumerate((0, 50, 100)):
        now[0] = second
        course(None, percent)
    for second in (3, 4, 5, 6):
        now[0] = second
        course({"counted": 1}, None)
    course({"stage": "files", "total": 3}, None)
    now[0] = 8
    course({"done": 1}, None)
    select = [(step.done, step.seconds_left) for step in seen if step.stage == "select"]
    assert [done for done, _ in select] == [0, 0, 25, 50, 62, 75, 88, 100, 100]
    assert select[3][1] == 2.0
    files = [(step.done, step.total, step.seconds_left) for step in seen if step.stage == "files"]
    assert files == [(0, 3, None), (1, 3, pytest.approx(4.0))]


def test_the_search_counts_over_trials() -> None:
    """R's bar begins anew with every trial."""
    seen: list[Progress] = []
    now = [0.0]
    course = Course(seen.append, trials=2, iterations=50, clock=lambda: now[0])
    course({"stage": "features"}, None)
    course(None, 100)
    course({"stage": "search"}, None)
    for second, percent in enumerate((0, 50, 100, 0, 50, 50, 100)):
        now[0] = second
        course(None, percent)
    course({"stage": "select"}, None)
    course({"warning": "no font"}, None)
    search = [(step.done, step.seconds_left) for step in seen if step.stage == "search"]
    assert search == [
        (0, None), (0, None), (25, 3.0), (50, 2.0), (50, 3.0), (75, 4 / 3), (75, 5 / 3), (100, 0.0), (100, 0.0),
    ]  # fmt: skip
    assert {step.total for step in seen if step.stage == "search"} == {100}
    assert [step.message for step in seen if step.stage == "search"] == ["Trial 1 of 2"] * 4 + [
        "Trial 2 of 2"
    ] * 5
    assert [step.done for step in seen if step.stage == "features"] == [0, 1]
    assert course.warnings == ["no font"]
