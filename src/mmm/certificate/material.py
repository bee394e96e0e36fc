"""What worlds are made of: a run's own data and what its recommended model says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.base import Problem

Tables = Mapping[str, pa.Table]


@dataclass(frozen=True)
class Material:
    """T rows of data, W of them in the window, P paid channels in the problem's order.

    `inputs` (P, T) is what is modelled over its mean in the window, of a channel with a frequency
    its reach times what the frequency does; `spend` (P, T) the money.
    `kpi` (W,) is that of the window, `base` (W,) the fitted KPI without paid media, `effects`
    (W, P) the fitted effects, `residuals` (W,) the rest. `known` (W, R) are the model's regressors
    other than media, standardised: controls, holidays, season as the model saw them.
    """

    problem: Problem
    channels: tuple[str, ...]
    inputs: np.ndarray
    spend: np.ndarray
    kpi: np.ndarray
    base: np.ndarray
    effects: np.ndarray
    residuals: np.ndarray
    known: np.ndarray
    rois: np.ndarray

    @property
    def window(self) -> slice:
        return self.problem.window_rows

    @property
    def by_frequency(self) -> tuple[bool, ...]:
        """Of each channel, whether it is modelled by its reach and frequency."""
        return tuple(medium.frequency is not None for medium in self.problem.paid)

    @property
    def window_spend(self) -> np.ndarray:
        """Money of each channel over the window, (P,)."""
        return np.asarray(self.spend[:, self.window].sum(axis=1))


def read_material(problem: Problem, tables: Tables, model_id: str) -> Material:
    """The material of a run's model. ValueError where tables and problem are not of one run."""
    channels = tuple(medium.name for medium in problem.paid)
    window = problem.window_rows
    media = {name: _of(tables["media"], "channel", name).sort_by("date") for name in channels}
    given = []
    for name, medium in zip(channels, problem.paid, strict=True):
        acting = media[name]["input"].to_numpy()
        if medium.frequency is not None:
            exposures = acting * medium.frequency
            acting = exposures * _worth(tables["frequencies"], model_id, name, medium.frequency)
        given.append(acting)
    inputs = np.array(given, float)
    if inputs.shape[1] != problem.rows:
        raise ValueError("the results are of data with other rows than the problem's")
    means = inputs[:, window].mean(axis=1, keepdims=True)
    inputs = np.divide(inputs, means, out=np.zeros_like(inputs), where=means > 0)
    fit = _of(tables["fit"], "model_id", model_id).sort_by("date")
    fitted, kpi = fit["fitted"].to_numpy(), problem.kpi[window]
    effects = _effects(tables["contributions"], model_id, channels, len(kpi))
    return Material(
        problem=problem,
        channels=channels,
        inputs=inputs,
        spend=np.array([medium.spend for medium in problem.paid], float),
        kpi=kpi,
        base=fitted - effects.sum(axis=1),
        effects=effects,
        residuals=kpi - fitted,
        known=_known(tables["frame"], problem),
        rois=_rois(tables, model_id, channels),
    )


def _worth(table: pa.Table, model_id: str, name: str, frequency: np.ndarray) -> np.ndarray:
    """What an exposure of a channel is worth at its period's frequency (T,), up to a factor."""
    curve = _of(_of(table, "model_id", model_id), "channel", name).sort_by("frequency")
    return np.interp(frequency, curve["frequency"].to_numpy(), curve["worth"].to_numpy())


def _of(table: pa.Table, column: str, value: str) -> pa.Table:
    return table.filter(pc.equal(table[column], value))


def _effects(table: pa.Table, model_id: str, channels: tuple[str, ...], rows: int) -> np.ndarray:
    own = _of(table, "model_id", model_id)
    found = np.zeros((rows, len(channels)))
    for column, name in enumerate(channels):
        found[:, column] = _of(own, "component", name).sort_by("date")["effect"].to_numpy()
    return found


def _known(table: pa.Table, problem: Problem) -> np.ndarray:
    """The regressors other than media in the window, standardised; those that do not vary are left
    out.
    """
    columns = []
    for name in pc.unique(pc.filter(table["variable"], pc.not_equal(table["kind"], "kpi"))):
        rows = _of(table, "variable", name.as_py()).sort_by("date")
        values = rows["value"].to_numpy()
        if len(values) == problem.rows:
            values = values[problem.window_rows]
        spread = values.std()
        if spread > 0 and len(values) == problem.window[1] - problem.window[0] + 1:
            columns.append((values - values.mean()) / spread)
    length = problem.window[1] - problem.window[0] + 1
    return np.array(columns, float).T if columns else np.empty((length, 0))


def _rois(tables: Tables, model_id: str, channels: tuple[str, ...]) -> np.ndarray:
    """ROIs of what the run thinks possible, (K, P): the draws of the model where it has draws, else
    its kept models.
    """
    drawn = _drawn(tables, model_id, channels)
    if drawn is not None:
        return drawn
    table = tables["channels"]
    by_model: dict[str, dict[str, float]] = {}
    for row in table.select(["model_id", "channel", "roi"]).to_pylist():
        if row["roi"] is not None:
            by_model.setdefault(row["model_id"], {})[row["channel"]] = row["roi"]
    rows = []
    for found in by_model.values():
        rows.append([found.get(name, np.nan) for name in channels])
    rois = np.array(rows, float)
    return np.asarray(rois[np.isfinite(rois).all(axis=1)])


def _drawn(tables: Tables, model_id: str, channels: tuple[str, ...]) -> np.ndarray | None:
    """ROIs of the model's draws (K, P); None without draws of every channel's ROI."""
    if "draws" not in tables or not tables["draws"].num_rows:
        return None
    own = _of(_of(tables["draws"], "model_id", model_id), "parameter", "roi")
    columns = []
    for name in channels:
        values = _of(own, "variable", name).sort_by("draw")["value"].to_numpy()
        columns.append(values)
    lengths = {len(values) for values in columns}
    if len(lengths) != 1 or 0 in lengths:
        return None
    return np.array(columns, float).T
