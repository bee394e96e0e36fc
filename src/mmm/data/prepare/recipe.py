"""The recipe of a preparation: declared data, validated, stored with the dataset it makes."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mmm.data.calendar import WEEKDAYS, CalendarRule, Period, Weekday
from mmm.data.fiscal import Pattern, YearEnd, fiscal_calendar
from mmm.data.long_form import Pivot
from mmm.data.markets import folded
from mmm.errors import Finding, InvalidInput
from mmm.plain_json import read_json

Aggregate = Literal["sum", "mean", "max", "last", "first"]
Gap = Literal["error", "zero", "previous", "interpolate"]
Across = Literal["sum", "mean", "max"]
Name = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnRule(_Part):
    """How one column is resampled, what fills its gaps, and how markets are joined where they are.

    `across` None joins markets as `aggregate` joins days (last and first: the mean). `keep` false
    leaves the column out of the result; derived columns may still use it. Texts can be taken first
    or last, and filled from the one before, or with the text of `fill` ("none" for no promotion).
    `negate` turns the sign first, for exports that book spend as negative.
    """

    column: Name
    aggregate: Aggregate
    gap: Gap = "error"
    across: Across | None = None
    fill: Name | None = None
    keep: bool = True
    negate: bool = False


class MarketRule(_Part):
    """Which markets of the table (none named: all), and what becomes of several: one dataset each,
    or one for all. `same` are markets by other names: {"Germany": "DE"}.
    """

    column: Name
    same: dict[str, str] = Field(default_factory=dict)
    keep: tuple[str, ...] = ()
    join: Literal["one", "combine", "split"] = "one"

    @model_validator(mode="after")
    def _each_for_itself(self) -> MarketRule:
        """A market that is taken for another cannot be what a third one is taken for."""
        gone = {folded(name) for name in self.same}
        chained = [other for other in self.same.values() if folded(other) in gone]
        if chained:
            raise ValueError(f"same: {chained[0]!r} is itself taken for another; name that one")
        return self


class Flag(_Part):
    """1 in rows whose text is one of `values`, 0 elsewhere: made first, so that a rule can resample
    it.
    """

    name: Name
    column: Name
    values: tuple[str, ...] = Field(min_length=1)


class Sum(_Part):
    kind: Literal["sum"]
    name: Name
    columns: tuple[Name, ...] = Field(min_length=2)


class Product(_Part):
    kind: Literal["product"]
    name: Name
    columns: tuple[Name, ...] = Field(min_length=2)


class Ratio(_Part):
    """`if_zero` says what a denominator of 0 gives; "error" stops."""

    kind: Literal["ratio"]
    name: Name
    numerator: Name
    denominator: Name
    if_zero: Literal["error", "zero"] = "error"


class Lag(_Part):
    """The column as it was `periods` before; the first periods, which have no such value, are left
    out.
    """

    kind: Literal["lag"]
    name: Name
    column: Name
    periods: int = Field(ge=1, le=60)


Derived = Annotated[Sum | Product | Ratio | Lag, Field(discriminator="kind")]


class CalendarSetting(_Part):
    """What months and quarters are: the calendar's (quarters counted from the month `year_starts`),
    or those of a fiscal year of whole weeks that `starts` on a day; `year_end` None takes the rule
    that fits that day (`mmm.data.fiscal`).
    """

    kind: Literal["calendar"] | Pattern = "calendar"
    year_starts: int = Field(default=1, ge=1, le=12)
    starts: dt.date | None = None
    year_end: YearEnd | None = None

    @model_validator(mode="after")
    def _complete(self) -> CalendarSetting:
        if self.kind == "calendar":
            if self.starts or self.year_end:
                raise ValueError("only a fiscal calendar has starts and year_end")
            return self
        if self.starts is None:
            raise ValueError(f"a {self.kind} calendar needs the day on which one year starts")
        fiscal_calendar(self.kind, self.starts, self.year_end)
        return self


class Recipe(_Part):
    """From one dataset to another: markets, window, flags, gaps, resampling, derived columns, in
    this order.

    `pivot` spreads a long table into columns before anything else; all other names are those of
    the wide table. `zone` is where days begin for times with a time zone (None: the column's own zone). `start` and
    `end` are inclusive and choose the periods of the source that begin within them. `source` is the
    dataset (MARKET/ID) that the recipe was made for.
    """

    schema_version: Literal[1] = 1
    date: Name
    period: Period
    week_starts: Weekday = "monday"
    calendar: CalendarSetting = CalendarSetting()
    source: str | None = None
    zone: str | None = None
    pivot: Pivot | None = None
    market: MarketRule | None = None
    start: dt.date | None = None
    end: dt.date | None = None
    flags: tuple[Flag, ...] = ()
    columns: tuple[ColumnRule, ...] = Field(min_length=1)
    derived: tuple[Derived, ...] = ()

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError, OSError):
                raise ValueError(
                    "there is no such time zone; write it like Europe/Berlin"
                ) from None
        return zone

    @model_validator(mode="after")
    def _names_fit(self) -> Recipe:
        if self.start and self.end and self.end < self.start:
            raise ValueError("the end must not lie before the start")
        starts = self.calendar.starts
        if self.period == "week" and starts is not None:
            begins_on = WEEKDAYS[starts.weekday()]
            if begins_on != self.week_starts:
                raise ValueError(
                    f"the weeks of the fiscal calendar begin on {begins_on}, the recipe's on "
                    f'{self.week_starts}; set "week_starts" to "{begins_on}"'
                )
        taken = [self.date]
        for rule in self.columns:
            _take(rule.column, taken)
        for item in self.derived:
            for used in inputs(item):
                if used not in taken[1:]:
                    raise ValueError(
                        f"derived column {item.name!r} needs {used!r}, which no rule before it gives"
                    )
            _take(item.name, taken)
        unused = [flag.name for flag in self.flags if flag.name not in taken]
        if unused:
            raise ValueError(f"the flag {unused[0]!r} has no rule in columns")
        if self.market and self.market.column in taken:
            raise ValueError(
                f"the market column {self.market.column!r} cannot have a rule of its own"
            )
        if not any(rule.keep for rule in self.columns):
            raise ValueError("no column is kept")
        return self

    @property
    def rule(self) -> CalendarRule:
        """What the recipe's weeks, months and quarters are."""
        setting = self.calendar
        if setting.kind == "calendar" or setting.starts is None:
            return CalendarRule(self.week_starts, setting.year_starts)
        fiscal = fiscal_calendar(setting.kind, setting.starts, setting.year_end)
        return CalendarRule(self.week_starts, fiscal=fiscal)

    def source_columns(self) -> list[str]:
        """The columns the source must have."""
        if self.pivot is not None:
            return list(dict.fromkeys([self.date, *self.pivot.columns()]))
        return self.wide_columns()

    def wide_columns(self) -> list[str]:
        """The columns the table must have once a long one is spread."""
        flags = {flag.name for flag in self.flags}
        names = [
            self.date,
            *([self.market.column] if self.market else []),
            *(flag.column for flag in self.flags),
        ]
        return list(
            dict.fromkeys(
                [*names, *(item.column for item in self.columns if item.column not in flags)]
            )
        )

    def to_json(self) -> str:
        return self.model_dump_json(indent=2)


def inputs(item: Sum | Product | Ratio | Lag) -> tuple[str, ...]:
    """The columns a derived one is made from."""
    if isinstance(item, Ratio):
        return item.numerator, item.denominator
    return (item.column,) if isinstance(item, Lag) else item.columns


def _take(name: str, taken: list[str]) -> None:
    if name in taken:
        raise ValueError(f"the name {name!r} is used twice")
    taken.append(name)


def parse_recipe(text: str | bytes, *, where: str = "recipe") -> Recipe:
    """Read a recipe from JSON. Raises InvalidInput with one finding per wrong field."""
    try:
        return Recipe.model_validate(read_json(text, where=where))
    except ValidationError as error:
        findings = [
            Finding(
                "error",
                item["msg"].removeprefix("Value error, "),
                ".".join(map(str, item["loc"])) or "(whole)",
            )
            for item in error.errors()
        ]
        raise InvalidInput(f"{where} is not valid:", findings) from None
