"""Response of a stored model's media: at any date range, as it was or with another spend; at a grid
of spends.

Robyn's `robyn_response`, for the rows that are given. All numbers come from `mmm.engines.adstock_hill.curves.Curve`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.media import MediaModel, Medium
from mmm.errors import UserError


@dataclass(frozen=True)
class RangeResponse:
    """A medium over a range of periods.

    Means are per period. `mean_input` and `mean_carryover` are the period's own and the
    carried-over input in the medium's modelled unit; `response_at_mean` and `carryover_at_mean` the
    response at their sum and at the carried part (Robyn's mean responses); `marginal` is the
    response to one more unit there, `slope` the derivative. `response` is the sum over the periods
    as they were, with its `immediate` and `carryover` parts: less than `response_at_mean` times the
    periods where the curve bends down. `spend` is null for organic media.
    """

    channel: str
    kind: str
    periods: int
    spend: float | None
    mean_input: float
    mean_carryover: float
    response_at_mean: float
    carryover_at_mean: float
    marginal: float
    slope: float
    response: float
    immediate: float
    carryover: float


def history(medium: Medium, dates: np.ndarray, rows: np.ndarray) -> pa.Table:
    """Per period of `rows`: date, input and carried-over input (modelled unit), response, its
    immediate and carryover parts.
    """
    effect = medium.curve.apply(medium.input)
    return pa.table(
        {
            "date": pa.array(dates[rows], pa.date32()),
            "input": (effect.immediate_input + effect.carryover_input)[rows],
            "carryover_input": effect.carryover_input[rows],
            "response": effect.response[rows],
            "immediate": effect.immediate[rows],
            "carryover": effect.carryover[rows],
        }
    )


def range_response(
    model: MediaModel,
    channel: str,
    rows: np.ndarray,
    *,
    spend: float | None = None,
    modelled: float | None = None,
) -> RangeResponse:
    """A medium's response over `rows`, as it was or with another total over them: `spend` in money,
    or `modelled` in the medium's modelled unit (organic media, and Robyn's numbers).

    A total is spread in proportion to history, evenly where there is none (Robyn: no numbers);
    adstock runs again from the first row of the data; the inflexion stays. Money buys what it
    bought in these periods.
    """
    medium = model.medium(channel)
    x, total = medium.input, modelled
    if spend is not None:
        total = spend * medium.input_per_money(rows, model.window)
    if total is not None:
        if not (np.isfinite(total) and total >= 0):
            raise UserError(
                f"{total} cannot be spent.", where=channel, fix="Give a total of 0 or more."
            )
        before = x[rows].sum()
        x = x.copy()
        x[rows] = x[rows] * (total / before) if before > 0 else total / len(rows)
    effect, curve = medium.curve.apply(x), medium.curve
    own, carried = effect.immediate_input[rows].mean(), effect.carryover_input[rows].mean()
    if medium.spend is not None and spend is None:
        bought = medium.input_per_money(rows, model.window)
        spend = float(medium.spend[rows].sum() if modelled is None else modelled / bought)
    return RangeResponse(
        channel=channel,
        kind=medium.kind,
        periods=len(rows),
        spend=spend,
        mean_input=float(own),
        mean_carryover=float(carried),
        response_at_mean=_value(curve.response(own + carried)),
        carryover_at_mean=_value(curve.response(carried)),
        marginal=_value(curve.next_unit(own + carried)),
        slope=float(curve.marginal(own + carried)),
        response=float(np.nan_to_num(effect.response[rows]).sum()),
        immediate=float(effect.immediate[rows].sum()),
        carryover=float(effect.carryover[rows].sum()),
    )


def _value(response: np.ndarray) -> float:
    """0/0, a medium that never had any input, has no effect."""
    return float(np.nan_to_num(response))


def responses(
    model: MediaModel, rows: np.ndarray, spend: Mapping[str, float] | None = None
) -> pa.Table:
    """One row per medium with the columns of `RangeResponse`; `spend` gives some media another
    total over `rows`.
    """
    spend = spend or {}
    for channel in spend:
        model.medium(channel)
    found = [
        range_response(model, medium.name, rows, spend=spend.get(medium.name))
        for medium in model.media
    ]
    return pa.Table.from_pylist([asdict(one) for one in found])


def response_grid(
    model: MediaModel, channel: str, rows: np.ndarray, totals: np.ndarray
) -> pa.Table:
    """The columns of `RangeResponse` at each of `totals`, spent over `rows` (organic media: in
    their own unit).
    """
    organic = model.medium(channel).spend is None
    found = [
        range_response(model, channel, rows, **{"modelled" if organic else "spend": float(total)})
        for total in totals
    ]
    return pa.Table.from_pylist([asdict(one) for one in found])
