"""What is asked of a plan. Its fields declare every constraint once, for the command line, the web
form and files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmm.engines.words import Confidence
from mmm.errors import UserError
from mmm.planning.geo_names import geo_groups
from mmm.planning.risk import Risk

#: Lowest and highest spend as factors of the initial one, where nothing else is asked: Robyn's
#: defaults.
DEFAULT_FACTORS = {"max_response": (0.5, 2.0), "target": (0.1, 10.0), "profit": (0.5, 2.0)}
#: What ends the name of a bound of single periods.
_OF_PERIODS = re.compile(r"@\s*\d{4}-[\d:\s-]*$")
#: In the place of a channel's name in bounds: all paid channels together.
ALL = "all"
#: Default target as a share of the initial efficiency: ROAS may fall to, cost per conversion rise
#: to (Robyn's).
DEFAULT_TARGET_ROAS, DEFAULT_TARGET_CPA = 0.8, 1.2


class Limit(BaseModel):
    """Bounds of a channel, or of the sum of some channels: factors of its initial spend, or money
    per period.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float | None = Field(
        None, ge=0, description="Lowest spend as a factor of the initial one."
    )
    high: float | None = Field(
        None, ge=0, description="Highest spend as a factor of the initial one."
    )
    least: float | None = Field(None, ge=0, description="Lowest spend per period, in money.")
    most: float | None = Field(None, ge=0, description="Highest spend per period, in money.")

    @model_validator(mode="after")
    def _one_way_each(self) -> Limit:
        if None not in (self.low, self.least) or None not in (self.high, self.most):
            raise ValueError("a bound is either a factor or money, not both")
        for low, high in ((self.low, self.high), (self.least, self.most)):
            if low is not None and high is not None and low > high:
                raise ValueError(f"the lower bound {low:g} is above the upper bound {high:g}")
        return self

    def bounds(self, initial: float, low: float, high: float) -> tuple[float, float]:
        """Money per period; `low` and `high` are used where nothing is asked."""
        if self.low is not None or self.least is not None:
            low = self.least if self.least is not None else (self.low or 0.0) * initial
        if self.high is not None or self.most is not None:
            high = self.most if self.most is not None else (self.high or 0.0) * initial
        return low, high


class PlanRequest(BaseModel):
    """One question to the allocator. Spends start from the mean per period over `period`, a date
    range (see `History.rows`); `periods` says how many such periods are planned, by default as
    many as the range has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    goal: Literal["max_response", "target", "profit"] = Field(
        "max_response",
        description="The largest response for a budget, or at a target ROAS or cost per conversion; or "
        "the largest profit, for which the budget is looked for.",
    )
    risk: Risk = Field(
        Risk.DOWNSIDE,
        description="What is made large: the gain in the worst tenth of the draws (downside), so that "
        "money moves only where that pays in nearly all of them; or the expected gain.",
    )
    unit_value: float | None = Field(
        None, gt=0, description="Profit in money that one unit of the KPI brings, before media."
    )
    channel_values: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="The same by channel, where channels sell differently."
    )
    budget: float | None = Field(
        None, gt=0, description="Money over all periods. Default: as much as in the range."
    )
    budget_per_period: float | None = Field(
        None, gt=0, description="Money per period, in place of the budget."
    )
    budget_rule: Literal["exact", "at_most"] = Field(
        "exact", description="Whether all of the budget must be spent."
    )
    target: float | None = Field(
        None, gt=0, description="Target ROAS or cost per conversion of all spend together."
    )
    period: str = Field("all", description="Date range: all, last_10, or 2018-01-01:2018-03-26.")
    periods: int | None = Field(None, gt=0, description="How many periods are planned.")
    low: float | None = Field(
        None, ge=0, description="Lowest spend of every channel as a factor of its initial one."
    )
    high: float | None = Field(
        None, ge=0, description="Highest spend of every channel as a factor of its initial one."
    )
    limits: dict[str, Limit] = Field(
        default_factory=dict,
        description="Bounds by channel, by sums of channels (tv+radio, or all), and of either in each "
        "of some periods ahead (tv@2026-12-01:2026-12-31).",
    )
    by_geo: bool = Field(
        False, description="Whether the spend in each geo is decided, not that of the total."
    )
    ahead: bool = Field(False, description="Whether the periods after the data are planned.")
    carryover: Literal["held", "follows"] = Field(
        "follows",
        description="Whether carryover follows the planned spend, which causes it, or stays as it was (Robyn).",
    )

    hold: Literal["inconclusive", "none"] = Field(
        "inconclusive",
        description="Channels kept at today's spend: those whose confidence is inconclusive, or none.",
    )
    free: tuple[str, ...] = Field(
        (), description="Channels that may move although their confidence is inconclusive."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, fields: object) -> object:
        """Plans of earlier versions say whether channels without effect keep their bounds; all do
        now, and their carryover was held where they say nothing of it.
        """
        if not isinstance(fields, dict) or "keep_zero_effect" not in fields:
            return fields
        known = {name: value for name, value in fields.items() if name != "keep_zero_effect"}
        return {"carryover": "held"} | known

    @model_validator(mode="after")
    def _fits_together(self) -> PlanRequest:
        if self.budget is not None and self.budget_per_period is not None:
            raise ValueError("give the budget for all periods or per period, not both")
        if self.goal == "target" and (
            self.budget is not None or self.budget_per_period is not None
        ):
            raise ValueError("with a target the budget is what is looked for; leave it out")
        if self.goal == "max_response" and self.target is not None:
            raise ValueError("a target needs goal: target")
        if self.period_limits and not self.ahead:
            raise ValueError("bounds of single periods need a plan of the periods ahead (--ahead)")
        low, high = self.factors
        if low > high:
            raise ValueError(f"the lower bound {low:g} is above the upper bound {high:g}")
        return self

    @property
    def period_limits(self) -> dict[str, Limit]:
        """The bounds of single periods."""
        return {name: limit for name, limit in self.limits.items() if _OF_PERIODS.search(name)}

    @property
    def factors(self) -> tuple[float, float]:
        """Bounds of channels without their own, as factors."""
        low, high = DEFAULT_FACTORS[self.goal]
        return (low if self.low is None else self.low), (high if self.high is None else self.high)

    def values(self, known: float | None, paid: Sequence[str]) -> tuple[float, ...] | None:
        """Profit that one unit of the KPI brings in each channel: as asked, else what is `known` of
        all; None where neither says it. UserError for an unknown channel.
        """
        for name in self.channel_values:
            _require_paid(name, paid, f"channel_values.{name}")
        common = known if self.unit_value is None else self.unit_value
        found = [self.channel_values.get(name, common) for name in paid]
        given = [value for value in found if value is not None]
        return tuple(given) if len(given) == len(found) else None

    def held(self, confidence: Mapping[str, str]) -> tuple[str, ...]:
        """The channels that stay at today's spend, by their words of `confidence`. One that has
        bounds of its own, or is free, does not. UserError for a free channel that is unknown.
        """
        for name in self.free:
            _require_paid(name, tuple(confidence), "free")
        if self.hold == "none":
            return ()
        return tuple(
            name
            for name, word in confidence.items()
            if word == Confidence.INCONCLUSIVE and name not in self.free and name not in self.limits
        )

    def members(self, name: str, paid: Sequence[str]) -> tuple[str, ...]:
        """The channels a limit is about; UserError where one is not among the paid ones. In a plan
        by geo a medium stands for the sum of its geos, a geo for that of its media.
        """
        if name == ALL and ALL not in paid:
            return tuple(paid)
        groups = geo_groups(paid)
        parts = (name,) if name in paid else tuple(part.strip() for part in name.split("+"))
        members: tuple[str, ...] = ()
        for part in parts:
            members += (part,) if part in paid else groups.get(part, (part,))
        for member in members:
            if member not in paid:
                raise UserError(
                    f"{member!r} is no paid channel of the model.",
                    where=f"limits.{name}",
                    fix=f"The paid channels are {', '.join(paid)}; join several with +.",
                )
        if len(set(members)) < len(members):
            raise UserError("names a channel twice.", where=f"limits.{name}")
        return members


def _require_paid(name: str, paid: Sequence[str], where: str) -> None:
    """UserError for a channel that is not among the paid ones."""
    if name not in paid:
        raise UserError(
            f"{name!r} is no paid channel of the model.",
            where=where,
            fix=f"The paid channels are {', '.join(paid)}.",
        )
