"""The last periods held out: how much worse the model forecasts than it fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from mmm.certificate.checks.base import CheckResult, CouldNotRun, Situation, compared
from mmm.engines.capabilities import Varies, offered
from mmm.engines.words import Split

_TRAINED_ON = 0.85


@dataclass(frozen=True)
class Holdout:
    """Trains on the first 85 % of the window. The value is the error in the periods that were never
    seen over that in training.
    """

    key: str = "holdout"
    threshold: float = 2.0
    decision: str = "whether forecasts and plans may be relied on"

    def run(self, situation: Situation) -> list[CheckResult]:
        varied = offered(situation.engine, Varies)
        if varied is None:
            raise CouldNotRun("The engine cannot hold periods out.")
        settings = varied.variant(situation.settings, holdout=_TRAINED_ON)
        result = situation.refit(situation.problem, settings)
        fit = result.tables["fit"]
        own = fit.filter(pc.equal(fit["model_id"], result.recommended))
        gaps = own["actual"].to_numpy() - own["fitted"].to_numpy()
        split = np.array(own["split"].to_pylist())
        trained, unseen = gaps[split == Split.TRAIN], gaps[split == Split.TEST]
        if not len(unseen) or not len(trained):
            raise CouldNotRun("The engine gave no fit of the periods that were held out.")
        value = float(np.sqrt(np.mean(unseen**2)) / np.sqrt(np.mean(trained**2)))
        finding = f"In periods held out the error is {value:.1f} times that in training."
        return [compared(self, value, "", finding, _ADVICE)]


_ADVICE = "The model follows its data too closely: plan with wide ranges, and re-train often."
