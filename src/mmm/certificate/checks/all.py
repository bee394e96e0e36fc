"""All checks, in the order in which they are shown, and their running."""

from __future__ import annotations

from mmm.certificate.checks.base import Check, CheckResult, Situation, run_check
from mmm.certificate.checks.confounder import HiddenConfounder
from mmm.certificate.checks.controls import LeaveOneControlOut
from mmm.certificate.checks.holdout import Holdout
from mmm.certificate.checks.perturbation import DataPerturbation
from mmm.certificate.checks.placebo import Placebo
from mmm.certificate.checks.prior import PriorAgainstPosterior
from mmm.certificate.checks.variants import BaselineVariants
from mmm.engines.base import Progress, ProgressListener

CHECKS: tuple[Check, ...] = (
    Placebo(),
    LeaveOneControlOut(),
    BaselineVariants(),
    DataPerturbation(),
    Holdout(),
    PriorAgainstPosterior(),
    HiddenConfounder(),
)
#: The progress's stage.
STAGE = "checks"


def run_checks(situation: Situation, progress: ProgressListener) -> tuple[CheckResult, ...]:
    """The results of all checks. `progress` is told after each, and may raise to stop."""
    results: list[CheckResult] = []
    progress(Progress(STAGE, 0, len(CHECKS)))
    for done, check in enumerate(CHECKS, start=1):
        results += run_check(check, situation)
        progress(Progress(STAGE, done, len(CHECKS), message=check.key))
    return tuple(results)
