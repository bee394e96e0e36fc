"""The experiment's page in its states: empty, not allowed, full, wrong, kept, begun from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.experiments.templates import save_template
from mmm.platforms.local.user import local_user
from mmm.runs.sample import sample_experiment
from mmm.sources.files import FileSource
from mmm.web.experiment.typed_table import edited
from mmm.web.shell import links
from mmm.workspace.models import RunState

Open = Callable[..., AppTest]


def words(app: AppTest) -> str:
    kinds: list[Any] = [
        app.title,
        app.subheader,
        app.markdown,
        app.caption,
        app.error,
        app.info,
        app.warning,
    ]
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def labelled(elements: Any, label: str) -> Any:
    return next(element for element in elements if element.label == label)


def first_sentence(app: AppTest) -> str:
    return str(app.markdown[0].value).removeprefix("##### ").replace("\\", "")


@pytest.fixture
def run_id(stored: Any) -> str:
    """A run whose experiment has quick settings and is valid."""
    found: str = stored.of_state(RunState.SUCCEEDED)
    return found


@pytest.mark.usefixtures("empty")
def test_without_data_the_page_leads_to_data_and_to_the_sample(open_page: Open) -> None:
    app = open_page(links.EXPERIMENT)
    assert "an experiment needs a dataset" in words(app)
    assert [link.proto.label for link in app.get("page_link")] == [
        ":primary[Connect data]",
        "Begin with the sample",
    ]


def test_a_viewer_sees_why_there_is_nothing(
    open_page: Open, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmm.web.shell.session.local_user", lambda: User("eve", role=Role.VIEWER))
    app = open_page(links.EXPERIMENT)
    assert "Your role, viewer" in app.info[0].value
    assert not app.button
    assert "Experiment" not in [link.proto.label for link in app.sidebar.get("page_link")]


def test_a_new_experiment_begins_with_the_newest_data_and_the_proposed_mapping(
    open_page: Open, stored: Any
) -> None:
    app = open_page(links.EXPERIMENT)
    (dataset,) = stored.workspace.datasets("DE")
    assert labelled(app.selectbox, "Dataset").value == f"DE/{dataset.dataset_id}"
    assert labelled(app.selectbox, "Mapping of its columns").value == ""
    assert "KPI revenue (revenue)" in words(app)
    assert first_sentence(app).startswith("Ready to start")
    assert "no cost" in first_sentence(app)
    assert "no run has ended here yet" in first_sentence(app)  # of the default engine
    assert stored.workspace.draft_names(local_user()) == []


def test_an_invalid_value_is_told_at_its_field_and_nothing_is_lost(
    open_page: Open, stored: Any, run_id: str
) -> None:
    app = open_page(links.EXPERIMENT, run=run_id)
    labelled(app.number_input, "Trials").set_value(0).run()
    assert first_sentence(app).startswith("1 thing to mend")
    assert [error.value.replace("\\", "") for error in app.error] == ["must be at least 1; got 0."]
    assert labelled(app.button, "Start the run").disabled
    labelled(app.text_input, "Currency").set_value("euro").run()
    assert first_sentence(app).startswith("2 things to mend")
    assert labelled(app.number_input, "Trials").value == 0
    labelled(app.number_input, "Trials").set_value(2).run()
    labelled(app.text_input, "Currency").set_value("EUR").run()
    assert not app.error
    assert not labelled(app.button, "Start the run").disabled


def test_checks_of_the_data_are_told_where_they_belong(
    open_page: Open, stored: Any, run_id: str
) -> None:
    app = open_page(links.EXPERIMENT, run=run_id)
    labelled(app.number_input, "Models to keep").set_value(2000).run()
    assert "2000 models are to be kept of 60 candidates" in words(app)
    assert len(app.error) == 1


def test_what_was_begun_is_kept_and_offered_again(
    open_page: Open, stored: Any, run_id: str
) -> None:
    app = open_page(links.EXPERIMENT, run=run_id)
    labelled(app.text_input, "Name").set_value("Half done").run()
    labelled(app.number_input, "Trials").set_value(0).run()
    again = open_page(links.EXPERIMENT, run=run_id)
    assert labelled(again.text_input, "Name").value == "Half done"
    assert labelled(again.number_input, "Trials").value == 0
    assert "Your draft, kept" in words(again)
    elsewhere = open_page(links.EXPERIMENT)
    offered = [
        link.proto
        for link in elsewhere.get("page_link")
        if "Half done" in link.proto.label.replace("\\", "")
    ]
    assert [link.query_string for link in offered] == [f"run={run_id}"]
    labelled(again.button, "Start over").click().run()
    assert labelled(again.text_input, "Name").value != "Half done"
    assert stored.workspace.draft_names(local_user()) == []


def test_a_preset_sets_the_size_of_the_search(open_page: Open, stored: Any) -> None:
    app = open_page(links.EXPERIMENT)
    labelled(app.selectbox, "Engine").set_value("ridge").run()
    group = app.get("button_group")[0]
    assert group.value in ("standard", ["standard"])
    group.set_value(["fast"]).run() if isinstance(group.value, list) else group.set_value(
        "fast"
    ).run()
    assert [labelled(app.number_input, name).value for name in ("Trials", "Iterations")] == [2, 500]


def test_the_preview_follows_the_ranges(open_page: Open, stored: Any) -> None:
    app = open_page(links.EXPERIMENT)
    labelled(app.selectbox, "Engine").set_value("ridge").run()
    assert "0% to 80% lasts into the next week" in words(app)
    labelled(app.number_input, "Carryover (theta): to").set_value(0.5).run()
    assert "0% to 50% lasts into the next week; half of it is gone after 0 to 1.0 weeks" in words(
        app
    )
    labelled(app.number_input, "Carryover (theta): to").set_value(1.0).run()
    assert "must lie within [0, 1)" in words(app)
    assert "The curves are drawn when the ranges are valid." in words(app)


def test_what_is_known_of_a_channel_is_shown_before_the_training(
    open_page: Open, stored: Any
) -> None:
    app = open_page(links.EXPERIMENT)
    assert "Before the data, paid media are expected to bring" in words(app)
    labelled(app.selectbox, "Ranges of").set_value("search_S").run()
    labelled(app.number_input, "ROI likely between: from").set_value(2.0).run()
    labelled(app.number_input, "ROI likely between: to").set_value(2.4).run()
    assert "An ROI of 2 to 2.4 is expected of search_S." in words(app)
    drawn = next(table.value for table in reversed(app.dataframe) if "Of" in table.value)
    assert list(drawn["Of"].unique()) == ["search_S"]
    assert not app.exception


def test_a_channel_may_have_ranges_of_its_own(open_page: Open, stored: Any, run_id: str) -> None:
    app = open_page(links.EXPERIMENT, run=run_id)
    labelled(app.selectbox, "Ranges of").set_value("search_S").run()
    labelled(app.number_input, "Carryover (theta): to").set_value(0.3).run()
    assert "0% to 30% lasts" in words(app)
    content = stored.workspace.draft(local_user(), stored.workspace.draft_names(local_user())[0])[
        "content"
    ]
    assert content["settings"]["media"] == {"search_S": {"theta": [0.0, 0.3]}}
    labelled(app.number_input, "Carryover (theta): from").set_value(None).run()
    labelled(app.number_input, "Carryover (theta): to").set_value(None).run()
    content = stored.workspace.draft(local_user(), stored.workspace.draft_names(local_user())[0])[
        "content"
    ]
    assert content["settings"].get("media") is None


def test_lift_tests_stand_in_a_table_with_what_is_wrong_below_it(
    open_page: Open, stored: Any
) -> None:
    test = {"channels": ["search_S"], "start": "2017-01-02", "end": "2017-01-29"}
    test |= {"lift": 9e4, "standard_error": 1e3, "spend": 1e4, "source": "geo test"}
    tests: list[dict[str, Any]] = [
        test,
        test | {"lift": 2e4},
        test | {"lift": -3e4, "start": "2018-01-01", "end": "2018-01-28"},
        test | {"lift": 9e9, "start": "2018-06-04", "end": "2018-07-01"},
    ]
    content = json.loads(stored.experiment("Tests").to_json())

    def page(count: int) -> AppTest:
        given = content | {"lift_tests": tests[:count]}
        save_template(stored.workspace, "tests", given, local_user())
        return open_page(links.EXPERIMENT, template="tests")

    app = page(3)
    told = words(app)
    assert "Test 2 (search_S 2017-01-02): it overlaps test 1 of the same channels" in told
    assert "contradicts it" in told
    assert "Test 3 (search_S 2018-01-01): lift: a negative lift" in told
    shown = next(table.value for table in app.dataframe if "standard_error" in table.value)
    assert shown["lift"].tolist() == [9e4, 2e4, -3e4]
    assert [list(names) for names in shown["channels"]] == [["search_S"]] * 3
    assert "Test 4 (search_S 2018-06-04): lift: a lift of 9e+09 is" in words(page(4))


def test_what_is_typed_into_a_table_becomes_rows() -> None:
    base = [{"name": "fair", "start": "2024-05-10"}, {"name": "gone"}, {"channels": ["tv"]}]
    edits: dict[str, Any] = {
        "edited_rows": {
            "0": {"start": None, "end": "2024-05-12"},
            "2": {"channels": ["tv", "ooh"]},
        },
        "deleted_rows": [1],
        "added_rows": [{}, {"lift": 3.0}],
    }
    assert edited(base, edits) == [
        {"name": "fair", "end": "2024-05-12"},
        {"channels": ["tv", "ooh"]},
        {"lift": 3.0},
    ]


def test_signs_go_into_the_mapping(open_page: Open, stored: Any, run_id: str) -> None:
    app = open_page(links.EXPERIMENT, run=run_id)
    box = next(
        box
        for box in app.selectbox
        if box.label.replace("\\", "") == "competitor_sales_B (context)"
    )
    box.set_value("negative").run()
    content = stored.workspace.draft(local_user(), stored.workspace.draft_names(local_user())[0])[
        "content"
    ]
    assert content["mapping"]["context"][0]["sign"] == "negative"
    assert "Signs (1 of 8 other than usual)" in [found.label for found in app.expander]


def test_it_starts_a_run_of_what_is_shown_and_drops_the_draft(
    open_page: Open, stored: Any, run_id: str
) -> None:
    app = open_page(links.EXPERIMENT, run=run_id)
    labelled(app.text_input, "Name").set_value("Again").run()
    labelled(app.button, "Start the run").click().run()
    assert not app.exception
    started = app.query_params["run"]
    started = started[0] if isinstance(started, list) else started
    try:
        given = json.loads(stored.workspace.job_config(started))
        assert (given["name"], given["settings"]["iterations"]) == ("Again", 60)
        assert stored.workspace.draft_names(local_user()) == []
    finally:
        stored.service.cancel(started, local_user())


def test_it_is_saved_as_a_template_and_begun_from_one(
    open_page: Open, stored: Any, run_id: str
) -> None:
    app = open_page(links.EXPERIMENT, run=run_id)
    labelled(app.text_input, "Name of the template").set_value("weekly").run()
    labelled(app.button, "Save").click().run()
    assert "Saved as weekly version 1." in app.success[0].value.replace("\\", "")
    assert stored.workspace.template_names() == ["weekly"]
    begun = open_page(links.EXPERIMENT, template="weekly@1")
    assert labelled(begun.number_input, "Iterations").value == 60
    assert first_sentence(begun).startswith("Ready to start")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"run": "20990101"}, "no run's id starts with '20990101'"),
        ({"template": "nothing"}, "there is no template 'nothing'"),
        ({"dataset": "DE"}, "is not a dataset's name"),
        ({"mapping": "nothing@3"}, "there is no mapping 'nothing'"),
    ],
)
def test_an_address_of_something_that_is_not_there_says_so(
    open_page: Open, stored: Any, query: dict[str, str], message: str
) -> None:
    assert message in words(open_page(links.EXPERIMENT, **query))


def test_a_batch_over_seeds_starts_and_shows_its_runs(
    open_page: Open, stored: Any, run_id: str
) -> None:
    app = open_page(links.EXPERIMENT, run=run_id)
    labelled(app.text_input, "Seeds").set_value("1, x").run()
    assert "'x' is no seed" in words(app)
    labelled(app.text_input, "Seeds").set_value("1, 2, 3").run()
    labelled(app.button, "Start the batch of 3 runs").click().run()
    assert not app.exception
    (batch_id,) = stored.workspace.batch_ids()
    try:
        assert "3 runs:" in words(app)
        assert "1 queued" in words(app)
        assert "Batches (1)" in [found.label for found in open_page(links.RUNS).expander]
        app = open_page(links.BATCH, batch=batch_id)
        labelled(app.button, "Cancel all its runs").click().run()
        assert "3 runs: 3 cancelled." in words(app)
    finally:
        for status in stored.service.runs():
            if not status.final:
                stored.service.cancel(status.run_id, local_user())


def test_without_a_proposal_the_page_says_what_is_missing_line_by_line_and_leads_to_the_mapping(
    open_page: Open, stored: Any, tmp_path: Path
) -> None:
    (tmp_path / "one.csv").write_text("revenue\n1\n2\n3\n")
    source, by = FileSource(tmp_path / "one.csv"), local_user()
    made = ingest(source, market="ONE", origin="one.csv", workspace=stored.workspace, by=by)
    app = open_page(links.EXPERIMENT, dataset=f"ONE/{made.dataset_id}")
    lines = app.error[0].value.replace("\\", "").split("  \n")
    assert lines[0] == "no mapping can be proposed:"
    assert [line.split(":")[0] for line in lines[1:]] == ["- role date", "- role spend"]
    shown = [(link.proto.page, link.proto.query_string) for link in app.get("page_link")]
    assert ("map", f"dataset=ONE%2F{made.dataset_id}") in shown


def test_a_template_for_other_columns_is_told_at_the_mapping(open_page: Open, stored: Any) -> None:
    content = json.loads(sample_experiment("0" * 16, "ridge").to_json())
    save_template(stored.workspace, "other", content, local_user())
    (dataset,) = stored.workspace.datasets("DE")
    app = open_page(links.EXPERIMENT, template="other", dataset=f"DE/{dataset.dataset_id}")
    assert "the table has no such column." in words(app)
