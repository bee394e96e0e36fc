"""How spend becomes effect in a simulated world: adstock weights that sum to 1, then Hill
saturation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.simulation.presets import AdstockKind


@dataclass(frozen=True)
class Adstock:
    """Weights over lags in weeks, summing to 1 over all lags, so that a steady spend is its own
    adstock.

    geometric: (1 - theta) theta^k. weibull: F(k + 1) - F(k) with F the Weibull distribution of
    `shape` and `scale` weeks; a shape above 1 peaks later than at once.
    """

    kind: AdstockKind
    theta: float = 0.0
    shape: float = 0.0
    scale: float = 0.0

    def weights(self, lags: int) -> np.ndarray:
        """Weights of lags 0 .. lags - 1, shape (lags,)."""
        lag = np.arange(lags + 1, dtype=float)
        if self.kind == "geometric":
            return (1.0 - self.theta) * self.theta ** lag[:-1]
        return -np.diff(np.exp(-((lag / self.scale) ** self.shape)))

    def apply(self, spend: np.ndarray) -> np.ndarray:
        return np.convolve(spend, self.weights(len(spend)))[: len(spend)]

    def parameters(self) -> dict[str, float | str]:
        if self.kind == "geometric":
            return {"kind": self.kind, "theta": self.theta}
        return {"kind": self.kind, "shape": self.shape, "scale": self.scale}


@dataclass(frozen=True)
class Channel:
    """One channel's truth. `ceiling` is the weekly effect that no spend can exceed; 0 for a channel
    without effect.
    """

    name: str
    cost_per_thousand: float
    adstock: Adstock
    alpha: float
    half_saturation: float
    ceiling: float

    def steady_response(self, spend: np.ndarray) -> np.ndarray:
        """Effect per week of spending this much every week for ever."""
        raised = np.asarray(spend, dtype=float) ** self.alpha
        return self.ceiling * raised / (raised + self.half_saturation**self.alpha)

    def effect(self, spend: np.ndarray) -> np.ndarray:
        """Effect per week of a series of spends with nothing before it, shape (T,) to (T,)."""
        return self.steady_response(self.adstock.apply(spend))
