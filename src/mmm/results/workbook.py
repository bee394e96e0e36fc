"""A model's numbers as an Excel workbook: one tidy sheet per table, with formats, ranges as columns
and notes; no text is run as a formula.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from mmm.format import COLUMNS, Labels, heading
from mmm.formulas import neutral
from mmm.results.answer import Answer, answer
from mmm.results.branding import Look
from mmm.results.model_summary import labels_of, warnings_of
from mmm.results.report import facts
from mmm.results.summary import Tables, by_component, channels
from mmm.results.trust import warning_line
from mmm.results.views import present_views

_FORMATS = {
    "effect": "#,##0.00",
    "money": "#,##0.00",
    "percent": "0.0%",
    "efficiency": "#,##0.00####",
    "ratio": "#,##0.00####",
    "integer": "#,##0",
    "number": "0.0000",
    "date": "yyyy-mm-dd",
}
_WIDEST, _NAME = 48, 31
_PLAN = pa.schema([("channel", pa.string()), ("spend_today", pa.float64()), ("spend_plan", pa.float64()), ("change", pa.float64())])  # fmt: skip


def render_workbook(tables: Tables, summary: Mapping[str, Any], look: Look | None = None) -> bytes:
    """The workbook on the summary's model: answer and notes first, then a sheet per table."""
    import xlsxwriter

    look = look or Look()
    summary = look.applied(summary)
    labels, model_id = labels_of(summary), summary["model"]["id"]
    found = answer(tables, summary, labels)
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = _Book(xlsxwriter.Workbook(out, options), labels)
    notes: list[tuple[str, str, str]] = []
    book.answer(found, summary)
    book.sheet("Channels", channels(tables, model_id, labels))
    notes.append(("Channels", "Paid channels over the window.", found.card("channels").headline))
    plan = plan_numbers(tables)
    if plan.num_rows:
        book.sheet("Plan", plan)
        text = f"Money per {labels.period}. {' '.join(found.card('change').sentences)}"
        notes.append(("Plan", "What to change next quarter.", text))
    for view in present_views(tables):
        numbers = view.numbers(tables, model_id, labels)
        title = view.title_for(labels)
        book.sheet(title, view.shown(numbers))
        reading = view.explained(labels, tables, model_id)
        notes.append((title, view.finding(numbers, labels), reading))
    book.sheet("Components by period", by_component(tables, model_id, labels))
    book.notes(notes)
    book.close()
    return out.getvalue()


def plan_numbers(tables: Tables) -> pa.Table:
    """What to change next quarter by channel, money per period; no rows without advice."""
    kept = getattr(tables, "advice", None)
    rows = []
    for move in () if kept is None else kept.moves:
        rows.append(
            {
                "channel": move.channel,
                "spend_today": move.today,
                "spend_plan": move.advised,
                "change": move.change / move.today if move.today else None,
            }
        )
    return pa.Table.from_pylist(rows, _PLAN)


class _Book:
    """A workbook under way."""

    def __init__(self, book: Any, labels: Labels) -> None:
        self._book, self._labels = book, labels
        self._head = book.add_format(
            {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        self._wrap = book.add_format({"text_wrap": True, "valign": "top"})
        self._bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self._warn = book.add_format({"bold": True, "font_color": "#b3261e"})
        self._formats = {
            kind: book.add_format({"num_format": code}) for kind, code in _FORMATS.items()
        }

    def close(self) -> None:
        self._book.close()

    def answer(self, found: Answer, summary: Mapping[str, Any]) -> None:
        """The first sheet: the five answers, warnings, what was modelled."""
        sheet = self._book.add_worksheet("Answer")
        sheet.set_column(0, 0, 32)
        sheet.set_column(1, 1, 40)
        sheet.set_column(2, 2, 90)
        row = 0
        if line := warning_line(found.trust):
            sheet.write_string(row, 0, neutral(line), self._warn)
            row += 2
        rows: list[tuple[str, ...]] = [("Question", "Answer", "Detail")]
        for card in found.cards:
            rows.append(
                (card.question, f"{card.headline}{card.light_said}", " ".join(card.sentences))
            )
        rows += [("Warning", "", text) for text in warnings_of(summary)]
        rows += [(name, text, "") for name, text in facts(summary, self._labels)]
        rows += [("Run", summary["run_id"], ""), ("Model", summary["model"]["id"], "")]
        for number, texts in enumerate(rows):
            for column, text in enumerate(texts):
                style = self._bold if column == 0 else self._wrap
                if number == 0:
                    style = self._head
                sheet.write_string(row + number, column, neutral(text), style)

    def sheet(self, title: str, table: pa.Table) -> None:
        """A tidy sheet: headings in the first row, which stays in sight and filters."""
        sheet = self._book.add_worksheet(self._name(title))
        for column, name in enumerate(table.column_names):
            kind = COLUMNS[name][1]
            head, style = neutral(heading(name, self._labels)), self._formats.get(kind)
            sheet.write_string(0, column, head, self._head)
            values = table[name].to_pylist()
            for row, value in enumerate(values, 1):
                _write(sheet, row, column, value, style)
            texts = [str(value) for value in values[:200] if isinstance(value, str)]
            longest = max(map(len, texts), default=12)
            sheet.set_column(column, column, min(max(longest, len(head), 12) + 2, _WIDEST))
        sheet.freeze_panes(1, 1)
        if table.num_rows and table.num_columns:
            sheet.autofilter(0, 0, table.num_rows, table.num_columns - 1)

    def notes(self, notes: list[tuple[str, str, str]]) -> None:
        """The last sheet: what each sheet says and how to read it."""
        sheet = self._book.add_worksheet("Notes")
        sheet.set_column(0, 0, 32)
        sheet.set_column(1, 2, 80)
        money = f"Money is in {self._labels.currency}; low and high are the ends of 90 % intervals."
        rows = [("Sheet", "What it says", "How to read it"), *notes, ("Units", money, "")]
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                sheet.write_string(
                    row, column, neutral(text), self._head if row == 0 else self._wrap
                )

    def _name(self, title: str) -> str:
        """A sheet's name: 31 characters, none of those that Excel forbids, no other sheet's."""
        clean = "".join(" " if character in "[]:*?/\\" else character for character in title)
        name = clean.strip(" '")[:_NAME] or "Sheet"
        taken = {sheet.get_name().lower() for sheet in self._book.worksheets()}
        number = 2
        while name.lower() in taken:
            name = f"{clean[: _NAME - 3].strip()} {number}"
            number += 1
        return name


def _write(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
    """One cell: numbers and dates as such, texts harmless, nothing where nothing is known."""
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value, style)
    elif isinstance(value, str):
        sheet.write_string(row, column, neutral(value))
    else:
        sheet.write_datetime(row, column, value, style)
