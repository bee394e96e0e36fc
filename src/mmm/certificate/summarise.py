"""From scored worlds to the certificate's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from mmm.certificate.certificate import ChannelCertificate, FamilyCertificate, TotalCertificate
from mmm.certificate.checks.prior import prior_gain
from mmm.certificate.families import Family
from mmm.certificate.identify import Identifiability
from mmm.certificate.recalibrate import stretched, stretches
from mmm.certificate.refit import Refit
from mmm.engines.confidence import Evidence, confidence
from mmm.engines.words import Confidence
from mmm.scoring.score import ChannelEstimate

#: Moves of less than this share of today's spend are none.
_MOVED = 0.02


def ordinary(refits: Sequence[Refit]) -> list[Refit]:
    """The worlds that count in the means: a harmful channel is told by its own line."""
    return [item for item in refits if item.family is not Family.HARMFUL]


def total(refits: Sequence[Refit]) -> TotalCertificate:
    """All channels over the ordinary worlds."""
    counted = ordinary(refits)
    scores = [item.recovery for item in counted]
    errors = [score.roi_error for score in scores]
    biases = [score.total - 1.0 for score in scores]
    best = _mean(item.advice.best_uplift for item in counted)
    reached = _mean(item.advice.uplift for item in counted)
    advised = [item.advice for item in counted if np.isfinite(item.advice.uplift)]
    moves = [move for item in counted for move in item.moves.values()]
    return TotalCertificate(
        worlds=len(counted),
        error=float(np.median(errors)),
        error_mean=float(np.mean(errors)),
        error_high=float(np.quantile(errors, 0.9)),
        covered=_covered(counted),
        width=_mean(score.width for score in scores),
        ranked=_mean(score.ranked for score in scores),
        direction=_direction(moves),
        total_bias=float(np.mean(biases)),
        total_error=float(np.mean(np.abs(biases))),
        uplift_share=reached / best if reached is not None and best else None,
        harmful=_mean(float(advice.harmful) for advice in advised),
        regret=_mean(advice.regret for advice in advised),
        regret_today=_mean(advice.regret_today for advice in advised),
    )


def channels(
    refits: Sequence[Refit], reported: Sequence[ChannelEstimate], level: float
) -> tuple[ChannelCertificate, ...]:
    """One row per channel, in the order in which the run reports them; words come later."""
    counted = ordinary(refits)
    factors = stretches([item.recovery.channels for item in counted], level)
    return tuple(_channel(estimate, counted, factors) for estimate in reported)


def with_confidence(
    rows: Sequence[ChannelCertificate], after: Identifiability, typical: float
) -> tuple[ChannelCertificate, ...]:
    """The rows with their gain over the prior and their word. `typical` is the ROI before the
    data.
    """
    inseparable = {name for first, second, _ in after.pairs for name in (first, second)}
    found = []
    for row in rows:
        low, high = row.recalibrated_low, row.recalibrated_high
        if low is None or high is None:
            found.append(replace(row, confidence=str(Confidence.INCONCLUSIVE)))
            continue
        gain = prior_gain(low, high, typical)
        evidence = Evidence(low, high, gain, row.channel not in inseparable, row.error)
        found.append(replace(row, gain=gain, confidence=str(confidence(evidence))))
    return tuple(found)


def families(refits: Sequence[Refit]) -> tuple[FamilyCertificate, ...]:
    """One row per family that has worlds, in the order in which families are declared."""
    rows = []
    for family in Family:
        own = [item for item in refits if item.family is family]
        if own:
            rows.append(_family(family, own))
    return tuple(rows)


def roi_errors(refits: Sequence[Refit], typical: float) -> np.ndarray:
    """Errors (n, P) of the ordinary worlds as shares of the typical ROI."""
    rows = []
    for item in ordinary(refits):
        rows.append([(part.roi - part.true_roi) / typical for part in item.recovery.channels])
    return np.array(rows, float)


def _channel(
    estimate: ChannelEstimate, refits: Sequence[Refit], factors: dict[str, float]
) -> ChannelCertificate:
    name = estimate.name
    own = [part for item in refits for part in item.recovery.channels if part.name == name]
    gaps = np.array([part.roi - part.true_roi for part in own])
    size = float(np.mean([abs(part.true_roi) for part in own])) or 1.0
    held = [float(part.held) for part in own if part.held is not None]
    moves = [item.moves[name] for item in refits if name in item.moves]
    stretch = factors.get(name, 1.0)
    wide: tuple[float | None, float | None] = (None, None)
    if np.isfinite(estimate.low) and np.isfinite(estimate.high):
        wide = stretched(estimate.roi, estimate.low, estimate.high, stretch)
    return ChannelCertificate(
        channel=name,
        worlds=len(own),
        error=float(np.abs(gaps).mean() / size),
        bias=float(gaps.mean() / size),
        covered=_mean(held),
        direction=_direction(moves),
        stretch=stretch,
        roi=_known(estimate.roi),
        low=_known(estimate.low),
        high=_known(estimate.high),
        recalibrated_low=wide[0],
        recalibrated_high=wide[1],
    )


def _family(family: Family, refits: Sequence[Refit]) -> FamilyCertificate:
    scores = [item.recovery for item in refits]
    return FamilyCertificate(
        family=str(family),
        worlds=len(refits),
        error=float(np.median([score.roi_error for score in scores])),
        covered=_covered(refits),
        total_bias=float(np.mean([score.total - 1.0 for score in scores])),
        uplift=_mean(item.advice.uplift for item in refits),
        harmful=sum(item.advice.harmful for item in refits),
    )


def _covered(refits: Sequence[Refit]) -> float | None:
    held = [part.held for item in refits for part in item.recovery.channels]
    return _mean(float(value) for value in held if value is not None)


def _direction(moves: Sequence[tuple[float, float]]) -> float | None:
    """Share of (advised, best) spends over today's whose moves go the same way."""
    right = []
    for advised, best in moves:
        if abs(advised - 1.0) > _MOVED and abs(best - 1.0) > _MOVED:
            right.append(float((advised - 1.0) * (best - 1.0) > 0))
    return _mean(right)


def _mean(values: Iterable[float]) -> float | None:
    """The mean of the finite values; None without any."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
