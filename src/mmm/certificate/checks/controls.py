"""Leave one control out: how much of the channels' effects hangs on a single control."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmm.certificate.checks.base import CheckResult, CouldNotRun, Situation, compared
from mmm.engines.base import Factor, Variable

#: So many controls are left out in turn, the first that were mapped.
_MOST = 4


@dataclass(frozen=True)
class LeaveOneControlOut:
    """Trains without each control in turn. The value is the spend-weighted change of the ROIs."""

    key: str = "leave_one_control_out"
    threshold: float = 0.3
    decision: str = "which controls must stay, and be measured well"

    def run(self, situation: Situation) -> list[CheckResult]:
        controls = situation.problem.context[:_MOST]
        if not controls:
            raise CouldNotRun("The run has no control variable to leave out.")
        return [self._without(control, situation) for control in controls]

    def _without(self, control: Variable | Factor, situation: Situation) -> CheckResult:
        left = tuple(item for item in situation.problem.context if item is not control)
        others = situation.rois(replace(situation.problem, context=left))
        value = situation.moved(others)
        finding = f"Without {control.name} the ROIs change by {100 * value:.0f} %."
        advice = (
            f"The effects hang on {control.name}: check how it is measured, and whether spend reacts "
            "to it."
        )
        return compared(self, value, control.name, finding, advice)
