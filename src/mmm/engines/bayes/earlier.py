"""A refresh: the earlier posterior as a declared, discounted prior; what moved, and why.

Most of an earlier model's periods are still in the refreshed window, and the likelihood counts them
again. What the earlier model knew beyond its own priors therefore counts with a weight below 1 (a
power prior, Ibrahim and Chen 2000, by a normal approximation of each parameter's evidence): by
default with the share of its periods that have left the window, so that every period counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.media import FREQUENCY
from mmm.engines.base import PaidMedium, PreviousModel, Problem
from mmm.engines.bayes import priors, tables
from mmm.engines.bayes.kernel import EFFECT, KAPPA, RHO, SHAPE, THETA
from mmm.engines.bayes.model import Known, KnownEffect
from mmm.engines.bayes.posterior import Posterior, curve_sums
from mmm.engines.bayes.prior_draws import plain_draws
from mmm.engines.bayes.settings import BayesSettings
from mmm.engines.bayes.setup import Setup, set_up
from mmm.engines.schemas import SCHEMAS, table

_SMALLEST = 1e-9
#: Evidence that narrows a spread by less than this share is none.
_LEAST_GAIN = 0.02
_PRIOR_DRAWS, _PRIOR_SEED = 4000, 20_232


@dataclass(frozen=True)
class EarlierMedium:
    """An earlier model's draws of one medium on the refreshed data: its curve (K, 4) as the kernel
    has it, and its ROI over the trained rows (K,) (of organic media their share of the KPI).
    """

    curve: np.ndarray
    effect: np.ndarray


def prepared(problem: Problem, settings: BayesSettings) -> Setup:
    """The model of a problem; of a refresh with what the earlier model knew."""
    setup = set_up(problem, settings)
    media = earlier_media(setup)
    if not media:
        return setup
    return replace(setup, known=_known(setup, media, weight_of(problem, settings)))


def weight_of(problem: Problem, settings: BayesSettings) -> float:
    """What an earlier model's evidence counts: as set, else the share of its periods that have left
    the window. 0 where nothing is refreshed.
    """
    if problem.previous is None:
        return 0.0
    if settings.refresh_weight is not None:
        return settings.refresh_weight
    periods = problem.window[1] - problem.window[0] + 1
    return min(1.0, problem.previous.steps / periods)


def earlier_media(setup: Setup) -> dict[int, EarlierMedium]:
    """By a medium's number; without those that the earlier model did not have."""
    previous = setup.problem.previous
    found: dict[int, EarlierMedium] = {}
    if previous is None:
        return found
    market = setup.market
    for c, name in enumerate(setup.names):
        unit = _earlier_unit(setup, c, previous.steps)
        by_frequency = setup.frequencies[c] is not None
        kappa_unit = setup.mean_frequency(c) if by_frequency else unit
        curve = _curve(previous, name, setup.week, kappa_unit, by_frequency)
        coefficient = previous.draws.get((name, "coefficient"))
        if curve is None or coefficient is None:
            continue
        total = curve_sums(setup, c, _with_effects(curve))
        if by_frequency:
            total = total * unit
        effect = coefficient * total / (market.money[c] * setup.scale)
        found[c] = EarlierMedium(curve, effect)
    return found


def _with_effects(curve: np.ndarray) -> np.ndarray:
    """The curves' parameters (K, 4) as a channel's (K, 5)."""
    return np.hstack([curve, np.zeros((len(curve), 1))])


def _earlier_unit(setup: Setup, c: int, steps: int) -> float:
    """One unit of pressure of today in the earlier model's input: today's mean input, of exposures
    at the cost of the earlier window.
    """
    problem = setup.problem
    first = problem.window[0]
    mean = float(setup.given[c, first : first + setup.trained].mean())
    medium = problem.paid[c] if c < setup.paid else None
    if medium is None or medium.exposure is None:
        return mean
    today = slice(first, first + setup.trained)
    before = slice(max(first - steps, 0), problem.window[1] - steps + 1)
    return mean * _cost(medium, before) / _cost(medium, today)


def _cost(medium: PaidMedium, rows: slice) -> float:
    assert medium.exposure is not None  # noqa: S101
    return float(medium.spend[rows].sum() / medium.exposure[rows].sum())


def _curve(
    previous: PreviousModel, name: str, week: float, unit: float, by_frequency: bool
) -> np.ndarray | None:
    """An earlier model's draws of a medium's curve, (K, 4), in pressures, or frequencies, of `unit`."""
    prefix = FREQUENCY if by_frequency else ""
    wanted = ("theta", "delay", f"{prefix}inflexion", f"{prefix}alpha")
    drawn = [previous.draws.get((name, parameter)) for parameter in wanted]
    if any(values is None for values in drawn):
        return None
    theta, delay, inflexion, alpha = (np.asarray(values, float) for values in drawn)
    weekly = np.clip(theta ** (1.0 / week), _SMALLEST, 1.0 - _SMALLEST)
    curve = np.empty((len(theta), EFFECT))
    curve[:, THETA] = np.log(weekly / (1.0 - weekly))
    curve[:, RHO] = np.log(np.maximum(delay - 1.0, _SMALLEST))
    curve[:, KAPPA] = np.log(np.maximum(inflexion / unit, _SMALLEST))
    curve[:, SHAPE] = np.log(alpha)
    return curve


def evidence(draws: np.ndarray, mean: float, sd: float, weight: float) -> tuple[float, float]:
    """(middle, precision) of what draws of a posterior say beyond their prior N(mean, sd^2), times
    the weight; precision 0 where they say nothing. Middles and spreads are those of 90 % intervals,
    which long tails do not move.
    """
    low, middle, high = np.quantile(draws, (0.05, 0.5, 0.95))
    spread = max(float(high - low) / (2.0 * priors.Z90), _SMALLEST)
    if spread > (1.0 - _LEAST_GAIN) * sd:
        return 0.0, 0.0
    before, after = 1.0 / sd**2, 1.0 / spread**2
    precision = after - before
    return float(middle * after - mean * before) / precision, weight * precision


def _known(setup: Setup, media: Mapping[int, EarlierMedium], weight: float) -> Known:
    """The evidence of all media, against the priors of a model of its own."""
    market = setup.market
    rng = np.random.Generator(np.random.PCG64(_PRIOR_SEED))
    before = plain_draws(market.priors, len(market.design.power), _PRIOR_DRAWS, rng).effects
    curves, effects = np.zeros((len(setup.names), EFFECT, 2)), []
    for c, medium in media.items():
        for i in range(EFFECT):
            mean, sd = market.priors.curve[c, i].tolist()
            curves[c, i] = evidence(medium.curve[:, i], mean, sd, weight)
        low, middle, high = np.quantile(before[:, c], (0.05, 0.5, 0.95)).tolist()
        sd = (high - low) / (2.0 * priors.Z90)
        middle, precision = evidence(medium.effect, middle, sd, weight)
        if precision > 0.0:
            effects.append(KnownEffect(c, middle, precision**-0.5))
    return Known(curves, tuple(effects))


def moves_table(found: Posterior, summary: tables.Summary) -> pa.Table:
    """The table `moves`: the earlier model's figure, that of its draws on the new data, the new one.

    What the second differs from the first by comes from the spends; what the new one differs from
    the second by is what the new periods teach of the effects.
    """
    previous = found.setup.problem.previous
    if previous is None:
        return SCHEMAS["moves"].empty_table()
    old = _said(found, previous.effects, previous.spend)
    refitted = _said(found, _carried_on(found), _spends(found.setup))
    new = _said(found, _effects(found, summary), _spends(found.setup))
    for name in found.setup.names:
        shape = f"{FREQUENCY}alpha" if _by_frequency(found.setup, name) else "alpha"
        for parameter in ("theta", shape):
            before = previous.parameters.get((name, parameter), np.nan)
            after = _median(found, name, parameter)
            old[name, parameter], refitted[name, parameter] = before, before
            new[name, parameter] = after
    keys = list(new)
    return table(
        "moves",
        {
            "model_id": [tables.MODEL_ID] * len(keys),
            "variable": [variable for variable, _ in keys],
            "measure": [measure for _, measure in keys],
            "old": [old.get(key, np.nan) for key in keys],
            "refitted": [refitted.get(key, np.nan) for key in keys],
            "new": [new[key] for key in keys],
        },
    )


def _by_frequency(setup: Setup, name: str) -> bool:
    return setup.frequencies[setup.names.index(name)] is not None


def _median(found: Posterior, name: str, parameter: str) -> float:
    c = found.setup.names.index(name)
    return float(np.median(tables.curve_parameters(found, c)[parameter]))


def _spends(setup: Setup) -> dict[str, float]:
    sums = setup.spend[:, setup.window].sum(axis=1).tolist()
    return dict(zip(setup.names, sums, strict=False))


def _effects(found: Posterior, summary: tables.Summary) -> dict[str, float]:
    """Effects over the window by component."""
    effects = {name: float(parts[0].sum()) for name, parts in summary.components.items()}
    for name, medium in zip(found.setup.names, summary.media, strict=True):
        effects[name] = medium.contribution
    return effects


def _carried_on(found: Posterior) -> dict[str, float]:
    """Effects of the media in the new window if the earlier model still holds. Of the baseline it
    says nothing beyond its own window: what is left of the KPI is one sum.
    """
    setup = found.setup
    effects = {}
    for c, medium in earlier_media(setup).items():
        money = setup.market.money[c] * setup.scale
        effects[setup.names[c]] = float(np.median(medium.effect)) * money
    total = float(setup.problem.kpi[setup.window].sum())
    effects[""] = total - sum(effects.values())
    return effects


def _said(
    found: Posterior, effects: Mapping[str, float], spend: Mapping[str, float]
) -> dict[tuple[str, str], float]:
    """What effects and spends say by (variable, measure)."""
    fitted, spent = sum(effects.values()), sum(spend.values())
    paid = sum(effects.get(name, 0.0) for name in spend)
    said: dict[tuple[str, str], float] = {}
    for name, effect in effects.items():
        if name:
            said[name, "contribution_share"] = effect / fitted
    for name, money in spend.items():
        effect = effects.get(name, np.nan)
        said[name, "spend"] = money
        said[name, "spend_share"] = money / spent
        said[name, "effect_share"] = effect / paid if paid else np.nan
        said[name, "roi"] = effect / money if money else np.nan
        if found.setup.problem.kpi_kind == "conversion":
            said[name, "cpa"] = money / effect if effect else np.nan
    return said


def told(found: Posterior, summary: tables.Summary) -> list[tuple[str, str, float, str]]:
    """Rows of the table `diagnostics`: what the earlier model counts, and of every paid channel
    whether its ROI moved beyond what the earlier model held possible.
    """
    setup = found.setup
    if setup.problem.previous is None:
        return []
    weight = weight_of(setup.problem, setup.settings)
    media = earlier_media(setup)
    if setup.known is None:
        # Without draws, or of a panel of geos.
        text = "The earlier model is compared with; it counts nothing beside the data."
        rows = [("refresh", "", 0.0, text)]
        return rows + _moved(found, summary, media)
    text = (
        f"What the earlier model knew counts {weight:.0%} beside the data of this window, which "
        "holds most of its periods again."
    )
    return [("refresh", "", weight, text), *_moved(found, summary, media)]


def _moved(
    found: Posterior, summary: tables.Summary, media: Mapping[int, EarlierMedium]
) -> list[tuple[str, str, float, str]]:
    setup, rows = found.setup, []
    spend = _spends(setup)
    for c, medium in media.items():
        if c >= setup.paid:
            continue
        name = setup.names[c]
        low, before, high = np.quantile(medium.effect, (0.05, 0.5, 0.95)).tolist()
        now = summary.media[c].contribution / spend[name]
        text = f"{name}: {before:.3g} by the earlier model on the new spends, {now:.3g} now: "
        if low <= now <= high:
            text += "within what the earlier model held possible."
        else:
            text += (
                f"beyond what the earlier model held possible ({low:.3g} to {high:.3g}). The new "
                "periods say otherwise: the channel's effect changed, or something new moves the "
                "KPI with its spend."
            )
        rows.append(("refresh", name, now - before, text))
    return rows
