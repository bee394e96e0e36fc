"""A designed test as it is kept: JSON that reads back, and one page for those who carry it out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mmm.errors import UserError
from mmm.format import compact, fixed, listed, percent
from mmm.plain_json import read_json
from mmm.testing.design import Candidate, Kind, Wanted
from mmm.testing.panel import Columns, Panel
from mmm.testing.time_design import Pattern, Phased

_LATEST = date(2200, 1, 1)
#: Effects at which the power is told, in multiples of the smallest detectable one.
_CURVE = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
_DONE = {
    Kind.GO_DARK: "stop the channel's spend",
    Kind.HOLDBACK: "keep the campaign out",
    Kind.HEAVY_UP: "raise the channel's spend",
}

Point = tuple[float, float]


class _Designed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schema_version: Literal[1] = 1
    channel: str = Field(default="", max_length=200)
    start: date
    end: date
    periods: int = Field(ge=1)
    detectable: float = Field(gt=0)
    power: float = Field(ge=0, le=1)
    expected: float = Field(gt=0)
    false_positives: float = Field(ge=0, le=1)
    windows: int = Field(ge=1)
    spread: float = Field(gt=0)
    curve: tuple[Point, ...] = ()


class GeoDesign(_Designed):
    """A geo test. Effects are shares of the treated geos' KPI, `power` is that of the effect
    `expected`, `curve` has pairs of effect and power. `kpi` is what the treated geos had in the last
    such span, `cost` the money that the test moves (below 0: saved), null where nothing says it.
    """

    what: Literal["geo"] = "geo"
    kind: Kind
    treated: tuple[str, ...] = Field(min_length=1)
    controls: tuple[str, ...] = Field(min_length=1)
    excluded: tuple[str, ...] = ()
    location_column: str
    date_column: str
    kpi_column: str
    history_start: date
    history_end: date
    cooldown: int = Field(ge=0)
    kpi: float
    share: float
    cost: float | None = None


class TimeDesign(_Designed):
    """A test in time, for a market without geos: `on` (periods,) says in which periods the spend is
    changed.
    """

    what: Literal["time"] = "time"
    pattern: Pattern
    on: tuple[bool, ...]
    carryover: tuple[float, ...] = (1.0,)


Design = GeoDesign | TimeDesign
_READ: TypeAdapter[Design] = TypeAdapter(Annotated[Design, Field(discriminator="what")])


def geo_design(
    found: Candidate,
    panel: Panel,
    wanted: Wanted,
    columns: Columns,
    *,
    start: date | None = None,
    channel: str = "",
) -> GeoDesign:
    """A candidate as it is kept. The test begins on `start`, else in the period after the history."""
    step = step_of(panel.dates)
    last = panel.dates[-1].astype(object)
    first = _start(start or last + timedelta(days=step))
    if first <= last:
        what = f"{first} lies in the history, which ends on {last}."
        raise UserError(what, where="start", fix="Choose a later date.")
    return GeoDesign(
        kind=wanted.kind,
        channel=channel,
        treated=found.treated,
        controls=found.controls,
        excluded=wanted.excluded,
        location_column=columns.location,
        date_column=columns.date,
        kpi_column=columns.kpi,
        history_start=panel.dates[0].astype(object),
        history_end=last,
        start=first,
        end=first + timedelta(days=step * found.periods - 1),
        periods=found.periods,
        cooldown=wanted.cooldown,
        detectable=found.detectable,
        power=min(found.power, 1.0),
        expected=found.expected,
        false_positives=found.false_positives,
        windows=found.windows,
        spread=found.spread,
        curve=tuple(_curve(found.replay.power, found.detectable)),
        kpi=found.kpi,
        share=found.share,
        cost=found.cost,
    )


def time_design(found: Phased, start: date, step_days: int, channel: str = "") -> TimeDesign:
    """A test in time as it is kept."""
    start = _start(start)
    return TimeDesign(
        channel=channel,
        start=start,
        end=start + timedelta(days=step_days * len(found.on) - 1),
        periods=len(found.on),
        detectable=found.detectable,
        power=min(found.power, 1.0),
        expected=found.expected,
        false_positives=found.replay.false_positives,
        windows=len(found.replay.errors),
        spread=found.replay.spread,
        curve=tuple(_curve(found.replay.power, found.detectable)),
        pattern=found.pattern,
        on=tuple(bool(one) for one in found.on),
        carryover=found.carryover,
    )


def _start(day: date) -> date:
    """A start with room for the test before dates end."""
    if day > _LATEST:
        raise UserError(f"{day} is too far ahead.", where="start", fix="Choose a nearer date.")
    return day


def step_of(dates: np.ndarray) -> int:
    """Days from one period to the next."""
    return int(np.median(np.diff(dates.astype("datetime64[D]")).astype(int)))


def _curve(power: Any, detectable: float) -> list[Point]:
    return [(detectable * part, min(float(power(detectable * part)), 1.0)) for part in _CURVE]


def read_design(text: str | bytes, where: str = "the design") -> Design:
    """A design from its JSON; UserError where it is none."""
    try:
        return _READ.validate_python(read_json(text, where=where))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        fix = "Give a file that `mmm test design` has written."
        raise UserError(f"is no design: {place}: {first['msg']}.", where=where, fix=fix) from None


def finding(design: Design) -> str:
    """What the test would show, in a sentence."""
    shown = (
        f"an effect of {percent(design.detectable)} of the KPI or more is shown in 8 of 10 tests"
    )
    if isinstance(design, TimeDesign):
        return f"{str(design.pattern).capitalize()} over {design.periods} periods: {shown}."
    cost = ""
    if design.cost is not None:
        word = "adds" if design.cost >= 0 else "holds back"
        cost = f"; it {word} {compact(abs(design.cost))} of spend"
    return (
        f"{_DONE[design.kind].capitalize()} in {listed(design.treated, 6)} for {design.periods} "
        f"periods: {shown}{cost}."
    )


def page(design: Design) -> str:
    """One page in Markdown: the finding, what to do when, what it can show, how it is analysed."""
    lines = [f"# Test design{f': {design.channel}' if design.channel else ''}", ""]
    lines += [finding(design), "", "## What to do", ""]
    lines += _geo_steps(design) if isinstance(design, GeoDesign) else _time_steps(design)
    lines += ["", "## What it can show", ""]
    lines += [
        f"| effect, share of the KPI | power at {percent(0.1)} false positives |",
        "|---|---|",
    ]
    lines += [f"| {percent(effect)} | {percent(power)} |" for effect, power in design.curve]
    called = round(design.false_positives * design.windows)
    lines += [
        "",
        f"Replayed in {design.windows} windows of the history in which nothing was tested, none of "
        f"which screened it: an effect was called in {called} of them. The estimate's standard "
        f"error is {percent(design.spread)} of the KPI. With an effect of {percent(design.expected)} "
        f"the power is {percent(design.power)}.",
    ]
    return "\n".join(lines) + "\n"


def _geo_steps(design: GeoDesign) -> list[str]:
    last = design.end
    lines = [
        f"- **{_DONE[design.kind].capitalize()}** in: {', '.join(design.treated)} "
        f"({percent(design.share)} of the KPI).",
        f"- **From** {design.start} **to** {last}, {design.periods} periods. Change nothing else there "
        "that you would not change in the controls.",
        f"- **Leave as it is** in the {len(design.controls)} controls: {', '.join(design.controls)}.",
    ]
    if design.excluded:
        lines.append(f"- **Not counted**: {', '.join(design.excluded)}.")
    if design.cooldown:
        lines.append(f"- **Then wait** {design.cooldown} periods: carryover still counts in them.")
    if design.cost is not None:
        lines.append(
            f"- **Spend**: {fixed(design.cost, 0)} more than usual in all (below 0: less)."
        )
    treated = ",".join(design.treated)
    command = (
        f'mmm test analyse TABLE --treated "{treated}" --start {design.start} --end {last} '
        f"--location {design.location_column} --date {design.date_column} --kpi {design.kpi_column} "
        f"--cooldown {design.cooldown}"
    )
    return [*lines, f"- **Afterwards**: `{command}`"]


def _time_steps(design: TimeDesign) -> list[str]:
    letters = "".join("X" if one else "." for one in design.on)
    return [
        f"- **From** {design.start} **to** {design.end}, {design.periods} periods.",
        f"- **Change the channel's spend** in the periods marked X, leave it as usual in the others: "
        f"`{letters}`.",
        "- Change nothing else that follows the same pattern. Without geos nothing but time is the "
        "control: whatever else moves with the pattern is taken for the channel's effect.",
    ]


HEADINGS = ("TREATED", "PERIODS", "DETECTABLE", "POWER", "CALLED WITHOUT", "SHARE OF KPI", "SPEND")


def shown(designs: list[Candidate]) -> list[tuple[str, ...]]:
    """A row a design; power is that of the expected effect, else of the detectable one."""
    return [_row(one) for one in designs]


def _row(one: Candidate) -> tuple[str, ...]:
    called = f"{round(one.false_positives * one.windows)} of {one.windows}"
    spend = "-" if one.cost is None else fixed(one.cost, 0)
    return (
        ", ".join(one.treated),
        str(one.periods),
        percent(one.detectable),
        percent(one.power),
        called,
        percent(one.share),
        spend,
    )
