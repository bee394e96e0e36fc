"""`mmm recover`: how well an engine finds the truth of simulated data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mmm.cli import show
from mmm.engines import DEFAULT_ENGINE
from mmm.errors import UserError


def recover_command(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders with data.csv, truth.json and maybe experiments.csv."),
    ],
    engine: Annotated[str, typer.Option(help="The engine to train.")] = DEFAULT_ENGINE,
    country: Annotated[
        str | None,
        typer.Option(
            help="Country whose holidays are modelled, for example US; default the folder's experiment.json's."
        ),
    ] = None,
    settings: Annotated[str, typer.Option(help="The engine's settings as JSON.")] = "{}",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train on data with known truth and score the recommended model against it.

    Example: `mmm recover cases/easy1 cases/easy2`.
    """
    from mmm.recovery.folder import (
        read_case,
        recover,
    )  # the engine, which other commands don't load

    try:
        wanted = json.loads(settings)
    except ValueError as error:
        raise UserError(f"is not JSON ({error}).", where="--settings") from None
    found = {}
    for folder in folders:
        scores, result, _ = recover(read_case(folder, engine, wanted, country))
        found[folder.name] = {**asdict(scores), "model": result.recommended}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    names = ("roi_error", "misplaced", "total", "ranked", "covered", "regret", "regret_today")
    rows = [(case, *(f"{values[name]:.3f}" for name in names)) for case, values in found.items()]
    if len(found) > 1:
        rows.append(
            (
                "mean",
                *(f"{_mean([values[name] for values in found.values()]):.3f}" for name in names),
            )
        )
    head = (
        "CASE",
        "ROI ERROR",
        "MISPLACED",
        "TOTAL",
        "RANKED",
        "COVERED",
        "REGRET",
        "REGRET TODAY",
    )
    show.table(head, rows)


def _mean(values: list[float]) -> float:
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else float("nan")
