"""What the priors mean before any training: media share, ROI, carryover and curve per channel.

Draws from the prior, weighted by the soft media share, in the analyst's words. Nothing here is
compiled: a page that shows it must not wait for a compiler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmm.engines.base import Problem
from mmm.engines.bayes.kernel import KAPPA, RHO, SHAPE, THETA, Market
from mmm.engines.bayes.prior_draws import PriorDraws, plain_draws
from mmm.engines.bayes.settings import BayesSettings
from mmm.engines.bayes.setup import Setup, set_up
from mmm.engines.capabilities import Preview
from mmm.engines.words import Quantity

#: Draws that are weighted, and those that are kept of them.
_TRIED, _KEPT = 20_000, 400
#: With fewer draws than this behind all weight, what is expected contradicts itself.
_FEWEST = 100.0
#: The same draws each time: a picture that changes only with the settings.
_SEED = 20_231
_ENDS = {"low ends": 0.05, "middle": 0.5, "high ends": 0.95}
_MULTIPLES = np.linspace(0.0, 2.0, 21)
_LAGS, _HEARD, _POINTS = 26, 0.01, 41
#: Rows of pressure that a response curve is averaged over.
_ROWS = 104
ALL_MEDIA = ""


@dataclass(frozen=True)
class Expected:
    """n draws of what is expected, by medium and quantity; `agree` is False where the soft media
    share and the other priors contradict each other.
    """

    draws: PriorDraws
    agree: bool

    @property
    def size(self) -> int:
        return len(self.draws.effects)


def expected(market: Market, groups: int) -> Expected:
    """Draws from the prior, the soft media share weighed in by resampling."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    tried = plain_draws(market.priors, groups, _TRIED, rng)
    fixed = market.tests.rows[:, 0] < 0
    off = market.tests.value[fixed] - tried.effects @ market.tests.counts[:, fixed]
    log_weight = -0.5 * (off**2).sum(axis=1)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    agree = bool(1.0 / (weight**2).sum() >= _FEWEST)
    places = (np.arange(_KEPT) + rng.random()) / _KEPT
    chosen = np.minimum(np.searchsorted(np.cumsum(weight), places), _TRIED - 1)
    # In a mixed order: neighbours of a systematic sample are copies of each other.
    chosen = rng.permutation(chosen)
    kept = PriorDraws(
        tried.channel[chosen], tried.effects[chosen], tried.pool[chosen], tried.hyper[chosen]
    )
    return Expected(kept, agree)


def before_the_data(setup: Setup) -> Expected:
    """What the settings expect; a refreshed model's earlier posterior is left out."""
    plain = replace(setup, known=None)
    return expected(plain.market, len(plain.market.design.power))


def curve_quantities(channel: np.ndarray) -> dict[str, np.ndarray]:
    """From a medium's parameters (n, 5): days until half of an effect that fades from the start is
    gone, effect at today's mean pressure as a share of the ceiling.
    """
    log_theta = -np.log1p(np.exp(-channel[:, THETA]))
    kappa, k = np.exp(channel[:, KAPPA]), np.exp(channel[:, SHAPE])
    return {
        Quantity.HALF_LIFE: 7.0 * np.log(0.5) / log_theta,
        Quantity.SATURATION: 1.0 / (1.0 + kappa**k),
    }


def quantities(setup: Setup, found: Expected, c: int) -> dict[str, np.ndarray]:
    """Of a medium, (n,) each. `share` is of the KPI over the trained rows."""
    values: dict[str, np.ndarray] = {}
    if c < setup.paid:
        values[Quantity.ROI] = found.draws.effects[:, c]
    money = setup.market.money[c] / setup.trained
    values[Quantity.SHARE] = found.draws.effects[:, c] * money
    return values | curve_quantities(found.draws.channel[:, c])


def media_share(setup: Setup, found: Expected) -> np.ndarray:
    """Of all paid media together, (n,)."""
    money = setup.market.money[: setup.paid] / setup.trained
    return np.asarray(found.draws.effects[:, : setup.paid] @ money)


def preview(problem: Problem, settings: BayesSettings, channel: str) -> Preview:
    """See `mmm.engines.capabilities.Previews`."""
    setup = set_up(problem, settings)
    found = before_the_data(setup)
    sentences = []
    if not found.agree:
        sentences.append(
            "The ROI ranges and the media share contradict each other: hardly any draw holds both. "
            "Widen one of them."
        )
    if channel == ALL_MEDIA or channel not in setup.names:
        if setup.paid:
            share = media_share(setup, found)
            sentences.append(
                f"Before the data, paid media are expected to bring {_between(share, '{:.0%}')} of "
                f"{problem.kpi_name} (nine draws in ten)."
            )
        return Preview(sentences=sentences, expected=_rows(setup, found))
    c = setup.names.index(channel)
    values = quantities(setup, found, c)
    sentences += _in_words(setup, c, values)
    return Preview(
        sentences=sentences,
        decay=_decay(setup, found, c),
        saturation=_saturation(setup, found, c),
        response=_response(setup, found, c),
        expected=_rows(setup, found, (c,)),
    )


def _between(values: np.ndarray, form: str) -> str:
    low, high = np.quantile(values, (0.05, 0.95))
    return f"{form.format(low)} to {form.format(high)}"


def _in_words(setup: Setup, c: int, values: Mapping[str, np.ndarray]) -> list[str]:
    name, problem = setup.names[c], setup.problem
    said = []
    if Quantity.ROI in values and problem.kpi_kind == "revenue":
        said.append(f"An ROI of {_between(values[Quantity.ROI], '{:.2g}')} is expected of {name}.")
    elif Quantity.ROI in values:
        roi = values[Quantity.ROI]
        said.append(
            f"{_between(1000.0 * roi, '{:.3g}')} {problem.kpi_name} are expected of each 1,000 "
            f"{problem.currency} of {name}."
        )
    said.append(
        f"That is {_between(values[Quantity.SHARE], '{:.1%}')} of {problem.kpi_name} over the window."
    )
    said.append(
        f"Half of an effect is gone after {_between(values[Quantity.HALF_LIFE], '{:.0f}')} days; at "
        f"today's mean the effect is {_between(values[Quantity.SATURATION], '{:.0%}')} of its "
        "ceiling."
    )
    return said


def _rows(
    setup: Setup, found: Expected, media: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """Rows name, quantity, low, middle, high; of all media the paid ones' sum comes first."""
    rows = []
    if media is None and setup.paid:
        rows.append(_row(ALL_MEDIA, Quantity.SHARE, media_share(setup, found)))
    for c in range(len(setup.names)) if media is None else media:
        for quantity, values in quantities(setup, found, c).items():
            rows.append(_row(setup.names[c], quantity, values))
    return rows


def _row(name: str, quantity: str, values: np.ndarray) -> dict[str, Any]:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return {
        "name": name,
        "quantity": str(quantity),
        "low": float(low),
        "middle": float(middle),
        "high": float(high),
    }


def _lines(x_name: str, x: np.ndarray, y_name: str, y: np.ndarray) -> list[dict[str, Any]]:
    """Rows `end`, x, y: the quantiles of y (n, points) at each x."""
    rows = []
    for end, level in _ENDS.items():
        at = np.quantile(y, level, axis=0)
        for place, value in zip(x.tolist(), at.tolist(), strict=True):
            rows.append({"end": end, x_name: place, y_name: value})
    return rows


def _weights(setup: Setup, parameters: np.ndarray) -> np.ndarray:
    """Adstock weights of each draw by lag, summing to 1, (n, lags): `kernel.lag_weights`."""
    theta = (1.0 + np.exp(-parameters[:, THETA, None])) ** -setup.week
    r, lag = 1.0 + np.exp(parameters[:, RHO, None]), np.arange(1.0, setup.lags)
    weights = np.ones((len(parameters), setup.lags))
    weights[:, 1:] = np.cumprod(theta * (r + lag - 1.0) / lag, axis=1)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _decay(setup: Setup, found: Expected, c: int) -> list[dict[str, Any]]:
    weights = _weights(setup, found.draws.channel[:, c])
    weights = weights / weights.max(axis=1, keepdims=True)
    heard = np.flatnonzero(np.quantile(weights, 0.95, axis=0) >= _HEARD)
    used = min(_LAGS, max(4, int(heard[-1]) + 1))
    lags = np.arange(used)
    return _lines("lag", lags, "weight", weights[:, :used])


def _saturation(setup: Setup, found: Expected, c: int) -> list[dict[str, Any]]:
    """Effect as a share of the ceiling by pressure, or frequency, as a share of the largest."""
    frequency = setup.frequencies[c]
    largest = float(setup.market.x[c].max() if frequency is None else frequency.max())
    shares = np.linspace(0.0, 1.0, _POINTS)
    return _lines("pressure", shares, "effect", _hill(found, c, shares * largest))


def _hill(found: Expected, c: int, pressure: np.ndarray) -> np.ndarray:
    """At pressures (m,) of each draw, (n, m)."""
    parameters = found.draws.channel[:, c]
    kappa, k = np.exp(parameters[:, KAPPA, None]), np.exp(parameters[:, SHAPE, None])
    power = pressure**k
    return np.asarray(power / (power + kappa**k))


def _response(setup: Setup, found: Expected, c: int) -> list[dict[str, Any]]:
    """Mean KPI per period when the medium's course over the window is scaled to a mean spend."""
    own = setup.market.x[c]
    mean = setup.market.money[c] / setup.trained * setup.scale
    at = _MULTIPLES * float(setup.given[c, setup.window].mean())
    if setup.frequencies[c] is not None:
        # More money reaches more people: in proportion.
        effects = found.draws.effects[:, c, None] * mean * _MULTIPLES
        return _lines("spend", at, "response", effects)
    weights = _weights(setup, found.draws.channel[:, c])
    parameters = found.draws.channel[:, c]
    kappa, k = np.exp(parameters[:, KAPPA]), np.exp(parameters[:, SHAPE])
    chosen = np.linspace(0, setup.trained - 1, min(_ROWS, setup.trained)).round().astype(int)
    response = np.empty((found.size, len(_MULTIPLES)))
    for draw in range(found.size):
        pressure = np.convolve(own, weights[draw])[: len(own)][-setup.trained :][chosen]
        power = (_MULTIPLES[:, None] * pressure) ** k[draw]
        hill = (power / (power + kappa[draw] ** k[draw])).mean(axis=1)
        today = hill[len(_MULTIPLES) // 2]
        response[draw] = hill / today
    response *= found.draws.effects[:, c, None] * mean
    return _lines("spend", at, "response", response)
