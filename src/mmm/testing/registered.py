"""A test in the registry: planned, running, analysed or discarded; how good it is, and what it counts for
today.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmm.errors import UserError
from mmm.format import fixed, percent
from mmm.testing.designed import Design, TimeDesign
from mmm.testing.replay import POWER

#: What a year adds to the error, as a share of the effect: markets change.
_YEARLY_DRIFT = 0.1
#: What a doubling or halving of the spend adds, likewise: the response bends.
_BEND = 0.1
_OLD_YEARS = 2.0
#: An effect with a larger error than this share of it tells little.
_MOST_ERROR = 0.6
_YEAR_DAYS = 365.25
_MOST = 1e15
#: Effects that differ by more standard errors contradict each other.
_CONTRADICTION = 2.0


class State(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    ANALYSED = "analysed"
    DISCARDED = "discarded"


#: Which states may follow a state.
NEXT: dict[State, tuple[State, ...]] = {
    State.PLANNED: (State.PLANNED, State.RUNNING, State.ANALYSED, State.DISCARDED),
    State.RUNNING: (State.RUNNING, State.ANALYSED, State.DISCARDED),
    State.ANALYSED: (State.ANALYSED, State.DISCARDED),
    State.DISCARDED: (),
}


#: Half the width of a normal 90 % interval in standard errors.
HALF_WIDTH = 1.6448536


class Found(BaseModel):
    """What a test found: `lift` in units of the KPI over its dates with its standard error, the money
    that it moved; what is known of the fit before it and of disturbed geos or dates.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    lift: float = Field(ge=-_MOST, le=_MOST)
    standard_error: float = Field(gt=0, le=_MOST)
    spend: float = Field(ge=0, le=_MOST)
    method: str = Field(default="", max_length=200)
    pre_fit_passes: bool | None = None
    disturbed: tuple[str, ...] | None = None


class RegisteredTest(BaseModel):
    """One version of a test of the registry. `source` says where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: State
    channels: tuple[str, ...] = Field(min_length=1)
    start: date
    end: date
    scope: Literal["immediate", "total"] = "immediate"
    source: str = Field(default="", max_length=300)
    design: Design | None = None
    found: Found | None = None
    saved_by: str
    at: datetime

    @model_validator(mode="after")
    def _consistent(self) -> RegisteredTest:
        if self.end < self.start:
            raise ValueError("the end must not lie before the start")
        if self.state is State.ANALYSED and self.found is None:
            raise ValueError("an analysed test has a result")
        return self


class Outcome(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


#: A check's name, its outcome, and what was seen.
Check = tuple[str, Outcome, str]


def quality(test: RegisteredTest, today: date) -> list[Check]:
    """The gate: fit before the test, power, contamination, age, size. Unknown is an outcome of its
    own, never good.
    """
    found, design = test.found, test.design
    age = (today - test.end).days / _YEAR_DAYS
    checks = [
        ("pre-fit", *_judged(None if found is None else found.pre_fit_passes, "of the analysis")),
        ("power", *_power(design)),
        ("contamination", *_contamination(found)),
        (
            "age",
            Outcome.BAD if age > _OLD_YEARS else Outcome.GOOD,
            f"{fixed(max(age, 0.0), 1)} years since its end",
        ),
    ]
    if found is None:
        return [*checks, ("size", Outcome.UNKNOWN, "no result yet")]
    share = found.standard_error / abs(found.lift) if found.lift else math.inf
    said = f"standard error {percent(share)} of the effect" if found.lift else "no effect"
    return [*checks, ("size", Outcome.GOOD if share <= _MOST_ERROR else Outcome.BAD, said)]


def _judged(passes: bool | None, said: str) -> tuple[Outcome, str]:
    if passes is None:
        return Outcome.UNKNOWN, "not known"
    return (Outcome.GOOD if passes else Outcome.BAD), said


def _power(design: Design | None) -> tuple[Outcome, str]:
    if design is None:
        return Outcome.UNKNOWN, "no design"
    enough = design.power >= POWER - 1e-3
    said = f"{percent(design.power)} for an effect of {percent(design.expected)}"
    return (Outcome.GOOD if enough else Outcome.BAD), said


def _contamination(found: Found | None) -> tuple[Outcome, str]:
    if found is None or found.disturbed is None:
        return Outcome.UNKNOWN, "not known"
    if found.disturbed:
        return Outcome.BAD, f"disturbed: {', '.join(found.disturbed)}"
    return Outcome.GOOD, "no geo or date stands out"


def discounted_error(test: RegisteredTest, today: date) -> float:
    """The standard error that the test counts with today: its own, and 10 % of the effect for each
    year since, in quadrature.
    """
    found = _found(test)
    years = max((today - test.end).days / _YEAR_DAYS, 0.0)
    return math.sqrt(found.standard_error**2 + years * (_YEARLY_DRIFT * found.lift) ** 2)


def at_spend(lift: float, error: float, spend: float, other: float) -> tuple[float, float]:
    """(lift, standard error) of a test that moved `spend`, for `other` spend: in proportion, with
    10 % of the lift for each doubling between them added to the error in quadrature. Both spends
    are above 0.
    """
    factor = other / spend
    bend = _BEND * math.log2(factor) * lift
    return factor * lift, factor * math.hypot(error, bend)


def lift_entry(test: RegisteredTest, name: str, today: date) -> dict[str, Any]:
    """The test as an entry of an experiment's `lift_tests`, its error discounted for its age.
    UserError where it is not to be used.
    """
    if test.state is not State.ANALYSED:
        what = f"it is {test.state}, so a model cannot use it."
        raise UserError(what, where=f"test {name!r}", fix="Use an analysed test.")
    found = _found(test)
    if isinstance(test.design, TimeDesign):
        what = "it is a test in time, so a model that is trained on its periods knows it already."
        raise UserError(what, where=f"test {name!r}", fix="Train on data that hold its periods.")
    if found.pre_fit_passes is False:
        what = "its controls did not follow the treated geos before it."
        raise UserError(what, where=f"test {name!r}", fix="Discard it, or analyse it otherwise.")
    return {
        "channels": list(test.channels),
        "start": str(test.start),
        "end": str(test.end),
        "lift": found.lift,
        "spend": found.spend,
        "standard_error": discounted_error(test, today),
        "scope": test.scope,
        "source": f"test {name}: {test.source}".rstrip(": "),
    }


def contradictions(tests: dict[str, RegisteredTest]) -> list[tuple[str, str, str]]:
    """Pairs of analysed tests of the same channels that cannot both be right, with what each says:
    KPI by money where both moved money, else KPI a day.
    """
    analysed = [(name, test) for name, test in tests.items() if test.state is State.ANALYSED]
    found = []
    for place, (name, test) in enumerate(analysed):
        for other_name, other in analysed[:place]:
            if set(test.channels) == set(other.channels) and test.scope == other.scope:
                said = _apart(test, other)
                if said:
                    found.append((other_name, name, said))
    return found


def _apart(test: RegisteredTest, other: RegisteredTest) -> str:
    results = [_found(one) for one in (other, test)]
    days = [(one.end - one.start).days + 1 for one in (other, test)]
    by_money = all(one.spend > 0 for one in results)
    units = [one.spend for one in results] if by_money else [float(count) for count in days]
    first, second = (one.lift / unit for one, unit in zip(results, units, strict=True))
    errors = [one.standard_error / unit for one, unit in zip(results, units, strict=True)]
    if abs(first - second) <= _CONTRADICTION * math.hypot(*errors):
        return ""
    unit = "of the KPI for one unit of money" if by_money else "of the KPI a day"
    told = [
        f"{rate:,.4g} ± {1.645 * error:,.2g}"
        for rate, error in zip((first, second), errors, strict=True)
    ]
    return f"{told[0]} against {told[1]} {unit}"


def _found(test: RegisteredTest) -> Found:
    if test.found is None:
        raise UserError("it has no result.", where="the test", fix="Record its result first.")
    return test.found
