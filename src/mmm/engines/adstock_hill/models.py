"""A search's candidates, which of them are kept, and the kept ones as models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mmm.engines.adstock_hill.candidates import Evaluation
from mmm.engines.adstock_hill.curves import Curve
from mmm.engines.adstock_hill.decomposition import Decomposition, Model
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.space import Space


@dataclass(frozen=True)
class Selection:
    """Fronts of all candidates, (B,): 0 for those not kept, else from 1. `kept` are their indices
    in order.
    """

    fronts: np.ndarray
    kept: np.ndarray
    count: int


@dataclass(frozen=True)
class Clusters:
    """Clusters of the kept models: `labels` (K,) from 1, `best` (K,) marks each cluster's best; WSS
    per tried count.
    """

    labels: np.ndarray
    best: np.ndarray
    wss: np.ndarray

    @property
    def count(self) -> int:
        return int(self.labels.max())

    def standing_for_its_own(self, row: int) -> Clusters:
        """The same clusters with `row` as its own cluster's best."""
        best = self.best & (self.labels != self.labels[row])
        best[row] = True
        return replace(self, best=best)


#: Up to so many candidates are all listed; of more, the kept models and an even sample of about so
#: many others.
MOST_LISTED, LISTED_OF_MANY = 100_000, 20_000


Rule = Literal["consensus", "score", "previous"]


@dataclass(frozen=True)
class Course:
    """Losses (N, 3) of every candidate that was evaluated, N of them, with trial and iteration
    (N,).
    """

    loss: np.ndarray
    trial: np.ndarray
    iteration: np.ndarray
    unsolved: int


@dataclass(frozen=True)
class Search:
    """Candidates of all trials, B of them, ordered by trial and iteration: all, or those that the
    tables list.
    """

    values: np.ndarray  # (B, H) hyperparameters, lambda on its unit scale
    evaluation: Evaluation
    trial: np.ndarray  # (B,) from 1
    iteration: np.ndarray  # (B,) from 1
    scores: np.ndarray  # (B,)
    every: Course | None = None  # of all candidates, where fewer are listed

    @property
    def course(self) -> Course:
        of = self.evaluation
        return self.every or Course(of.loss, self.trial, self.iteration, int((of.passes < 0).sum()))

    @property
    def ids(self) -> np.ndarray:
        return np.array(
            [f"{trial}_{i}" for trial, i in zip(self.trial, self.iteration, strict=True)]
        )


@dataclass(frozen=True)
class Chosen:
    """The kept models: K of them, their rows in the search, decompositions, clusters and the
    recommended one.
    """

    selection: Selection
    clusters: Clusters
    models: tuple[Model, ...]
    parts: tuple[Decomposition, ...]
    recommended: int  # position among the kept
    rule: Rule  # what the recommended model was chosen by
    weights: np.ndarray  # (K,) of the kept models in their consensus, summing to 1


def kept_models(frame: Frame, space: Space, search: Search, kept: np.ndarray) -> tuple[Model, ...]:
    """The candidates at `kept` with all their parameters."""
    candidates, ids = space.candidates(search.values[kept]), search.ids
    k = frame.base.shape[1]
    models = []
    for row, index in enumerate(kept):
        coefficients = search.evaluation.coefficients[index]
        curves = []
        for m in range(len(frame.media_names)):
            curve = Curve(
                space.kinds[m],
                float(candidates.rate[row, m]),
                float(candidates.scale[row, m]),
                float(candidates.alpha[row, m]),
                float(search.evaluation.inflexion[index, m]),
                float(coefficients[k + m]),
            )
            curves.append(curve)
        models.append(
            Model(
                str(ids[index]),
                tuple(curves),
                coefficients,
                float(search.evaluation.intercept[index]),
                search.evaluation.flexible[index],
            )
        )
    return tuple(models)
