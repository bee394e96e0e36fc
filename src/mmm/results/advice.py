"""What to change next quarter, as it is kept beside a run's results; made by `mmm.models.advice`."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from mmm.format import Labels, count, listed, percent

#: Moves below this share of today's spend are not named.
_SMALL = 0.02
_NAMED = 3


@dataclass(frozen=True)
class Move:
    """A channel's money per period today and as advised."""

    channel: str
    today: float
    advised: float

    @property
    def change(self) -> float:
        return self.advised - self.today


@dataclass(frozen=True)
class Advice:
    """The best split of today's money over the next `periods`. `gain` is the median of what it
    brings over today's split as a share, between `gain_low` and `gain_high` in `level` of the draws
    or models that it was not optimised on; `response` is what today's split brings over these
    periods. `refused` says why there is no advice. `certificate` is the one that was looked at.
    """

    periods: int = 0
    moves: tuple[Move, ...] = ()
    worth_making: bool = False
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    level: float = 0.8
    response: float = 0.0
    refused: str = ""
    certificate: str = ""
    version: int = 1
    #: The gain's range as the certificate recalibrates it, None where it asks for no more.
    gain_wide_low: float | None = None
    gain_wide_high: float | None = None
    #: Rows as in `mmm.results.frontier.FRONTIER`; none of advice that an earlier version made.
    frontier: tuple[dict[str, float | None], ...] = ()

    def to_json(self) -> bytes:
        return _ADAPTER.dump_json(self, indent=1)

    def named(self) -> list[Move]:
        """The moves worth naming, the largest first."""
        worth = [move for move in self.moves if abs(move.change) >= _SMALL * max(move.today, 1e-9)]
        return sorted(worth, key=lambda move: -abs(move.change))[:_NAMED]


_ADAPTER = TypeAdapter(Advice)


def read_advice(text: bytes) -> Advice:
    """Advice as it was stored; ValueError for another version's."""
    return _ADAPTER.validate_json(text)


def headline(advice: Advice | None, labels: Labels) -> str:
    """The advice in a few words."""
    if advice is None or advice.refused:
        return "No advice"
    if not advice.worth_making or advice.gain is None:
        return "Keep today's split"
    return f"{signed_share(advice.gain)} more from the same money"


def sentences(advice: Advice | None, labels: Labels) -> list[str]:
    """What to move, and what that brings with its range."""
    if advice is None:
        return ["No advice has been made of this run."]
    if advice.refused:
        return [advice.refused]
    gain = gain_sentence(advice, labels)
    if not advice.worth_making:
        return ["No change of the split is worth making.", *gain]
    more = [_moved(move, labels) for move in advice.named() if move.change > 0]
    less = [_moved(move, labels) for move in advice.named() if move.change < 0]
    parts = [f"more for {listed(more)}"] if more else []
    parts += [f"less for {listed(less)}"] if less else []
    return [f"Per {labels.period}: {'; '.join(parts)}.", *gain]


def gain_sentence(advice: Advice, labels: Labels) -> list[str]:
    """The median gain and its range over the quarter."""
    ends = (advice.gain, advice.gain_low, advice.gain_high, advice.gain_wide_high)
    if advice.gain is None or not any(ends):
        return []  # today's split itself
    text = f"Median gain {signed_share(advice.gain)}"
    if advice.gain_low is not None and advice.gain_high is not None:
        low, high = (end * advice.response for end in (advice.gain_low, advice.gain_high))
        text += (
            f" over {count(advice.periods, labels.period)}, {signed_share(advice.gain_low)} to "
            f"{signed_share(advice.gain_high)} in {100 * advice.level:.0f} % of the models it was not made "
            f"with ({labels.effect(low)} to {labels.effect(high)})"
        )
    if advice.gain_wide_low is not None and advice.gain_wide_high is not None:
        text += (
            f"; recalibrated by the certificate {signed_share(advice.gain_wide_low)} to "
            f"{signed_share(advice.gain_wide_high)}"
        )
    return [f"{text}."]


def signed_share(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{percent(value)}"


def _moved(move: Move, labels: Labels) -> str:
    sign = "+" if move.change >= 0 else "-"
    return f"{move.channel} ({sign}{labels.money(abs(move.change))})"
