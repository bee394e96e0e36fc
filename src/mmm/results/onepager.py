"""One page per model: its eight plots and its fit on one sheet, as SVG, PDF, PNG or HTML (Robyn's
one-pager).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from mmm.errors import UserError
from mmm.format import Labels, fixed, percent, span
from mmm.results import charts
from mmm.results.model_summary import for_model, labels_of
from mmm.results.report import embedded
from mmm.results.summary import Tables, fit_measures
from mmm.results.svg_page import placed, size_of, text, wrapped
from mmm.results.views import view

FORMATS = ("pdf", "png", "svg", "html")
#: Robyn's eight, two in a row.
PLOTS = (
    ("waterfall", "actual_vs_fitted"),
    ("share_of_spend", "efficiency"),
    ("response_curves", "adstock"),
    ("carryover", "residuals"),
)
#: Pixels of a sheet with A4's proportions on which charts keep nearly their own size; as PDF it is
#: A4.
_A4_POINTS = 595.28
_WIDTH, _HEIGHT, _MARGIN, _GAP = 1587, 2244, 48, 36
_TITLE, _HEAD, _LINE = 132, 62, 17
_SMALL = 13.5


@dataclass(frozen=True)
class _Plot:
    """A drawn view: SVG as it stands inside another, and its natural size in pixels."""

    title: str
    finding: str
    picture: str
    width: float
    height: float


def onepager(tables: Tables, summary: Mapping[str, Any], model_id: str | None = None) -> str:
    """The page of a kept model (None: the recommended one) as SVG."""
    chosen = for_model(summary, tables, model_id or summary["model"]["id"])
    labels = labels_of(chosen)
    rows = []
    for pair in PLOTS:
        shown = [key for key in pair if view(key).present(tables)]
        if shown:
            rows.append([_plot(key, tables, chosen["model"]["id"], labels) for key in shown])
    parts = [*_title(chosen, tables, labels), *_placed(rows)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {_size(_WIDTH)} viewBox="0 0 {_WIDTH} {_HEIGHT}">'
    )
    return f'{head}<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>{"".join(parts)}</svg>'


def _size(width: float) -> str:
    return f'width="{width}" height="{width * _HEIGHT / _WIDTH:.2f}"'


def rendered(page: str, kind: str, title: str) -> bytes:
    """The page in one of `FORMATS`."""
    import vl_convert

    if kind == "svg":
        return page.encode()
    if kind == "html":
        style = "body{margin:0}svg{width:100%;height:auto;display:block}@page{size:A4;margin:0}"
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            f"<style>{style}</style></head><body>{page}</body></html>\n"
        ).encode()
    if kind == "pdf":
        return bytes(vl_convert.svg_to_pdf(page.replace(_size(_WIDTH), _size(_A4_POINTS), 1)))
    if kind == "png":
        return bytes(vl_convert.svg_to_png(page, scale=1.5))
    raise UserError(
        f"{kind!r} is no format of a page.",
        where="output",
        fix=f"End its name in {', '.join(FORMATS)}.",
    )


def _plot(key: str, tables: Tables, model_id: str, labels: Labels) -> _Plot:
    shown = view(key)
    numbers = shown.numbers(tables, model_id, labels)
    with charts.unvalidated():
        picture = str(
            embedded(
                charts.svg(shown.chart(numbers, labels)), f"{key}-page", shown.title_for(labels)
            )
        )
    return _Plot(
        shown.title_for(labels), shown.finding(numbers, labels), picture, *size_of(picture)
    )


def _title(summary: Mapping[str, Any], tables: Tables, labels: Labels) -> list[str]:
    """Name, data window, engine, seed; then the fit in Robyn's measures."""
    data, engine, model = summary["data"], summary["engine"], summary["model"]
    window = span(date.fromisoformat(data["window_first"]), date.fromisoformat(data["window_last"]))
    seed = summary["provenance"].get("seed")
    version = summary["provenance"].get("code_version")
    name = summary["title"] or f"Marketing mix model of {labels.kpi_name}"
    made_by = f"engine {engine['name']} {engine['version']}"
    if version:
        made_by += f" (mmm-app {version})"
    origin = [f"Model {model['id']}", f"{window}, {data['window_rows']} {labels.period}s", made_by]
    if seed is not None:
        origin.append(f"seed {seed}")
    origin.append(f"run {summary['run_id']}")
    return [
        text(_MARGIN, _MARGIN + 30, name, 30, bold=True),
        text(_MARGIN, _MARGIN + 62, "  ·  ".join(origin), 16, colour=charts.MUTED),
        text(_MARGIN, _MARGIN + 88, "  ·  ".join(_fit(summary, tables, labels)), 16),
    ]


def _fit(summary: Mapping[str, Any], tables: Tables, labels: Labels) -> list[str]:
    """Adjusted R2 and NRMSE of every part of the window, DECOMP.RSSD, MAPE of lift tests and of the
    fit.
    """
    fit, refreshed = summary["model"]["fit"], summary.get("refresh")
    names = {"train": "training", "val": "validation", "test": "test"}
    splits = [name for name in names if fit[f"rsq_{name}"] is not None]
    found = [f"adjusted R² {names[name]} {fixed(fit[f'rsq_{name}'], 4)}" for name in splits]
    found += [f"NRMSE {names[name]} {fixed(fit[f'nrmse_{name}'], 4)}" for name in splits]
    distance = f"distance to model {refreshed['model']}" if refreshed else "DECOMP.RSSD"
    if fit["decomp_rssd"] is not None:
        found.append(f"{distance} {fixed(fit['decomp_rssd'], 4)}")
    if fit["calibration_error"] is not None:
        found.append(f"MAPE of lift tests {percent(fit['calibration_error'])}")
    measures = fit_measures(
        view("actual_vs_fitted").numbers(tables, summary["model"]["id"], labels)
    )
    return [*found, f"MAPE of the fit {percent(measures['train']['mape'])}"]


def _height(row: Sequence[_Plot], column: float) -> float:
    """The highest plot of a row, each no wider than its column."""
    return max(plot.height * min(1.0, column / plot.width) for plot in row)


def _placed(rows: Sequence[Sequence[_Plot]]) -> list[str]:
    """The plots in two columns, all rows shrunk alike where they would not fit on the sheet."""
    column = (_WIDTH - 2 * _MARGIN - _GAP) / 2
    heights = [_height(row, column) for row in rows]
    room = _HEIGHT - 2 * _MARGIN - _TITLE - len(rows) * (_HEAD + _GAP)
    shrink = min(1.0, room / sum(heights))
    spare = max(0.0, room - sum(heights)) / len(rows)
    parts, top = [], float(_MARGIN + _TITLE)
    for row, height in zip(rows, heights, strict=True):
        for number, plot in enumerate(row):
            scale = min(1.0, column / plot.width, height * shrink / plot.height)
            left = _MARGIN + number * (column + _GAP)
            parts.append(text(left, top + 18, plot.title, 19, bold=True))
            for line, words in enumerate(wrapped(plot.finding, column, _SMALL, lines=2)):
                parts.append(
                    text(left, top + 40 + line * _LINE, words, _SMALL, colour=charts.MUTED)
                )
            parts.append(placed(plot.picture, left, top + _HEAD, scale))
        top += height * shrink + _HEAD + _GAP + spare
    return parts
