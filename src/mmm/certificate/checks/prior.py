"""Prior against posterior: did the data say something, or is a number what was believed before?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.certificate.checks.base import CheckResult, Situation, compared
from mmm.certificate.identify import typical_roi

#: Before any data an ROI lies around the typical one with this logarithmic spread.
_SPREAD, _QUANTILE = 0.8, 1.645


@dataclass(frozen=True)
class PriorAgainstPosterior:
    """How much narrower each channel's interval is than what is believed of any channel before the
    data: 90 % within a factor of 3.7 of the typical ROI. The value is the share of the width that
    the data took away.
    """

    key: str = "prior_against_posterior"
    threshold: float = 0.3
    decision: str = "which channels' numbers are the data's"

    def run(self, situation: Situation) -> list[CheckResult]:
        results = []
        for name, item in situation.reported().items():
            if not (np.isfinite(item.low) and np.isfinite(item.high)):
                continue
            value = prior_gain(item.low, item.high, typical_roi(situation.material))
            finding = f"The data narrowed {name} by {100 * value:.0f} %."
            advice = f"What is said of {name} is mostly what was assumed: a test of it tells most."
            results.append(compared(self, value, name, finding, advice, high=False))
        return results


def prior_gain(low: float, high: float, typical: float) -> float:
    """Share of the prior interval's width that the data took away; negative where the interval is
    wider. `typical` is the ROI before the data.
    """
    factor = np.exp(_QUANTILE * _SPREAD)
    before = typical * (factor - 1.0 / factor)
    return float(1.0 - (high - low) / before)
