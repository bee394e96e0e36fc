"""How hard a simulated world is to read, and which channels exist. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AdstockKind = Literal["geometric", "weibull"]


@dataclass(frozen=True)
class Difficulty:
    """One preset. Shares and heights are fractions of the mean KPI without media, unless a line
    says otherwise.
    """

    weeks: int
    channels: int
    zero_effect_channels: int
    media_share: float  # of the whole KPI
    roi: tuple[float, float]  # true ROI per effective channel, drawn within
    noise: float
    season: float
    holidays: float  # height of the highest peak
    trend_bends: int
    controls: float  # standard deviation of the strongest control's effect
    spend_spread: float  # standard deviation of log spend around its mean
    spend_correlation: float  # share of that variance common to all channels (budget cycle)
    spend_follows_season: (
        float  # log spend per standard deviation of season: makes demand look like media effect
    )
    flighted_share: float  # share of channels that run in bursts
    delayed_share: float  # share of channels whose effect peaks later (Weibull), the others decay geometrically
    impressions_spread: float  # standard deviation of log cost per impression
    lift_tests: int
    lift_confidence: (
        float  # with which a test shows its lift to differ from 0: the lower, the noisier
    )


DIFFICULTIES: dict[str, Difficulty] = {
    "easy": Difficulty(
        weeks=208,
        channels=4,
        zero_effect_channels=0,
        media_share=0.35,
        roi=(1.5, 4.0),
        noise=0.01,
        season=0.06,
        holidays=0.15,
        trend_bends=1,
        controls=0.02,
        spend_spread=0.6,
        spend_correlation=0.05,
        spend_follows_season=0.0,
        flighted_share=0.75,
        delayed_share=0.0,
        impressions_spread=0.03,
        lift_tests=2,
        lift_confidence=0.9999,
    ),
    "standard": Difficulty(
        weeks=156,
        channels=6,
        zero_effect_channels=1,
        media_share=0.25,
        roi=(0.8, 4.0),
        noise=0.03,
        season=0.1,
        holidays=0.25,
        trend_bends=2,
        controls=0.03,
        spend_spread=0.5,
        spend_correlation=0.3,
        spend_follows_season=0.15,
        flighted_share=0.5,
        delayed_share=0.35,
        impressions_spread=0.08,
        lift_tests=3,
        lift_confidence=0.99,
    ),
    "hard": Difficulty(
        weeks=130,
        channels=10,
        zero_effect_channels=2,
        media_share=0.15,
        roi=(0.3, 3.0),
        noise=0.06,
        season=0.15,
        holidays=0.35,
        trend_bends=4,
        controls=0.05,
        spend_spread=0.35,
        spend_correlation=0.6,
        spend_follows_season=0.3,
        flighted_share=0.2,
        delayed_share=0.5,
        impressions_spread=0.15,
        lift_tests=3,
        lift_confidence=0.95,
    ),
}


@dataclass(frozen=True)
class ChannelKind:
    """What is typical of a channel: mean spend per week and price of a thousand impressions, both
    in money.
    """

    name: str
    mean_spend: float
    cost_per_thousand: float


#: Taken in this order, so the first channels of a world are its usual ones.
CATALOGUE: tuple[ChannelKind, ...] = (
    ChannelKind("tv", 60_000, 12.0),
    ChannelKind("search", 35_000, 25.0),
    ChannelKind("social", 28_000, 7.0),
    ChannelKind("video", 22_000, 9.0),
    ChannelKind("display", 14_000, 3.0),
    ChannelKind("radio", 12_000, 6.0),
    ChannelKind("ooh", 18_000, 5.0),
    ChannelKind("print", 10_000, 15.0),
    ChannelKind("affiliate", 9_000, 4.0),
    ChannelKind("influencer", 8_000, 11.0),
    ChannelKind("shopping", 20_000, 20.0),
    ChannelKind("streaming", 16_000, 18.0),
    ChannelKind("podcast", 5_000, 16.0),
    ChannelKind("cinema", 6_000, 22.0),
    ChannelKind("direct_mail", 11_000, 90.0),
    ChannelKind("retargeting", 7_000, 4.5),
    ChannelKind("native", 6_500, 5.5),
    ChannelKind("sponsoring", 9_500, 8.0),
    ChannelKind("marketplace", 13_000, 10.0),
    ChannelKind("in_store", 7_500, 3.5),
)


@dataclass(frozen=True)
class ControlKind:
    """A control moves around `reference` with `spread`; `strength` scales its effect, the strongest
    one has 1.
    """

    name: str
    reference: float
    spread: float
    strength: float
    yearly: float = 0.0  # amplitude of its own yearly cycle, in units of `spread`


CONTROLS: tuple[ControlKind, ...] = (
    ControlKind("price_index", 100.0, 4.0, -1.0),
    ControlKind("competitor_index", 100.0, 8.0, -0.7),
    ControlKind("temperature", 12.0, 7.0, 0.5, yearly=1.2),
)
