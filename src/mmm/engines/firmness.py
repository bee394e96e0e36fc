"""How firm a channel's number is over several models: one rule for the engines' tables and for
stability.
"""

from __future__ import annotations

import numpy as np

#: A channel is firm when nine tenths of the models lie within this share of their middle, uncertain
#: within the second; beyond it, or when they reach down to no effect, the data cannot tell.
FIRM, UNCERTAIN, CENTRAL = 0.25, 0.75, (0.05, 0.95)
#: From firm to what the data cannot tell.
WORDS = ("firm", "uncertain", "unknown")


def firmness_word(values: np.ndarray) -> str:
    """How firm a channel's ROI is over models (K,): firm, uncertain or unknown. NaN are left out.

    A cluster's interval says how much alike models agree; models of other trials that fit as well
    count here too.
    """
    low, high = (
        np.quantile(values[np.isfinite(values)], CENTRAL)
        if np.isfinite(values).any()
        else (0.0, 0.0)
    )
    if low <= 0:
        return "unknown"
    width = (high - low) / (high + low)
    return "firm" if width <= FIRM else "uncertain" if width <= UNCERTAIN else "unknown"
