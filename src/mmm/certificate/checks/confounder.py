"""How strong something hidden would have to be to halve a channel's ROI, beside the controls that
were measured.

The robustness value of a linear regression (Cinelli & Hazlett 2020, "Making sense of sensitivity"):
the share of what is left of both the KPI and the channel that a hidden variable would have to
explain. Curves are taken as known, and the baseline as the smoother has it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmm.certificate.baseline import Smoother, smoother
from mmm.certificate.checks.base import CheckResult, Situation, compared
from mmm.certificate.identify import design_of, typical_roi
from mmm.engines.base import Variable

#: Which share of the ROI the hidden variable takes away.
_REDUCTION = 0.5
#: What a control explains at least that counts as strong, where none was measured.
_WITHOUT_CONTROLS = 0.05


@dataclass(frozen=True)
class HiddenConfounder:
    """The value is the robustness value of each channel over the strength of the strongest measured
    control: below 1 something no stronger than that control would halve the ROI.
    """

    key: str = "hidden_confounder"
    threshold: float = 1.0
    decision: str = "whether spend may follow something that was not measured"

    def run(self, situation: Situation) -> list[CheckResult]:
        values = robustness(situation)
        name, strength = strongest_control(situation)
        beside = f"the strongest control, {name}, explains" if name else "a usual control explains"
        results = []
        for channel, value in values.items():
            finding = (
                f"To halve {channel} a hidden variable would have to explain {100 * value:.1f} % of "
                f"what is left of it and of the KPI; {beside} {100 * strength:.1f} %."
            )
            advice = (
                f"Something as strong as what was measured would halve {channel}: test it, or add "
                "what its spend follows as a control."
            )
            results.append(compared(self, value / strength, channel, finding, advice, high=False))
        return results


def robustness(situation: Situation) -> dict[str, float]:
    """The robustness value of each channel of the run, for halving its ROI, between 0 and 1."""
    design = design_of(situation.material, situation.smoother)
    spreads = np.sqrt(np.diag(np.linalg.pinv(design.information)))
    freedom = max(len(situation.material.kpi) - situation.smoother.terms.shape[1], 1)
    typical = typical_roi(situation.material)
    found = {}
    for place, name in enumerate(situation.material.channels):
        ratio = abs(situation.reported()[name].roi) / typical / spreads[place]
        strength = _REDUCTION * ratio / np.sqrt(freedom)
        found[name] = float(0.5 * (np.sqrt(strength**4 + 4 * strength**2) - strength**2))
    return found


def strongest_control(situation: Situation) -> tuple[str, float]:
    """The control that explains most of both the KPI and a channel, given level and season, and the
    smaller of the two shares; a usual strength without name where none was measured.
    """
    material = situation.material
    plain = _without_known(situation)
    kpi = plain.rest(material.kpi / material.kpi.mean())
    spends = [plain.rest(inputs[material.window]) for inputs in material.inputs]
    best_name, best = "", 0.0
    for control in situation.problem.context:
        if not isinstance(control, Variable):
            continue
        values = plain.rest(_standard(control.values[material.window]))
        of_kpi = _explained(kpi, values)
        of_spend = max(_explained(column, values) for column in spends)
        share = min(of_kpi, of_spend)
        if share > best:
            best_name, best = control.name, share
    if best <= 0.0:
        return "", _WITHOUT_CONTROLS
    return best_name, best


def _without_known(situation: Situation) -> Smoother:
    """The smoother without the model's own regressors, among which the controls are."""
    material = situation.material
    bare = replace(material, known=material.known[:, :0])
    return smoother(bare, situation.smoother.noise)


def _standard(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else values * 0.0


def _explained(values: np.ndarray, by: np.ndarray) -> float:
    """Squared correlation."""
    below = float((values @ values) * (by @ by))
    return float(values @ by) ** 2 / below if below > 0 else 0.0
