"""How a file is read: what a person says about it, and what was found; both can be stored.

`ReadOptions` are the choices; all that is None or empty is found. `Reading` is what was decided for
a table and why, in words a person can check: it goes into the dataset's manifest, and its
`options()` read the same file again in the same way.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mmm.errors import UserError


class As(StrEnum):
    """What a person may say that a column holds."""

    TEXT = "text"
    NUMBER = "number"
    DECIMAL_POINT = "decimal-point"
    DECIMAL_COMMA = "decimal-comma"
    DATE = "date"
    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"
    YEAR_FIRST = "year-first"
    WEEK = "week"
    WEEK_ENDING = "week-ending"
    MONTH = "month"
    SERIAL = "serial"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadOptions(_Frozen):
    """What is given about a file. `header_row` counts from 1 as editors and Excel do; `columns`
    says for single columns what they hold; `missing` are more texts that mean "no value"; `zone`
    is the time zone whose days count where times say their distance to UTC; `currency` (ISO 4217)
    that of the money where the file does not say it.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    sheet_column: str | None = Field(default=None, min_length=1)
    skip_hidden: bool = False
    header_row: int | None = Field(default=None, ge=1)
    header_rows: int | None = Field(default=None, ge=1, le=5)
    keep_totals: bool = False
    missing: tuple[str, ...] = ()
    zone: str | None = None
    currency: str | None = None
    columns: dict[str, As] = Field(default_factory=dict)

    @field_validator("currency")
    @classmethod
    def _code(cls, currency: str | None) -> str | None:
        if currency is not None and not re.fullmatch(r"[A-Z]{3}", currency):
            raise ValueError("write the currency by its code, like EUR")
        return currency

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        try:
            ZoneInfo(zone or "UTC")
        except (KeyError, ValueError, OSError):
            raise ValueError("there is no such time zone; write it like Europe/Berlin") from None
        return zone


class ColumnReading(_Frozen):
    """How one column was read: the type of its values, how they were written, and the evidence.

    `asked` is set where the column can be read in two ways and nothing decides; `choices` are the
    answers.
    """

    column: str
    type: str
    written: str = ""
    unit: str = ""
    evidence: str = ""
    missing: dict[str, int] = Field(default_factory=dict)
    odd: tuple[str, ...] = ()
    asked: str = ""
    choices: tuple[As, ...] = ()


class Reading(_Frozen):
    """How a table was read. Lines and rows count from 1, as an editor or Excel shows them.
    `alike_sheets` are the visible sheets with the columns of the one that was read, itself among
    them; `hidden` says what Excel hides and was read all the same.
    """

    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    other_sheets: tuple[str, ...] = ()
    alike_sheets: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    header: tuple[int, ...] = ()
    skipped: tuple[str, ...] = ()
    left_out: tuple[dict[str, Any], ...] = ()
    columns: tuple[ColumnReading, ...] = ()
    given: ReadOptions = Field(default_factory=ReadOptions)

    def column(self, name: str) -> ColumnReading | None:
        return next((item for item in self.columns if item.column == name), None)

    def open_questions(self) -> tuple[ColumnReading, ...]:
        return tuple(item for item in self.columns if item.asked)


def parse_columns(pairs: list[str]) -> dict[str, As]:
    """NAME=KIND as given on a command line."""
    found = {}
    for pair in pairs:
        name, equals, kind = pair.rpartition("=")
        if not equals or kind not in list(As):
            raise UserError(
                f"{pair!r} does not say what a column holds.",
                where="--column",
                fix=f"Write NAME=KIND; kinds are {', '.join(As)}.",
            )
        found[name] = As(kind)
    return found
