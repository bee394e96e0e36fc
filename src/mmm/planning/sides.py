"""What a plan is made with, and the draws that it is optimised and measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmm.engines.response import ResponseModel
from mmm.planning.problem import NOTHING_KNOWN, Known
from mmm.planning.weighted import divided


class Responds(Protocol):
    """The response model that a plan is made with, at the prices of `rows` (None: the window) and
    with `carryover` "held" or "follows".
    """

    def __call__(self, rows: np.ndarray, carryover: str) -> ResponseModel: ...


@dataclass(frozen=True)
class PlannedWith:
    """What a plan is made with: the draws, or the kept models, of `model_id`; "" for all kept models
    together.

    A response of many draws is optimised on half of them and measured on the other half. One of a
    single model is measured on `others`, the run's kept models, where they are given. `reported`
    (T,) are the paid effects that the report has, NaN where it has none. `known` is what of the run
    bears on a plan beside its responses.
    """

    model_id: str
    response: Responds
    others: Responds | None = None
    reported: np.ndarray | None = None
    known: Known = NOTHING_KNOWN


@dataclass(frozen=True)
class Sides:
    """The draws that a plan is optimised on, those that its numbers are of, and those of its range
    (None: there are none to measure on); `whose` range it is, in words.
    """

    optimised: ResponseModel
    shown: ResponseModel
    measured: ResponseModel | None
    whose: str = ""


def sides_of(planned: PlannedWith, rows: np.ndarray, carryover: str) -> Sides:
    model = planned.response(rows, carryover)
    if len(model.weights) > 1:
        optimised, measured = divided(model)
        whose = "posterior draws" if planned.model_id else "kept models"
        return Sides(optimised, measured, measured, whose)
    if planned.others is None:
        return Sides(model, model, None)
    return Sides(model, model, planned.others(rows, carryover), "kept models")
