"""`mmm bridge`: why the KPI moved between two ranges of dates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmm.cli import show
from mmm.cli.artifacts import Model
from mmm.cli.runs import Json, Run
from mmm.settings import load_settings
from mmm.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from mmm.format import Labels

_RANGE = "2018-01-01:2018-03-26; weeks and months that begin in it count."


def bridge_command(
    run: Run = "latest",
    model: Model = None,
    after: Annotated[
        str, typer.Option(help=f"What is explained, default the last quarter: {_RANGE}")
    ] = "",
    before: Annotated[
        str, typer.Option(help="What it is compared with, default the year before.")
    ] = "",
    csv: Annotated[Path | None, typer.Option(help="Write the table to a CSV file.")] = None,
    as_json: Json = False,
) -> None:
    """Say why the KPI moved between two ranges of dates: by component, a channel's part divided into
    what its spend and what its efficiency did, with the ROAS of both ranges. The parts add up to the
    recorded difference.

    Example: `mmm bridge latest --before 2017-01-02:2017-03-27 --after 2018-01-01:2018-03-26`.
    """
    from mmm.results import read_results
    from mmm.results.bridge import asked_comparison, bridge, finding, title_of
    from mmm.results.model_summary import labels_of
    from mmm.results.spans import lengths, window_dates
    from mmm.results.tables_out import write_csv

    workspace = Workspace.open(load_settings().settings)
    results = read_results(workspace, workspace.find_run(run))
    chosen = results.require_kept(model or results.summary["model"]["id"])
    labels = labels_of(results.summary)
    asked = asked_comparison(results, chosen, labels, before, after)
    numbers = bridge(results, chosen, labels, asked)
    if csv is not None:
        write_csv(numbers.drop_columns(["start", "end"]), csv)
    if as_json:
        show.as_json(numbers.drop_columns(["start", "end"]).to_pylist())
        return
    typer.echo(f"{title_of(asked)}\n")
    _print(numbers, labels)
    typer.echo(f"\n{finding(numbers, labels)}")
    note = lengths(asked, window_dates(results, chosen), labels.period)
    if note:
        typer.echo(note)


def _print(numbers: pa.Table, labels: Labels) -> None:
    from mmm.format import cell, compact
    from mmm.results.bridge import recorded, signed

    def part(row: dict[str, float | None], name: str) -> str:
        value = row[name]
        if value is None:
            return cell(name, None, labels)
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        ends = "" if low is None else f" ({compact(low)} to {compact(high)})"
        return f"{signed(value, labels)}{ends}"

    rows = []
    for row in numbers.to_pylist():
        plain = [cell(name, row[name], labels) for name in ("component", "before", "after")]
        moved = [part(row, name) for name in ("difference", "spend_effect", "efficiency_effect")]
        values = [cell(name, row[name], labels) for name in ("value_before", "value_after")]
        rows.append((*plain, *moved, *values))
    before, after = recorded(numbers)
    total = [labels.effect(before), labels.effect(after), signed(after - before, labels)]
    rows.append(("recorded", *total, "", "", "", ""))
    efficiency = labels.efficiency
    headings = ("COMPONENT", "BEFORE", "AFTER", "DIFFERENCE", "BY SPEND", "BY EFFICIENCY")
    show.table((*headings, f"{efficiency} BEFORE", f"{efficiency} AFTER"), rows)
