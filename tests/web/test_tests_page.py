"""The page Tests: designed on a stored history, analysed, kept; which next by a stored run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.models.tests_kept import history, registry
from mmm.sources.files import FileSource
from mmm.testing.registered import State
from mmm.web.shell import links

ANN = User("ann", role=Role.ANALYST)
Open = Callable[..., AppTest]


def words(app: AppTest) -> str:
    kinds: list[Any] = [app.title, app.subheader, app.markdown, app.caption, app.error, app.warning]
    return "\n".join(element.value for kind in kinds for element in kind)


def named(elements: Any, label: str) -> Any:
    return next(found for found in elements if found.label.startswith(label))


def geo_history(folder: Path) -> Path:
    """8 geos, 50 days, the last 10 with 20 % more in two of them."""
    rng = np.random.default_rng(2)
    shared = 1.0 + np.cumsum(rng.normal(0.0, 0.02, 50))
    days = np.datetime64("2026-01-01") + np.arange(50)
    lines = ["location,date,Y"]
    for geo in range(8):
        values = np.round(100.0 * (geo + 1) * (shared + rng.normal(0.0, 0.01, 50)))
        values[40:] *= 1.2 if geo < 2 else 1.0
        lines += [f"geo {geo},{day},{value:.0f}" for day, value in zip(days, values, strict=True)]
    path = folder / "geo.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def with_geos(stored: Any, tmp_path: Path) -> Any:
    ingest(
        FileSource(geo_history(tmp_path)), market="AA", origin="geo.csv", workspace=stored.workspace, by=ANN
    )  # fmt: skip
    return stored


@pytest.mark.usefixtures("empty")
def test_an_empty_workspace_says_what_a_test_needs(open_page: Open) -> None:
    assert "no run has succeeded yet" in words(open_page(links.TESTS))
    assert "none is stored yet" in words(open_page(links.TESTS, part="design"))
    assert "There is no test in the registry yet." in words(open_page(links.TESTS, part="registry"))


def test_the_next_test_is_named_with_its_chart(open_page: Open, stored: Any) -> None:
    app = open_page(links.TESTS)
    named(app.button, "Weigh the tests").click().run()
    assert not app.exception
    text = words(app)
    assert "Test next: " in text.replace("\\", "") or "No test " in text.replace("\\", "")
    assert "Value against cost" in text


def test_a_test_is_designed_and_kept(open_page: Open, with_geos: Any) -> None:
    app = open_page(links.TESTS, part="design")
    chosen = named(app.selectbox, "History")
    chosen.select(next(one for one in chosen.options if one.startswith("AA/"))).run()
    named(app.text_input, "Channel").set_value("tv_S")
    named(app.text_input, "Lengths").set_value("5")
    named(app.text_input, "Numbers").set_value("two")
    named(app.button, "Design the test").click().run()
    assert "is no list of whole numbers" in app.error[0].value.replace("\\", "")
    named(app.text_input, "Numbers").set_value("2")
    named(app.button, "Design the test").click().run()
    assert not app.exception
    assert "Power of the best design" in words(app)
    named(app.text_input, "Name in the registry").set_value("spring-tv").run()
    named(app.button, "Keep as a planned test").click().run()
    assert not app.error
    assert registry(with_geos.workspace)["spring-tv"].state is State.PLANNED


def test_a_test_is_analysed_kept_and_discarded(open_page: Open, with_geos: Any) -> None:
    app = open_page(links.TESTS, part="analyse")
    chosen = named(app.selectbox, "History")
    chosen.select(next(one for one in chosen.options if one.startswith("AA/"))).run()
    named(app.text_input, "Treated geos").set_value("geo 0, geo 1")
    named(app.button, "Analyse").click().run()
    assert "give its first and last date" in app.error[0].value.replace("\\", "")
    named(app.date_input, "First").set_value(date(2026, 2, 10))
    named(app.date_input, "Last").set_value(date(2026, 2, 19))
    named(app.number_input, "Money").set_value(200.0)
    named(app.button, "Analyse").click().run()
    assert not app.exception
    text = words(app)
    assert "The test raised the KPI" in text
    assert "Treated against synthetic" in text
    named(app.text_input, "Name in the registry").set_value("geo-tv").run()
    named(app.text_input, "Channel").set_value("tv_S").run()
    named(app.button, "Keep the result").click().run()
    assert not app.error
    app = open_page(links.TESTS, part="registry")
    assert "1 test, 1 analysed and ready for a run." in words(app)
    named(app.button, "Discard").click().run()
    states = [one.state for one in history(with_geos.workspace, "geo-tv")]
    assert states == [State.ANALYSED, State.DISCARDED]
