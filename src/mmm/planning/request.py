"""What is asked of a plan. Its fields declare every constraint once, for the command line, the web
form and files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmm.errors import UserError

#: Lowest and highest spend as factors of the initial one, where nothing else is asked: Robyn's
#: defaults.
DEFAULT_FACTORS = {"max_response": (0.5, 2.0), "target": (0.1, 10.0)}
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

    goal: Literal["max_response", "target"] = Field(
        "max_response",
        description="The largest response for a budget, or at a target ROAS or cost per conversion.",
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
        default_factory=dict, description="Bounds by channel, or by sums of channels (tv+radio)."
    )
    carryover: Literal["held", "follows"] = Field(
        "follows",
        description="Whether carryover follows the planned spend, which causes it, or stays as it was (Robyn).",
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
        low, high = self.factors
        if low > high:
            raise ValueError(f"the lower bound {low:g} is above the upper bound {high:g}")
        return self

    @property
    def factors(self) -> tuple[float, float]:
        """Bounds of channels without their own, as factors."""
        low, high = DEFAULT_FACTORS[self.goal]
        return (low if self.low is None else self.low), (high if self.high is None else self.high)

    def members(self, name: str, paid: Sequence[str]) -> tuple[str, ...]:
        """The channels a limit is about; UserError where one is not among the paid ones."""
        members = (name,) if name in paid else tuple(part.strip() for part in name.split("+"))
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
