"""Settings of the engine `bayes`: what an analyst expects of each channel, and how long to sample."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from mmm.engines.adstock_hill.settings import Interval, Within

#: Lengths of the chains; what a preset does not name keeps its default.
PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"warm_up": 500, "sweeps": 750, "longest": 2},
    "standard": {"warm_up": 1000, "sweeps": 2000, "longest": 4},
    "thorough": {"warm_up": 2000, "sweeps": 6000, "longest": 8, "holdout": 0.15},
}

Likely = Annotated[Interval, Within(-1e9, 1e9)]
Positive = Annotated[Interval, Within(0, 1e6, low_open=True)]
Share = Annotated[Interval, Within(0, 1, low_open=True, high_open=True)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ChannelPrior(_Settings):
    """What is known of one channel before the data: each range holds the truth with 90 %
    probability. What is left open comes from the spend and from all channels together.
    """

    roi: Likely | None = Field(
        default=None,
        title="ROI likely between",
        description="KPI per unit of money over the window; of organic media the share of the KPI",
    )
    half_life: Positive | None = Field(
        default=None,
        title="Half of an effect is gone after (days)",
        description="of a carryover that fades from the start",
    )
    saturation: Share | None = Field(
        default=None,
        title="Saturation at today's spend",
        description="effect at today's mean spend as a share of the ceiling",
    )
    may_be_negative: StrictBool = Field(
        default=False, description="the channel may do harm: a normal prior for its ROI"
    )


class BayesSettings(_Settings):
    """Settings of the engine `bayes`."""

    media: dict[str, ChannelPrior] = Field(
        default_factory=dict, description="by channel (its spend column) or organic variable"
    )
    media_share: Share = Field(
        default=(0.03, 0.5),
        title="Media share of the KPI likely between",
        description="of all paid media together; soft",
    )
    trend_wave: StrictFloat = Field(
        default=13.0,
        ge=4.0,
        le=520.0,
        title="Shortest wave of the trend (weeks)",
        description="longer: a stiffer trend, which leaves slow movements to the media",
    )
    chains: StrictInt = Field(default=4, ge=2, le=16, description="independent samplers")
    warm_up: StrictInt = Field(default=1000, ge=20, le=100_000, description="sweeps to settle")
    sweeps: StrictInt = Field(default=2000, ge=20, le=200_000, description="sweeps that count")
    longest: StrictInt = Field(
        default=4,
        ge=1,
        le=50,
        description="where chains disagree they run on, up to so many times their length",
    )
    draws: StrictInt = Field(
        default=400, ge=40, le=4000, description="posterior draws that are kept with the results"
    )
    seed: StrictInt = Field(
        default=123, ge=0, le=2**31 - 1, description="the same seed gives the same numbers"
    )
    holdout: StrictFloat | None = Field(
        default=None,
        ge=0.02,
        le=0.5,
        title="Check the forecast on the last share of periods",
        description="a second fit without them says how well they are forecast",
    )
    train_size: StrictFloat = Field(
        default=1.0, ge=0.3, le=1.0, description="share of the window that is trained on"
    )
    refresh_weight: StrictFloat | None = Field(
        default=None,
        ge=0,
        le=1,
        title="Refresh: weight of the earlier model",
        description="how much of what it knew counts beside the data (1: in full, though most of its "
        "data are counted again); open: the share of its periods that have left the window",
    )
