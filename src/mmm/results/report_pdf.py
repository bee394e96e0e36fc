"""The report as PDF: A4 pages drawn as SVG with the charts of the HTML report, by what draws the
charts.

No browser and no system library is needed: what runs on a developer's machine runs in the smallest
container.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mmm.results.answer import Card
from mmm.results.charts import BLUE, INK, MUTED
from mmm.results.report import PLAN_HEADINGS, Content, Section
from mmm.results.svg_page import pdf_of, placed, size_of, text, wrapped

#: A4 in pixels of 1/96 inch, and in the points that a PDF counts in.
_WIDTH, _HEIGHT = 794, 1123
_POINTS = 'width="595.28" height="841.89"'
_MARGIN, _FOOT = 57, 46
_INNER = _WIDTH - 2 * _MARGIN
_BODY, _SMALL, _CELL, _LEADING = 13.0, 11.0, 10.5, 1.42
_LINE, _SOFT, _WARN = "#dfe5ea", "#f5f7f9", "#8a4b00"
_LIGHTS = {"green": "#1a7f4b", "amber": "#d98a1f", "red": "#b3261e"}
#: Columns of the key numbers: heading, field, width as a fraction, numbers stand at the right.
_KEY_COLUMNS = (
    ("Channel", "channel", 0.19, False), ("Spend", "spend", 0.12, True), ("Share of spend", "spend_share", 0.09, True),
    ("Contribution", "contribution", 0.12, True), ("Share of KPI", "contribution_share", 0.09, True),
    ("{efficiency} (interval)", "interval", 0.17, True), ("Marginal", "marginal", 0.09, True),
    ("Confidence", "confidence", 0.13, False),
)  # fmt: skip


class _Pages:
    """Pages that fill from the top; a part that would not fit begins the next."""

    def __init__(self) -> None:
        self._done: list[list[str]] = []
        self._parts: list[str] = []
        self.y = float(_MARGIN)

    @property
    def room(self) -> float:
        return _HEIGHT - _MARGIN - _FOOT - self.y

    def need(self, height: float) -> bool:
        """Turn the page unless so much room is left on it; whether it was turned."""
        turned = height > self.room and bool(self._parts)
        if turned:
            self._done.append(self._parts)
            self._parts, self.y = [], float(_MARGIN)
        return turned

    def draw(self, part: str) -> None:
        self._parts.append(part)

    def skip(self, height: float) -> None:
        self.y += height

    def words(
        self, words: str, size: float = _BODY, *, bold: bool = False, colour: str = INK
    ) -> None:
        """A paragraph."""
        for line in wrapped(words, _INNER, size, bold=bold):
            self.need(size * _LEADING)
            self.draw(text(_MARGIN, self.y + size, line, size, bold=bold, colour=colour))
            self.skip(size * _LEADING)

    def heading(self, words: str, followed_by: float = 90) -> None:
        """A heading that does not stand alone at a page's foot."""
        self.skip(18 if self._parts else 0)
        self.need(30 + followed_by)
        self.words(words, 18, bold=True)
        self.skip(4)

    def finished(self, foot: str) -> list[str]:
        pages = [*self._done, self._parts]
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {_POINTS} viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        )
        head += f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
        y, line = _HEIGHT - 28, wrapped(foot, _INNER - 90, 9.5, lines=1)[0]
        left = text(_MARGIN, y, line, 9.5, colour=MUTED)
        drawn = []
        for number, parts in enumerate(pages, 1):
            place = f"page {number} of {len(pages)}"
            right = text(_WIDTH - _MARGIN, y, place, 9.5, colour=MUTED, right=True)
            drawn.append("".join([head, *parts, left, right, "</svg>"]))
        return drawn


def render_pdf(report: Content) -> bytes:
    """The report as PDF."""
    pages = _Pages()
    _cover(pages, report)
    if report.plan:
        _plan(pages, report)
    _facts(pages, report)
    _key_numbers(pages, report)
    if report.moved:
        _moved(pages, report)
    for section in report.sections:
        _section(pages, section)
    _checks(pages, report)
    _provenance(pages, report)
    foot = (
        f"{report.title} · model {report.summary['model']['id']} · run {report.summary['run_id']}"
    )
    return pdf_of(pages.finished(foot), report.title)


def _cover(pages: _Pages, report: Content) -> None:
    if report.logo:
        pages.draw(
            f'<image x="{_MARGIN}" y="{pages.y}" width="240" height="48" preserveAspectRatio="xMinYMid meet" '
            f'href="{escape(report.logo.printed())}"/>'
        )
        pages.skip(62)
    pages.words(report.title, 25, bold=True)
    pages.words(dict(report.facts)["Window"], colour=MUTED)
    pages.skip(8)
    pages.draw(f'<rect x="{_MARGIN}" y="{pages.y}" width="{_INNER}" height="3" fill="{BLUE}"/>')
    pages.skip(18)
    for card in report.answer.cards:
        _answer_card(pages, card)
    if report.warnings:
        pages.skip(6)
        pages.words("To bear in mind", bold=True)
    for warning in report.warnings:
        pages.words(f"• {warning}", _SMALL, colour=_WARN)


def _answer_card(pages: _Pages, card: Card) -> None:
    """A question with its answer, on a ground of its own that is as high as its text."""
    inner = _INNER - 32
    lines = [line for text_ in card.sentences for line in wrapped(text_, inner, _SMALL)]
    heads = wrapped(card.headline, inner, 15, bold=True)
    height = 34 + 21 * len(heads) + _SMALL * _LEADING * len(lines)
    pages.need(height + 8)
    top, edge = pages.y, _LIGHTS.get(str(card.light), BLUE)
    pages.draw(
        f'<rect x="{_MARGIN}" y="{top:.1f}" width="{_INNER}" height="{height:.1f}" rx="5" fill="{_SOFT}"/>'
        f'<rect x="{_MARGIN}" y="{top:.1f}" width="4" height="{height:.1f}" fill="{edge}"/>'
    )
    question = f"{card.question}{card.light_said}"
    pages.draw(text(_MARGIN + 16, top + 18, question, _SMALL, colour=MUTED))
    y = top + 22
    for line in heads:
        y += 21
        pages.draw(text(_MARGIN + 16, y - 3, line, 15, bold=True))
    for line in lines:
        y += _SMALL * _LEADING
        pages.draw(text(_MARGIN + 16, y, line, _SMALL))
    pages.skip(height + 8)


def _cards(pages: _Pages, cards: Sequence[tuple[str, str, str]]) -> None:
    gap = 10.0
    width = (_INNER - gap * (len(cards) - 1)) / len(cards)
    inner = width - 20
    names = [wrapped(name, inner, _SMALL, lines=2) for name, _, _ in cards]
    for number, ((_, value, note), lines) in enumerate(zip(cards, names, strict=True)):
        x, y = _MARGIN + number * (width + gap), pages.y
        pages.draw(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="92" rx="6" fill="{_SOFT}"/>'
        )
        for row, line in enumerate(lines):
            pages.draw(text(x + 10, y + 20 + row * 13, line, _SMALL, colour=MUTED))
        pages.draw(text(x + 10, y + 59, value, 19, bold=True))
        for row, line in enumerate(wrapped(note, inner, 10, lines=2)):
            pages.draw(text(x + 10, y + 75 + row * 12, line, 10, colour=MUTED))
    pages.skip(100)


def _plan(pages: _Pages, report: Content) -> None:
    pages.heading("What to change next quarter")
    pages.words(" ".join(report.answer.card("change").sentences))
    pages.skip(8)
    columns = [(share * _INNER, number > 0) for number, share in enumerate((0.4, 0.2, 0.2, 0.2))]
    _table(pages, PLAN_HEADINGS, columns, report.plan)
    pages.words(f"Money per {report.labels.period}, within 30 % of today's.", 10, colour=MUTED)


def _facts(pages: _Pages, report: Content) -> None:
    pages.heading("What was modelled, and which model this is")
    pages.words(report.headline)
    pages.skip(8)
    _cards(pages, report.cards)
    pages.words(f"Model {report.summary['model']['id']}. {report.summary['model']['reason']}")
    pages.skip(8)
    _pairs(pages, report.facts)


def _pairs(pages: _Pages, pairs: Sequence[tuple[str, str]]) -> None:
    """Names at the left, texts at the right."""
    left = 150.0
    for name, value in pairs:
        names, lines = wrapped(name, left - 12, _SMALL), wrapped(value, _INNER - left, _SMALL)
        pages.need(max(len(names), len(lines)) * _SMALL * _LEADING)
        for x, column, colour in ((_MARGIN, names, MUTED), (_MARGIN + left, lines, INK)):
            for row, line in enumerate(column):
                pages.draw(
                    text(x, pages.y + _SMALL + row * _SMALL * _LEADING, line, _SMALL, colour=colour)
                )
        pages.skip(max(len(names), len(lines)) * _SMALL * _LEADING + 2)


def _key_numbers(pages: _Pages, report: Content) -> None:
    pages.heading("Key numbers")
    pages.words(report.key_finding)
    pages.skip(8)
    heads, fields, columns = [], [], []
    for head, field, share, right in _KEY_COLUMNS:
        heads.append(head.format(efficiency=report.labels.efficiency))
        fields.append(field)
        columns.append((share * _INNER, right))
    rows = []
    for row in report.key_numbers:
        rows.append([row[field] for field in fields])
    _table(pages, heads, columns, rows)
    pages.words(
        f"Marginal: the {report.labels.efficiency} of the next unit at today's spend.",
        10,
        colour=MUTED,
    )


def _table(
    pages: _Pages,
    heads: Sequence[str],
    columns: Sequence[tuple[float, bool]],
    rows: Sequence[Sequence[str]],
) -> None:
    """Rows under headings, which are repeated on every page; `columns` have widths and whether they
    stand right.
    """
    _row(pages, heads, columns, head=True)
    for row in rows:
        if pages.need(_CELL * 1.3 * 3 + 7):
            _row(pages, heads, columns, head=True)
        _row(pages, row, columns)


def _row(
    pages: _Pages,
    cells: Sequence[str],
    columns: Sequence[tuple[float, bool]],
    *,
    head: bool = False,
) -> None:
    """One row of a table, a line under it."""
    pad, colour = 8.0, MUTED if head else INK
    lines = [
        wrapped(cell, width - pad, _CELL, bold=head or not number, lines=3)
        for number, (cell, (width, _)) in enumerate(zip(cells, columns, strict=True))
    ]
    height = max(map(len, lines)) * _CELL * 1.3 + 7
    pages.need(height)
    x = float(_MARGIN)
    for number, (column, (width, right)) in enumerate(zip(lines, columns, strict=True)):
        for row, line in enumerate(column):
            at, y = x + width - pad if right else x, pages.y + _CELL + 2 + row * _CELL * 1.3
            pages.draw(
                text(at, y, line, _CELL, bold=head or not number, colour=colour, right=right)
            )
        x += width
    pages.skip(height)
    pages.draw(
        f'<rect x="{_MARGIN}" y="{pages.y:.1f}" width="{_INNER}" height="0.8" fill="{_LINE}"/>'
    )
    pages.skip(2)


def _moved(pages: _Pages, report: Content) -> None:
    moved = report.moved or {}
    pages.heading("What moved since the previous model")
    pages.words(moved["finding"])
    pages.skip(8)
    headings = moved["headings"]
    # The two columns of text are wider than those of numbers.
    share = _INNER / (len(headings) + 1)
    texts, numbers = [(share * 1.5, False)] * 2, [(share, True)] * (len(headings) - 2)
    _table(pages, headings, texts + numbers, moved["rows"])


def _section(pages: _Pages, section: Section) -> None:
    """Heading, finding and chart stay together; a chart that fits on no page is made smaller."""
    picture = str(section.picture)
    if not picture:  # it could not be drawn
        pages.heading(section.title)
        pages.words(section.finding)
        return
    width, height = size_of(picture)
    finding = wrapped(section.finding, _INNER, _BODY)
    reading = wrapped(f"How to read it. {section.reading}", _INNER, _SMALL)
    words = 48 + len(finding) * _BODY * _LEADING + len(reading) * _SMALL * _LEADING + 26
    scale = min(1.0, _INNER / width, (_HEIGHT - _MARGIN - _FOOT - _MARGIN - words) / height)
    pages.heading(section.title, followed_by=words - 48 + height * scale)
    pages.words(section.finding)
    pages.skip(10)
    pages.draw(placed(picture, _MARGIN, pages.y, scale))
    pages.skip(height * scale + 8)
    pages.words(f"How to read it. {section.reading}", _SMALL, colour=MUTED)


def _checks(pages: _Pages, report: Content) -> None:
    pages.heading("Checks and warnings")
    if report.warnings:
        pages.words("The warnings stand on the first page.")
    else:
        pages.words("The data checks and the engine raised no warning, and the split is plausible.")
    for row in report.diagnostics:
        pages.words(
            " · ".join(part for part in (row["name"], row["subject"], row["text"]) if part), _SMALL
        )


def _provenance(pages: _Pages, report: Content) -> None:
    pages.heading("How it was made")
    pages.words("The same data, settings, versions and seed make the same model again.")
    pages.skip(6)
    _pairs(pages, [("Run", report.summary["run_id"]), *report.provenance])
