"""Scores of many cases in one table: means and medians by generator, and by confidence word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.scoring.advice import Advice
from mmm.scoring.score import ChannelScore, Recovery

#: Cases whose name has one of these parts stand for themselves and are in no mean: a channel that
#: harms, money in another unit, a panel summed to the nation, a confounder given as a control.
SPECIAL = ("negative", "raw", "geo", "controlled")
ALL = "all"


@dataclass(frozen=True)
class CaseScore:
    """One case: how near the model came, and what its budget advice is worth."""

    name: str
    recovery: Recovery
    advice: Advice

    @property
    def prefix(self) -> str:
        """The generator: the name's part before the first hyphen."""
        return self.name.partition("-")[0]

    @property
    def special(self) -> bool:
        return any(part in self.name for part in SPECIAL)


@dataclass(frozen=True)
class GroupScore:
    """Means over the cases of a generator, or of all. `covered` pools the channels;
    `uplift_share` is the mean uplift over the mean of the best; `harmful` counts cases in which the
    advice is more than 1 % worse than today's budget.
    """

    name: str
    cases: int
    roi_error: float
    median_roi_error: float
    covered: float
    width: float
    ranked: float
    marginal_error: float
    total_bias: float
    uplift_share: float
    harmful: int


@dataclass(frozen=True)
class WordScore:
    """Channels of one confidence word: share of intervals that hold the truth, middle distance from
    the truth, share of channels more than a third, and more than half, off it (relative to the
    larger of estimate and truth).
    """

    word: str
    channels: int
    covered: float
    median_off: float
    third_off: float
    half_off: float


def by_generator(cases: Sequence[CaseScore]) -> list[GroupScore]:
    """One row per generator in alphabetical order, then all; special cases are left out."""
    ordinary = [case for case in cases if not case.special]
    if not ordinary:
        return []
    by_prefix: dict[str, list[CaseScore]] = {}
    for case in ordinary:
        by_prefix.setdefault(case.prefix, []).append(case)
    groups = [_group(prefix, by_prefix[prefix]) for prefix in sorted(by_prefix)]
    return [*groups, _group(ALL, ordinary)]


def by_word(cases: Sequence[CaseScore], order: Sequence[str]) -> list[WordScore]:
    """One row per confidence word, in the given order; special cases are left out."""
    channels: dict[str, list[ChannelScore]] = {word: [] for word in order}
    for case in cases:
        if case.special:
            continue
        for channel in case.recovery.channels:
            channels.setdefault(channel.word, []).append(channel)
    return [_word(word, found) for word, found in channels.items() if found]


def _group(name: str, cases: Sequence[CaseScore]) -> GroupScore:
    scores = [case.recovery for case in cases]
    errors = [score.roi_error for score in scores]
    best = _mean([case.advice.best_uplift for case in cases])
    return GroupScore(
        name=name,
        cases=len(cases),
        roi_error=_mean(errors),
        median_roi_error=float(np.median(errors)),
        covered=_covered([channel for score in scores for channel in score.channels]),
        width=_mean([score.width for score in scores]),
        ranked=_mean([score.ranked for score in scores]),
        marginal_error=_mean([score.marginal_error for score in scores]),
        total_bias=_mean([score.total for score in scores]) - 1.0,
        uplift_share=_mean([case.advice.uplift for case in cases]) / best if best else float("nan"),
        harmful=sum(case.advice.harmful for case in cases),
    )


def _word(word: str, channels: Sequence[ChannelScore]) -> WordScore:
    off = np.array([channel.off for channel in channels])
    return WordScore(
        word,
        len(channels),
        _covered(channels),
        float(np.median(off)),
        float(np.mean(off > 1 / 3)),
        float(np.mean(off > 1 / 2)),
    )


def _covered(channels: Sequence[ChannelScore]) -> float:
    return _mean([float(channel.held) for channel in channels if channel.held is not None])


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
