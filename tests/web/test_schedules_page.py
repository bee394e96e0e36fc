"""The page Schedules on real stored runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pyarrow.csv import write_csv
from streamlit.testing.v1 import AppTest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.models.refresh import in_use
from mmm.runs.firing import Scheduler
from mmm.runs.schedules import next_moment, read_firings, read_schedule, save_schedule
from mmm.sources.files import FileSource
from mmm.web.shell import links
from mmm.workspace.models import RunState
from mmm.workspace.names import utc_now

ANN = User("ann", role=Role.ANALYST)
Open = Callable[..., AppTest]


def words(app: AppTest) -> str:
    kinds: list[Any] = [app.title, app.subheader, app.markdown, app.caption, app.error]
    return "\n".join(element.value for kind in kinds for element in kind)


def button(app: AppTest, label: str) -> Any:
    return next(found for found in app.button if found.label == label)


@pytest.mark.usefixtures("empty")
def test_a_workspace_without_models_has_none_to_schedule(open_page: Open) -> None:
    text = words(open_page(links.SCHEDULES))
    assert "No model is brought up to date by the clock yet." in text
    assert "no run has succeeded yet" in text


def test_a_schedule_is_saved_from_the_form_and_paused(open_page: Open, stored: Any) -> None:
    app = open_page(links.SCHEDULES)
    app.text_input[0].set_value("weekly")
    app.text_input[1].set_value("0 6 * *")
    button(app, "Save").click().run()
    assert "has not five fields" in app.error[0].value
    assert not stored.workspace.schedules()
    app.text_input[1].set_value("30 6 * * 1")
    button(app, "Save").click().run()
    assert not app.exception
    item = read_schedule(stored.workspace, "weekly")
    assert (item.cron, item.mode) == ("30 6 * * 1", "refresh")
    assert item.run == stored.of_state(RunState.SUCCEEDED)
    button(app, "Pause").click().run()
    assert read_schedule(stored.workspace, "weekly").paused


def test_a_new_model_is_shown_beside_the_one_in_use_and_accepted(
    open_page: Open, stored: Any
) -> None:
    run_id = stored.of_state(RunState.SUCCEEDED)
    fields = {"name": "weekly", "run": run_id, "cron": "0 6 * * 1", "mode": "retrain"}
    item = save_schedule(stored.workspace, fields, ANN)
    dataset = stored.workspace.datasets("DE")[0]
    table = stored.workspace.read_dataset("DE", dataset.dataset_id)
    other = stored.folder.parent / "other.csv"
    write_csv(table.slice(0, table.num_rows - 1), other)
    ingest(FileSource(other), market="DE", origin="other", workspace=stored.workspace, by=ANN)
    later = next_moment(item, utc_now()) + timedelta(minutes=1)
    Scheduler(stored.settings, lambda: later)(stored.service)
    (firing,) = read_firings(stored.workspace, "weekly")
    assert not firing.error
    assert [event.state for event in stored.service.follow(firing.run_id)][-1] is RunState.SUCCEEDED
    app = open_page(links.SCHEDULES)
    button(app, "Accept").click().run()
    assert not app.exception
    used = in_use(stored.workspace, run_id)
    assert used is not None
    assert used.run_id == firing.run_id
