"""Refresh: a chosen model brought up to date with new periods (robyn_refresh): narrowed ranges, and
what moved and why.

The search stays near the previous model: every range is cut to the previous value plus or minus a
share of the initial range, and the second loss is the distance to the previous model's
decomposition instead of that to the budget's split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill import settings as declared
from mmm.engines.adstock_hill.frame import LAMBDA_RATIO, Frame
from mmm.engines.adstock_hill.models import Chosen, Search
from mmm.engines.adstock_hill.settings import Within
from mmm.engines.adstock_hill.space import Hyperparameter, Space
from mmm.engines.base import PreviousModel, Problem
from mmm.engines.ridge.candidates import Design, evaluate
from mmm.engines.ridge.settings import RidgeSettings
from mmm.engines.schemas import SCHEMAS, table

#: The limits a fixed value's new range must respect.
_LIMITS: dict[str, Within] = {
    name: get_args(kind)[1]
    for name, kind in {
        "alpha": declared.Alpha,
        "gamma": declared.Gamma,
        "theta": declared.Theta,
        "shape": declared.Shape,
        "scale": declared.Scale,
        "lambda": declared.Unit,
        "train_size": declared.TrainSize,
        "penalty": declared.Unit,
    }.items()
}
_OPEN_END = 1e-9


def moved_window(window: tuple[int, int], steps: int) -> tuple[int, int]:
    """(first row, last row) of a window moved on by `steps` periods."""
    return window[0] + steps, window[1] + steps


def freedom(previous: PreviousModel, rows: int, settings: RidgeSettings) -> float:
    """How much of its initial range a parameter may move by: new periods over the window's length,
    or as set.
    """
    if settings.refresh_freedom is not None:
        return settings.refresh_freedom
    return previous.steps / rows


def narrowed(space: Space, previous: PreviousModel, settings: RidgeSettings) -> Space:
    """The space around the previous model (Robyn: refresh_hyps)."""
    share = freedom(previous, space.frame.n, settings)
    items = []
    for item in space.hyperparameters:
        low, high = _range(
            item, previous_value(item, previous, robyn=settings.method == "robyn"), share
        )
        items.append(replace(item, low=low, high=high))
    return replace(space, hyperparameters=tuple(items))


def previous_value(item: Hyperparameter, previous: PreviousModel, *, robyn: bool = False) -> float:
    """The previous model's value of a hyperparameter, lambda on its unit scale.

    Robyn turns lambda back to [0, 1] without subtracting the smallest lambda first, so that its
    value is slightly too large (`robyn=True`). A penalty or training size that the previous model
    did not have was 1.
    """
    if item.parameter == "lambda":
        unit = previous.parameters["", "lambda_unit"]
        if robyn:
            return unit + LAMBDA_RATIO / (1.0 - LAMBDA_RATIO)
        return unit
    value = previous.parameters.get((item.variable, item.parameter))
    if value is None:
        if item.parameter not in ("penalty", "train_size"):
            raise ValueError(f"the previous model has no {item.parameter} of {item.variable}")
        return 1.0
    return value


def _range(item: Hyperparameter, value: float, share: float) -> tuple[float, float]:
    """A range keeps within the initial one. A fixed value becomes a range around the previous
    value, within limits.
    """
    if item.fixed:
        limit = _LIMITS[item.parameter]
        last = limit.high - _OPEN_END if limit.high_open else limit.high
        return max(limit.low, value * (1.0 - share)), min(last, value * (1.0 + share))
    reach = (item.high - item.low) * share
    value = min(max(value, item.low), item.high)
    return max(item.low, value - reach), min(item.high, value + reach)


@dataclass(frozen=True)
class _Said:
    """What a model says of its window: sums of effects by component, spends by channel, parameters."""

    effects: Mapping[str, float]
    spend: Mapping[str, float]
    parameters: Mapping[tuple[str, str], float]

    def measures(self, conversion: bool) -> dict[tuple[str, str], float]:
        fitted, paid = sum(self.effects.values()), sum(self.effects[name] for name in self.spend)
        spent = sum(self.spend.values())
        found = {
            (name, "contribution_share"): effect / fitted for name, effect in self.effects.items()
        }
        for name, spend in self.spend.items():
            effect = self.effects[name]
            found[name, "spend"] = spend
            found[name, "spend_share"] = spend / spent
            found[name, "effect_share"] = effect / paid if paid else np.nan
            found[name, "roi"] = effect / spend if spend else np.nan
            if conversion:
                found[name, "cpa"] = spend / effect if effect else np.nan
        return found | dict(self.parameters)


def moves_table(
    problem: Problem, design: Design, space: Space, found: Search, chosen: Chosen
) -> pa.Table:
    """Old, refitted and new value per kept model, variable and measure; empty where nothing is
    refreshed.

    The refitted model has the previous model's hyperparameters and the new data, so that its
    coefficients, inflexions and effects are what the data alone have changed.
    """
    previous = problem.previous
    names = SCHEMAS["moves"].names
    if previous is None:
        return table("moves", {name: [] for name in names})
    conversion = problem.kpi_kind == "conversion"
    frame = space.frame
    spend = dict(
        zip(frame.media_names, frame.spend[:, frame.window_rows].sum(axis=1).tolist(), strict=False)
    )
    at_old = np.array([[previous_value(item, previous) for item in space.hyperparameters]])
    refit = evaluate(design, space.candidates(at_old), cores=1)
    keys = [(item.variable, item.stored_name) for item in space.hyperparameters]
    unchanged = dict(zip(keys, at_old[0].tolist(), strict=True))
    old = _Said(previous.effects, previous.spend, unchanged).measures(conversion)
    refitted = _Said(_effects(frame, refit.effects[0]), spend, unchanged).measures(conversion)
    rows: list[tuple[str, str, str, float, float, float]] = []
    for model, index in zip(chosen.models, chosen.selection.kept, strict=True):
        values = dict(zip(keys, found.values[index].tolist(), strict=True))
        new = _Said(_effects(frame, found.evaluation.effects[index]), spend, values).measures(
            conversion
        )
        rows += [(model.model_id, *key, old[key], refitted[key], new[key]) for key in new]
    return table("moves", dict(zip(names, zip(*rows, strict=True), strict=True)))


def _effects(frame: Frame, sums: np.ndarray) -> dict[str, float]:
    """Sums of effects (p + 1,) by component."""
    return dict(zip((*frame.names, "intercept"), sums.tolist(), strict=True))
