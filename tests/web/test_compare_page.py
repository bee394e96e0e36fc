"""Compare and the list of runs that leads to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mmm.results.compare import RULE
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


def linked(app: AppTest) -> list[tuple[str, str]]:
    return [(link.proto.page, link.proto.query_string) for link in app.get("page_link")]


@pytest.fixture(scope="session")
def template_of_two(template: Any, tmp_path_factory: pytest.TempPathFactory, stored_in: Any) -> Any:
    """The usual workspace with a second run of another seed."""
    import shutil

    folder = tmp_path_factory.mktemp("two") / "workspace"
    shutil.copytree(template, folder)
    stored = stored_in(folder)
    experiment = stored.experiment("Another seed")
    stored.train(experiment.model_copy(update={"settings": {**experiment.settings, "seed": 7}}))
    return folder


@pytest.fixture
def two(
    template_of_two: Any,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    _clean: None,
    stored_in: Any,
) -> Any:
    import shutil

    shutil.copytree(template_of_two, tmp_path / "workspace")
    monkeypatch.setenv("MMM_WORKSPACE", str(tmp_path / "workspace"))
    return stored_in(tmp_path / "workspace")


def succeeded(stored: Any) -> list[str]:
    return [status.run_id for status in stored.service.runs() if status.state is RunState.SUCCEEDED]


@pytest.mark.usefixtures("empty")
def test_compare_without_runs_asks_for_some(open_page: Open) -> None:
    app = open_page(links.COMPARE)
    assert "Choose 2 to 4 runs that have succeeded" in words(app)
    assert ("", "") in linked(app)


def test_one_run_alone_asks_for_another_and_leads_to_the_list(open_page: Open, stored: Any) -> None:
    app = open_page(links.COMPARE, runs=stored.of_state(RunState.SUCCEEDED))
    assert app.multiselect[0].value == [stored.of_state(RunState.SUCCEEDED)]
    assert ("runs", "") in linked(app)


def test_two_runs_side_by_side(open_page: Open, two: Any) -> None:
    ids = succeeded(two)
    app = open_page(links.COMPARE, runs=",".join(ids))
    text = words(app)
    assert "The runs agree" in text or "Nothing can be said of agreement" in text
    assert RULE in text
    assert text.count("How to read it.") == 2
    assert [found.proto.label for found in app.get("download_button")] == [
        "Download as CSV",
        "Download both tables as CSV",
    ]
    channels, _, settings = (frame.value for frame in app.dataframe)
    assert len(channels) == 5
    assert settings.to_numpy().tolist() == [["seed", "7", "123"]]
    assert [query for page, query in linked(app) if page == "results"] == [
        f"run={run_id}" for run_id in ids
    ]


def test_a_run_without_results_cannot_be_compared(open_page: Open, two: Any) -> None:
    app = open_page(links.COMPARE, runs=f"{succeeded(two)[0]},{two.of_state(RunState.FAILED)}")
    assert "Only runs with results can be compared" in words(app)
    assert not app.dataframe


def test_a_run_that_is_not_there_is_named(open_page: Open, two: Any) -> None:
    app = open_page(links.COMPARE, runs=f"{succeeded(two)[0]},20200101T000000-0000aaaa")
    assert "there is no run 20200101T000000-0000aaaa" in words(app)


def test_ticked_runs_are_compared(open_page: Open, two: Any) -> None:
    app = open_page(links.RUNS)
    assert "Tick 2 to 4 runs" in words(app)
    assert len(app.checkbox) == 2
    app.checkbox[0].check().run()
    app.checkbox[1].check().run()
    assert ("compare", f"runs={'%2C'.join(succeeded(two))}") in linked(app)


def test_the_list_is_filtered_by_state_and_text(open_page: Open, two: Any) -> None:
    app = open_page(links.RUNS)
    next(box for box in app.multiselect if box.label == "State").set_value(["failed"]).run()
    assert "1 run of this kind, newest first." in words(app)
    next(box for box in app.multiselect if box.label == "State").set_value([]).run()
    next(box for box in app.text_input if box.label == "Text").set_value("another SEED").run()
    assert "1 run of this kind" in words(app)
    assert [query for page, query in linked(app) if page == "run"] == [f"run={succeeded(two)[0]}"]


def test_a_run_leads_to_a_new_experiment(open_page: Open, two: Any) -> None:
    run_id = succeeded(two)[0]
    assert ("experiment", f"run={run_id}") in linked(open_page(links.RUN, run=run_id))
