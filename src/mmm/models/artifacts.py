"""A run's models as files: Robyn's tables, model JSON, and a model made again from its JSON."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mmm.engines import load_engine
from mmm.engines.capabilities import (
    SECTION,
    Deviation,
    ExportRequest,
    Exports,
    Recreates,
    asked,
)
from mmm.errors import UserError
from mmm.experiments.config import Experiment, parse_experiment
from mmm.experiments.of_run import experiment_of
from mmm.experiments.problem import build_problem
from mmm.formulas import neutral_table
from mmm.models.refresh import previous_of
from mmm.plain_json import read_json
from mmm.results import read_results
from mmm.workspace import Workspace

FORMATS = ("csv", "parquet")


def export_run(
    workspace: Workspace,
    run_id: str,
    folder: Path,
    *,
    table_format: str = "csv",
    everything: bool = False,
    models: Sequence[str] = (),
) -> list[Path]:
    """Write a run's models as Robyn's export does; the files, in a folder that must be new or
    empty.

    Robyn's pareto_* tables hold the kept models, with `everything` all_* tables hold every
    candidate too. `models` get a RobynModel-<id>.json each; none named: the recommended one.
    Nothing is visible before everything is written. An engine that wrote files of its own has them
    exported as they are; they know neither formats nor chosen models.
    """
    if table_format not in FORMATS:
        raise UserError(
            f"{table_format!r} is no format.",
            where="format",
            fix=f"Choose one of: {', '.join(FORMATS)}.",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            "is there already and not an empty folder.", where=str(folder), fix="Name a new folder."
        )
    own = workspace.result_artifacts(run_id)
    files: dict[str, Callable[[Path], object]]
    if own:
        if everything or models or table_format != "csv":
            what = "its engine wrote its files itself; they are exported as they are."
            raise UserError(what, where=run_id, fix="Leave out --format, --all and --model.")
        files = {name: partial(workspace.copy_artifact, run_id, name) for name in own}
    else:
        files = _engine_files(workspace, run_id, table_format, everything, models)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
        for name, write in files.items():
            write(Path(work) / name)
        folder.mkdir(exist_ok=True)
        for path in sorted(Path(work).iterdir()):
            shutil.move(path, folder / path.name)
    return sorted(folder.iterdir())


def _engine_files(
    workspace: Workspace, run_id: str, table_format: str, everything: bool, models: Sequence[str]
) -> dict[str, Callable[[Path], object]]:
    """What writes each file, by name: the engine's tables and documents."""
    experiment = experiment_of(workspace, run_id)
    fix = f"`mmm export {run_id} answer.xlsx` writes its tables as an Excel workbook."
    exporter = asked(load_engine(experiment.engine), Exports, "are not exported", fix)
    results = read_results(workspace, run_id)
    chosen = [results.require_kept(name) for name in models] or [results.summary["model"]["id"]]
    dataset = experiment.dataset
    table = workspace.read_dataset(dataset.market, dataset.dataset_id)
    problem, _ = build_problem(experiment, table, previous_of(workspace, experiment))
    request = ExportRequest(
        run_id=run_id,
        problem=problem,
        settings=results.summary["settings"],
        tables=results,
        engine_version=results.summary["engine"]["version"],
        experiment=experiment.model_dump(mode="json"),
        date=experiment.mapping.date,
        country=experiment.country,
        models=chosen,
        everything=everything,
    )
    export = exporter.export(request)
    files: dict[str, Callable[[Path], object]] = {}
    for name, make in export.tables.items():
        files[f"{name}.{table_format}"] = partial(_write_table, make)
    for name, document in export.documents.items():
        files[f"{name}.json"] = partial(_write_json, document)
    return files


def _write_json(document: Mapping[str, Any], path: Path) -> None:
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")


def _write_table(make: Callable[[], pa.Table], path: Path) -> None:
    table = make()
    if path.suffix == ".csv":
        # Empty cells for what is null, as Robyn's NA; numbers with all their digits.
        pa.csv.write_csv(neutral_table(table), path)
    else:
        pa.parquet.write_table(table, path, compression="zstd")


def recreate_model(path: Path, table: pa.Table | None = None) -> tuple[str, list[Deviation]]:
    """(model's id, deviations) of the model in a JSON file that `export_run` wrote, made again.

    `table` takes the place of the data in the file; it must have the same dates.
    """
    try:
        document = read_json(path.read_bytes(), where=str(path))
        if SECTION not in document and "ExportedModel" in document:
            what = "is a model in Robyn's own form, which is not made again here."
            raise UserError(what, where=str(path), fix="robyn_recreate in R reads it.")
        section, raw = document[SECTION], document["Extras"]["raw_data"]
        engine = asked(load_engine(section["engine"]), Recreates, "are not made again")
        stored = engine.stored_model(section)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}.", where=str(path)) from None
    except (ValueError, KeyError, TypeError):
        fix = "Give a RobynModel-<id>.json that `mmm export` wrote."
        raise UserError(
            "does not hold a model that can be made again.", where=str(path), fix=fix
        ) from None
    experiment = parse_experiment(json.dumps(section["experiment"]), where=str(path))
    problem, _ = build_problem(experiment, _table(raw, experiment) if table is None else table)
    return str(section["model_id"]), engine.recreate(stored, problem)


def _table(rows: list[dict[str, Any]], experiment: Experiment) -> pa.Table:
    name = experiment.mapping.date
    table = pa.Table.from_pylist(rows)
    dates = pa.array([date.fromisoformat(row[name]) for row in rows])
    return table.set_column(table.column_names.index(name), name, dates)
