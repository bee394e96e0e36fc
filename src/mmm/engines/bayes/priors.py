"""Priors of the model with their sources in the project's measurements (docs: bayes engine)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmm.engines.bayes.kernel import POOLED

#: Of log sigma: the noise as a share of the mean KPI.
SIGMA = (math.log(0.03), 1.0)
#: Of the log sd of each group of baseline columns, as a share of the mean KPI.
TAU = {
    "trend": (math.log(0.05), 1.0),
    "season": (math.log(0.05), 1.2),
    "year_end": (math.log(0.05), 1.2),
    "calendar": (math.log(0.01), 1.0),
    "weekday": (math.log(0.1), 1.0),
}
#: The sd of waves falls as order^-q, q uniform here.
Q_RANGE = (0.75, 2.25)
#: Sd of a control's effect per standard deviation, and of a 0/1 flag's.
CONTROL_SD, FLAG_SD = 0.1, 0.2
#: Expected media share of the KPI and how soft that is.
SHARE = (0.25, 0.15)
#: mu0 = log(this share of the KPI / spend).
EXPECTED_SHARE = 0.2
#: mu - mu0 and log t.
POOL_MEAN_SD, POOL_SPREAD = 0.5, (math.log(0.6), 0.35)
#: Channels without effect: prior mass, their middle as a multiple of exp(mu0), sd of its logarithm.
ZERO_WEIGHT, ZERO_LEVEL, ZERO_SD = 0.1, 0.05, 0.8


#: Standard deviations on each side of a normal's middle that hold 90 %.
Z90 = 1.6448536269514722
#: An organic variable's share of the KPI: log-normal, or normal where its sign is open.
ORGANIC_LOG, ORGANIC_NORMAL = (math.log(0.02), 1.0), (0.0, 0.03)


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def from_range(low: float, high: float) -> tuple[float, float]:
    """Mean and sd of the normal with 90 % between the two; a single value gets a small sd."""
    return (low + high) / 2.0, max((high - low) / (2.0 * Z90), 1e-3)


@dataclass(frozen=True)
class CurvePrior:
    """Normal priors (mean, sd): logit of a week's theta, log(r - 1), log kappa, log k."""

    theta: tuple[float, float] = (-0.6, 1.0)
    rho: tuple[float, float] = (-1.5, 1.5)
    kappa: tuple[float, float] = (math.log(2.0), 0.7)
    shape: tuple[float, float] = (math.log(1.2), 0.5)

    @property
    def pairs(self) -> tuple[tuple[float, float], ...]:
        """In the kernel's order."""
        return self.theta, self.rho, self.kappa, self.shape


#: Share of each curve parameter's prior variance that lies between markets rather than between the
#: channels of one: media of one market resemble each other, above all in whether they act late.
SHARED = (0.5, 0.7, 0.5, 0.5)


@dataclass(frozen=True)
class EffectPrior:
    """Prior of a channel's effect. `kind` as in `kernel`; mean and sd of u where it is not pooled;
    mass and middle of the part without effect (None: as for all paid channels).
    """

    kind: int
    mean: float = 0.0
    sd: float = 1.0
    zero_weight: float = 0.0
    zero_mean: float | None = None


CURVE = CurvePrior()
#: Middle and sd of the logarithm of a frequency's kappa, in exposures of a person reached in a
#: period, and of its k: about as in Meridian (LogNormal(0.7, 0.4) for both).
FREQUENCY_KAPPA, FREQUENCY_SHAPE = (math.log(2.1), 0.5), (0.7, 0.4)


def frequency_curve(mean: float) -> CurvePrior:
    """The curve's priors of a channel with a frequency, whose kappa is over the `mean` frequency."""
    middle, sd = FREQUENCY_KAPPA
    return CurvePrior(kappa=(middle - math.log(mean), sd), shape=FREQUENCY_SHAPE)


POOLED_EFFECT = EffectPrior(POOLED, zero_weight=ZERO_WEIGHT)
