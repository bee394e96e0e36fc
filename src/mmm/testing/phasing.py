"""Next year's spend phased so that channels come apart: each channel's money of the year stays, its periods get
more or less of it in blocks, in patterns that follow no other channel, the trend or the season.

What a year of spend tells is the information that it holds of the channels' marginal returns, beside a level, a
line and a season and in noise with an autocorrelation of one (the model's own residuals'). With what the posterior
knows of them already that gives how far each will be known after the year (Bayesian linear model; the
patterns are found by exchanging coordinates, Meyer & Nachtsheim 1995, for the smallest mean of what is left).
The response is taken as a line around today's spend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.errors import UserError
from mmm.format import fixed, percent
from mmm.testing.time_design import autocorrelation, whitened

_SEASONS = 2
#: Blocks of so many periods are tried; shorter ones are blurred by carryover, longer ones are too few.
_BLOCKS = (2, 4)
_ROUNDS = 6
_LEAST_PERIODS = 26


@dataclass(frozen=True)
class Known:
    """What is known before the year: `covariance` (P, P) of the channels' marginal returns, `noise` the
    standard deviation of what the model leaves of the KPI, `kept` its autocorrelation, `carryover` the
    weights of each channel's adstock by lag, `year` how many periods the season has.
    """

    covariance: np.ndarray
    noise: float
    kept: float
    carryover: tuple[np.ndarray, ...]
    year: float

    @classmethod
    def of(
        cls,
        marginal: np.ndarray,
        weights: np.ndarray,
        residuals: np.ndarray,
        carryover: Sequence[Sequence[float]],
        year: float,
    ) -> Known:
        """From marginal returns by draw (K, P) with weights (K,), and the model's residuals (T,).
        UserError for a single draw: it says nothing of how well a channel is known.
        """
        if len(weights) < 2:
            what = "its engine gives one model without uncertainty."
            raise UserError(what, where="the run", fix="Choose a run of another engine.")
        centred = marginal - weights @ marginal
        covariance = (weights[:, None] * centred).T @ centred
        smears = tuple(np.asarray(one, float) / float(np.sum(one)) for one in carryover)
        return cls(covariance, float(residuals.std()), autocorrelation(residuals), smears, year)


@dataclass(frozen=True)
class Told:
    """What a year of spend tells of each channel (P,): `inflation` of its variance by what moves with
    it, and the standard deviation `left` of its marginal return after the year.
    """

    inflation: np.ndarray
    left: np.ndarray


@dataclass(frozen=True)
class PhasedYear:
    """`usual` and `spend` (P, H) in money; what is known `now` (P,), and what each of the two tells."""

    usual: np.ndarray
    spend: np.ndarray
    now: np.ndarray
    told_usual: Told
    told: Told


def told_by(spend: np.ndarray, known: Known) -> Told:
    """What spend (P, H) tells."""
    own, information = _information(spend, known)
    inverse = np.linalg.pinv(information)
    inflation = np.maximum(own * np.diag(inverse), 1.0)
    inflation[own <= 0] = np.nan
    return Told(inflation, _left(information, known))


def phased_year(usual: np.ndarray, known: Known, strength: float) -> PhasedYear:
    """Spend (P, H) that differs from the `usual` by at most `strength` (0 to 1) in each period, with
    each channel's money of all periods the same. UserError for fewer periods than half a year of weeks.
    """
    if usual.shape[1] < _LEAST_PERIODS:
        what = f"has {usual.shape[1]} periods; {_LEAST_PERIODS} are needed."
        raise UserError(what, where="the year", fix="Ask for more periods.")
    best = usual
    now = np.sqrt(np.diag(known.covariance))
    scale = np.where(now > 0, now, 1.0)
    lowest = _unknown(usual, known, scale)
    for block in _BLOCKS:
        found, unknown = _exchanged(usual, known, strength, block, scale)
        if unknown < lowest:
            best, lowest = found, unknown
    return PhasedYear(usual, best, now, told_by(usual, known), told_by(best, known))


def _exchanged(
    usual: np.ndarray, known: Known, strength: float, block: int, scale: np.ndarray
) -> tuple[np.ndarray, float]:
    """The best found with blocks of so many periods, and what it leaves unknown."""
    channels, periods = usual.shape
    count = -(-periods // block)
    signs = np.where(np.random.default_rng(1).random((channels, count)) < 0.5, -1.0, 1.0)
    spend = np.array([_phased(usual[p], signs[p], block, strength) for p in range(channels)])
    lowest = _unknown(spend, known, scale)
    for _ in range(_ROUNDS):
        before = lowest
        for place in range(channels):
            for number in range(count):
                signs[place, number] *= -1.0
                tried = spend.copy()
                tried[place] = _phased(usual[place], signs[place], block, strength)
                unknown = _unknown(tried, known, scale)
                if unknown < lowest:
                    spend, lowest = tried, unknown
                else:
                    signs[place, number] *= -1.0
        if lowest > 0.999 * before:
            break
    return spend, lowest


def _phased(usual: np.ndarray, signs: np.ndarray, block: int, strength: float) -> np.ndarray:
    """A channel's spend (H,) raised in the blocks with sign 1 and lowered in the others, so that the
    money of all periods stays; neither by more than `strength`.
    """
    sign = np.repeat(signs, block)[: len(usual)]
    up, down = float(usual[sign > 0].sum()), float(usual[sign < 0].sum())
    if up <= 0 or down <= 0:
        return usual
    moved = strength * min(up, down)
    return np.asarray(usual * (1.0 + np.where(sign > 0, moved / up, -moved / down)))


def _unknown(spend: np.ndarray, known: Known, scale: np.ndarray) -> float:
    """Mean over the channels of the share of their standard deviation that is left."""
    _, information = _information(spend, known)
    return float((_left(information, known) / scale).mean())


def _information(spend: np.ndarray, known: Known) -> tuple[np.ndarray, np.ndarray]:
    """(own (P,), all (P, P)): the information on each channel's marginal return as if it were alone, and
    on all of them together.
    """
    columns = np.column_stack(
        [
            np.convolve(one, smear)[: len(one)]
            for one, smear in zip(spend, known.carryover, strict=True)
        ]
    )
    baseline = whitened(_baseline(len(columns), known.year), known.kept)
    columns = whitened(columns, known.kept)
    basis, _ = np.linalg.qr(baseline)
    columns = columns - basis @ (basis.T @ columns)
    noise = (1.0 - known.kept**2) * known.noise**2
    information = columns.T @ columns / noise
    return np.diag(information).copy(), information


def _left(information: np.ndarray, known: Known) -> np.ndarray:
    """Standard deviations (P,) with the information beside what is known: of (C^-1 + J)^-1, without
    the inverse of C, which few draws do not have.
    """
    prior = known.covariance
    system = np.eye(len(prior)) + information @ prior
    after = prior @ np.linalg.inv(system)
    return np.asarray(np.sqrt(np.maximum(np.diag(after), 0.0)))


def _baseline(periods: int, year: float) -> np.ndarray:
    """A level, a line and a season (H, 2 + 2 * seasons)."""
    time = np.arange(periods)
    columns = [np.ones(periods), np.linspace(-1.0, 1.0, periods)]
    for order in range(1, _SEASONS + 1):
        angle = 2.0 * np.pi * order * time / year
        columns += [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns)


HEADINGS = (
    "CHANNEL",
    "INFLATION, AS LAST YEAR",
    "INFLATION, PHASED",
    "KNOWN TO ±, NOW",
    "AFTER A YEAR, AS LAST",
    "AFTER A YEAR, PHASED",
)


def finding(found: PhasedYear) -> str:
    """What the phasing gains, in a sentence."""
    known = found.now > 0
    if not known.any():
        return "Nothing is gained: the run is sure of every channel."
    usual, phased = (
        float((told.left[known] / found.now[known]).mean())
        for told in (found.told_usual, found.told)
    )
    return (
        f"After the year the returns are known to {percent(phased)} of today's standard deviation on "
        f"average, with last year's phasing to {percent(usual)}: same money, other weeks."
    )


def shown(channels: Sequence[str], found: PhasedYear) -> list[tuple[str, ...]]:
    """A row a channel: how much its variance is inflated by what moves with it, and the standard
    deviation of its marginal return now and after the year, each as last year and phased.
    """
    rows: list[tuple[str, ...]] = []
    for place, channel in enumerate(channels):
        numbers = (
            found.told_usual.inflation[place],
            found.told.inflation[place],
            found.now[place],
            found.told_usual.left[place],
            found.told.left[place],
        )
        rows.append((channel, *(fixed(float(value), 2) for value in numbers)))
    return rows
