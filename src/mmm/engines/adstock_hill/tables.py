"""The engine's result as engine-neutral tables (`mmm.engines.schemas.SCHEMAS`), one function per
table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.candidates import split_rows
from mmm.engines.adstock_hill.decomposition import Decomposition, Model
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.models import Chosen, Search
from mmm.engines.adstock_hill.space import Space
from mmm.engines.adstock_hill.transforms import adstock_weights
from mmm.engines.base import Problem
from mmm.engines.confidence import confidence_word
from mmm.engines.schemas import SCHEMAS, table
from mmm.engines.words import Confidence

_CURVE_POINTS, _CURVE_REACH = 101, 1.5
#: An adstock curve is listed until a unit's remaining weight falls below this, at most two years of
#: weeks.
_SMALLEST_WEIGHT, _MOST_LAGS = 0.01, 104


Columns = Mapping[str, object]


@dataclass(frozen=True)
class Intervals:
    """Bounds of ROI and CPA, (K, P) each: kept models x paid channels. `confidence` (P,) where the
    engine knows more than how far the kept models agree.
    """

    roi_low: np.ndarray
    roi_high: np.ndarray
    cpa_low: np.ndarray
    cpa_high: np.ndarray
    confidence: tuple[Confidence, ...] | None = None


def models_table(search: Search, chosen: Chosen, calibrated: bool) -> pa.Table:
    batch = len(search.trial)
    evaluation, fronts = search.evaluation, chosen.selection.fronts
    cluster, best = np.zeros(batch, int), np.zeros(batch, bool)
    cluster[chosen.selection.kept] = chosen.clusters.labels
    best[chosen.selection.kept] = chosen.clusters.best
    weight, recommended = np.full(batch, np.nan), np.zeros(batch, bool)
    weight[chosen.selection.kept] = chosen.weights
    recommended[chosen.selection.kept[chosen.recommended]] = True
    return table(
        "models",
        {
            "model_id": search.ids,
            "trial": search.trial,
            "iteration": search.iteration,
            "nrmse": evaluation.loss[:, 0],
            **{
                f"nrmse_{split}": evaluation.nrmse[:, i]
                for i, split in enumerate(("train", "val", "test"))
            },
            **{
                f"rsq_{split}": evaluation.rsq[:, i]
                for i, split in enumerate(("train", "val", "test"))
            },
            "decomp_rssd": evaluation.loss[:, 1],
            "calibration_error": evaluation.loss[:, 2] if calibrated else np.full(batch, np.nan),
            "score": search.scores,
            "weight": weight,
            "front": np.ma.masked_equal(fronts, 0),
            "cluster": np.ma.masked_equal(cluster, 0),
            "cluster_best": best,
            "recommended": recommended,
            "intercept": evaluation.intercept,
        },
    )


def per_medium(
    chosen: Chosen,
    frame: Frame,
    name: str,
    rows: Callable[[Model, Decomposition, int], Columns | None],
) -> pa.Table:
    """One block of rows per kept model and medium, concatenated."""
    blocks = []
    for model, parts in zip(chosen.models, chosen.parts, strict=True):
        for m, medium in enumerate(frame.media_names):
            block = rows(model, parts, m)
            if block is None:
                continue
            length = len(next(iter(block.values())))  # type: ignore[arg-type]
            ids = {"model_id": [model.model_id] * length, "channel": [medium] * length}
            if "kind" in SCHEMAS[name].names:
                ids["kind"] = [frame.media_kinds[m]] * length
            blocks.append(table(name, {**ids, **block}))
    return pa.concat_tables(blocks)


def channels_table(
    problem: Problem, frame: Frame, chosen: Chosen, intervals: Intervals | None
) -> pa.Table:
    """Spend, effect and efficiency. The engine gives the intervals of ROI and CPA; None: it has
    none.
    """
    k, paid = frame.base.shape[1], frame.paid
    spend = frame.spend[:, frame.window_rows].sum(axis=1)
    fitted = np.array([parts.fitted.sum() for parts in chosen.parts])
    effects = effect_sums(frame, chosen)
    carryover = np.array([parts.carryover.sum(axis=1) for parts in chosen.parts])
    with np.errstate(invalid="ignore", divide="ignore"):
        roi = effects[:, :paid] / spend
        cpa = spend / effects[:, :paid]
        effect_share = effects[:, :paid] / effects[:, :paid].sum(axis=1, keepdims=True)
        carryover_share = carryover / effects
    slopes = []
    for model, parts in zip(chosen.models, chosen.parts, strict=True):
        slopes.append([_marginal(frame, model, parts, i) for i in range(paid)])
    marginal = np.array(slopes)
    if intervals is None:
        unknown = np.full(roi.shape, np.nan)
        intervals = Intervals(unknown, unknown, unknown, unknown)
    confidence = intervals.confidence or tuple(confidence_word(roi[:, i]) for i in range(paid))
    conversion = problem.kpi_kind == "conversion"

    def block(row: int) -> Columns:
        def padded(values: np.ndarray, use: bool = True) -> np.ndarray:
            return np.append(
                values if use else np.full(paid, np.nan),
                np.full(len(frame.media_names) - paid, np.nan),
            )

        return {
            "model_id": [chosen.models[row].model_id] * len(frame.media_names),
            "channel": frame.media_names,
            "kind": frame.media_kinds,
            "adstock": [curve.kind for curve in chosen.models[row].curves],
            "coefficient": chosen.models[row].coefficients[k:],
            "spend": padded(spend),
            "mean_spend": padded(spend / frame.n),
            "spend_share": padded(spend / spend.sum()),
            "contribution": effects[row],
            "contribution_share": effects[row] / fitted[row],
            "effect_share": padded(effect_share[row]),
            "carryover_share": carryover_share[row],
            "roi": padded(roi[row]),
            "roi_low": padded(intervals.roi_low[row]),
            "roi_high": padded(intervals.roi_high[row]),
            "marginal_roi": padded(marginal[row]),
            "cpa": padded(cpa[row], conversion),
            "cpa_low": padded(intervals.cpa_low[row], conversion),
            "cpa_high": padded(intervals.cpa_high[row], conversion),
            "confidence": [*confidence, *[None] * (len(frame.media_names) - paid)],
        }

    return pa.concat_tables([table("channels", block(row)) for row in range(len(chosen.models))])


def effect_sums(frame: Frame, chosen: Chosen) -> np.ndarray:
    """Effects over the window of the kept models x media, (K, M)."""
    k = frame.base.shape[1]
    return np.array([parts.effects.sum(axis=0)[k:] for parts in chosen.parts])


def _today(frame: Frame, parts: Decomposition, m: int) -> tuple[float, float]:
    """(mean input per period as it was given, mean input that earlier periods left), on the window.

    The input given, not its immediate part: under Weibull adstock with a late peak that part is
    near 0 while money is spent all the same. Robyn's allocator counts likewise.
    """
    given = frame.media[m, frame.window_rows].mean()
    return float(given), float(parts.carryover_input[m].mean())


def _marginal(frame: Frame, model: Model, parts: Decomposition, m: int) -> float:
    """Effect of one more unit of spend per period at the mean (Robyn: response at x + 1 less
    response at x).
    """
    return float(model.curves[m].next_unit(sum(_today(frame, parts, m))))


def media_table(frame: Frame) -> pa.Table:
    """What the media were given, on all rows: adstock starts before the window."""
    rows, media = len(frame.dates), len(frame.media_names)
    spend = np.full((media, rows), np.nan)
    spend[: frame.paid] = frame.spend
    in_window = np.zeros(rows, bool)
    in_window[frame.window_rows] = True
    return table(
        "media",
        {
            "date": np.tile(frame.dates.astype("datetime64[D]"), media),
            "channel": np.repeat(frame.media_names, rows),
            "kind": np.repeat(frame.media_kinds, rows),
            "spend": spend.ravel(),
            "input": frame.media.ravel(),
            "in_window": np.tile(in_window, media),
        },
    )


def contributions_table(frame: Frame, chosen: Chosen) -> pa.Table:
    dates = frame.dates[frame.window_rows].astype("datetime64[D]")
    names = (*frame.names, "intercept")
    kinds = (*frame.kinds, "intercept")
    k = frame.base.shape[1]
    blocks = []
    for model, parts in zip(chosen.models, chosen.parts, strict=True):
        effects = np.column_stack([parts.effects, np.full(frame.n, parts.intercept)])
        carryover = np.full(effects.shape, np.nan)
        carryover[:, k : k + len(frame.media_names)] = parts.carryover.T
        blocks.append(
            table(
                "contributions",
                {
                    "model_id": np.repeat(model.model_id, effects.size),
                    "date": np.tile(dates, len(names)),
                    "component": np.repeat(names, frame.n),
                    "kind": np.repeat(kinds, frame.n),
                    "effect": effects.T.ravel(),
                    "carryover": carryover.T.ravel(),
                },
            )
        )
    return pa.concat_tables(blocks)


def fit_table(frame: Frame, chosen: Chosen, train_sizes: Sequence[float]) -> pa.Table:
    blocks = []
    for model, parts, train_size in zip(chosen.models, chosen.parts, train_sizes, strict=True):
        split = split_rows(frame.n, train_size)
        blocks.append(
            table(
                "fit",
                {
                    "model_id": [model.model_id] * frame.n,
                    "date": frame.dates[frame.window_rows].astype("datetime64[D]"),
                    "actual": frame.y[frame.window_rows],
                    "fitted": parts.fitted,
                    "split": ["train"] * split.train + ["val"] * split.val + ["test"] * split.test,
                },
            )
        )
    return pa.concat_tables(blocks)


def curves_table(frame: Frame, chosen: Chosen) -> pa.Table:
    largest = frame.media[:, frame.window_rows].max(axis=1)
    grids = [np.linspace(0.0, _CURVE_REACH * top, _CURVE_POINTS) for top in largest]

    def rows(model: Model, parts: Decomposition, m: int) -> Columns:
        at = grids[m] + parts.carryover_input[m].mean()
        return {
            "spend": grids[m],
            "response": model.curves[m].response(at),
            "marginal_response": model.curves[m].next_unit(at),
            "observed": grids[m] <= largest[m],
        }

    return per_medium(chosen, frame, "curves", rows)


def curve_points_table(frame: Frame, chosen: Chosen) -> pa.Table:
    def rows(model: Model, parts: Decomposition, m: int) -> Columns:
        spend, carryover = _today(frame, parts, m)
        return {
            "mean_spend": [spend],
            "mean_carryover": [carryover],
            "mean_response": [float(model.curves[m].response(spend + carryover))],
            "carryover_response": [float(model.curves[m].response(carryover))],
        }

    return per_medium(chosen, frame, "curve_points", rows)


def adstock_table(frame: Frame, chosen: Chosen) -> pa.Table:
    def rows(model: Model, parts: Decomposition, m: int) -> Columns:
        curve = model.curves[m]
        weights = adstock_weights(
            len(frame.dates), curve.kind, curve.rate, curve.scale, curve.lags
        )[:_MOST_LAGS]
        used = int(np.flatnonzero(weights >= _SMALLEST_WEIGHT).max(initial=0)) + 1
        return {"lag": np.arange(used), "weight": weights[:used]}

    return per_medium(chosen, frame, "adstock", rows)


def parameters_table(frame: Frame, space: Space, search: Search, chosen: Chosen) -> pa.Table:
    """Hyperparameters of all candidates; absolute lambda, coefficients, inflexion and inflation of
    the kept ones.
    """
    ids, kept = search.ids, chosen.selection.kept
    blocks: list[tuple[np.ndarray, str, str, np.ndarray]] = []
    for i, item in enumerate(space.hyperparameters):
        name = item.stored_name
        blocks.append((ids, item.variable, name, search.values[:, i]))
    blocks.append((ids[kept], "", "lambda", space.candidates(search.values[kept]).lambda_))
    for j, name in enumerate(frame.names):
        blocks.append((ids[kept], name, "coefficient", search.evaluation.coefficients[kept, j]))
    for m, name in enumerate(frame.media_names):
        blocks.append((ids[kept], name, "inflexion", search.evaluation.inflexion[kept, m]))
        blocks.append((ids[kept], name, "inflation", search.evaluation.inflation[kept, m]))
    return table(
        "parameters",
        {
            "model_id": np.concatenate([block[0] for block in blocks]),
            "variable": np.concatenate([np.repeat(block[1], len(block[0])) for block in blocks]),
            "parameter": np.concatenate([np.repeat(block[2], len(block[0])) for block in blocks]),
            "value": np.concatenate([block[3] for block in blocks]),
        },
    )


def frame_table(problem: Problem, frame: Frame) -> pa.Table:
    """The KPI and the regressors other than media, on all rows of the data."""
    names = (problem.kpi_name, *frame.base_names)
    kinds = ("kpi", *frame.base_kinds)
    return table(
        "frame",
        {
            "date": np.tile(frame.dates.astype("datetime64[D]"), len(names)),
            "variable": np.repeat(names, len(frame.dates)),
            "kind": np.repeat(kinds, len(frame.dates)),
            "value": np.concatenate([frame.y, *frame.base.T]),
        },
    )
