"""Writes a simulated world as a folder: data.csv, truth.json, experiments.csv and a ready
experiment.json.
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmm.data.ingest import ingest
from mmm.errors import AlreadyExists, UserError
from mmm.experiments.config import Experiment
from mmm.platforms.local.user import local_user
from mmm.simulation.generator import GENERATOR_VERSION, LiftTest, World
from mmm.simulation.response import Channel
from mmm.sources.files import FileSource
from mmm.workspace import Workspace

KPI = "revenue"
CURVE_POINTS = 51
#: The market under which experiment.json expects data.csv: `mmm ingest data.csv --market
#: simulated`.
MARKET = "simulated"
LIFT_COLUMNS = ("channel", "start", "end", "lift", "spend", "confidence", "scope")


def write_world(world: World, folder: Path) -> list[Path]:
    """Write the four files and return their paths. The folder appears whole; one that holds files
    is left alone.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(
            "exists already and is not empty.", where=str(folder), fix="Choose a new folder."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        made.chmod(0o755)
    except OSError as error:
        raise UserError(f"cannot be written ({error.strerror}).", where=str(folder)) from None
    try:
        _write_rows(made / "data.csv", *data_rows(world))
        (made / "truth.json").write_text(
            json.dumps(truth(world), indent=1) + "\n", encoding="utf-8"
        )
        _write_rows(
            made / "experiments.csv", LIFT_COLUMNS, [lift_row(test) for test in world.lift_tests]
        )
        (made / "experiment.json").write_text(
            experiment(world, dataset_id(made / "data.csv")).to_json() + "\n", encoding="utf-8"
        )
        made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return [
        folder / name for name in ("data.csv", "truth.json", "experiments.csv", "experiment.json")
    ]


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def data_rows(world: World) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Header and rows of data.csv: date, revenue, spends, impressions, controls."""
    names = [channel.name for channel in world.channels]
    columns: dict[str, Iterable[Any]] = {
        "date": [day.isoformat() for day in world.dates],
        KPI: world.kpi.tolist(),
    }
    columns |= {f"{name}_spend": world.spend[name].tolist() for name in names}
    columns |= {f"{name}_impressions": world.impressions[name].tolist() for name in names}
    columns |= {name: values.tolist() for name, values in world.controls.items()}
    return list(columns), list(zip(*columns.values(), strict=True))


def lift_row(test: LiftTest) -> tuple[Any, ...]:
    return (test.channel, test.start, test.end, test.lift, test.spend, test.confidence, test.scope)


def truth(world: World) -> dict[str, Any]:
    """What is true of the world. Curves give the effect per week of a steady spend per week,
    without noise.
    """
    total = float(world.kpi.sum())
    parts = {**world.baseline, **world.effects, "noise": world.noise}
    return {
        "generator": "mmm.simulation",
        "generator_version": GENERATOR_VERSION,
        "seed": world.seed,
        "difficulty": world.difficulty,
        "kpi": KPI,
        "first_week": world.dates[0].isoformat(),
        "last_week": world.dates[-1].isoformat(),
        "weeks": len(world.dates),
        "total": {KPI: total},
        "channels": {channel.name: _channel_truth(world, channel) for channel in world.channels},
        "baseline": {
            name: {"total": float(values.sum()), "share": float(values.sum()) / total}
            for name, values in world.baseline.items()
        },
        "lift_tests": [
            {
                **dict(zip(LIFT_COLUMNS, map(str, lift_row(test)), strict=True)),
                "true_lift": test.true_lift,
            }
            for test in world.lift_tests
        ],
        "weekly": {name: values.tolist() for name, values in parts.items()},
    }


def _channel_truth(world: World, channel: Channel) -> dict[str, Any]:
    spend = world.spend[channel.name]
    effect = float(world.effects[channel.name].sum())
    grid = np.linspace(0.0, 1.5 * spend.max(), CURVE_POINTS)
    return {
        "spend": float(spend.sum()),
        "incremental_revenue": effect,
        "roi": effect / float(spend.sum()),
        "share": effect / float(world.kpi.sum()),
        "adstock": channel.adstock.parameters(),
        "saturation": {
            "kind": "hill",
            "alpha": channel.alpha,
            "half_saturation": channel.half_saturation,
            "ceiling": channel.ceiling,
        },
        "response_curve": [
            {"spend": float(point), "response": float(response)}
            for point, response in zip(grid, channel.steady_response(grid), strict=True)
        ],
    }


def dataset_id(file: Path) -> str:
    """The id `mmm ingest` will give this file: ids depend on the content alone, so any workspace
    tells it.
    """
    source, elsewhere = FileSource(file), Workspace("memory://")
    return ingest(
        source, market=MARKET, origin=file.name, workspace=elsewhere, by=local_user()
    ).dataset_id


def _lift_test(test: LiftTest) -> dict[str, Any]:
    """A lift test as an experiment states it: of a column instead of a channel."""
    stated: dict[str, Any] = {"channels": [f"{test.channel}_spend"]}
    for name in LIFT_COLUMNS:
        if name != "channel":
            stated[name] = getattr(test, name)
    return stated


def experiment(world: World, dataset: str) -> Experiment:
    """An experiment on the whole series. Spends are modelled (they drive the effect here),
    impressions are not.
    """
    return Experiment.model_validate(
        {
            "name": f"Simulated market ({world.difficulty}, seed {world.seed})",
            "dataset": {"market": MARKET, "dataset_id": dataset},
            "mapping": {
                "date": "date",
                "kpi": KPI,
                "paid": [{"spend": f"{channel.name}_spend"} for channel in world.channels],
                "context": [{"column": name} for name in world.controls],
            },
            "country": "US",
            "currency": "USD",
            "lift_tests": [_lift_test(test) for test in world.lift_tests],
            "settings": {"seed": world.seed},
        }
    )
