"""From what R wrote to the engine-neutral tables.

Robyn reports hyperparameters, coefficients and sums. Effects per date, carryover, curves and
adstock follow from them by the formulas of `ridge`, which are Robyn's; how far their sums are from
Robyn's own is said in the diagnostics.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mmm.engines.adstock_hill import tables
from mmm.engines.adstock_hill.candidates import Evaluation
from mmm.engines.adstock_hill.checks import prophet_parts
from mmm.engines.adstock_hill.decomposition import decompose
from mmm.engines.adstock_hill.features import build_frame, exposure_costs
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.models import Chosen, Clusters, Search, Selection, kept_models
from mmm.engines.adstock_hill.reason import reason, recommended
from mmm.engines.adstock_hill.robyn_names import robyn_name, variable_names
from mmm.engines.adstock_hill.space import Space, build_space
from mmm.engines.base import Factor, Problem
from mmm.engines.robyn.lift import lift_tests_table
from mmm.engines.robyn.settings import RobynSettings
from mmm.engines.schemas import SCHEMAS, table
from mmm.errors import UserError

_SPLITS = ("train", "val", "test")
#: R writes 15 digits; a larger relative difference means that the formulas no longer agree.
_PARITY = 1e-6


@dataclass(frozen=True)
class Outputs:
    """What `mmm.engines.base.EngineResult` needs."""

    tables: dict[str, pa.Table]
    recommended: str
    reason: str
    version: str


@dataclass(frozen=True)
class _Robyn(Search):
    """A search whose candidates keep Robyn's names (trial_round_position)."""

    names: np.ndarray = field(kw_only=True)

    @property
    def ids(self) -> np.ndarray:
        return self.names


def read_outputs(
    folder: Path, problem: Problem, settings: RobynSettings, warnings: Sequence[str]
) -> Outputs:
    """Read `about.json` and the tables in `folder`, and make the engine-neutral ones."""
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    read = {
        name: _read(folder / "tables" / f"{name}.csv")
        for name in ("frame", "candidates", "kept", "aggregated")
    }
    frame = _frame(problem, settings, read["frame"], about)
    space = replace(
        build_space(frame, settings.as_adstock_hill(problem)),
        lambda_max=float(_numbers(read["candidates"], "lambda_max")[0]),
    )
    search, chosen = _models(frame, space, read)
    built = _tables(problem, settings, frame, space, search, chosen)
    calibration = folder / "tables" / "calibration.csv"
    if calibration.exists():
        kept = [model.model_id for model in chosen.models]
        built["lift_tests"] = lift_tests_table(problem, _read(calibration), kept)
    built["channels"] = _with_intervals(built["channels"], read["aggregated"], frame, problem)
    built["diagnostics"] = _diagnostics(search, chosen, about, warnings)
    versions = about["versions"]
    version = f"{versions['Robyn']} (R {versions['R']})"
    return Outputs(
        built, chosen.models[chosen.recommended].model_id, reason(search, chosen), version
    )


def _read(path: Path) -> pa.Table:
    """A table that R's write.csv wrote: what is missing is an empty cell, TRUE and FALSE are words."""
    options = pa.csv.ConvertOptions(null_values=[""], true_values=["TRUE"], false_values=["FALSE"])
    return pa.csv.read_csv(path, convert_options=options)


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    """A column as floats; NaN where it is missing, or where the table has none of that name."""
    if name not in table.column_names or pa.types.is_null(table.schema.field(name).type):
        return np.full(table.num_rows, np.nan)
    return np.asarray(pc.cast(table[name], pa.float64()).to_numpy(zero_copy_only=False), float)


def _frame(
    problem: Problem, settings: RobynSettings, modelled: pa.Table, about: dict[str, Any]
) -> Frame:
    """Robyn's own model frame: Prophet's components, factors' effects, exposures in money."""
    first, last = problem.window
    if modelled.num_rows != problem.rows or (about["first_row"], about["last_row"]) != (
        first + 1,
        last + 1,
    ):
        what = f"Robyn modelled rows {about['first_row']} to {about['last_row']} of {modelled.num_rows}, "
        raise UserError(
            f"{what}asked were {first + 1} to {last + 1} of {problem.rows}.", where="Robyn"
        )
    ridge = settings.as_adstock_hill(problem)
    factors = [item.name for item in problem.context if isinstance(item, Factor)]
    made = {name: _numbers(modelled, name) for name in (*prophet_parts(problem, ridge), *factors)}
    frame = build_frame(problem, ridge, made, exposure_costs(problem))
    base = [_numbers(modelled, name) for name in frame.base_names]
    return replace(
        frame,
        y=_numbers(modelled, "dep_var"),
        base=np.column_stack(base) if base else frame.base,
        media=np.array([_numbers(modelled, name) for name in frame.selected]),
    )


def _models(frame: Frame, space: Space, read: dict[str, pa.Table]) -> tuple[_Robyn, Chosen]:
    """All candidates, and the kept ones with their curves and effects."""
    candidates, kept, aggregated = read["candidates"], read["kept"], read["aggregated"]
    ids = np.array(candidates["solID"].to_pylist())
    places = {name: row for row, name in enumerate(ids.tolist())}
    rows = np.array([places[name] for name in kept["solID"].to_pylist()])
    order = np.argsort(rows)
    rows, kept = rows[order], kept.take(order)
    evaluation = _evaluation(frame, candidates, aggregated, places)
    search = _Robyn(
        np.column_stack(
            [_numbers(candidates, robyn_name(item, frame)) for item in space.hyperparameters]
        ),
        evaluation,
        _numbers(candidates, "trial").astype(int),
        _numbers(candidates, "iterations").astype(int),
        _numbers(candidates, "error_score"),
        names=ids,
    )
    fronts = np.zeros(len(ids), int)
    fronts[rows] = np.nan_to_num(_numbers(kept, "robynPareto")).astype(int)
    labels = np.nan_to_num(_numbers(kept, "cluster")).astype(int)
    best = np.nan_to_num(_numbers(kept, "top_sol")).astype(bool)
    models = kept_models(frame, space, search, rows)
    chosen = Chosen(
        Selection(fronts, rows, int(fronts.max())),
        Clusters(labels, best, np.empty(0)),
        models,
        tuple(decompose(frame, model) for model in models),
        recommended(_candidates(best, fronts[rows]), search.scores[rows]),
        "score",
        np.full(len(rows), 1 / len(rows)),
    )
    return search, chosen


def _candidates(best: np.ndarray, fronts: np.ndarray) -> np.ndarray:
    """Which kept models may be recommended: the clusters' best, without clusters the first front."""
    if best.any():
        return best
    return np.asarray(fronts == fronts.min())


def _evaluation(
    frame: Frame, candidates: pa.Table, aggregated: pa.Table, places: dict[str, int]
) -> Evaluation:
    """Measures of all candidates; coefficients and effects of the kept ones, NaN elsewhere."""
    batch, names = candidates.num_rows, variable_names(frame)
    empty = Evaluation.empty(batch, len(names), len(frame.selected))
    coefficients, intercept = np.full((batch, len(names)), np.nan), np.full(batch, np.nan)
    effects = np.full((batch, len(names) + 1), np.nan)
    column = {name: j for j, name in enumerate(names)}
    values = zip(
        aggregated["solID"].to_pylist(),
        aggregated["rn"].to_pylist(),
        _numbers(aggregated, "coef").tolist(),
        _numbers(aggregated, "xDecompAgg").tolist(),
        strict=True,
    )
    for model, variable, coefficient, effect in values:
        row = places[model]
        if variable == "(Intercept)":
            intercept[row], effects[row, -1] = coefficient, effect
        else:
            coefficients[row, column[variable]] = coefficient
            effects[row, column[variable]] = effect
    return empty._replace(
        coefficients=coefficients,
        intercept=intercept,
        effects=effects,
        nrmse=np.column_stack([_numbers(candidates, f"nrmse_{split}") for split in _SPLITS]),
        rsq=np.column_stack([_numbers(candidates, f"rsq_{split}") for split in _SPLITS]),
        loss=np.column_stack(
            [_numbers(candidates, name) for name in ("nrmse", "decomp.rssd", "mape")]
        ),
        inflexion=np.column_stack(
            [_numbers(candidates, f"{name}_inflexion") for name in frame.selected]
        ),
        inflation=np.column_stack(
            [_numbers(candidates, f"{name}_inflation") for name in frame.selected]
        ),
    )


def _tables(
    problem: Problem,
    settings: RobynSettings,
    frame: Frame,
    space: Space,
    search: _Robyn,
    chosen: Chosen,
) -> dict[str, pa.Table]:
    train_sizes = space.candidates(search.values[chosen.selection.kept]).train_size
    return {
        "models": tables.models_table(search, chosen, bool(problem.lift_tests)),
        "channels": tables.channels_table(problem, frame, chosen, None),
        "media": tables.media_table(frame),
        "contributions": tables.contributions_table(frame, chosen),
        "fit": tables.fit_table(frame, chosen, train_sizes.tolist()),
        "curves": tables.curves_table(frame, chosen),
        "curve_points": tables.curve_points_table(frame, chosen),
        "adstock": tables.adstock_table(frame, chosen),
        "parameters": tables.parameters_table(frame, space, search, chosen),
        "frame": tables.frame_table(problem, frame),
        "moves": SCHEMAS["moves"].empty_table(),
        "lift_tests": SCHEMAS["lift_tests"].empty_table(),
    }


def _with_intervals(
    channels: pa.Table, aggregated: pa.Table, frame: Frame, problem: Problem
) -> pa.Table:
    """Robyn's own bootstrapped intervals, of ROAS or for a conversion of CPA; null where it gives
    none.

    Widened to hold the model's own value where Robyn's does not, as in `ridge`.
    """
    measure = "cpa" if problem.kpi_kind == "conversion" else "roi"
    selected = dict(zip(frame.media_names, frame.selected, strict=True))
    keys = list(zip(aggregated["solID"].to_pylist(), aggregated["rn"].to_pylist(), strict=True))
    wanted = list(
        zip(channels["model_id"].to_pylist(), channels["channel"].to_pylist(), strict=True)
    )
    value = np.asarray(channels[measure].to_numpy(zero_copy_only=False), float)
    for name in ("roi_low", "roi_high", "cpa_low", "cpa_high"):
        ends = np.full(channels.num_rows, np.nan)
        if name.startswith(measure):
            low = name.endswith("low")
            found = dict(
                zip(keys, _numbers(aggregated, "ci_low" if low else "ci_up").tolist(), strict=True)
            )
            ends = np.array(
                [found.get((model, selected[medium]), np.nan) for model, medium in wanted]
            )
            ends = np.minimum(ends, value) if low else np.maximum(ends, value)
        column = channels.column_names.index(name)
        channels = channels.set_column(
            column, SCHEMAS["channels"].field(name), pa.array(ends, mask=np.isnan(ends))
        )
    return channels


def _diagnostics(
    search: _Robyn, chosen: Chosen, about: dict[str, Any], warnings: Sequence[str]
) -> pa.Table:
    notes: list[tuple[str, str, float, str]] = [
        ("solver", "robyn", np.nan, "Fitted by glmnet in R at its own threshold."),
        (
            "cores",
            "",
            float(about["cores"]),
            f"Searched on {about['cores']} cores; another number is another search.",
        ),
    ]
    notes += [("version", name, np.nan, version) for name, version in about["versions"].items()]
    said = about["convergence"]
    for message in [said] if isinstance(said, str) else said:
        notes.append(
            ("convergence", message.split()[0], float("NOT converged" not in message), message)
        )
    largest = _parity(search, chosen)
    notes.append(
        (
            "parity",
            "effects over the window",
            largest,
            f"Effects are within {largest:.1e} of Robyn's own.",
        )
    )
    if not largest <= _PARITY:
        text = f"Effects computed here differ from Robyn's own by up to {largest:.1e} of the KPI."
        notes.append(("warning", "parity", largest, text))
    notes += [("warning", "robyn", np.nan, " ".join(text.split())) for text in warnings]
    names = ("name", "subject", "value", "text")
    return table("diagnostics", dict(zip(names, map(list, zip(*notes, strict=True)), strict=True)))


def _parity(search: _Robyn, chosen: Chosen) -> float:
    """Largest difference of a variable's effect from the one Robyn reports, as a share of the
    fitted KPI.
    """
    own = np.array(
        [
            [*parts.effects.sum(axis=0), parts.intercept * len(parts.effects)]
            for parts in chosen.parts
        ]
    )
    theirs = search.evaluation.effects[chosen.selection.kept]
    return float(np.nanmax(np.abs(own - theirs) / theirs.sum(axis=1, keepdims=True)))
