"""How far the channels' effects may be off in method "exact": what was measured, put together.

Four things move an effect: which curves are taken (the kept models), what the noise does to a
coefficient given its curve, how the baseline is drawn (the kept models are fitted again with other
seasons, trends and calendars), and what none of these shows. The last is why the interval reaches
further than a normal distribution's would: by as much as it took to hold nine tenths of the true
values on simulated markets (docs/recovery.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmm.engines.confidence import HIGH_WIDTH
from mmm.engines.words import Confidence

#: Standard deviations to either side of the consensus: a normal distribution would need 1.645.
REACH = 3.25


@dataclass(frozen=True)
class Spread:
    """Effects of the paid channels over the window: the consensus over all baselines and its
    standard deviation, (P,) each, and the consensus with each variant of the baseline, by its
    name, (P,).
    """

    centre: np.ndarray
    sd: np.ndarray
    variants: Mapping[str, np.ndarray]

    def confirms(self, channel: int) -> bool:
        """Whether every variant of the baseline agrees with the consensus as nearly as high
        confidence asks for.
        """
        at = self.centre[channel]
        if at == 0:
            return False
        return all(abs(of[channel] - at) <= HIGH_WIDTH * abs(at) for of in self.variants.values())

    def bounded(self, word: Confidence, channel: int) -> Confidence:
        """A channel's word: high only where the variants agree and the interval is narrow."""
        narrow = REACH * self.sd[channel] <= 2.0 * HIGH_WIDTH * abs(self.centre[channel])
        if word is Confidence.HIGH and not (self.confirms(channel) and narrow):
            return Confidence.MEDIUM
        return word


def measured_spread(
    effects: np.ndarray,
    weights: np.ndarray,
    errors: np.ndarray,
    variants: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> Spread:
    """The spread of the kept models' `effects` (K, P) with `weights` (K,), their standard `errors`
    (K, P), and the variants' effects (K, P) and weights (K,) by name.
    """
    first = weights @ effects
    others = {name: own @ found for name, (found, own) in variants.items()}
    centre = np.mean([first, *others.values()], axis=0)
    away = (effects - first) ** 2
    curves = weights @ away + away.mean(axis=0)
    noise = weights @ errors**2
    baseline = np.max([(of - centre) ** 2 for of in (first, *others.values())], axis=0)
    return Spread(centre, np.sqrt(curves + noise + baseline), others)


def bounds(spread: Spread, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) of the effects, (P,) each; not below 0 where no model is."""
    half = REACH * spread.sd
    lowest = np.minimum(effects.min(axis=0), 0.0)
    return np.maximum(spread.centre - half, lowest), spread.centre + half
