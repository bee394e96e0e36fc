"""Which of the clusters' best models is recommended, and why, in words."""

from __future__ import annotations

import numpy as np

from mmm.engines.adstock_hill.models import Chosen, Search

#: A medium below this share of the KPI has no effect worth the name (Robyn counts an effect share
#: of 0 at 4 digits).
_NO_EFFECT = 0.5e-4


def recommended(best: np.ndarray, scores: np.ndarray) -> int:
    """The smallest score among the clusters' best: the best balance of fit and business distance."""
    candidates = np.flatnonzero(best)
    return int(candidates[np.argmin(scores[candidates])])


def reason(found: Search, chosen: Chosen, previous: str | None = None) -> str:
    """Why the recommended model was chosen, in words. `previous` is the model it refreshes."""
    kept, clusters = chosen.selection.kept, chosen.clusters
    loss = found.evaluation.loss[kept]
    if not clusters.best.any():
        return _of_first_front(found, chosen)
    best = np.flatnonzero(clusters.best)
    row = chosen.recommended
    members = int((clusters.labels == clusters.labels[row]).sum())

    def rank(column: int) -> str:
        place = int((loss[best, column] < loss[row, column]).sum()) + 1
        ends = {len(best): "the largest", 1: "the smallest"}
        return ends.get(place, f"number {place} of {len(best)}, smallest first")

    trials = len(np.unique(found.trial[kept]))
    origin = "come from its Pareto fronts"
    if trials > 1:
        origin = f"come from the Pareto fronts of {trials} trials"
    parts = chosen.parts[row]
    effects = parts.effects[:, -len(chosen.models[row].curves) :].sum(axis=0)
    unexplained = int((np.abs(effects) < _NO_EFFECT * parts.fitted.sum()).sum())
    every = f"It gives {unexplained} of its media no effect. " if unexplained else ""
    model = chosen.models[row].model_id
    begin = (
        f"Of {len(found.course.trial):,} candidates the best {len(kept)} {origin} and fall into {clusters.count} "
        f"clusters of similar models. "
    )
    end = f"{every}{members} of the {len(kept)} kept models are like it."
    if chosen.rule == "consensus":
        return (
            f"{begin}Model {model} is nearest to what the kept models say together, where those that fit well"
            f"{' and agree with the lift tests' if (loss[:, 2] > 0).any() else ''} count most: its NRMSE of "
            f"{loss[row, 0]:.4f} is {rank(0)} of the {len(best)} clusters' best, its DECOMP.RSSD of {loss[row, 1]:.4f} "
            f"is {rank(1)}. {end}"
        )
    if chosen.rule == "previous":
        return (
            f"{begin}Model {model} is nearest to the previous model {previous}: its distance of {loss[row, 1]:.4f} is "
            f"the smallest of all kept; its NRMSE is {loss[row, 0]:.4f}. {end}"
        )
    distance = "DECOMP.RSSD" if previous is None else f"distance to the previous model {previous}"
    return (
        f"{begin}Model {model} has the best balance of fit and {'business ' * (previous is None)}distance among the "
        f"clusters' best: its NRMSE of {loss[row, 0]:.4f} is {rank(0)} of {len(best)}, its {distance} of "
        f"{loss[row, 1]:.4f} is {rank(1)}. {end}"
    )


def _of_first_front(found: Search, chosen: Chosen) -> str:
    """The reason where the kept models were not grouped."""
    kept, row = chosen.selection.kept, chosen.recommended
    loss, fronts = found.evaluation.loss[kept], chosen.selection.fronts[kept]
    model = chosen.models[row].model_id
    return (
        f"Of {len(found.course.trial):,} candidates the best {len(kept)} come from the Pareto fronts; they form no "
        f"clusters. Model {model} has the best balance of fit and business distance among the "
        f"{int((fronts == fronts.min()).sum())} of the first front: its NRMSE is {loss[row, 0]:.4f}, its DECOMP.RSSD "
        f"{loss[row, 1]:.4f}."
    )
