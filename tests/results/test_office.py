"""Slides and workbooks hold native charts, tables and numbers of the model, and no text of the data
becomes a formula in them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
import python_calamine
from pptx import Presentation

from mmm.engines.base import EngineResult, Problem
from mmm.errors import UserError
from mmm.format import Labels
from mmm.results.advice import Advice, Move
from mmm.results.branding import Look, look_of
from mmm.results.model_summary import RunInfo, summarise
from mmm.results.slides import render_slides
from mmm.results.summary import channels
from mmm.results.workbook import render_workbook
from mmm.simulation.generator import World

LABELS = Labels("revenue", "revenue", "EUR")
HOSTILE = '=HYPERLINK("http://x")'
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cf500f0003030201"
    "d5a5b9a30000000049454e44ae426082"
)


class WithAdvice(dict):  # type: ignore[type-arg]
    """Tables of a run that has advice."""

    advice: Advice


@pytest.fixture(scope="module")
def made(
    world: World, make_result: Callable[..., EngineResult], make_problem: Callable[..., Problem]
) -> tuple[WithAdvice, dict]:  # type: ignore[type-arg]
    def rename(name: str) -> str:
        return f"{HOSTILE}{name}"

    result = make_result(world, rename)
    tables = WithAdvice(result.tables)
    moves = tuple(Move(rename(name), 100.0, 120.0) for name in world.spend)
    tables.advice = Advice(periods=13, moves=moves, worth_making=True, gain=0.04, response=100.0)
    run = RunInfo("run-1", title=HOSTILE)
    return tables, summarise(run, make_problem(world, rename=rename), result)


def test_slides_have_native_charts_and_tables_and_the_own_look(made) -> None:  # type: ignore[no-untyped-def]
    tables, summary = made
    deck = Presentation(
        io.BytesIO(render_slides(tables, summary, look_of("Spring", accent="#aa0011")))
    )
    shapes = [shape for slide in deck.slides for shape in slide.shapes]
    charts = [shape.chart for shape in shapes if shape.has_chart]
    assert len(charts) >= 4
    assert any(shape.has_table for shape in shapes)
    texts = [shape.text_frame.text for shape in shapes if shape.has_text_frame]
    assert texts[0] == "" or "Spring" in texts
    assert "Spring" in texts
    assert any("What to change next quarter?" in text for text in texts)
    assert all("NRMSE" not in text for text in texts)
    assert "AA0011" in deck.slides[0].shapes[0]._element.xml
    values = {row["channel"]: row["value"] for row in channels(tables, summary["model"]["id"], LABELS).to_pylist()}  # fmt: skip
    roas = next(chart for chart in charts if chart.plots[0].series[0].name == "ROAS")
    shown = dict(zip(roas.plots[0].categories, roas.plots[0].series[0].values, strict=True))
    assert {name.lstrip("'"): value for name, value in shown.items()} == pytest.approx(values)


def test_no_name_is_a_formula_in_the_workbooks_inside_the_charts(made) -> None:  # type: ignore[no-untyped-def]
    deck = zipfile.ZipFile(io.BytesIO(render_slides(*made)))
    books = [name for name in deck.namelist() if name.endswith(".xlsx")]
    assert len(books) >= 4
    for name in books:
        book = zipfile.ZipFile(io.BytesIO(deck.read(name)))
        for part in book.namelist():
            assert b"<f>" not in book.read(part), (name, part)


def test_a_workbook_has_a_tidy_sheet_per_table_and_no_formula(made) -> None:  # type: ignore[no-untyped-def]
    tables, summary = made
    data = render_workbook(tables, summary)
    book = python_calamine.load_workbook(io.BytesIO(data))
    names = book.sheet_names
    assert names[0] == "Answer"
    assert names[-1] == "Notes"
    assert {"Channels", "Plan", "Why the KPI moved", "Components by period"} <= set(names)
    rows = book.get_sheet_by_name("Channels").to_python()
    place = {name: number for number, name in enumerate(rows[0])}
    expected = channels(tables, summary["model"]["id"], LABELS).to_pylist()
    assert [row[place["ROAS"]] for row in rows[1:]] == pytest.approx(
        [row["value"] for row in expected]
    )
    assert rows[1][place["Low"]] == pytest.approx(expected[0]["low"])
    assert rows[1][0] == f"'{expected[0]['channel']}"
    packed = zipfile.ZipFile(io.BytesIO(data))
    for part in packed.namelist():
        content = packed.read(part)
        assert b"<f>" not in content, part
        assert b"<hyperlinks" not in content, part


def test_a_red_warning_stands_on_every_slide_and_first_in_the_workbook(made) -> None:  # type: ignore[no-untyped-def]
    tables, summary = made
    red = {**summary, "plausibility": ["The baseline is negative."]}
    deck = Presentation(io.BytesIO(render_slides(tables, red)))
    for slide in deck.slides:
        texts = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
        assert "Open red warning: The baseline is negative." in texts
    rows = python_calamine.load_workbook(io.BytesIO(render_workbook(tables, red)))
    first = rows.get_sheet_by_name("Answer").to_python()[0]
    assert first[0] == "Open red warning: The baseline is negative."


def test_a_logo_is_a_picture_and_a_word_is_no_colour(made) -> None:  # type: ignore[no-untyped-def]
    deck = Presentation(io.BytesIO(render_slides(*made, look_of(logo=PNG))))
    assert any(shape.shape_type == 13 for shape in deck.slides[0].shapes)
    with pytest.raises(UserError, match="no colour"):
        look_of(accent="blue")
    assert Look(accent="#0b66a8").over(Look(accent="#000000")).accent == "#0b66a8"


def test_a_known_margin_puts_profit_into_slides_and_workbook(made) -> None:  # type: ignore[no-untyped-def]
    tables, summary = made
    told = {**summary, "kpi": {**summary["kpi"], "margin": 0.4}}
    book = python_calamine.load_workbook(io.BytesIO(render_workbook(tables, told)))
    heads = book.get_sheet_by_name("Channels").to_python()[0]
    assert {"Profit after media", "Profit after media, low"} <= set(heads)
    deck = Presentation(io.BytesIO(render_slides(tables, told)))
    shapes = [shape for slide in deck.slides for shape in slide.shapes]
    cells = [cell.text for s in shapes if s.has_table for row in s.table.rows for cell in row.cells]
    assert "Profit after media" in cells
    texts = [shape.text_frame.text for shape in shapes if shape.has_text_frame]
    assert any("At a margin of 40.0 %" in text for text in texts)
