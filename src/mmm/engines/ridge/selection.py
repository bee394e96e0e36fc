"""From all candidates to a few models: fronts, score, clusters with intervals, and the one
recommended (Robyn: pareto and clusters).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.special import stdtrit

from mmm.engines.adstock_hill.models import Clusters, Selection
from mmm.engines.ridge.search import spread_by_area

#: A front is searched among candidates within this quantile of each error.
_ERROR_QUANTILE = 0.9
#: A further cluster must take at least this share of the total sum of squares (Robyn: wss_var).
_WSS_DROP, _FEWEST_CLUSTERS, _MOST_CLUSTERS = 0.06, 3, 10
_KMEANS_STARTS = 10
#: Of the consensus: the business distance that counts as one standard deviation.
_DISTANCE_SD = 0.4


def eligible(loss: np.ndarray, calibration_constraint: float) -> np.ndarray:
    """Candidates whose errors are not among the worst (Robyn: mape.qt10). `loss` (B, 3): NRMSE,
    RSSD, MAPE.
    """
    keep = np.ones(len(loss), bool)
    for column, level in ((2, calibration_constraint), (0, _ERROR_QUANTILE), (1, _ERROR_QUANTILE)):
        finite = loss[np.isfinite(loss[:, column]), column]
        if len(finite):
            with np.errstate(invalid="ignore"):
                keep &= loss[:, column] <= np.quantile(finite, level)
    return keep


def pareto_fronts(
    loss: np.ndarray, within: np.ndarray, least: int, *, robyn: bool = False
) -> Selection:
    """The smallest number of fronts on (NRMSE, RSSD) that holds `least` candidates among `within`.

    Exact duplicates share the smaller front. When `within` holds fewer candidates, all its fronts
    are kept. In Robyn (`robyn=True`) the second of two duplicates has its number too, but stays in
    the pool, so that it shadows others in the next front.
    """
    fronts = np.zeros(len(loss), int)
    left = np.flatnonzero(within)
    left = left[np.lexsort((loss[left, 1], loss[left, 0]))]
    number = 0
    while len(left) and (fronts > 0).sum() < least:
        number += 1
        running = np.minimum.accumulate(loss[left, 1])
        new_minimum = np.append(True, running[1:] < running[:-1])
        # Equal rows are neighbours in this order: a group that begins on the front is on it as a
        # whole.
        begins = np.append(True, (loss[left[1:], :2] != loss[left[:-1], :2]).any(axis=1))
        same = new_minimum[np.flatnonzero(begins)][np.cumsum(begins) - 1]
        fresh = left[same]
        fronts[fresh[fronts[fresh] == 0]] = number
        left = left[~new_minimum] if robyn else left[~same]
    return Selection(fronts, np.flatnonzero(fronts > 0), number)


def pareto_fronts_by_trial(
    loss: np.ndarray, within: np.ndarray, least: int, trial: np.ndarray
) -> Selection:
    """Every trial's best models, `least` together; fronts are numbered over all that are kept.

    A search that gets close to the front lets one trial dominate the pooled fronts, and the kept
    models are then variations of a single solution. Taking each trial's fronts keeps solutions that
    are as good by another way. A front with more models than a trial's share is thinned to those
    that dominate the most area by themselves.
    """
    names = np.unique(trial)
    share = -(-least // len(names))
    kept = np.zeros(len(loss), bool)
    for name in names:
        own = pareto_fronts(loss, within & (trial == name), share)
        inner = own.kept[own.fronts[own.kept] < own.count]
        last = own.kept[own.fronts[own.kept] == own.count]
        kept[inner] = True
        if len(last):
            kept[spread_by_area(loss[:, :2], last)[: share - len(inner)]] = True
    return pareto_fronts(loss, kept, int(kept.sum()))


def error_scores(
    loss: np.ndarray, weights: tuple[float, float, float], within: np.ndarray | None = None
) -> np.ndarray:
    """Weighted distance from the best of each error, min-max normalised (Robyn: errors_scores);
    (B,), less is better.

    `within` normalises over these candidates only. Robyn replaces infinite errors by 1; here their
    score is infinite.
    """
    reference = loss if within is None else loss[within]
    share = np.array(weights) / sum(weights)
    total = np.zeros(len(loss))
    for column in range(loss.shape[1]):
        finite = reference[np.isfinite(reference[:, column]), column]
        low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
        values = loss[:, column]
        normal = (values - low) / (high - low) if high > low else values
        total += (share[column] * np.where(np.isnan(normal), 1.0, normal)) ** 2
    return np.asarray(np.sqrt(total))


def log_weights(loss: np.ndarray, rows: int, weights: tuple[float, float, float]) -> np.ndarray:
    """Logarithms, (B,), of how much candidates count for their fit and their business distance."""
    fit, distance, _ = weights
    found = -fit * rows * np.log(np.maximum(loss[:, 0], 1e-12))
    return np.asarray(found - 0.5 * distance * (loss[:, 1] / _DISTANCE_SD) ** 2)


def likeliest_by_trial(
    logarithms: np.ndarray, loss: np.ndarray, within: np.ndarray, least: int, trial: np.ndarray
) -> Selection:
    """Every trial's candidates that count most, `least` together; fronts are numbered over all that
    are kept. A Pareto front reaches to models that fit badly and share out the effect as the
    spend, whatever it is; what the data say is near those that count.
    """
    names = np.unique(trial)
    share = -(-least // len(names))
    kept = np.zeros(len(loss), bool)
    for name in names:
        own = np.flatnonzero(within & (trial == name))
        kept[own[np.argsort(-logarithms[own], kind="stable")][:share]] = True
    return pareto_fronts(loss, kept, int(kept.sum()))


def consensus_weights(
    loss: np.ndarray, study_errors: np.ndarray, rows: int, weights: tuple[float, float, float]
) -> np.ndarray:
    """How much each kept model counts in their consensus, (K,), summing to 1: its likelihood.

    `loss` (K, 3) as in the search; `study_errors` (K, S): a study's deviation in units of its own
    standard error; `rows` the periods of the fit. A model counts less the worse it fits
    (the normal likelihood of `rows` errors), the further shares of effect lie from shares of spend,
    and the more its effects contradict the studies.
    """
    logarithm = log_weights(loss, rows, weights)
    missed = np.where(np.isnan(study_errors), 0.0, study_errors**2).sum(axis=1)
    logarithm -= 0.5 * weights[2] * missed
    found = np.exp(logarithm - logarithm.max())
    return np.asarray(found / found.sum())


def nearest_to_consensus(effects: np.ndarray, consensus: np.ndarray) -> int:
    """The model whose media effects (K, P) lie nearest to the consensus (P,), in money rather than
    in ROI.
    """
    return int(np.argmin(np.abs(effects - consensus).sum(axis=1)))


def choose_cluster_count(wss: np.ndarray) -> int:
    """The largest count whose drop in WSS exceeds 6 % of the first, between 3 and 10. `wss[k - 1]`
    belongs to k.
    """
    drops = (wss[:-1] - wss[1:]) / wss[0] if wss[0] > 0 else np.zeros(len(wss) - 1)
    enough = np.flatnonzero(drops > _WSS_DROP) + 2
    wanted = int(enough.max()) if len(enough) else _FEWEST_CLUSTERS
    return min(max(wanted, _FEWEST_CLUSTERS), _MOST_CLUSTERS, len(wss))


def cluster_models(
    features: np.ndarray, scores: np.ndarray, count: int | None, seed: int
) -> Clusters:
    """k-means on min-max scaled features (K, F); best = smallest score, the first of equals.

    Robyn starts k-means once, so that its WSS curve is not monotone and a lucky late drop can
    decide the count; here each count takes the best of ten k-means++ starts.
    """
    scaled = _min_max(features)
    most = min(len(scaled), _MOST_CLUSTERS + 1 if count is None else count)
    rng = np.random.default_rng([seed, 0])
    fits = [_kmeans(scaled, k, rng) for k in range(1, most + 1)]
    wss = np.array([value for value, _ in fits])
    chosen = min(count, most) if count is not None else choose_cluster_count(wss)
    labels = _by_size(fits[chosen - 1][1])
    best = np.zeros(len(scaled), bool)
    for label in range(1, labels.max() + 1):
        members = np.flatnonzero(labels == label)
        best[members[np.argmin(scores[members])]] = True
    return Clusters(labels, best, wss)


def _min_max(features: np.ndarray) -> np.ndarray:
    low, high = features.min(axis=0), features.max(axis=0)
    varying = high > low
    return np.asarray((features[:, varying] - low[varying]) / (high - low)[varying])


def _kmeans(points: np.ndarray, k: int, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """(within sum of squares, labels from 0) of the best of several starts."""
    if k == 1 or points.shape[1] == 0:
        return float(((points - points.mean(axis=0)) ** 2).sum()), np.zeros(len(points), int)
    best: tuple[float, np.ndarray] | None = None
    for _ in range(_KMEANS_STARTS):
        centres, labels = kmeans2(points, k, iter=50, minit="++", rng=rng, missing="warn")
        wss = float(((points - centres[labels]) ** 2).sum())
        if best is None or wss < best[0]:
            best = wss, labels
    assert best is not None  # noqa: S101 - for the type checker; there is at least one start
    return best


def _by_size(labels: np.ndarray) -> np.ndarray:
    """Labels renumbered from 1, the largest cluster first; clusters without members fall away."""
    found, first, counts = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    number = np.empty(labels.max() + 1, int)
    number[found[order]] = np.arange(1, len(found) + 1)
    return np.asarray(number[labels])


class Interval(NamedTuple):
    """A bootstrapped mean with its standard error and its interval."""

    mean: float
    se: float
    low: float
    high: float


def cluster_interval(values: np.ndarray, draws: int, seed: int) -> Interval:
    """Interval of a cluster's values by bootstrap; NaN for fewer than 3 values, one value is its
    own interval.

    As Robyn's, the interval is mean +- t(0.975, m-1) x se x sqrt(m), cut at 0: the spread of single
    models rather than that of their mean. numpy's generator takes the place of R's.
    """
    values = values[np.isfinite(values)]
    m = len(values)
    if m == 1:
        return Interval(float(values[0]), 0.0, float(values[0]), float(values[0]))
    if m < 3:
        return Interval(float(values.mean()) if m else np.nan, np.nan, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, m, (draws, m))].mean(axis=1)
    centre, se = float(means.mean()), float(means.std(ddof=1))
    half = float(stdtrit(m - 1, 0.975) * se * np.sqrt(m))
    return Interval(centre, se, max(0.0, centre - half), centre + half)
