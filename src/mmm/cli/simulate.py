"""`mmm simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmm.simulation.export import write_world
from mmm.simulation.generator import simulate
from mmm.simulation.presets import CATALOGUE, DIFFICULTIES

Override = "default: the preset's"


def simulate_command(
    folder: Annotated[Path, typer.Argument(help="New folder for the data and its truth.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same files.")] = 1,
    difficulty: Annotated[
        str, typer.Option(help=f"One of {', '.join(DIFFICULTIES)}.")
    ] = "standard",
    weeks: Annotated[int | None, typer.Option(help=f"Number of weeks ({Override}).")] = None,
    channels: Annotated[
        int | None, typer.Option(help=f"Number of channels, up to {len(CATALOGUE)} ({Override}).")
    ] = None,
    lift_tests: Annotated[
        int | None, typer.Option(help=f"Number of lift tests ({Override}).")
    ] = None,
) -> None:
    """Make weekly data with known truth: data.csv, truth.json, experiments.csv, experiment.json.

    Train on it with `mmm submit FOLDER/experiment.json --data FOLDER/data.csv --follow`.

    Example: `mmm simulate cases/easy1 --seed 1 --difficulty easy`.
    """
    world = simulate(seed, difficulty, weeks=weeks, channels=channels, lift_tests=lift_tests)
    for path in write_world(world, folder):
        typer.echo(path)
    typer.echo(
        f"Next: mmm submit {folder / 'experiment.json'} --data {folder / 'data.csv'} --follow",
        err=True,
    )
