"""A channel that never was: shuffled spend must not be given an effect."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmm.certificate.checks.base import CheckResult, Situation, compared
from mmm.engines.base import PaidMedium

NAME = "placebo channel"
_BLOCK_WEEKS, _WEEK_DAYS = 4, 7


@dataclass(frozen=True)
class Placebo:
    """Adds the largest channel's spend with its blocks of four weeks in another order as a channel of
    its own. The value is its ROI over that of all media together.
    """

    key: str = "placebo"
    threshold: float = 0.4
    decision: str = "whether small effects may be believed"

    def run(self, situation: Situation) -> list[CheckResult]:
        material = situation.material
        largest = int(np.argmax(material.window_spend))
        random = np.random.default_rng([situation.seed, 1])
        step = max(_BLOCK_WEEKS * _WEEK_DAYS // material.problem.step_days, 1)
        spend = shuffled_blocks(material.spend[largest], step, random)
        medium = PaidMedium(NAME, spend)
        paid = (*situation.problem.paid, medium)
        found = situation.rois(replace(situation.problem, paid=paid))
        own = [found[name] for name in material.channels]
        typical = sum(item.effect for item in own) / float(material.window_spend.sum())
        value = found[NAME].roi / typical if typical > 0 else float("inf")
        finding = (
            f"Shuffled spend of {material.channels[largest]} is given {100 * value:.0f} % of the ROI "
            "of all media."
        )
        return [compared(self, value, NAME, finding, _ADVICE)]


_ADVICE = (
    "Channels whose ROI is no larger than this one's may have none: test them before money moves."
)


def shuffled_blocks(values: np.ndarray, length: int, random: np.random.Generator) -> np.ndarray:
    """The values (T,) with whole blocks of `length` in another order; the last may be shorter."""
    blocks = [values[start : start + length] for start in range(0, len(values), length)]
    return np.concatenate([blocks[place] for place in random.permutation(len(blocks))])
