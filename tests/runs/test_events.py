"""The life of a run as data: which state may follow which, and who wins when two want to write."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mmm.data.mapping import Mapping, PaidColumns
from mmm.runs.events import FINAL, TRANSITIONS, History, TransitionRefused
from mmm.workspace import Workspace
from mmm.workspace.models import RunState, StageProgress

S = RunState


@pytest.fixture
def history() -> History:
    workspace = Workspace("memory://")
    run_id = workspace.create_run(Mapping(date="d", kpi="k", paid=(PaidColumns(spend="tv"),)))
    return History.begin(workspace, run_id, "ann")


def other(history: History) -> History:
    """A second writer's view of the same run."""
    return History(history._workspace, history.run_id)


def test_every_state_has_its_successors_and_success_has_none() -> None:
    assert set(TRANSITIONS) == {None, *RunState}
    assert frozenset({S.SUCCEEDED, S.FAILED, S.CRASHED, S.TIMED_OUT, S.CANCELLED}) == FINAL
    assert TRANSITIONS[S.SUCCEEDED] == frozenset()
    assert all(TRANSITIONS[state] == {S.QUEUED} for state in FINAL - {S.SUCCEEDED})


def test_the_whole_way_with_a_retry(history: History) -> None:
    for state in (
        S.STARTING,
        S.RUNNING,
        S.RUNNING,
        S.CRASHED,
        S.QUEUED,
        S.STARTING,
        S.RUNNING,
        S.SUCCEEDED,
    ):
        history.add(state, "x")
    events = history._workspace.events(history.run_id)
    assert [event.number for event in events] == list(range(1, 10))
    assert [event.attempt for event in events] == [1, 1, 1, 1, 1, 2, 2, 2, 2]
    assert [event.started for event in events[1:5]] == [events[1].at] * 4
    assert [event.started for event in events[5:]] == [None, *[events[6].at] * 3]


def test_progress_and_stages_are_repeated_until_the_attempt_ends(history: History) -> None:
    history.add(S.STARTING, "x")
    progress = StageProgress(stage="search", done=1, total=2)
    history.add(S.RUNNING, "x", stages=("search", "report"), progress=progress)
    ended = history.add(S.CANCELLED, "bob", message="enough")
    assert (ended.stages, ended.progress, ended.message) == (
        ("search", "report"),
        progress,
        "enough",
    )
    again = history.add(S.QUEUED, "bob")
    assert (again.stages, again.progress, again.message) == ((), None, "")


@pytest.mark.parametrize("way", [[], [S.STARTING], [S.STARTING, S.RUNNING], [S.CANCELLED]])
def test_what_may_not_follow_is_refused(history: History, way: list[RunState]) -> None:
    for state in way:
        history.add(state, "x")
    for state in set(RunState) - TRANSITIONS[history.last.state]:
        with pytest.raises(
            TransitionRefused,
            match=f"run {history.run_id} is {history.last.state} and cannot become",
        ):
            history.add(state, "x")
    assert len(history._workspace.events(history.run_id)) == 1 + len(way)


def test_of_16_who_want_to_end_a_run_one_does(history: History) -> None:
    history.add(S.STARTING, "x")
    writers = [other(history) for _ in range(16)]
    barrier = threading.Barrier(16)

    def cancel(number: int) -> bool:
        barrier.wait()
        try:
            writers[number].add(S.CANCELLED, str(number))
        except TransitionRefused:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(cancel, range(16))) == 1
    assert len(history._workspace.events(history.run_id)) == 3


def test_a_writer_that_is_behind_reads_again(history: History) -> None:
    history.add(S.STARTING, "x")
    task = other(history)
    task.add(S.RUNNING, "task")
    assert history.add(S.CANCELLED, "ann").number == 4
    with pytest.raises(TransitionRefused, match="is cancelled and cannot become running"):
        task.add(S.RUNNING, "task")


def test_a_given_up_attempt_cannot_write_into_the_next(history: History) -> None:
    history.add(S.STARTING, "x")
    task = other(history)
    task.add(S.RUNNING, "task", attempt=1)
    for state in (S.CRASHED, S.QUEUED, S.STARTING, S.RUNNING):
        history.add(state, "x")
    with pytest.raises(TransitionRefused, match="is in attempt 2, not 1 any more"):
        task.add(S.SUCCEEDED, "task", attempt=1)
