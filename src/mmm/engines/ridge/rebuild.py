"""Models made again from what a run stored: its data, the frame's components, and the candidates'
hyperparameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.adstock_hill.candidates import Candidates
from mmm.engines.adstock_hill.checks import prophet_parts
from mmm.engines.adstock_hill.decomposition import Decomposition, Model, decompose
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.models import Search, kept_models
from mmm.engines.adstock_hill.space import Space, build_space
from mmm.engines.base import Factor, Problem
from mmm.engines.ridge.candidates import Design, evaluate
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.exact_frame import ridge_frame
from mmm.engines.ridge.settings import RidgeSettings


@dataclass(frozen=True)
class Rebuilt:
    """Candidates evaluated again, in the order of `stored`, the rows of the table `models` that
    they are.
    """

    problem: Problem
    settings: RidgeSettings
    frame: Frame
    design: Design
    space: Space
    search: Search
    stored: pa.Table

    @property
    def candidates(self) -> Candidates:
        return self.space.candidates(self.search.values)

    @cached_property
    def models(self) -> tuple[Model, ...]:
        return kept_models(self.frame, self.space, self.search, np.arange(len(self.search.trial)))

    @cached_property
    def _parts(self) -> dict[int, Decomposition]:
        return {}

    def model(self, row: int) -> tuple[Model, Decomposition]:
        """One candidate in full; what it does is computed once, for all files that tell it."""
        found = self.models[row]
        if row not in self._parts:
            self._parts[row] = decompose(self.frame, found)
        return found, self._parts[row]


def components(problem: Problem, settings: RidgeSettings, table: pa.Table) -> dict[str, np.ndarray]:
    """Prophet's parts and the factors' effects, (T,) each, from the table `frame`."""
    names = [
        *prophet_parts(problem, settings),
        *(item.name for item in problem.context if isinstance(item, Factor)),
    ]
    regressors = table.filter(pc.not_equal(table["kind"], "kpi"))
    return {
        name: regressors.filter(pc.equal(regressors["variable"], name))["value"].to_numpy()
        for name in names
    }


def rebuild(
    problem: Problem,
    settings: RidgeSettings,
    tables: Mapping[str, pa.Table],
    *,
    everything: Rebuilt | None = None,
) -> Rebuilt:
    """The kept models of a run evaluated again from its stored tables; all its candidates where
    `everything` names its kept models, whose frame and design serve for all.
    """
    from threadpoolctl import threadpool_limits

    models = tables["models"]
    stored = models
    if everything is None:
        stored = models.filter(pc.is_valid(models["front"]))
    if everything is not None:
        frame, design, space = everything.frame, everything.design, everything.space
    else:
        frame = ridge_frame(problem, settings, components(problem, settings, tables["frame"]))
        with threadpool_limits(1):  # as in training
            design = build_design(frame, settings, problem.lift_tests, problem.previous)
            space = build_space(frame, settings)
    values = _values(space, tables["parameters"], stored["model_id"])
    evaluation = evaluate(design, space.candidates(values))
    trial, iteration, score = (stored[name].to_numpy() for name in ("trial", "iteration", "score"))
    search = Search(values, evaluation, trial, iteration, score)
    return Rebuilt(problem, settings, frame, design, space, search, stored)


def _values(space: Space, parameters: pa.Table, ids: pa.ChunkedArray) -> np.ndarray:
    """Hyperparameters (B, H) of the models `ids`, in the space's order."""
    columns = []
    for item in space.hyperparameters:
        name = item.stored_name
        rows = parameters.filter(
            pc.and_(
                pc.equal(parameters["variable"], item.variable),
                pc.equal(parameters["parameter"], name),
            )
        )
        place = pc.index_in(ids, value_set=rows["model_id"].combine_chunks())
        columns.append(rows["value"].take(place).to_numpy())
    return np.column_stack(columns)
