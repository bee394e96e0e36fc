"""How sure a channel's number is over several models or draws: one rule for the engines' tables and
for stability.
"""

from __future__ import annotations

import numpy as np

from mmm.engines.words import Confidence

#: The 90 % interval over models: `HIGH` when it lies within this share of its middle, `MEDIUM`
#: within the second; beyond it, or when it reaches down to no effect, the data are inconclusive.
HIGH_WIDTH, MEDIUM_WIDTH, CENTRAL = 0.25, 0.75, (0.05, 0.95)


def confidence_word(values: np.ndarray) -> Confidence:
    """The confidence in a channel's ROI over models or draws (K,). NaN are left out.

    A cluster's interval says how much alike models agree; models of other trials that fit as well
    count here too.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return Confidence.INCONCLUSIVE
    low, high = np.quantile(known, CENTRAL)
    if low <= 0:
        return Confidence.INCONCLUSIVE
    width = (high - low) / (high + low)
    if width <= HIGH_WIDTH:
        return Confidence.HIGH
    return Confidence.MEDIUM if width <= MEDIUM_WIDTH else Confidence.INCONCLUSIVE
