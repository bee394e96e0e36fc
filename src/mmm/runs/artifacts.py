"""A run's models as files: Robyn's tables, model JSON, and a model made again from its JSON."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pydantic import ValidationError

from mmm.errors import UserError
from mmm.results import read_results
from mmm.runs.config import Experiment, parse_experiment
from mmm.runs.problem import build_problem
from mmm.runs.refresh import previous_of
from mmm.workspace import Workspace

if TYPE_CHECKING:
    from mmm.engines.ridge.model_file import Deviation
    from mmm.engines.ridge.rebuild import Rebuilt

FORMATS = ("csv", "parquet")
_SECTION = "mmm"


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
        files = {name: partial(_copy, workspace, run_id, name) for name in own}
    else:
        files = _robyn_files(workspace, run_id, table_format, everything, models)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
        for name, write in files.items():
            write(Path(work) / name)
        folder.mkdir(exist_ok=True)
        for path in sorted(Path(work).iterdir()):
            shutil.move(path, folder / path.name)
    return sorted(folder.iterdir())


def _copy(workspace: Workspace, run_id: str, name: str, path: Path) -> None:
    path.write_bytes(workspace.result_artifact(run_id, name))


def _robyn_files(
    workspace: Workspace, run_id: str, table_format: str, everything: bool, models: Sequence[str]
) -> dict[str, Callable[[Path], object]]:
    """What writes each file, by name: tables as Robyn's, and the models as JSON."""
    from mmm.engines.ridge import robyn_files

    experiment = parse_experiment(workspace.job_config(run_id), where="job_config.json")
    results = read_results(workspace, run_id)
    chosen = [results.require_kept(name) for name in models] or [results.summary["model"]["id"]]
    built = _rebuilt(workspace, run_id, experiment)
    documents = {
        f"RobynModel-{name}.json": _document(built, name, run_id, experiment, results)
        for name in chosen
    }
    all_models = results["models"]
    tables: dict[str, Callable[[], pa.Table]] = {
        "pareto_hyperparameters": lambda: robyn_files.hyperparameters(built, all_models),
        "pareto_aggregated": lambda: robyn_files.aggregated(built),
        "pareto_media_transform_matrix": lambda: robyn_files.media_transform(built),
        "pareto_alldecomp_matrix": lambda: robyn_files.alldecomp(built),
        "pareto_clusters": lambda: robyn_files.clusters(built),
        "pareto_clusters_ci": lambda: robyn_files.clusters_ci(built),
        "raw_data": lambda: robyn_files.raw_data(built.problem, experiment.mapping.date),
    }
    if experiment.lift_tests:
        tables["pareto_calibration"] = lambda: robyn_files.calibration(built)
    if everything:
        every = _rebuilt(workspace, run_id, experiment, everything=True)
        tables["all_hyperparameters"] = lambda: robyn_files.hyperparameters(every, all_models)
        tables["all_aggregated"] = lambda: robyn_files.aggregated(every)
    return {
        **{f"{name}.{table_format}": partial(_write_table, make) for name, make in tables.items()},
        **{name: partial(_write_json, document) for name, document in documents.items()},
    }


def _rebuilt(
    workspace: Workspace, run_id: str, experiment: Experiment, *, everything: bool = False
) -> Rebuilt:
    """The run's models evaluated again on its dataset."""
    from mmm.engines.ridge.rebuild import rebuild
    from mmm.engines.ridge.settings import RidgeSettings

    results = read_results(workspace, run_id)
    dataset = experiment.dataset
    table = workspace.read_dataset(dataset.market, dataset.dataset_id)
    problem, _ = build_problem(experiment, table, previous_of(workspace, experiment))
    # The settings the run had, defaults included: a later version's may be others.
    settings = RidgeSettings.model_validate(results.summary["settings"])
    return rebuild(problem, settings, results, everything=everything)


def _document(
    built: Rebuilt, name: str, run_id: str, experiment: Experiment, results: Any
) -> dict[str, Any]:
    from mmm.engines.ridge.model_file import stored_model
    from mmm.engines.ridge.robyn_json import sections

    row = built.search.ids.tolist().index(name)
    stored = stored_model(
        built,
        row,
        results,
        run_id=run_id,
        experiment=experiment.model_dump(mode="json"),
        engine_version=results.summary["engine"]["version"],
    )
    shown = sections(built, row, results, date=experiment.mapping.date, country=experiment.country)
    return {**shown, _SECTION: stored.model_dump(mode="json", by_alias=True)}


def _write_json(document: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")


def _write_table(make: Callable[[], pa.Table], path: Path) -> None:
    table = make()
    if path.suffix == ".csv":
        # Empty cells for what is null, as Robyn's NA; numbers with all their digits.
        pa.csv.write_csv(table, path)
    else:
        pa.parquet.write_table(table, path, compression="zstd")


def recreate_model(path: Path, table: pa.Table | None = None) -> tuple[str, list[Deviation]]:
    """(model's id, deviations) of the model in a JSON file that `export_run` wrote, made again.

    `table` takes the place of the data in the file; it must have the same dates.
    """
    from mmm.engines.ridge.model_file import StoredModel, recreate

    try:
        document = json.loads(path.read_bytes())
        stored = StoredModel.model_validate(document[_SECTION])
        raw = document["Extras"]["raw_data"]
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}.", where=str(path)) from None
    except (ValueError, KeyError, TypeError, ValidationError):
        fix = "Give a RobynModel-<id>.json that `mmm export` wrote."
        raise UserError(
            "does not hold a model that can be made again.", where=str(path), fix=fix
        ) from None
    experiment = parse_experiment(json.dumps(stored.experiment), where=str(path))
    problem, _ = build_problem(experiment, _table(raw, experiment) if table is None else table)
    dates = [str(day) for day in problem.dates.astype("datetime64[D]")]
    if dates != stored.dates:
        what = f"has {len(dates)} periods from {dates[0]} to {dates[-1]}, the model {len(stored.dates)} from "
        what += f"{stored.dates[0]} to {stored.dates[-1]}; they must be the same."
        raise UserError(what, where="the data", fix="Leave the data out: the file holds its own.")
    _, deviations = recreate(problem, stored)
    return stored.model_id, deviations


def _table(rows: list[dict[str, Any]], experiment: Experiment) -> pa.Table:
    name = experiment.mapping.date
    table = pa.Table.from_pylist(rows)
    dates = pa.array([date.fromisoformat(row[name]) for row in rows])
    return table.set_column(table.column_names.index(name), name, dates)
