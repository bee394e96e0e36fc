"""Data quality: a traffic light per check, and per channel what the data can and cannot tell,
before any compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from mmm.data.mapping import Mapping
from mmm.data.quality.channels import ChannelReport, ChannelReview
from mmm.data.quality.edges import PartialEdges
from mmm.data.quality.frame import Frame, build_frame
from mmm.data.quality.money import OneCurrency, Units
from mmm.data.quality.relations import Correlation, Leakage, SpendAndExposure, VarianceInflation
from mmm.data.quality.result import CannotTell, CheckResult, Light, Verdict, worst
from mmm.data.quality.rows import (
    CadenceAndGaps,
    Duplicates,
    Length,
    Levels,
    MissingValues,
    NegativeValues,
    ObservationsPerParameter,
    RepeatedKpi,
    Types,
)
from mmm.data.quality.values import LevelBreaks, NeverVaries, Outliers, Zeros
from mmm.errors import Finding

__all__ = [
    "CHANNELS",
    "CHECKS",
    "ROW_CHECKS",
    "SERIES_CHECKS",
    "ChannelReport",
    "Check",
    "CheckResult",
    "Light",
    "QualityReport",
    "findings_of",
    "findings_of_channels",
    "review",
    "run_checks",
]


class Check(Protocol):
    """A frozen dataclass: its fields are the thresholds, `run` gives the verdict or raises
    CannotTell. `name` is its stable id.
    """

    name: str
    title: str
    why: str
    fix: str

    def run(self, frame: Frame) -> Verdict: ...


#: Whether there is a series at all: looked at in all rows, and the first thing to be red.
ROW_CHECKS: tuple[Check, ...] = (
    Types(),
    CadenceAndGaps(),
    Duplicates(),
    RepeatedKpi(),
    MissingValues(),
    NegativeValues(),
    Levels(),
    Length(),
)
#: What is in the series and how they relate: looked at in the modelling window.
SERIES_CHECKS: tuple[Check, ...] = (
    ObservationsPerParameter(),
    OneCurrency(),
    Units(),
    NeverVaries(),
    Zeros(),
    SpendAndExposure(),
    Outliers(),
    PartialEdges(),
    LevelBreaks(),
    Correlation(),
    VarianceInflation(),
    Leakage(),
)
#: The one list of data checks, in the order they are shown. The quality page, submission and the
#: command line all run it; an engine adds only its own.
CHECKS: tuple[Check, ...] = ROW_CHECKS + SERIES_CHECKS

CHANNELS = ChannelReview()
#: What a light means for an experiment on the data; other lights are no findings.
_LEVELS = {Light.RED: "error", Light.ORANGE: "warning"}


@dataclass(frozen=True)
class QualityReport:
    """All checks and channels. `light` is the worst of the checks'."""

    light: Light
    checks: tuple[CheckResult, ...]
    channels: tuple[ChannelReport, ...]

    def check(self, name: str) -> CheckResult:
        return next(result for result in self.checks if result.check == name)

    def as_json(self) -> dict[str, Any]:
        """Plain values; dates as ISO text."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def review(
    table: pa.Table,
    mapping: Mapping,
    *,
    market: str | None = None,
    checks: Sequence[Check] = CHECKS,
    channels: ChannelReview = CHANNELS,
) -> QualityReport:
    """Check the table as mapped: all its markets together, or one. Raises UserError where the
    mapping does not fit.
    """
    frame = build_frame(table, mapping, market)
    with np.errstate(over="ignore", invalid="ignore"):  # Outliers tells numbers that large
        results = run_checks(frame, checks)
        reports = channels.run(frame)
    return QualityReport(worst([result.light for result in results]), results, reports)


def run_checks(frame: Frame, checks: Sequence[Check]) -> tuple[CheckResult, ...]:
    """Each check's result on the frame, in order."""
    return tuple(_result(check, frame) for check in checks)


def findings_of(results: Sequence[CheckResult]) -> list[Finding]:
    """What the results mean for an experiment: red is an error, orange a warning, one for each
    place, with the check's id.
    """
    found = []
    for result in results:
        for place in result.places:
            if place.light not in _LEVELS:
                continue
            where = f"column {place.column!r}" if place.column else result.where
            fix = place.fix or result.fix
            level = _LEVELS[place.light]
            found.append(Finding(level, f"{place.what}.", where, fix, result.check))
    return found


def findings_of_channels(channels: Sequence[ChannelReport]) -> list[Finding]:
    """Warnings for the channels of which a model can tell nothing, beyond what checks say."""
    return [
        Finding("warning", sentence.text, f"column {report.channel!r}", check="channel")
        for report in channels
        for sentence in report.sentences
        if sentence.light is Light.RED and sentence.alone
    ]


def _result(check: Check, frame: Frame) -> CheckResult:
    where = getattr(check, "where", "table")
    try:
        verdict = check.run(frame)
    except (CannotTell, np.linalg.LinAlgError) as reason:
        finding = f"Could not run: {reason}"
        return CheckResult(
            check.name, check.title, Light.UNKNOWN, finding, check.why, check.fix, where=where
        )
    light = verdict.light or worst([place.light for place in verdict.places])
    return CheckResult(
        check.name,
        check.title,
        light,
        verdict.finding,
        check.why,
        check.fix,
        verdict.places,
        where,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
