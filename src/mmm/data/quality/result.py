"""What a check says: a light, one sentence, where, why it matters, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from mmm.data.columns import listed

_DATES_SHOWN = 5


class Light(StrEnum):
    """How much a finding weighs. `RED` stops a training; `ORANGE` is warned of when an experiment is
    submitted and in its report; `YELLOW` is worth knowing. `UNKNOWN` is a check that could not run;
    it is never a pass.
    """

    GREEN = "green"
    UNKNOWN = "unknown"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


_ORDER = list(Light)


def worst(lights: Sequence[Light]) -> Light:
    return max(lights, key=_ORDER.index, default=Light.GREEN)


@dataclass(frozen=True)
class Place:
    """Where a check found something: a column (None: the table), what is there, the first dates of
    `count`. `fix` is this place's own where the check's does not fit. `absent` says that the dates
    are not in the table, rather than wrong in it.
    """

    column: str | None
    light: Light
    what: str
    dates: tuple[date, ...] = ()
    count: int = 0
    fix: str = ""
    absent: bool = False


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome by its stable id `check`. `finding` is one sentence; `why` and `fix` hold
    whatever the light; `where` names the input that findings without a column concern.
    """

    check: str
    title: str
    light: Light
    finding: str
    why: str
    fix: str
    places: tuple[Place, ...] = ()
    where: str = "table"


@dataclass(frozen=True)
class Verdict:
    """What a check's own code gives; the light is the worst of its places, green when there are
    none.
    """

    finding: str
    places: tuple[Place, ...] = ()
    light: Light | None = None


class CannotTell(Exception):
    """A check cannot run on these data; the message says why."""


def columns_of(places: Sequence[Place]) -> str:
    """The places' columns in a sentence, each once."""
    return listed(list(dict.fromkeys(place.column for place in places if place.column)), most=5)


def first_dates(days: np.ndarray) -> tuple[date, ...]:
    return tuple(day.item() for day in days[:_DATES_SHOWN].astype("datetime64[D]"))
