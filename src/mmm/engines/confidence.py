"""How sure a channel's number is over several models or draws: one rule for the engines' tables and
for stability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.engines.words import Confidence

#: The 90 % interval over models: `HIGH` when it lies within this share of its middle, `MEDIUM`
#: within the second; beyond it, or when it reaches down to no effect, the data are inconclusive.
HIGH_WIDTH, MEDIUM_WIDTH, CENTRAL = 0.25, 0.75, (0.05, 0.95)


#: What `HIGH` also needs, where it is known: the data took away this share of the prior interval's
#: width, and the certificate expects no larger error. `MEDIUM` needs an error below the second.
HIGH_GAIN, HIGH_ERROR, MEDIUM_ERROR = 0.5, 0.3, 0.75


@dataclass(frozen=True)
class Evidence:
    """What is known of a channel's ROI: its 90 % interval, as recalibrated where the run is
    certified; `gain`, the share of the prior interval's width that the data took away; whether its
    effect can be told from those of others; the error that simulated worlds expect, relative to the
    ROI. What is not known is None, and then asks for nothing.
    """

    low: float
    high: float
    gain: float | None = None
    separable: bool | None = None
    expected_error: float | None = None


def confidence(known: Evidence) -> Confidence:
    """The one rule of confidence words.

    High: the interval lies within `HIGH_WIDTH` of its middle, the data took away half of the prior
    width, the channel can be told from others, and simulated worlds expect an error of 30 % at
    most. Medium: the interval lies within `MEDIUM_WIDTH` and an error of at most 75 % is expected.
    Inconclusive: all else, and an interval that reaches down to no effect.
    """
    if not (np.isfinite(known.low) and np.isfinite(known.high)) or known.low <= 0:
        return Confidence.INCONCLUSIVE
    width = (known.high - known.low) / (known.high + known.low)
    error = known.expected_error or 0.0
    if width > MEDIUM_WIDTH or error > MEDIUM_ERROR:
        return Confidence.INCONCLUSIVE
    told = known.gain is None or known.gain >= HIGH_GAIN
    if width <= HIGH_WIDTH and told and known.separable is not False and error <= HIGH_ERROR:
        return Confidence.HIGH
    return Confidence.MEDIUM


def confidence_word(values: np.ndarray) -> Confidence:
    """The confidence in a channel's ROI over models or draws (K,) alone. NaN are left out.

    A cluster's interval says how much alike models agree; models of other trials that fit as well
    count here too.
    """
    found = values[np.isfinite(values)]
    if not len(found):
        return Confidence.INCONCLUSIVE
    low, high = np.quantile(found, CENTRAL)
    return confidence(Evidence(float(low), float(high)))
