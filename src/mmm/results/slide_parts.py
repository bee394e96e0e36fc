"""The parts that a deck of slides is made of, placed on 16:9 pages."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from mmm.results.charts import INK, MUTED, SERIES

_WIDTH, _HEIGHT, _MARGIN = 13.333, 7.5, 0.6  # inches
_INNER = _WIDTH - 2 * _MARGIN
_TOP, _BODY, _FOOT = 1.25, 2.55, 0.55
_SOFT, _WARN = "#f5f7f9", "#b3261e"
_BLANK = 6  # the default template's layout without placeholders
#: A text of so many characters is cut at a word: a slide has no second page.
_MOST = 900


class Deck:
    """A deck under way. `accent` is a colour as #rrggbb; `warning` stands at the top of every
    slide, where there is one.
    """

    def __init__(self, title: str, accent: str, logo: bytes | None, warning: str) -> None:
        from pptx import Presentation
        from pptx.util import Inches

        self._deck = Presentation()
        self._deck.slide_width, self._deck.slide_height = Inches(_WIDTH), Inches(_HEIGHT)
        self._deck.core_properties.title = title
        self._slide: Any = None
        self._below = _TOP
        self.accent, self._logo, self._warning, self._title = accent, logo, warning, title

    def saved(self) -> bytes:
        out = io.BytesIO()
        self._deck.save(out)
        return out.getvalue()

    def slide(self, title: str) -> None:
        """A new slide under a title."""
        from pptx.util import Inches

        self._slide = self._deck.slides.add_slide(self._deck.slide_layouts[_BLANK])
        self._below = _TOP
        bar = self._slide.shapes.add_shape(1, 0, 0, Inches(_WIDTH), Inches(0.12))
        _fill(bar, self.accent)
        wide = _INNER - (2.2 if self._logo else 0.0)
        self._box(_MARGIN, 0.35, wide, 0.8, [title], 26, bold=True)
        if self._logo:
            left = Inches(_WIDTH - _MARGIN - 2.0)
            self._slide.shapes.add_picture(
                io.BytesIO(self._logo), left, Inches(0.3), height=Inches(0.5)
            )
        foot = f"{self._title} · {len(self._deck.slides)}"
        self._box(_MARGIN, _HEIGHT - _FOOT, _INNER, 0.35, [foot], 10, colour=MUTED)
        if self._warning:
            self._box(
                _MARGIN, _TOP - 0.2, _INNER, 0.35, [self._warning], 12, bold=True, colour=_WARN
            )
            self._below = _TOP + 0.25

    def text(self, lines: Sequence[str], *, tall: bool = False) -> None:
        """Paragraphs under the title, over what follows."""
        height = _HEIGHT - _TOP - 1.0 if tall else 1.2
        self._box(_MARGIN, self._below, _INNER, height, lines, 14)
        self._below += height + 0.1

    def card(self, number: int, name: str, head: str, lines: Sequence[str]) -> None:
        """One of up to six cards, three beside each other."""
        from pptx.util import Inches

        width, height, gap = (_INNER - 0.5) / 3, 2.6, 0.25
        left = _MARGIN + (number % 3) * (width + gap)
        top = self._below + (number // 3) * (height + gap)
        shape = self._slide.shapes.add_shape(
            1, Inches(left), Inches(top), Inches(width), Inches(height)
        )
        _fill(shape, _SOFT)
        self._box(left + 0.1, top + 0.05, width - 0.2, 0.3, [name], 11, colour=MUTED)
        self._box(left + 0.1, top + 0.32, width - 0.2, 0.7, [head], 17, bold=True)
        self._box(left + 0.1, top + 1.0, width - 0.2, height - 1.05, lines, 11)

    def bars(
        self,
        names: Sequence[str],
        series: Mapping[str, Sequence[float | None]],
        colours: Sequence[str],
        unit: str,
        *,
        stacked: bool = False,
        half: bool = False,
    ) -> None:
        """A bar chart, the first name at the top. Names are harmless for the workbook inside."""
        from pptx.chart.data import CategoryChartData
        from pptx.enum.chart import XL_CHART_TYPE

        data = CategoryChartData()
        data.categories = list(names)
        for name, values in series.items():
            data.add_series(name, list(values))
        kind = XL_CHART_TYPE.BAR_STACKED if stacked else XL_CHART_TYPE.BAR_CLUSTERED
        chart = self._chart(kind, data, _INNER / 2 - 0.1 if half else _INNER)
        chart.has_legend = len(series) > 1
        chart.category_axis.reverse_order = True
        chart.category_axis.tick_labels.font.size = _points(11)
        chart.category_axis.tick_label_position = _low_labels()
        _axis(chart.value_axis, unit)
        for plotted, colour in zip(chart.plots[0].series, colours, strict=True):
            plotted.format.fill.solid()
            plotted.format.fill.fore_color.rgb = _rgb(colour)
            plotted.invert_if_negative = False
        if stacked:
            chart.plots[0].overlap = 100
        chart.plots[0].gap_width = 50

    def curves(
        self, points: Mapping[str, Sequence[tuple[float, float]]], across: str, up: str
    ) -> None:
        """Lines through points, a colour each."""
        from pptx.chart.data import XyChartData
        from pptx.enum.chart import XL_CHART_TYPE

        data = XyChartData()
        for name, values in points.items():
            series = data.add_series(name)
            for x, y in values:
                series.add_data_point(x, y)
        chart = self._chart(XL_CHART_TYPE.XY_SCATTER_LINES_NO_MARKERS, data, _INNER)
        chart.has_legend = True
        _axis(chart.category_axis, across)
        _axis(chart.value_axis, up)
        for number, plotted in enumerate(chart.plots[0].series):
            plotted.format.line.color.rgb = _rgb(SERIES[number % len(SERIES)])
            plotted.smooth = False

    def table(
        self, heads: Sequence[str], rows: Sequence[Sequence[str]], *, half: bool = False
    ) -> None:
        """A table; the first column at the left, numbers at the right."""
        from pptx.util import Inches

        if not rows:
            return
        width = _INNER / 2 - 0.1 if half else _INNER
        left = _MARGIN + (_INNER / 2 + 0.1 if half else 0.0)
        top = self._below
        shape = self._slide.shapes.add_table(
            len(rows) + 1,
            len(heads),
            Inches(left),
            Inches(top),
            Inches(width),
            Inches(0.32 * (len(rows) + 1)),
        )
        for r, row in enumerate((heads, *rows)):
            for c, value in enumerate(row):
                _cell(shape.table.cell(r, c), value, right=c > 0, head=r == 0, accent=self.accent)

    def _chart(self, kind: Any, data: Any, width: float) -> Any:
        from pptx.util import Inches

        top = self._below
        height = _HEIGHT - top - _FOOT - 0.1
        frame = self._slide.shapes.add_chart(
            kind, Inches(_MARGIN), Inches(top), Inches(width), Inches(height), data
        )
        chart = frame.chart
        chart.has_title = False
        chart.font.size = _points(11)
        return chart

    def _box(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        lines: Sequence[str],
        size: int,
        *,
        bold: bool = False,
        colour: str = INK,
    ) -> None:
        from pptx.util import Inches

        box = self._slide.shapes.add_textbox(
            Inches(left), Inches(top), Inches(width), Inches(height)
        )
        frame = box.text_frame
        frame.word_wrap = True
        for number, line in enumerate(lines):
            paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
            run = paragraph.add_run()
            run.text = _short(line)
            run.font.size, run.font.bold = _points(size), bold
            run.font.color.rgb = _rgb(colour)


def _short(text: str) -> str:
    clean = " ".join(text.split())
    if len(clean) <= _MOST:
        return clean
    return f"{clean[:_MOST].rsplit(' ', 1)[0]} …"


def _cell(cell: Any, value: str, *, right: bool, head: bool, accent: str) -> None:
    from pptx.enum.text import PP_ALIGN

    cell.text = " ".join(value.split())
    paragraph = cell.text_frame.paragraphs[0]
    paragraph.font.size, paragraph.font.bold = _points(12), head
    paragraph.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT
    cell.margin_top = cell.margin_bottom = 18_000  # EMU
    cell.fill.solid()
    cell.fill.fore_color.rgb = _rgb(accent if head else "#ffffff")
    paragraph.font.color.rgb = _rgb("#ffffff" if head else INK)


def _axis(axis: Any, title: str) -> None:
    axis.has_title = True
    axis.axis_title.text_frame.text = title
    axis.axis_title.text_frame.paragraphs[0].font.size = _points(11)
    axis.tick_labels.font.size = _points(11)
    axis.major_gridlines.format.line.color.rgb = _rgb("#e7ebef")
    axis.tick_labels.number_format = '[>=1000000]0.0,,"M";[>=1000]0.0,"k";General'
    axis.tick_labels.number_format_is_linked = False


def _low_labels() -> Any:
    from pptx.enum.chart import XL_TICK_LABEL_POSITION

    return XL_TICK_LABEL_POSITION.LOW


def _points(size: int) -> Any:
    from pptx.util import Pt

    return Pt(size)


def _rgb(colour: str) -> Any:
    from pptx.dml.color import RGBColor

    return RGBColor.from_string(colour.removeprefix("#").upper())


def _fill(shape: Any, colour: str) -> None:
    shape.fill.solid()
    shape.fill.fore_color.rgb = _rgb(colour)
    shape.line.fill.background()
    shape.shadow.inherit = False
