"""How paid channels respond at rest: the one thing that planning needs of a model.

Every engine that can be planned with makes a `ResponseModel` (`mmm.engines.capabilities.Responds`),
whatever its saturation and its adstock are.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class ResponseModel(Protocol):
    """K draws or kept models (K >= 1) x P paid channels at a steady spend.

    Money and responses are per period, at the prices of the date range that the model was made for.
    `weights` (K,) sum to 1. A channel's response does not depend on the other channels.
    """

    @property
    def channels(self) -> tuple[str, ...]: ...

    @property
    def weights(self) -> np.ndarray: ...

    def response(self, spend: np.ndarray) -> np.ndarray:
        """KPI per period at `spend` (P,) or (n, P), money per period: (K, P) or (K, n, P)."""
        ...

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        """Derivative of the response by money, in the same shapes; finite."""
        ...
