"""Which reported quantities the chains agree on, and a plain sentence where they do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.engines.bayes.chains import Draws
from mmm.engines.bayes.diagnostics import FEWEST_EFFECTIVE, MOST_R_HAT, agreement
from mmm.engines.bayes.kernel import KAPPA, NORMAL, RHO, SHAPE, THETA
from mmm.engines.bayes.posterior import responses
from mmm.engines.bayes.setup import Setup

#: Multiples of today's spend at which curves are compared.
_FACTORS = np.array([0.5, 1.0, 1.5, 2.0])
#: Draws per chain behind the comparison of curves, which cost a pass over the data each.
_CURVE_DRAWS = 250
#: Two ROIs as much against each other as this cannot be told apart.
_OPPOSED = -0.5
_FEW_WEEKS = 78


@dataclass(frozen=True)
class Agreement:
    """R-hat and effective draws of one quantity of one channel ("" for the whole model)."""

    channel: str
    quantity: str
    r_hat: float
    effective: float

    @property
    def reached(self) -> bool:
        return self.r_hat <= MOST_R_HAT and self.effective >= FEWEST_EFFECTIVE


def agreements(setup: Setup, draws: Draws) -> list[Agreement]:
    """Of every reported quantity: ROI, adstock, saturation, curve, marginal ROI; noise, pooling."""
    found = []
    for c, name in enumerate(setup.names):
        for quantity, values in channel_quantities(setup, draws, c).items():
            found.append(Agreement(name, quantity, *agreement(values)))
    for quantity, values in (
        ("sigma", draws.hyper[:, :, 0]),
        ("mean ROI", draws.pool[:, :, 0]),
        ("spread of ROIs", draws.pool[:, :, 1]),
    ):
        found.append(Agreement("", quantity, *agreement(values)))
    return found


def channel_quantities(setup: Setup, draws: Draws, c: int) -> dict[str, np.ndarray]:
    """Quantities of a channel by draw, (chains, n) each; monotone functions of them share R-hat."""
    channel = draws.channel[:, :, c]
    found = {
        "ROI": channel[:, :, -1],
        "carryover": channel[:, :, THETA],
        "delay": channel[:, :, RHO],
        "saturation": channel[:, :, KAPPA],
        "shape": channel[:, :, SHAPE],
    }
    places = np.linspace(0, channel.shape[1] - 1, min(_CURVE_DRAWS, channel.shape[1]))
    chosen = channel[:, places.round().astype(int)]
    chains, length = chosen.shape[:2]
    parameters = chosen.reshape(chains * length, -1)
    own, rows = setup.market.x[c], setup.trained
    at_factors, slopes = responses(setup, c, own, parameters, rows, _FACTORS)
    effect = parameters[:, -1]
    if setup.market.priors.kind[c] != NORMAL:
        effect = np.exp(effect)
    scale = (effect / at_factors[:, 1])[:, None]
    slope = (slopes * scale).reshape(chains, length, -1)
    response = (at_factors * scale).reshape(chains, length, -1)
    found["marginal ROI"] = slope[:, :, 1]
    for i, factor in enumerate(_FACTORS):
        if factor != 1.0:
            found[f"response at {factor:g} times today's spend"] = response[:, :, i]
    return found


def falls_short(found: list[Agreement]) -> list[Agreement]:
    """Those not agreed on, the worst first. Curves are compared on fewer draws: of these R-hat
    alone counts.
    """
    short = []
    for item in found:
        of_curve = item.quantity.startswith(("marginal", "response"))
        if item.r_hat > MOST_R_HAT or (item.effective < FEWEST_EFFECTIVE and not of_curve):
            short.append(item)
    return sorted(short, key=lambda item: (-item.r_hat, item.effective))


def cause(setup: Setup, draws: Draws, worst: Agreement) -> str:
    """Why the chains do not agree, as a sentence for an analyst."""
    if worst.channel:
        c = setup.names.index(worst.channel)
        other = _opposed(draws, c)
        if other is not None:
            inputs = setup.market.x[:, -setup.trained :]
            alike = np.corrcoef(inputs[c], inputs[other])[0, 1]
            return (
                f"{worst.channel} and {setup.names[other]} cannot be told apart: what one is given "
                f"the other loses (their inputs have a correlation of {alike:.2f}). A lift test "
                "on one of them would tell."
            )
    weeks = setup.trained * setup.week
    if weeks < _FEW_WEEKS:
        return (
            f"{weeks:.0f} weeks are too few for {len(setup.names)} channels beside trend and "
            "season. Load more history, or give ranges for the ROIs."
        )
    if worst.channel:
        return (
            f"the data allow {worst.channel} more than one explanation ({worst.quantity}): for "
            "example a fast effect, or a slow one that looks like the trend."
        )
    return "trend, season and noise can be told apart in more than one way."


def _opposed(draws: Draws, c: int) -> int | None:
    """The channel whose effect is most opposed to that of channel c over the draws."""
    effects = draws.channel[:, :, :, -1].reshape(-1, draws.channel.shape[2])
    if effects.shape[1] < 2:
        return None
    correlation = np.corrcoef(effects.T)[c]
    correlation[c] = 1.0
    other = int(np.argmin(correlation))
    return other if correlation[other] <= _OPPOSED else None
