"""The report: one HTML file that opens offline, prints well and runs no script."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from mmm.errors import UserError
from mmm.format import Labels, cell, count, fixed, heading, is_numeric, percent, span
from mmm.results import charts, forecast_score, moves, narrowed
from mmm.results.advice import Advice
from mmm.results.answer import Answer, answer
from mmm.results.branding import Logo, Look
from mmm.results.model_summary import for_model, labels_of, warnings_of
from mmm.results.spans import Span, parse_span, window_dates
from mmm.results.store import RunResults
from mmm.results.summary import Tables, channels
from mmm.results.views import View, present_views

log = logging.getLogger(__name__)

_TEMPLATE = "report.html"
_SPLITS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Section:
    """A view, drawn. `picture` is the only text that is not escaped: it was escaped when it was
    drawn.
    """

    key: str
    title: str
    finding: str
    picture: Markup
    reading: str
    header: list[tuple[str, bool]]
    rows: list[list[tuple[str, bool]]]


@dataclass(frozen=True)
class Content:
    """All that a report says, for each of its forms. Texts are as they are shown, escaped by nobody
    yet.
    """

    title: str
    logo: Logo | None
    summary: Mapping[str, Any]
    labels: Labels
    answer: Answer
    plan: list[list[str]]
    headline: str
    cards: list[tuple[str, str, str]]
    facts: list[tuple[str, str]]
    key_numbers: list[dict[str, str]]
    key_finding: str
    sections: list[Section]
    moved: dict[str, Any] | None
    warnings: list[str]
    diagnostics: list[dict[str, str]]
    provenance: list[tuple[str, str]]
    settings: list[tuple[str, str]]


def content(
    tables: Tables,
    summary: Mapping[str, Any],
    look: Look | None = None,
    progress: Callable[[int, str], None] = lambda section, title: None,
    span: Span | None = None,
) -> Content:
    """The report on the summary's model. `progress` is called with a section's number and title.
    Decomposition and ROAS are those of the range of dates `span`, None: of the window.
    """
    look = look or Look()
    summary = look.applied(summary)
    labels = labels_of(summary)
    model_id = summary["model"]["id"]
    sections, missing = [], []
    for number, view in enumerate(present_views(tables)):
        progress(number, view.title_for(labels))
        try:
            sections.append(_section(view, tables, model_id, labels, span))
        except Exception as error:  # one view's defect must not take the others with it
            log.exception("view %s of model %s cannot be drawn", view.key, model_id)
            found = _undrawn(view, labels, error)
            sections.append(found)
            missing.append(f"{found.title}: {found.finding}")
    return Content(
        title=summary["title"] or f"Marketing mix model of {labels.kpi_name}",
        logo=look.logo,
        summary=summary,
        labels=labels,
        answer=answer(tables, summary, labels),
        plan=plan_rows(getattr(tables, "advice", None), labels),
        headline=sections[0].finding,
        cards=cards(summary, labels),
        facts=facts(summary, labels),
        key_numbers=[
            _key_row(row, labels) for row in channels(tables, model_id, labels).to_pylist()
        ],
        key_finding=_finding_of("efficiency", sections),
        sections=sections,
        moved=_moved(tables, model_id, summary, labels),
        warnings=[*warnings_of(summary), *missing],
        diagnostics=_diagnostics(tables["diagnostics"]),
        provenance=_flat(summary["provenance"]),
        settings=_flat(summary["settings"]),
    )


def _finding_of(key: str, sections: Sequence[Section]) -> str:
    """A section's finding; without a paid channel, which has no efficiency, that of the first."""
    found = (section.finding for section in sections if section.key == key)
    return next(found, sections[0].finding)


def render_report(
    tables: Tables,
    summary: Mapping[str, Any],
    look: Look | None = None,
    progress: Callable[[int, str], None] = lambda section, title: None,
    span: Span | None = None,
) -> str:
    """The report on the summary's model as HTML, see `content`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(_TEMPLATE).render(
        vars(content(tables, summary, look, progress, span)), plan_headings=PLAN_HEADINGS
    )


def report_of(
    results: RunResults, model_id: str | None, look: Look, kind: str, dates: str = ""
) -> bytes:
    """The report on a kept model (None: the recommended one) as "html" or "pdf", its answer as "pptx",
    its numbers as "xlsx"; a report with decomposition
    and ROAS of a range of dates, 2018-01-01:2018-03-26, where one is given.
    """
    from mmm.results.report_pdf import render_pdf

    summary = for_model(
        results.summary, results, results.require_kept(model_id or results.summary["model"]["id"])
    )
    span = None
    if dates:
        span = parse_span(dates, window_dates(results, summary["model"]["id"]))
    if kind == "pdf":
        return render_pdf(content(results, summary, look, span=span))
    if kind == "html":
        return render_report(results, summary, look, span=span).encode()
    if kind in OFFICE:
        return _office(kind)(results, summary, look)
    raise UserError(
        f"{kind!r} is no format of a report.",
        where="report",
        fix="Choose html, pdf, pptx or xlsx.",
    )


#: What spreadsheets and slides are made by.
OFFICE = {
    "pptx": "mmm.results.slides:render_slides",
    "xlsx": "mmm.results.workbook:render_workbook",
}


def _office(kind: str) -> Callable[[Tables, Mapping[str, Any], Look], bytes]:
    """What renders a kind of file; imported when it is asked for."""
    module, _, name = OFFICE[kind].partition(":")
    found: Callable[[Tables, Mapping[str, Any], Look], bytes] = getattr(import_module(module), name)
    return found


PLAN_HEADINGS = ("Channel", "Today", "Advised", "Change")


def plan_rows(advice: Advice | None, labels: Labels) -> list[list[str]]:
    """What to change next quarter, channel by channel, in money per period; no rows without
    advice.
    """
    rows = []
    for move in () if advice is None else advice.moves:
        change = percent(move.change / move.today) if move.today else ""
        rows.append([move.channel, labels.money(move.today), labels.money(move.advised), change])
    return rows


def _moved(
    tables: Tables, model_id: str, summary: Mapping[str, Any], labels: Labels
) -> dict[str, Any] | None:
    """What a refresh moved; None where nothing is refreshed."""
    if not summary.get("refresh"):
        return None
    numbers = moves.moves(tables, model_id, labels)
    shown = moves.shown(numbers, labels)
    finding = moves.finding(numbers, labels)
    score = getattr(tables, "forecast_score", None)
    if score is not None:
        finding = f"{finding} {forecast_score.sentence(score, labels)}"
    return {"finding": finding, "headings": moves.HEADINGS, "rows": shown}


def _section(
    view: View, tables: Tables, model_id: str, labels: Labels, span: Span | None
) -> Section:
    title = view.title_for(labels)
    if span is not None and view.key in narrowed.VIEWS:
        tables = narrowed.narrowed(tables, model_id, span)
        title = f"{title}, {span.said()}"
    numbers = view.numbers(tables, model_id, labels)
    finding = view.finding(numbers, labels)
    with charts.unvalidated():
        picture = charts.svg(view.chart(numbers, labels))
    shown = view.shown(numbers)
    header = [(heading(name, labels), is_numeric(name)) for name in shown.column_names]
    rows = []
    for row in shown.to_pylist():
        rows.append([(cell(name, row[name], labels), is_numeric(name)) for name in row])
    return Section(
        key=view.key,
        title=title,
        finding=finding,
        picture=embedded(picture, view.key, f"{title}. {finding}"),
        reading=view.explained(labels, tables, model_id),
        header=header,
        rows=rows,
    )


def _undrawn(view: View, labels: Labels, error: Exception) -> Section:
    """A sentence in the place of a view that cannot be drawn."""
    return Section(
        key=view.key,
        title=view.title_for(labels),
        finding=(
            f"This view cannot be drawn from these results ({type(error).__name__}); "
            "the tables beside the report hold its numbers."
        ),
        picture=Markup(""),
        reading=view.how_to_read(labels),
        header=[],
        rows=[],
    )


def embedded(picture: str, key: str, label: str) -> Markup:
    """An SVG to stand inside HTML: named for readers who do not see it, ids of its own, no
    namespace addresses.
    """
    opening = re.match(r"<svg\b[^>]*>", picture)
    box = re.search(r'viewBox="([\d. -]+)"', opening.group()) if opening else None
    if opening is None or box is None:
        raise ValueError("not an SVG picture with a viewBox")
    width = float(box.group(1).split()[2])
    body = picture[opening.end() :]
    # The drawing library counts ids through a process's pictures; counted anew, equal results make
    # equal reports.
    for number, name in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', body))):
        body = body.replace(f'id="{name}"', f'id="{key}-{number}"').replace(
            f"url(#{name})", f"url(#{key}-{number})"
        )
    # Safe to mark: the drawing library has escaped all text inside, the label is escaped here.
    return Markup('<svg viewBox="{}" width="{:.0f}" role="img" aria-label="{}">').format(
        box.group(1), width, label
    ) + Markup(body)  # noqa: S704


def cards(summary: Mapping[str, Any], labels: Labels) -> list[tuple[str, str, str]]:
    """The few numbers to remember: name, value, note."""
    totals, fit = summary["totals"], summary["model"]["fit"]
    share = totals["effect"]["paid"] / totals["fitted"] if totals["fitted"] else None
    measure = totals[labels.measure]
    held_out = next((name for name in ("test", "val") if fit[f"rsq_{name}"] is not None), None)
    found = [
        (f"{labels.kpi_name} in the window", labels.effect(summary["kpi"]["total"]), "as recorded"),
        ("Paid media's share", percent(share), labels.effect(totals["effect"]["paid"])),
        (
            f"{labels.efficiency} of all paid media",
            labels.efficiency_value(measure),
            f"{labels.money(totals['spend'])} spent",
        ),
        ("Adjusted R² in training", fixed(fit["rsq_train"]), f"NRMSE {fixed(fit['nrmse'], 3)}"),
    ]
    if held_out:
        name = _SPLITS[held_out]
        found.append(
            (f"R² in {name}", fixed(fit[f"rsq_{held_out}"]), "periods the fit has not seen")
        )
    return found


def facts(summary: Mapping[str, Any], labels: Labels) -> list[tuple[str, str]]:
    """What was modelled."""
    data, candidates, engine = summary["data"], summary["candidates"], summary["engine"]
    window = span(date.fromisoformat(data["window_first"]), date.fromisoformat(data["window_last"]))
    found = [
        ("KPI", f"{labels.kpi_name} ({labels.currency if labels.revenue else 'conversions'})"),
        ("Window", f"{window}, {count(data['window_rows'], labels.period)}"),
        (
            "Data",
            f"{span(date.fromisoformat(data['first']), date.fromisoformat(data['last']))}, {data['rows']:,} rows",
        ),
        ("Paid media", ", ".join(data["paid"])),
        ("Organic media", ", ".join(data["organic"])),
        ("Context", ", ".join(data["context"])),
        ("Holidays", summary["country"] or ""),
        ("Lift tests", str(data["lift_tests"]) if data["lift_tests"] else ""),
        ("Engine", f"{engine['name']} {engine['version']}"),
        ("Seed", str(summary["provenance"].get("seed") or summary["settings"].get("seed") or "")),
        ("Candidates", f"{candidates['evaluated']:,} evaluated, {candidates['kept']:,} kept"),
    ]
    return [(name, value) for name, value in found if value]


def _key_row(row: dict[str, Any], labels: Labels) -> dict[str, str]:
    texts = {name: cell(name, row[name], labels) for name in row}
    return {**texts, "interval": labels.interval(row["value"], row["low"], row["high"])}


def _diagnostics(table: pa.Table) -> list[dict[str, str]]:
    """What the engine says in words; its bare numbers stay in the table, its warnings have a place
    of their own.
    """
    return [
        {
            "name": row["name"].replace("_", " "),
            "subject": row["subject"] or "",
            "text": row["text"],
        }
        for row in table.to_pylist()
        if row["text"] and row["name"] != "warning"
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as dotted names and texts."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{prefix}{name}.")
        elif value is not None:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            pairs.append((f"{prefix}{name}", text))
    return pairs
