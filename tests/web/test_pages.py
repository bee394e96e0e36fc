"""Every page in its states, on real stored runs, without a browser."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from aws_servers import Aws
from mmm.platforms.local.user import local_user
from mmm.runs.service import RunService
from mmm.settings import load_settings
from mmm.web.kit.text import plain, plain_lines
from mmm.web.shell import links
from mmm.workspace.models import RunState

Open = Callable[..., AppTest]


def words(app: AppTest) -> str:
    """All text on the page."""
    kinds: list[Any] = [
        app.title,
        app.subheader,
        app.markdown,
        app.caption,
        app.error,
        app.success,
        app.info,
        app.warning,
    ]
    return "\n".join(element.value for kind in kinds for element in kind)


def linked(app: AppTest) -> list[tuple[str, str]]:
    """Address and query of every link to a page."""
    return [(link.proto.page, link.proto.query_string) for link in app.get("page_link")]


def button(app: AppTest, label: str) -> Any:
    return next(found for found in app.button if found.label == label)


@pytest.mark.usefixtures("empty")
def test_home_of_a_new_workspace_begins_with_the_sample(open_page: Open) -> None:
    app = open_page()
    assert ("connect", "") in linked(app)
    assert "No model has been trained in this workspace yet" in words(app)
    assert [found.label for found in app.button] == ["Open the sample"]
    assert "Nobody signs in here" in app.sidebar.caption[1].value


@pytest.mark.usefixtures("empty")
def test_runs_of_a_new_workspace(open_page: Open) -> None:
    assert "No run has been submitted" in words(open_page(links.RUNS))


@pytest.mark.usefixtures("empty")
def test_the_sample_opens_with_one_click(open_page: Open) -> None:
    app = open_page()
    button(app, "Open the sample").click().run()
    assert not app.exception
    service = RunService.open(load_settings().settings)
    (run_id,) = service.workspace.run_ids()
    try:
        assert app.query_params["run"] == run_id
        assert service.status(run_id).dataset_id == "bc7559ed9f5d61d4"
    finally:
        service.cancel(run_id, local_user())


def test_home_says_what_failed_and_why(open_page: Open, stored: Any) -> None:
    app = open_page()
    assert "Of the latest 2 runs: 1 succeeded, 1 ended without results." in words(app)
    (error,) = app.error
    assert error.value.startswith("**Wrong column** failed: ")
    assert "radio" in error.value
    assert ("run", f"run={stored.of_state(RunState.FAILED)}") in linked(app)


def test_runs_are_listed_page_by_page(open_page: Open, stored: Any) -> None:
    for _ in range(20):
        stored.start(stored.experiment("Queued"))
    app = open_page(links.RUNS)
    assert "22 runs in this workspace, newest first." in words(app)
    assert sum(query.startswith("run=") for _, query in linked(app)) == 20
    assert ("runs", "page=2") in linked(app)
    last = open_page(links.RUNS, page="2")
    assert sum(query.startswith("run=") for _, query in linked(last)) == 2
    assert "Page 2 of 2" in words(last)


@pytest.mark.parametrize("page", ["0", "-1", "99", "x", "9" * 30])
def test_a_wrong_page_number_shows_a_page(open_page: Open, stored: Any, page: str) -> None:
    assert "Wrong column" in "".join(
        link.proto.label for link in open_page(links.RUNS, page=page).get("page_link")
    )


def test_a_running_run_shows_stages_and_time_left(open_page: Open, stored: Any) -> None:
    run_id = stored.running()
    app = open_page(links.RUN, run=run_id)
    assert app.title[0].value == "Under way"
    (bar,) = app.get("progress")
    assert (bar.proto.value, bar.proto.text) == (
        25,
        ":material/pending: " + plain("search 25/100, 2 min left"),
    )
    text = words(app)
    assert ":material/check_circle: features" in text
    assert ":material/circle: select" in text
    assert "row 3" in app.warning[0].value
    assert [found.label for found in app.button] == ["Cancel this run"]


def test_a_run_can_be_cancelled_and_tried_again(open_page: Open, stored: Any) -> None:
    run_id = stored.running()
    app = open_page(links.RUN, run=run_id)
    button(app, "Cancel this run").click().run()
    assert stored.service.status(run_id).state is RunState.CANCELLED
    assert app.error[0].value.startswith("**This run was cancelled.**")
    button(app, "Try again").click().run()
    assert not app.exception
    assert stored.service.status(run_id).attempt == 2
    stored.service.cancel(run_id, local_user())


def test_a_failed_run_explains_itself(open_page: Open, stored: Any) -> None:
    run_id = stored.of_state(RunState.FAILED)
    app = open_page(links.RUN, run=run_id)
    status = stored.service.status(run_id)
    assert app.error[0].value == f"**This run failed.** {plain_lines(status.message)}"
    assert status.error.log_id in words(app)
    assert status.error.log_id in app.code[0].value
    assert "Traceback" not in app.code[0].value
    assert [found.label for found in app.button] == ["Try again"]


@pytest.mark.parametrize("page", [links.RUN, links.RESULTS])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "This address names no run."),
        ({"run": "20200101T000000-00000000"}, "there is no run 20200101T000000-00000000."),
        ({"run": "../../<b>x"}, "'../../<b>x' is not a run id."),
    ],
)
def test_an_unknown_run_is_a_message(
    open_page: Open, stored: Any, page: Any, query: Any, message: str
) -> None:
    app = open_page(page, **query)
    (error,) = app.error
    assert plain(message) in error.value
    assert ("runs", "") in linked(app)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "This address names no batch."),
        ({"batch": "20200101T000000-00000000"}, "there is no batch 20200101T000000-00000000."),
        ({"batch": "../x"}, "'../x' is not a batch id."),
    ],
)
def test_an_unknown_batch_is_a_message(
    open_page: Open, stored: Any, query: Any, message: str
) -> None:
    app = open_page(links.BATCH, **query)
    (error,) = app.error
    assert plain(message) in error.value
    assert ("runs", "") in linked(app)


def test_nothing_is_drawn_as_html(open_page: Open, stored: Any) -> None:
    run_id = stored.of_state(RunState.SUCCEEDED)
    for page in (links.RUN, links.RESULTS):
        app = open_page(page, run=run_id)
        assert not any(element.allow_html for element in app.markdown)
        (style,) = app.get("html")
        assert style.proto.body.startswith("<style>")
        assert re.match(r"\\<img src\\=x", app.title[0].value)


def test_an_unexpected_error_is_told_by_an_id_in_the_log(
    open_page: Open, stored: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = stored.of_state(RunState.SUCCEEDED)

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(RunService, "status", defect)
    with caplog.at_level(logging.ERROR, logger="mmm"):
        app = open_page(links.RUN, run=run_id)
    (error,) = app.error
    (error_id,) = re.findall(r"\*\*([0-9a-f]{8})\*\*", error.value)
    assert "Traceback" not in words(app)
    assert any(error_id in record.message and record.exc_info for record in caplog.records)


def test_a_run_that_cannot_be_read_is_listed_as_such_and_says_why(
    open_page: Open, stored: Any
) -> None:
    run_id = stored.start(stored.experiment("Damaged")).run_id
    (stored.folder / "runs" / run_id / "events" / "000002.json").write_text("{}")
    why = plain(f"run {run_id}: event 2 of its history is damaged:")
    assert ":red-badge[unreadable]" in [found.value for found in open_page(links.RUNS).markdown]
    assert any(why in error.value for error in open_page(links.HOME).error)
    (error,) = open_page(links.RUN, run=run_id).error
    assert why in error.value


@pytest.mark.usefixtures("empty")
def test_the_app_does_not_open_on_a_cloud_platform_without_sign_in(
    open_page: Open, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = aws.new_bucket()
    for name, value in aws.environment(bucket, MMM_WORKSPACE=f"s3://{bucket}").items():
        monkeypatch.setenv(name, value)
    app = open_page()
    assert (
        plain("CLOUD_PROVIDER=aws: the app does not open, because its sign-in settings")
        in app.error[0].value
    )
    for name in ("AUTH_CLIENT_ID", "AUTH_CLIENT_SECRET", "AUTH_COOKIE_SECRET", "AUTH_REDIRECT_URI"):
        assert plain(f"{name}: is needed.") in app.error[0].value
    assert not app.button
    assert not app.sidebar.caption


@pytest.mark.usefixtures("empty")
def test_a_wrong_setting_is_told(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_PROVIDER", "azure")
    assert "CLOUD" in open_page().error[0].value
