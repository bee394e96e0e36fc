"""`mmm schedule` and `mmm notify`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from mmm.platforms.local.user import local_user
from mmm.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]


def test_a_schedule_is_added_listed_shown_paused_and_resumed(
    run: Run, trained: tuple[Workspace, str], tmp_path: Path
) -> None:
    workspace, run_id = trained
    shutil.copytree(workspace.url.removeprefix("file://"), tmp_path / "workspace")
    add = ("schedule", "add", "weekly", "--cron", "0 6 * * 1", "--zone", "Europe/Berlin")
    code, out, _ = run(*add)
    assert code == 0
    assert out.startswith(f"weekly: refresh of run {run_id}, next ")
    code, _, err = run(*add[:-1], "Mars")
    assert (code, "'Mars' is no time zone" in err) == (2, True)
    assert run("schedule", "show", "weekly")[1].count("\n") == 1
    run("schedule", "pause", "weekly")
    assert run("schedule", "list")[1].rstrip().endswith("paused")
    run("schedule", "resume", "weekly")
    assert "paused" not in run("schedule", "list")[1]
    code, _, err = run("schedule", "show", "monthly")
    assert (code, "there is no schedule 'monthly'" in err) == (2, True)


def test_notifications_are_chosen_shown_and_ended(run: Run) -> None:
    assert "told nothing" in run("notify", "show")[1]
    code, _, err = run("notify", "on", "--email", "ann@example.com")
    assert (code, "there is no mail server" in err) == (2, True)
    code, _, err = run("notify", "off")
    assert (code, f"{local_user().id} asked for no notifications" in err) == (2, True)
