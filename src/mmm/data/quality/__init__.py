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
from mmm.data.quality.frame import Frame, build_frame
from mmm.data.quality.relations import Correlation, Leakage, SpendAndExposure, VarianceInflation
from mmm.data.quality.result import CannotTell, CheckResult, Light, Verdict, worst
from mmm.data.quality.rows import (
    CadenceAndGaps,
    Duplicates,
    Length,
    MissingValues,
    NegativeValues,
    ObservationsPerParameter,
    Types,
)
from mmm.data.quality.values import LevelBreaks, NeverVaries, Outliers, Zeros

__all__ = ["CHANNELS", "CHECKS", "ChannelReport", "CheckResult", "Light", "QualityReport", "review"]


class Check(Protocol):
    """A frozen dataclass: its fields are the thresholds, `run` gives the verdict or raises
    CannotTell.
    """

    name: str
    title: str
    why: str
    fix: str

    def run(self, frame: Frame) -> Verdict: ...


#: In the order they are shown: first whether there is a series, then what is in it, then how
#: columns relate.
CHECKS: tuple[Check, ...] = (
    Types(),
    CadenceAndGaps(),
    Duplicates(),
    MissingValues(),
    NegativeValues(),
    Length(),
    ObservationsPerParameter(),
    NeverVaries(),
    Zeros(),
    SpendAndExposure(),
    Outliers(),
    LevelBreaks(),
    Correlation(),
    VarianceInflation(),
    Leakage(),
)

CHANNELS = ChannelReview()


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
        results = tuple(_result(check, frame) for check in checks)
        reports = channels.run(frame)
    return QualityReport(worst([result.light for result in results]), results, reports)


def _result(check: Check, frame: Frame) -> CheckResult:
    try:
        verdict = check.run(frame)
    except (CannotTell, np.linalg.LinAlgError) as reason:
        return CheckResult(
            check.name, check.title, Light.UNKNOWN, f"Could not run: {reason}", check.why, check.fix
        )
    light = verdict.light or worst([place.light for place in verdict.places])
    return CheckResult(
        check.name, check.title, light, verdict.finding, check.why, check.fix, verdict.places
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
