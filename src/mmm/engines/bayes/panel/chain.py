"""A chain of a panel: as `bayes.chains.Chain`, with the geos' factors among what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmm.engines.bayes.chains import Chain
from mmm.engines.bayes.panel.moves import run_panel
from mmm.engines.bayes.panel.state import new_panel_state
from mmm.engines.bayes.panel.steps import place_panel


class PanelChain(Chain):
    """One chain over a panel. Its kept hyperparameters end with the log sd of the geos' factors and
    the factors, C x G.
    """

    def _new_state(self) -> Any:
        state = new_panel_state(self.market)
        state.spread[0] = self.market.spread[0]
        return state

    def _place(self) -> None:
        place_panel(self.market, self.state)

    def _width(self) -> int:
        return super()._width() + 1 + int(self.market.x.shape[0] * self.market.x.shape[1])

    def _run(self, sweeps: int, every: int, kept: np.ndarray) -> int:
        return int(
            run_panel(
                self.market, self.state, self.rng, sweeps, self.done, self.warm_up, every, kept
            )
        )
