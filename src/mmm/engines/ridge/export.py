"""A run's models as Robyn's export has them: its tables, and a JSON document per model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from mmm.engines.capabilities import SECTION, Export, ExportRequest
from mmm.engines.ridge import robyn_files
from mmm.engines.ridge.model_file import stored_model
from mmm.engines.ridge.rebuild import Rebuilt, rebuild
from mmm.engines.ridge.robyn_json import sections
from mmm.engines.ridge.settings import RidgeSettings


def export(request: ExportRequest) -> Export:
    """Robyn's pareto_* tables hold the kept models, with `everything` all_* tables hold every
    candidate too; one RobynModel-<id>.json per named model.
    """
    # The settings the run had, defaults included: a later version's may be others.
    settings = RidgeSettings.model_validate(request.settings)
    problem, all_models = request.problem, request.tables["models"]
    built = rebuild(problem, settings, request.tables)
    tables: dict[str, Callable[[], pa.Table]] = {
        "pareto_hyperparameters": partial(robyn_files.hyperparameters, built, all_models),
        "pareto_aggregated": partial(robyn_files.aggregated, built),
        "pareto_media_transform_matrix": partial(robyn_files.media_transform, built),
        "pareto_alldecomp_matrix": partial(robyn_files.alldecomp, built),
        "pareto_clusters": partial(robyn_files.clusters, built),
        "raw_data": partial(robyn_files.raw_data, problem, request.date),
    }
    if problem.paid:
        tables["pareto_clusters_ci"] = partial(robyn_files.clusters_ci, built)
    if problem.lift_tests:
        tables["pareto_calibration"] = partial(robyn_files.calibration, built)
    if request.everything:
        every = rebuild(problem, settings, request.tables, everything=built)
        tables["all_hyperparameters"] = partial(robyn_files.hyperparameters, every, all_models)
        tables["all_aggregated"] = partial(robyn_files.aggregated, every)
    documents = {f"RobynModel-{name}": _document(built, name, request) for name in request.models}
    return Export(tables, documents)


def _document(built: Rebuilt, name: str, request: ExportRequest) -> Mapping[str, Any]:
    row = built.search.ids.tolist().index(name)
    stored = stored_model(
        built,
        row,
        request.tables,
        run_id=request.run_id,
        experiment=dict(request.experiment),
        engine_version=request.engine_version,
    )
    shown = sections(built, row, request.tables, date=request.date, country=request.country)
    return {**shown, SECTION: stored.model_dump(mode="json", by_alias=True)}
