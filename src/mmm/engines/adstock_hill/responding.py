"""The capability `Responds` of engines whose models have adstock and Hill curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from mmm.engines.response import ResponseModel


class AdstockHillResponds:
    """See `mmm.engines.capabilities.Responds`."""

    def response_model(
        self,
        tables: Mapping[str, pa.Table],
        rows: np.ndarray | None = None,
        *,
        carryover: str = "held",
        models: Sequence[str] | None = None,
    ) -> ResponseModel:
        from mmm.engines.adstock_hill.response import response_model

        return response_model(tables, rows, carryover=carryover, models=models)
