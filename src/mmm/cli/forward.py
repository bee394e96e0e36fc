"""What `mmm plan --ahead` and `--frontier` read and print beside the plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mmm.cli import show

if TYPE_CHECKING:
    import pyarrow as pa

    from mmm.format import Labels
    from mmm.planning.forecast_tables import Forecast


def read_known(file: Path | None) -> dict[str, list[float]]:
    """Columns of control variables ahead from a file; none without one."""
    from mmm.models.flighting import known_of, read_table

    return {} if file is None else known_of(read_table(file), str(file))


def print_forecast(forecast: Forecast, labels: Labels) -> None:
    """The sentences, and one line a period: the KPI with its range, and the planned spend."""
    for sentence in forecast.findings:
        typer.echo(sentence)
    spend: dict[object, float] = {}
    for row in forecast.flighting:
        spend[row["date"]] = spend.get(row["date"], 0.0) + row["spend"]
    lines: list[tuple[str, ...]] = []
    for row in forecast.kpi:
        lines.append(
            (
                row["date"].isoformat(),
                labels.money(spend[row["date"]]),
                labels.effect(row["baseline"]),
                labels.effect(row["media"]),
                labels.effect_band(row["kpi"], row["kpi_low"], row["kpi_high"]),
            )
        )
    typer.echo("")
    headings = ("FROM", "SPEND", "WITHOUT MEDIA", "MEDIA", labels.kpi_name.upper())
    show.table(headings, lines)
    typer.echo("")


def print_frontier(table: pa.Table, labels: Labels) -> None:
    """One line a total budget."""
    from mmm.format import cell, heading

    lines: list[tuple[str, ...]] = []
    for row in table.to_pylist():
        lines.append(tuple(cell(name, value, labels) for name, value in row.items()))
    typer.echo("")
    show.table(tuple(heading(name, labels).upper() for name in table.column_names), lines)
