"""What the checks look at, for looking at: the KPI and the media over time, a value per period."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from mmm.data.mapping import Mapping
from mmm.data.quality.frame import build_frame
from mmm.data.quality.result import CannotTell
from mmm.errors import UserError

TOTAL_SPEND = "all spend"


def over_time(
    table: pa.Table, mapping: Mapping, columns: Sequence[str], market: str | None = None
) -> pa.Table:
    """`date` and a column each for the KPI, all spends together (named `TOTAL_SPEND`) and
    `columns`, NaN where empty.

    Raises UserError where the data give no series.
    """
    frame = build_frame(table, mapping, market)
    names = [mapping.kpi, *(name for name in columns if name != mapping.kpi)]
    try:
        spend = np.sum([frame.series(paid.spend) for paid in mapping.paid], axis=0)
        found = {name: frame.series(name) for name in names}
    except CannotTell as reason:
        raise UserError(
            f"There is nothing to draw: {reason}", fix="The checks above say what to do."
        ) from None
    series = {mapping.kpi: found.pop(mapping.kpi)}
    if mapping.paid:
        series[TOTAL_SPEND] = spend
    series |= found
    return pa.table({"date": pa.array(frame.periods, pa.date32()), **series})
