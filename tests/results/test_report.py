"""The report is one file that loads nothing, runs nothing, escapes everything and says what the
tables say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from mmm.engines.base import EngineResult, Problem
from mmm.results.branding import Logo, Look
from mmm.results.model_summary import RunInfo, summarise
from mmm.results.report import embedded, render_report
from mmm.results.views import VIEWS, present_views
from mmm.simulation.generator import World, simulate

HOSTILE = "<script>alert(1)</script>\"'& \\ [0].y é "
VOID = {"meta", "img", "br", "link", "input", "hr"}


class _Page(HTMLParser):
    """Tags, texts and attributes; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


@pytest.fixture(scope="module")
def report(world: World, result: EngineResult, make_problem: Callable[..., Problem]) -> str:
    run = RunInfo(
        "run-1",
        title="Spring planning",
        country="DE",
        provenance={"dataset_hash": "abc", "seed": 123},
    )
    return render_report(result.tables, summarise(run, make_problem(world), result))


@pytest.fixture(scope="module")
def hostile(make_result: Callable[..., EngineResult], make_problem: Callable[..., Problem]) -> str:
    world = simulate(7, "standard", channels=20)

    def rename(name: str) -> str:
        return f"{HOSTILE}{name}"

    run = RunInfo(
        HOSTILE,
        title=HOSTILE,
        warnings=(HOSTILE,),
        provenance={HOSTILE: HOSTILE},
        settings={HOSTILE: 1},
    )
    result = make_result(world, rename, split=True)
    return render_report(
        result.tables, summarise(run, make_problem(world, "conversion", rename), result)
    )


def test_it_loads_nothing_and_runs_nothing(report: str, hostile: str) -> None:
    for text in (report, hostile):
        assert not re.search(r"https?://", text)
        assert not re.search(r"<script|<link|<iframe|@import|\burl\((?!#)|\son\w+=", text)


def test_hostile_names_stay_text_and_twenty_channels_fit_into_three_megabytes(hostile: str) -> None:
    page = _Page(hostile)
    assert "script" not in {tag for tag, _ in page.seen}
    assert any(f"{HOSTILE}tv" in text for text in page.texts)
    assert len(hostile.encode()) < 3_000_000


def test_each_section_has_finding_picture_reading_and_numbers(
    report: str, result: EngineResult
) -> None:
    page = _Page(report)
    views = present_views(result.tables)
    assert {view.key for view in VIEWS} - {view.key for view in views} == {
        "forecast",
        "frontier",
        "learnt",
        "stability",
        "calibration",
        "certificate",
        "checks",
        "bends",
        "frequency",
        "geos",
    }
    assert dict(page.seen[0][1]) == {"lang": "en"}
    pictures = [attributes for tag, attributes in page.seen if tag == "svg"]
    assert len(pictures) == len(views)
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)
    assert [tag for tag, _ in page.seen].count("h1") == 1
    assert page.texts.count("How to read it.") == len(views)
    assert sum(text.startswith("Numbers (") for text in page.texts) == len(views)
    anchors = {attributes["id"] for tag, attributes in page.seen if tag == "section"}
    assert {str(attributes["href"])[1:] for tag, attributes in page.seen if tag == "a"} == anchors


def test_ids_are_unique_and_every_clip_path_is_defined(report: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', report)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", report)) <= set(ids)


def test_it_names_model_reason_data_and_provenance(report: str, result: EngineResult) -> None:
    texts = _Page(report).texts
    for text in (
        result.reason,
        "Spring planning",
        "4 Jan 2021 to 25 Dec 2023, 156 weeks",
        "ridge 1",
        "abc",
        "123",
    ):
        assert text in texts
    assert "Fewer than 10 rows per variable." in texts


def test_a_logo_is_put_into_the_file_and_all_else_is_the_same_report_again(
    report: str, world: World, result: EngineResult, make_problem: Callable[..., Problem]
) -> None:
    run = RunInfo(
        "run-1",
        title="Spring planning",
        country="DE",
        provenance={"dataset_hash": "abc", "seed": 123},
    )
    summary = summarise(run, make_problem(world), result)
    text = render_report(
        result.tables,
        summary,
        Look(title="Mine", logo=Logo(media_type="image/png", base64="iVBORw==")),
    )
    assert '<img class="logo" src="data:image/png;base64,iVBORw==" alt="Logo">' in text
    assert "<title>Mine</title>" in text
    assert text.partition("<main>")[2] == report.partition("<main>")[2]


def test_another_currency_renames_money_and_changes_no_number(
    report: str, world: World, result: EngineResult, make_problem: Callable[..., Problem]
) -> None:
    run = RunInfo(
        "run-1",
        title="Spring planning",
        country="DE",
        provenance={"dataset_hash": "abc", "seed": 123},
    )
    summary = summarise(run, make_problem(world), result)
    text = render_report(result.tables, summary, Look(currency="CHF"))
    assert "EUR" not in text
    assert re.findall(r"CHF ([\d.]+[kMB]?)", text) == re.findall(r"EUR ([\d.]+[kMB]?)", report)


def test_an_svg_gets_a_label_and_ids_of_its_own() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="8" viewBox="0 0 8 4">'
        '<clipPath id="clip0"></clipPath><g clip-path="url(#clip0)"></g></svg>'
    )
    assert embedded(svg, "fit", 'A "label"') == (
        '<svg viewBox="0 0 8 4" width="8" role="img" aria-label="A &#34;label&#34;">'
        '<clipPath id="fit-0"></clipPath><g clip-path="url(#fit-0)"></g></svg>'
    )
