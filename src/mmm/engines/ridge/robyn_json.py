"""The sections of Robyn's RobynModel-<id>.json for one model: InputCollect, ModelsCollect,
ExportedModel, Extras.

Names and nesting are Robyn's; single values are lists of one, as its writer makes them. Numbers
differ where Robyn's own files disagree with each other: performance is the effect over the spend of
the same window, here for each channel and in total (Robyn divides by the spend of all rows, and its
total is the sum of the channels' ROAS).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.adstock_hill.robyn_names import (
    calibration_input,
    robyn_name,
    robyn_sign,
    variable_names,
)
from mmm.engines.base import Factor
from mmm.engines.ridge.rebuild import Rebuilt
from mmm.engines.ridge.refresh import narrowed
from mmm.engines.ridge.robyn_files import aggregated_model, raw_data

_INTERVALS = {1: "day", 7: "week"}
_SUMMARY = {
    "coef": "coef",
    "decompPer": "xDecompPerc",
    "decompAgg": "xDecompAgg",
    "performance": "roi_total",
    "mean_response": "mean_response",
    "mean_spend": "mean_spend",
    "boot_mean": "boot_mean",
    "ci_low": "ci_low",
    "ci_up": "ci_up",
}
_ERRORS = (
    "rsq_train",
    "rsq_val",
    "rsq_test",
    "nrmse_train",
    "nrmse_val",
    "nrmse_test",
    "nrmse",
    "decomp.rssd",
    "mape",
)


def sections(
    built: Rebuilt, row: int, tables: Mapping[str, pa.Table], *, date: str, country: str | None
) -> dict[str, Any]:
    """The four sections for the candidate at `row`; `date` is the date column's name."""
    raw = raw_data(built.problem, date).to_pylist()
    return {
        "InputCollect": _inputs(built, date, country),
        "ModelsCollect": _training(built, tables),
        "ExportedModel": _model(built, row),
        "Extras": {"raw_data": [{**line, date: str(line[date])} for line in raw]},
    }


def _inputs(built: Rebuilt, date: str, country: str | None) -> dict[str, Any]:
    problem, frame = built.problem, built.frame
    first, last = problem.window
    parts = []
    for name, kind in zip(frame.base_names, frame.base_kinds, strict=True):
        if kind != "context":
            parts.append(name)
    signs = {item.name: robyn_sign(item.sign) for item in (*problem.context, *problem.organic)}
    context = [item.name for item in problem.context]
    organic = [item.name for item in problem.organic]
    new = first if problem.previous is None else last + 1 - problem.previous.steps
    return {
        "date_var": [date],
        "dayInterval": [problem.step_days],
        "intervalType": [_INTERVALS.get(problem.step_days, "month")],
        "dep_var": [problem.kpi_name],
        "dep_var_type": [problem.kpi_kind],
        "prophet_vars": parts,
        "prophet_signs": ["default"] * len(parts),
        "prophet_country": [country] if country else [],
        "context_vars": context,
        "context_signs": [signs[name] for name in context],
        "paid_media_vars": list(frame.selected[: frame.paid]),
        "paid_media_signs": [robyn_sign(medium.sign) for medium in problem.paid],
        "paid_media_spends": [medium.name for medium in problem.paid],
        "paid_media_selected": list(frame.selected[: frame.paid]),
        "paid_media_total": [float(frame.spend[:, frame.window_rows].sum())],
        "exposure_vars": [
            medium.selected for medium in problem.paid if medium.exposure is not None
        ],
        "organic_vars": organic,
        "organic_signs": [signs[name] for name in organic],
        "all_media": list(frame.selected),
        "all_ind_vars": list(variable_names(frame)),
        "factor_vars": [item.name for item in problem.context if isinstance(item, Factor)],
        "unused_vars": [],
        "window_start": [_day(built, first)],
        "rollingWindowStartWhich": [first + 1],
        "window_end": [_day(built, last)],
        "rollingWindowEndWhich": [last + 1],
        "rollingWindowLength": [frame.n],
        "totalObservations": [problem.rows],
        "refreshAddedStart": [_day(built, new)],
        "adstock": [built.settings.adstock],
        "hyperparameters": _ranges(built, refreshed=False),
        "calibration_input": calibration_input(problem),
        "custom_params": [],
        "version": ["mmm-app, engine ridge"],
    }


def _day(built: Rebuilt, row: int) -> str:
    return str(built.problem.dates[row])[:10]


def _ranges(built: Rebuilt, *, refreshed: bool) -> dict[str, list[float]]:
    """Ranges by Robyn's names; a fixed value is a list of one. `refreshed`: those a refresh
    narrowed them to.
    """
    space, previous = built.space, built.problem.previous
    if refreshed and previous is not None:
        space = narrowed(space, previous, built.settings)
    ranges = {}
    for item in space.hyperparameters:
        name = _range_name(robyn_name(item, built.frame))
        ranges[name] = [item.low] if item.fixed else [item.low, item.high]
    return ranges


def _range_name(name: str) -> str:
    return "lambda" if name == "lambda_hp" else name


def _training(built: Rebuilt, tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    settings, diagnostics = built.settings, tables["diagnostics"]
    models = tables["models"]
    convergence = diagnostics.filter(pc.equal(diagnostics["name"], "convergence"))
    return {
        "ts_validation": [settings.validation is not None],
        "total_iters": [models.num_rows],
        "conv_msg": convergence["text"].to_pylist(),
        "n_clusters": [len(pc.unique(models["cluster"].drop_null()))],
        "calibration_constraint": [settings.calibration_constraint],
        "iterations": [settings.iterations],
        "trials": [settings.trials],
        "intercept": [settings.intercept],
        "intercept_sign": [settings.intercept_sign],
        "add_penalty_factor": [settings.penalty_factors],
        "seed": [settings.seed],
        "pareto_fronts": [pc.max(models["front"]).as_py()],
        "hyper_fixed": [False],
    }


def _ratio(above: float, below: float) -> float | None:
    """None where nothing was spent, or nothing came of it."""
    return above / below if below else None


def _finite(line: dict[str, Any]) -> dict[str, Any]:
    """The row with null in place of endless numbers, which JSON has not: a CPA without effect."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in line.items()
    }


def _known(line: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The line's values under the names of `columns`, those that it has."""
    return {name: line[column] for name, column in columns.items() if line[column] is not None}


def _model(built: Rebuilt, row: int) -> dict[str, Any]:
    problem, frame = built.problem, built.frame
    rows = [_finite(line) for line in aggregated_model(built, row).to_pylist()]
    media = rows[1 + frame.base.shape[1] :][: frame.paid]
    effect = sum(line["xDecompAgg"] for line in media)
    spend = sum(line["total_spend"] for line in media)
    if problem.kpi_kind == "conversion":
        measure, performance, total = "CPA", _ratio(spend, effect), "cpa_total"
    else:
        measure, performance, total = "ROAS", _ratio(effect, spend), "roi_total"
    names = {**_SUMMARY, "performance": total}
    values = {}
    for i, item in enumerate(built.space.hyperparameters):
        values[robyn_name(item, frame)] = [float(built.search.values[row, i])]
    values.pop("lambda_hp", None)
    values["lambda"] = [float(built.candidates.lambda_[row])]
    solution = str(built.search.ids[row])
    cluster = built.stored["cluster"]
    members = pc.sum(pc.equal(cluster, cluster[row])).as_py()
    return {
        "select_model": [solution],
        "performance": [
            {
                "solID": solution,
                "metric": measure,
                "spend": spend,
                "response": effect,
                "performance": performance,
            }
        ],
        "summary": [{"variable": line["rn"], **_known(line, names)} for line in rows],
        "errors": [_known(rows[0], {name: name for name in _ERRORS})],
        "hyper_values": dict(sorted(values.items())),
        "hyper_updated": _ranges(built, refreshed=True),
        "clusters": {"data": [{"solID": solution, "cluster": cluster[row].as_py(), "n": members}]},
    }
