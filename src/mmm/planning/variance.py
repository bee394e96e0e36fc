"""What became of a plan: the difference between the planned and the real KPI, in parts that add up to
it exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.planning.weighted import MeanResponse

VARIANCE = pa.schema(
    [
        ("channel", pa.string()),
        ("spend_planned", pa.float64()),
        ("spend_delivered", pa.float64()),
        ("response_planned", pa.float64()),
        ("by_spend", pa.float64()),
        ("by_response", pa.float64()),
        ("response_now", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Variance:
    """`channels` has one row per channel, sums over the plan's periods (see `VARIANCE`). `planned` and
    `actual` are the whole KPI; `by_baseline` is what neither spend nor response explains: planned +
    by_spend + by_response + by_baseline = actual. Without a model that knows the periods
    `by_response` is 0, null per channel, and `by_baseline` holds both (`modelled` is false).
    """

    channels: pa.Table
    planned: float
    actual: float
    by_spend: float
    by_response: float
    by_baseline: float
    modelled: bool = True


def variance(
    channels: tuple[str, ...],
    planned_spend: np.ndarray,
    delivered: np.ndarray,
    then: MeanResponse,
    now: MeanResponse | None,
    periods: int,
    kpi: tuple[float, float],
    said: np.ndarray | None = None,
) -> Variance:
    """Split the KPI's difference to plan. Spends (P,) are money per period; `then` is the response
    that the plan was made with, `now` that of today's model, None where none knows the periods yet; `kpi` is
    (planned, actual) over all periods. `said` (P,) is the response that the plan gave to these
    periods, None: that of their mean spend.

    By spend: what other money than planned brings in the eyes of the plan's model. By response:
    what today's model says otherwise of the money that was spent.
    """
    at_planned = then.response(planned_spend) * periods
    expected = at_planned if said is None else said
    by_spend = then.response(delivered) * periods - at_planned
    at_delivered = expected + by_spend
    seen, by_response = np.full(len(expected), np.nan), np.full(len(expected), np.nan)
    if now is not None:
        seen = now.response(delivered) * periods
        by_response = seen - at_delivered
    table = pa.table(
        {
            "channel": list(channels),
            "spend_planned": planned_spend * periods,
            "spend_delivered": delivered * periods,
            "response_planned": expected,
            "by_spend": by_spend,
            "by_response": pa.array(by_response, mask=np.isnan(by_response)),
            "response_now": pa.array(seen, mask=np.isnan(seen)),
        },
        schema=VARIANCE,
    )
    planned, actual = kpi
    spend_part = math.fsum(by_spend)
    response_part = 0.0 if now is None else math.fsum(by_response)
    return Variance(
        channels=table,
        planned=planned,
        actual=actual,
        by_spend=spend_part,
        by_response=response_part,
        by_baseline=actual - planned - spend_part - response_part,
        modelled=now is not None,
    )
