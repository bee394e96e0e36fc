"""Models at rest: what steady responses need of each, for one model or for all kept models of a run
at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.planning.media import MediaModel, Medium
from mmm.planning.solver import SteadyCurves


@dataclass(frozen=True)
class AtRest:
    """Curves of K models x P paid channels, and the means over the window of each period's own and
    carried-over input (in the medium's modelled unit), all of shape (K, P).
    """

    coefficient: np.ndarray
    alpha: np.ndarray
    inflexion: np.ndarray
    own: np.ndarray
    carried: np.ndarray

    def curves(self, model: MediaModel, rows: np.ndarray, carryover: str) -> SteadyCurves:
        """Steady curves (K, P) with the prices of `rows`. `model` gives the history, which all
        models share.

        Held carryover is its mean over the window, whatever the range, as in Robyn; carryover that
        follows is proportional to spend, at the window's ratio.
        """
        window = model.window
        # A Weibull pdf's first weight is below 1: a unit spent gives less than a unit at once.
        # Robyn counts the spend.
        bought = np.array([medium.input_per_money(rows, window) for medium in model.paid])
        offset, slope = self.carried, np.broadcast_to(bought, self.carried.shape)
        if carryover == "follows":
            given = np.array([medium.input[window].mean() for medium in model.paid])
            factor = np.divide(
                self.own + self.carried, given, out=np.ones_like(self.own), where=given > 0
            )
            offset, slope = np.zeros_like(self.carried), bought * factor
        return SteadyCurves(self.coefficient, self.alpha, self.inflexion, offset, slope)


def at_rest(models: Sequence[MediaModel]) -> AtRest:
    """The models of one run, which have the same channels in the same order."""
    numbers = np.array(
        [[_numbers(medium, model.window) for medium in model.paid] for model in models], float
    )
    return AtRest(*np.moveaxis(numbers, 2, 0))


def _numbers(medium: Medium, window: np.ndarray) -> tuple[float, ...]:
    effect, curve = medium.curve.apply(medium.input), medium.curve
    own, carried = effect.immediate_input[window].mean(), effect.carryover_input[window].mean()
    return curve.coefficient, curve.alpha, curve.inflexion, own, carried
