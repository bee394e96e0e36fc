"""A run's models in the tables Robyn's export writes, with Robyn's names and columns, one function
per file.

Media are called by their modelled column, as in Robyn. What Robyn knows and we do not is left out:
row numbers, the seconds of each candidate, and `dist100` of the clusters' intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.decomposition import Decomposition, Model, effects_of
from mmm.engines.adstock_hill.frame import LAMBDA_RATIO, Frame, study_rows
from mmm.engines.adstock_hill.robyn_names import robyn_name, variable_names
from mmm.engines.adstock_hill.space import ROBYN_NAMES
from mmm.engines.base import Factor, Problem
from mmm.engines.ridge.calibration import compared_tests
from mmm.engines.ridge.rebuild import Rebuilt
from mmm.engines.ridge.selection import Interval, cluster_interval, eligible

Columns = dict[str, Any]
#: (number of models, interval) by paid medium's number and cluster.
Bootstrapped = dict[tuple[int, int], tuple[int, Interval]]
_SPLITS = ("train", "val", "test")
_INTERCEPT = "(Intercept)"
_RESPONSES = (
    "mean_response", "mean_spend_adstocked", "mean_carryover", "roi_mean", "roi_total", "cpa_mean", "cpa_total",
)  # fmt: skip


def _fit(built: Rebuilt) -> Columns:
    """Columns that the tables of hyperparameters and of aggregates share, (B,) each."""
    evaluation, search = built.search.evaluation, built.search
    found: Columns = {"train_size": built.candidates.train_size}
    found |= {f"rsq_{name}": evaluation.rsq[:, i] for i, name in enumerate(_SPLITS)}
    found |= {f"nrmse_{name}": evaluation.nrmse[:, i] for i, name in enumerate(_SPLITS)}
    found |= dict(zip(("nrmse", "decomp.rssd", "mape"), evaluation.loss.T, strict=True))
    found["lambda"] = built.candidates.lambda_
    found["lambda_hp"] = search.values[:, _lambda_column(built)]
    found["lambda_max"] = np.full(len(search.trial), built.space.lambda_max)
    found["lambda_min_ratio"] = np.full(len(search.trial), LAMBDA_RATIO)
    return found


def _lambda_column(built: Rebuilt) -> int:
    return [item.parameter for item in built.space.hyperparameters].index("lambda")


def _identity(built: Rebuilt) -> Columns:
    search = built.search
    return {
        "solID": search.ids,
        "trial": search.trial,
        "iterNG": search.iteration,
        "iterPar": np.ones(len(search.trial), int),
        "iterations": search.iteration,
    }


def _group(built: Rebuilt) -> Columns:
    return {"cluster": built.stored["cluster"], "top_sol": built.stored["cluster_best"]}


def hyperparameters(built: Rebuilt, all_models: pa.Table) -> pa.Table:
    """pareto_hyperparameters, or all_hyperparameters: one row per model. `all_models` is the run's
    table `models`.
    """
    evaluation, frame = built.search.evaluation, built.frame
    media = [
        (i, item)
        for i, item in enumerate(built.space.hyperparameters)
        if item.parameter in ROBYN_NAMES
    ]
    found: Columns = {robyn_name(item, frame): built.search.values[:, i] for i, item in media}
    fit = _fit(built)
    found["train_size"] = fit.pop("train_size")
    for what, values in (("inflexion", evaluation.inflexion), ("inflation", evaluation.inflation)):
        found |= {f"{name}_{what}": values[:, m] for m, name in enumerate(frame.selected)}
    found |= fit
    penalties = [
        (i, item)
        for i, item in enumerate(built.space.hyperparameters)
        if item.parameter == "penalty"
    ]
    found |= {robyn_name(item, frame): built.search.values[:, i] for i, item in penalties}
    k = frame.base.shape[1]
    found["pos"] = (evaluation.effects >= 0).all(axis=1).astype(int)
    found |= _identity(built)
    paid = evaluation.coefficients[:, k : k + frame.paid]
    found["coef0"] = paid.min(axis=1, initial=np.inf) == 0
    found["mape.qt10"] = _within(built, all_models)
    found["robynPareto"] = built.stored["front"]
    found["error_score"] = built.search.scores
    return _table(found | _group(built))


def _within(built: Rebuilt, all_models: pa.Table) -> np.ndarray:
    """Which models are within the quantiles of all candidates' errors."""
    loss = np.column_stack(
        [
            all_models[name].to_numpy(zero_copy_only=False)
            for name in ("nrmse", "decomp_rssd", "calibration_error")
        ]
    ).astype(float)
    constraint = 1.0 if built.problem.previous else built.settings.calibration_constraint
    within = dict(
        zip(all_models["model_id"].to_pylist(), eligible(loss, constraint).tolist(), strict=True)
    )
    return np.array([within[name] for name in built.search.ids])


def aggregated(built: Rebuilt) -> pa.Table:
    """pareto_aggregated, or all_aggregated: one row per model and variable. Response columns are
    the kept models'.
    """
    return _aggregated(built, range(len(built.search.trial)))


def aggregated_model(built: Rebuilt, row: int) -> pa.Table:
    """The rows of one model."""
    return _aggregated(built, [row])


@dataclass(frozen=True)
class _Shared:
    """What the rows of all models are made of: `models` (B,) per model, `variables` per variable,
    the same in all of them.
    """

    names: np.ndarray
    models: Columns
    groups: dict[str, list[Any]]
    variables: Columns
    bootstrapped: Bootstrapped


def _aggregated(built: Rebuilt, rows: Sequence[int]) -> pa.Table:
    """The models `rows` below one another. Columns are joined before they become a table: one
    table per model costs more than all its numbers.
    """
    shared = _Shared(
        np.array((_INTERCEPT, *variable_names(built.frame))),
        _fit(built) | _identity(built) | {"robynPareto": built.stored["front"].to_pylist()},
        {name: values.to_pylist() for name, values in _group(built).items()},
        _of_variables(built),
        _bootstrapped(built),
    )
    models = [_aggregated_model(built, row, shared) for row in rows]
    columns: Columns = {}
    for name in models[0]:
        columns[name] = _joined([model[name] for model in models])
    return _table(columns)


def _joined(parts: Sequence[Any]) -> Any:
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    joined: list[Any] = []
    for part in parts:
        joined += part
    return joined


def _aggregated_model(built: Rebuilt, row: int, shared: _Shared) -> Columns:
    model, count = built.models[row], len(shared.names)
    kept = shared.models["robynPareto"][row] is not None
    parts = built.model(row)[1] if kept else None
    effects = effects_of(built.frame, model) if parts is None else parts.effects
    found: Columns = {"rn": shared.names, **_sums(built, model, effects, shared.variables)}
    found |= {name: _repeat(values[row], count) for name, values in shared.models.items()}
    found |= _responses(built, parts)
    found |= {name: [values[row]] * count for name, values in shared.groups.items()}
    found |= _intervals(built, shared.bootstrapped, shared.groups["cluster"][row])
    found["carryover_pct"] = _carryover(built, parts)
    return found


def _repeat(value: Any, count: int) -> Any:
    if isinstance(value, np.generic):
        return np.repeat(value, count)
    return [value] * count


def _refreshed_rows(built: Rebuilt) -> slice:
    """The window's rows that are new in a refresh; all of them in a first model."""
    previous = built.problem.previous
    return slice(0 if previous is None else built.frame.n - previous.steps, built.frame.n)


def _of_variables(built: Rebuilt) -> Columns:
    """Spend and exposure over the window, the same in every model."""
    frame, new = built.frame, _refreshed_rows(built)
    spend = frame.spend[:, frame.window_rows]
    exposure = [medium.exposure for medium in built.problem.paid] + [
        item.values for item in built.problem.organic
    ]
    raw = [
        np.full(frame.n, np.nan) if values is None else values[frame.window_rows]
        for values in exposure
    ]
    totals, new_totals = spend.sum(axis=1), spend[:, new].sum(axis=1)
    return {
        "spend_share": _of_paid(frame, totals / totals.sum()),
        "spend_share_refresh": _of_paid(frame, new_totals / new_totals.sum()),
        "mean_spend": _of_paid(frame, spend.mean(axis=1)),
        "total_spend": _of_paid(frame, totals),
        "mean_exposure": _of_media(frame, [values.mean() for values in raw]),
        "mean_exposure_refresh": _of_media(frame, [values[new].mean() for values in raw]),
    }


def _sums(built: Rebuilt, model: Model, media: np.ndarray, variables: Columns) -> Columns:
    """Sums, shares and means of effects over the window, and over the new rows (..RF, .._refresh)."""
    frame = built.frame
    effects = np.column_stack([np.full(frame.n, model.intercept), media])
    new = _refreshed_rows(built)
    found: Columns = {"coef": np.array([model.intercept, *model.coefficients])}
    for suffix, values in (("", effects), ("RF", effects[new])):
        total, mean = values.sum(axis=0), _mean_of_nonzero(values)
        found[f"xDecompAgg{suffix}"] = total
        found[f"xDecompPerc{suffix}"] = total / total.sum()
        found[f"xDecompMeanNon0{suffix}"] = mean
        found[f"xDecompMeanNon0Perc{suffix}"] = mean / mean.sum()
    found["pos"] = found["xDecompAgg"] >= 0
    found |= variables
    for name, column in (
        ("effect_share", "xDecompPerc"),
        ("effect_share_refresh", "xDecompPercRF"),
    ):
        paid = found[column][1 + frame.base.shape[1] :][: frame.paid]
        with np.errstate(invalid="ignore", divide="ignore"):
            found[name] = _of_paid(frame, paid / paid.sum())
    return found


def _mean_of_nonzero(values: np.ndarray) -> np.ndarray:
    """Mean of what is not zero; 0 where nothing is positive, as in Robyn, hence for negative
    effects too.
    """
    count = (values != 0).sum(axis=0)
    mean = values.sum(axis=0) / np.maximum(count, 1)
    return np.where((values > 0).any(axis=0), mean, 0.0)


def _of_media(frame: Frame, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """One value per medium, NaN for the intercept and what comes before the media."""
    return np.concatenate([np.full(1 + frame.base.shape[1], np.nan), np.asarray(values, float)])


def _of_paid(frame: Frame, values: np.ndarray) -> np.ndarray:
    return _of_media(frame, np.append(values, np.full(len(frame.selected) - frame.paid, np.nan)))


def _responses(built: Rebuilt, parts: Decomposition | None) -> Columns:
    """Responses at the mean, nothing (None) of a model that is not kept."""
    frame, k = built.frame, built.frame.base.shape[1]
    if parts is None:
        return dict.fromkeys(_RESPONSES, np.full(1 + k + len(frame.selected), np.nan))
    effects = parts.effects[:, k:]
    spend = frame.spend[:, frame.window_rows].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        roi = effects.sum(axis=0)[: frame.paid] / spend
        cpa = spend / effects.sum(axis=0)[: frame.paid]
    carried = parts.carryover_input.mean(axis=1)
    input_mean = parts.immediate_input.mean(axis=1) + carried
    media = [_of_media(frame, values) for values in (effects.mean(axis=0), input_mean, carried)]
    paid = [_of_paid(frame, values) for values in (roi, roi, cpa, cpa)]
    return dict(zip(_RESPONSES, [*media, *paid], strict=True))


def _carryover(built: Rebuilt, parts: Decomposition | None) -> np.ndarray:
    k, media = built.frame.base.shape[1], len(built.frame.selected)
    if parts is None:
        return np.full(1 + k + media, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = parts.carryover.sum(axis=1) / parts.effects[:, k:].sum(axis=0)
    return _of_media(built.frame, share)


def _bootstrapped(built: Rebuilt) -> Bootstrapped:
    """(number of models, interval) by paid medium's number and cluster: of ROI, or of CPA for
    conversions.
    """
    frame, k = built.frame, built.frame.base.shape[1]
    cluster = np.array([label or 0 for label in built.stored["cluster"].to_pylist()])
    effects = built.search.evaluation.effects[:, k : k + frame.paid]
    spend = frame.spend[:, frame.window_rows].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        measure = spend / effects if built.problem.kpi_kind == "conversion" else effects / spend
    found = {}
    for label in sorted(set(cluster[cluster > 0].tolist())):
        members = cluster == label
        for m in range(frame.paid):
            interval = cluster_interval(
                measure[members, m], built.settings.bootstrap, built.settings.seed
            )
            found[m, label] = (int(members.sum()), interval)
    return found


def _intervals(built: Rebuilt, boot: Bootstrapped, label: int | None) -> Columns:
    """Bootstrapped means and intervals of one cluster's paid media; unknown without a cluster."""
    names = ("boot_mean", "boot_se", "ci_low", "ci_up")
    values = np.full((built.frame.paid, len(names)), np.nan)
    if label is not None:
        for m in range(built.frame.paid):
            _, interval = boot[m, label]
            values[m] = interval
    return {name: _of_paid(built.frame, values[:, i]) for i, name in enumerate(names)}


def media_transform(built: Rebuilt) -> pa.Table:
    """pareto_media_transform_matrix: media per model, date and type (adstockedMedia: input,
    decompMedia: effect).
    """
    frame, k = built.frame, built.frame.base.shape[1]

    def blocks() -> Iterator[pa.Table]:
        for row in range(len(built.search.trial)):
            _, parts = built.model(row)
            for kind, values in (
                ("adstockedMedia", (parts.immediate_input + parts.carryover_input).T),
                ("decompMedia", parts.effects[:, k:]),
            ):
                media = dict(zip(frame.selected, values.T, strict=True))
                yield _table(
                    {"ds": _dates(frame), **media, "type": [kind] * frame.n} | _repeated(built, row)
                )

    return pa.concat_tables(blocks(), promote_options="default")


def alldecomp(built: Rebuilt) -> pa.Table:
    """pareto_alldecomp_matrix: per model and date the KPI, every variable's effect, intercept and
    fitted KPI.
    """
    frame = built.frame

    def blocks() -> Iterator[pa.Table]:
        for row in range(len(built.search.trial)):
            _, parts = built.model(row)
            yield _table(
                {"ds": _dates(frame), "dep_var": frame.y[frame.window_rows]}
                | dict(zip(variable_names(frame), parts.effects.T, strict=True))
                | {"intercept": np.full(frame.n, parts.intercept), "depVarHat": parts.fitted}
                | _repeated(built, row)
            )

    return pa.concat_tables(blocks(), promote_options="default")


def _dates(frame: Frame) -> np.ndarray:
    return frame.dates[frame.window_rows].astype("datetime64[D]")


def _repeated(built: Rebuilt, row: int) -> Columns:
    n = built.frame.n
    group = {name: [values[row].as_py()] * n for name, values in _group(built).items()}
    return {"solID": [str(built.search.ids[row])] * n, **group}


def clusters(built: Rebuilt) -> pa.Table:
    """pareto_clusters: the kept models' features, scaled to 0..1 as they were clustered by, and
    their clusters.
    """
    loss, labels = built.search.evaluation.loss, built.stored["cluster"].to_numpy()
    found: Columns = {
        "solID": built.search.ids,
        "mape": loss[:, 2],
        "decomp.rssd": loss[:, 1],
        "nrmse": loss[:, 0],
    }
    found["nrmse_train"] = built.search.evaluation.nrmse[:, 0]
    for parameter in ("theta", "shape", "scale", "alpha", "gamma", "penalty"):
        for i, item in enumerate(built.space.hyperparameters):
            if item.parameter == parameter:
                values = built.search.values[:, i]
                low, high = values.min(), values.max()
                if high > low:
                    found[robyn_name(item, built.frame)] = (values - low) / (high - low)
    found["cluster"] = labels
    found["n"] = np.array([(labels == label).sum() for label in labels])
    return _table(found | {"top_sol": built.stored["cluster_best"]})


def clusters_ci(built: Rebuilt) -> pa.Table:
    """pareto_clusters_ci: bootstrapped ROI (or CPA) per paid medium and cluster."""
    order = sorted(
        _bootstrapped(built).items(),
        key=lambda pair: (built.frame.selected[pair[0][0]], pair[0][1]),
    )
    rows = [
        {
            "rn": built.frame.selected[m], "cluster": label, "n": n, "boot_mean": found.mean, "boot_se": found.se,
            "boot_ci": f"[{round(found.low, 2):g}, {round(found.high, 2):g}]",
            "ci_low": found.low, "ci_up": found.high, "sd": found.se * np.sqrt(n - 1),
        }
        for (m, label), (n, found) in order
    ]  # fmt: skip
    return _table_of_rows(rows)


def calibration(built: Rebuilt) -> pa.Table:
    """pareto_calibration: per kept model and lift test the effect over the test's days, in its
    scope and in total.
    """
    frame, robyn = built.frame, built.settings.method == "robyn"
    names = dict(zip(frame.media_names, frame.selected, strict=True))
    rows = []
    for row, model_id in enumerate(built.search.ids):
        for study, (_, test) in enumerate(compared_tests(built.problem, frame, built.settings)):
            first, last, _ = study_rows(frame, test, robyn=robyn) or (0, 0, 0.0)
            effect, total = built.search.evaluation.studied[row, study]
            rows.append(
                {
                    "rn": "+".join(names.get(name, name) for name in test.channels),
                    "liftStart": test.start, "liftEnd": test.end, "liftAbs": test.lift,
                    "decompStart": frame.dates[first].astype("datetime64[D]").item(),
                    "decompEnd": frame.dates[last].astype("datetime64[D]").item(),
                    "decompAbsScaled": effect, "decompAbsTotalScaled": total,
                    "calibrated_pct": effect / total if total else np.nan,
                    "mape_lift": abs(effect - test.lift) / abs(test.lift),
                    "mape": built.search.evaluation.loss[row, 2], "solID": str(model_id),
                }
            )  # fmt: skip
    return _table_of_rows(rows)


def raw_data(problem: Problem, date_name: str) -> pa.Table:
    """raw_data: every mapped column as it was read, by date."""
    found: Columns = {
        date_name: problem.dates.astype("datetime64[D]"),
        problem.kpi_name: problem.kpi,
    }
    for medium in problem.paid:
        found[medium.name] = medium.spend
        if medium.exposure is not None and medium.exposure_name is not None:
            found[medium.exposure_name] = medium.exposure
    for item in (*problem.organic, *problem.context):
        found[item.name] = list(item.levels) if isinstance(item, Factor) else item.values
    return _table(found)


def _table_of_rows(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    columns: Columns = {}
    for name in rows[0]:
        columns[name] = np.array([row[name] for row in rows])
    return _table(columns)


def _table(columns: Columns) -> pa.Table:
    """A table; NaN becomes null, infinite numbers stay."""
    arrays = {}
    for name, values in columns.items():
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            arrays[name] = pa.array(values, mask=np.isnan(values))
        else:
            if isinstance(values, pa.ChunkedArray):
                arrays[name] = values.combine_chunks()
            else:
                arrays[name] = pa.array(values)
    return pa.table(arrays)
