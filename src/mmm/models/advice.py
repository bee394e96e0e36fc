"""What to change next quarter: the best split of today's money over the next 13 weeks, made once and
kept beside a run's results.
"""

from __future__ import annotations

from mmm.errors import UserError
from mmm.models.plans import model_to_plan
from mmm.planning.request import PlanRequest
from mmm.results import RunResults
from mmm.results.advice import Advice, Move
from mmm.results.store import newest_certificate
from mmm.workspace import Workspace

#: How far the advice moves a channel, as factors of today's spend: further the curve is a guess.
LOW, HIGH = 0.7, 1.3
#: Total budgets that are looked at beside today's: few, since every training makes them.
FACTORS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
_QUARTER_DAYS = 91
_MONTH = range(28, 32)


def ensure_advice(workspace: Workspace, run_id: str, results: RunResults) -> Advice:
    """The advice of a run, made now where it has not been yet, or where the run has been certified
    since.
    """
    certificate = newest_certificate(workspace, run_id) or ""
    kept = results.advice
    if kept is not None and kept.certificate == certificate and (kept.frontier or kept.refused):
        return kept
    made = _advise(workspace, run_id, results, certificate)
    results.keep_advice(made)
    return made


def _advise(workspace: Workspace, run_id: str, results: RunResults, certificate: str) -> Advice:
    data = results.summary["data"]
    step = data["step_days"]
    quarter = 3 if step in _MONTH else max(round(_QUARTER_DAYS / step), 1)
    request = PlanRequest.model_validate(
        {
            "period": f"last_{min(quarter, data['window_rows'])}",
            "periods": quarter,
            "low": LOW,
            "high": HIGH,
        }
    )
    try:
        chosen = model_to_plan(workspace, run_id)
        plan = chosen.plan(request)
    except UserError as error:
        return Advice(refused=f"No plan can be made: {error}", certificate=certificate)
    totals, moves = plan.totals, []
    for row in plan.channels.to_pylist():
        moves.append(Move(row["channel"], row["initial_spend"], row["spend"]))
    band = totals.band
    ends = None if band is None else band.even_gain
    wide = totals.band_recalibrated
    wide_ends = None if wide is None else wide.even_gain
    return Advice(
        periods=totals.periods,
        moves=tuple(moves),
        worth_making=totals.worth_making,
        gain=totals.even_gain if band is None else band.median_gain,
        gain_low=None if ends is None else ends[0],
        gain_high=None if ends is None else ends[1],
        level=0.8 if band is None else band.level,
        response=totals.initial_response_total,
        certificate=certificate,
        gain_wide_low=None if wide_ends is None else wide_ends[0],
        gain_wide_high=None if wide_ends is None else wide_ends[1],
        frontier=tuple(chosen.frontier(request, FACTORS).to_pylist()),
    )
