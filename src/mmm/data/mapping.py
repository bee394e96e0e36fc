"""The mapping: which column of a table plays which role in the model."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Sign = Literal["unconstrained", "positive", "negative"]
KpiKind = Literal["revenue", "conversion"]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Signed(_Frozen):
    @field_validator("sign", mode="before", check_fields=False)
    @classmethod
    def _word_of_today(cls, sign: object) -> object:
        """Mappings of earlier versions, and Robyn, call an unconstrained sign "default"."""
        return "unconstrained" if sign == "default" else sign


class PaidColumns(_Signed):
    """A paid channel: its spend column and, where there is one, the exposure column that is
    modelled in its place. With a `frequency`, the mean number of exposures of a person reached,
    the exposure is the reach.
    """

    spend: str = Field(min_length=1)
    exposure: str | None = None
    frequency: str | None = None
    sign: Sign = "positive"

    @model_validator(mode="after")
    def _frequency_of_a_reach(self) -> PaidColumns:
        if self.frequency is not None and self.exposure in (None, self.spend):
            raise ValueError(
                f"the frequency {self.frequency!r} needs the column of the people reached as exposure"
            )
        return self

    @property
    def modelled(self) -> list[str]:
        """The exposure and frequency columns beside the spend."""
        exposure = None if self.exposure == self.spend else self.exposure
        return [name for name in (exposure, self.frequency) if name]


class SignedColumn(_Signed):
    column: str = Field(min_length=1)
    sign: Sign = "unconstrained"


class OrganicColumn(SignedColumn):
    sign: Sign = "positive"


class Mapping(_Frozen):
    """Column roles. Every column has one role at most; a spend may also be its own exposure. There is
    at least one medium, paid or organic: an exposure without a spend is mapped as organic.

    `market` tells the markets of one table apart. No engine models it: checks look at each market's
    dates with it, and preparation filters, splits or adds up by it. `geo` tells the parts of one
    market apart that are modelled together, as a panel; `population` is their size.
    """

    date: str = Field(min_length=1)
    kpi: str = Field(min_length=1)
    kpi_kind: KpiKind = "revenue"
    paid: tuple[PaidColumns, ...] = ()
    organic: tuple[OrganicColumn, ...] = ()
    context: tuple[SignedColumn, ...] = ()
    factors: tuple[SignedColumn, ...] = ()
    market: str | None = Field(default=None, min_length=1)
    geo: str | None = Field(default=None, min_length=1)
    population: str | None = Field(default=None, min_length=1)

    @property
    def parts(self) -> str | None:
        """The column that tells rows of one date apart: the geo's, else the market's."""
        return self.geo or self.market

    def all_columns(self) -> list[str]:
        """Every column that is mapped."""
        named = [self.market, self.geo, self.population]
        return [*self.columns(), *(name for name in named if name)]

    def numeric_columns(self) -> list[str]:
        """Columns that must hold numbers, in order, without repeats."""
        names = [self.kpi]
        for paid in self.paid:
            names += [paid.spend, *paid.modelled]
        names += [variable.column for variable in (*self.organic, *self.context)]
        return list(dict.fromkeys(names))

    def columns(self) -> list[str]:
        """The columns a model of the whole needs: all that are mapped but market's and geos'."""
        return [self.date, *self.numeric_columns(), *(factor.column for factor in self.factors)]

    @model_validator(mode="after")
    def _some_medium(self) -> Mapping:
        if not (self.paid or self.organic):
            raise ValueError("map at least one medium: a spend in paid, or an organic one")
        return self

    @model_validator(mode="after")
    def _one_role_each(self) -> Mapping:
        names = [self.date, self.kpi]
        for paid in self.paid:
            names += [paid.spend, *paid.modelled]
        names += [variable.column for variable in (*self.organic, *self.context, *self.factors)]
        names += [name for name in (self.market, self.geo, self.population) if name]
        repeated = [
            name for name, count in Counter(names).items() if name is not None and count > 1
        ]
        if repeated:
            raise ValueError(
                f"each column can have one role only; used twice: {', '.join(map(repr, repeated))}"
            )
        if self.population and not self.geo:
            raise ValueError("a population needs the column of the geos it is of")
        if self.market and self.geo:
            raise ValueError("map a market, by which the table is split, or a geo, not both")
        return self
