"""The report as PDF says what the HTML says, on pages, and holds its texts as text."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from pypdf import PdfReader

from mmm.engines.base import EngineResult, Problem
from mmm.results.branding import Look, logo_from
from mmm.results.model_summary import RunInfo, summarise
from mmm.results.report import Content, content
from mmm.results.report_pdf import render_pdf
from mmm.results.svg_page import text_width, wrapped
from mmm.simulation.generator import simulate

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><rect width="120" height="40"/></svg>'
HOSTILE = '<tv> & "radio" \'é '


@pytest.fixture(scope="module")
def report(
    make_result: Callable[..., EngineResult], make_problem: Callable[..., Problem]
) -> Content:
    """Twenty channels whose names are awkward."""
    world = simulate(7, "standard", channels=20)

    def rename(name: str) -> str:
        return f"{HOSTILE}{name}"

    result = make_result(world, rename, split=True)
    summary = summarise(RunInfo("run-1", title="Own", warnings=("A warning.",)), make_problem(world, "revenue", rename),
                        result)  # fmt: skip
    return content(
        result.tables, summary, Look(title="Spring review", currency="CHF", logo=logo_from(LOGO))
    )


@pytest.fixture(scope="module")
def pdf(report: Content) -> PdfReader:
    return PdfReader(io.BytesIO(render_pdf(report)))


def test_it_is_a4_with_the_given_title(pdf: PdfReader) -> None:
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Spring review"
    assert {
        (round(float(page.mediabox.width)), round(float(page.mediabox.height)))
        for page in pdf.pages
    } == {(595, 842)}


def test_every_section_every_channel_and_every_warning_is_in_it(
    pdf: PdfReader, report: Content
) -> None:
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    for section in report.sections:
        assert section.title in text
    for row in report.key_numbers:
        assert row["channel"] in text
    assert "A warning." in text
    assert "EUR" not in text
    assert f"page 1 of {len(pdf.pages)}" in text


def test_the_logo_is_a_picture_on_the_first_page(pdf: PdfReader) -> None:
    assert len(pdf.pages[0].images) == 1


def test_lines_break_before_they_are_too_wide_and_long_words_are_cut() -> None:
    lines = wrapped("one two three " + "x" * 100, 100.0, 12.0)
    assert all(text_width(line, 12.0) <= 100.0 for line in lines)
    assert "".join(lines).replace(" ", "") == "onetwothree" + "x" * 100
    assert wrapped("one two three four", 40.0, 12.0, lines=2)[-1].endswith(" …")
