from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmm.engines.adstock_hill.curves import Curve
from mmm.engines.adstock_hill.media import MediaModel, Medium
from mmm.format import Labels

GOLDEN = Path(__file__).parents[1] / "golden/robyn"


@pytest.fixture(scope="session")
def golden() -> Path:
    """Reference numbers recorded from real Robyn; see the folder's LICENSE and README."""
    return GOLDEN


@pytest.fixture(scope="session")
def revenue() -> Labels:
    return Labels("revenue", "revenue", "EUR")


@pytest.fixture(scope="session")
def make_model() -> Callable[..., MediaModel]:
    """make_model(tv={...}, radio={...}) -> 20 weeks from 2024-01-01, rows 4 to 19 modelled.

    Each channel: spend (20,), alpha, inflexion, coefficient, theta; exposure_price: money per
    exposure of each week.
    """

    def make(**channels: dict[str, object]) -> MediaModel:
        dates = np.datetime64("2024-01-01") + 7 * np.arange(20)
        media = []
        for name, given in channels.items():
            spend = np.broadcast_to(np.asarray(given.get("spend", 100.0), float), 20).copy()
            price = np.broadcast_to(np.asarray(given.get("exposure_price", 1.0), float), 20)
            exposure = spend / price
            x = (
                exposure * spend[4:].sum() / exposure[4:].sum()
                if exposure[4:].sum() > 0
                else exposure
            )
            numbers = [given.get(key, default) for key, default in
                       (("theta", 0.0), ("alpha", 1.0), ("inflexion", 100.0), ("coefficient", 1000.0))]  # fmt: skip
            theta, alpha, inflexion, coefficient = (float(number) for number in numbers)  # type: ignore[arg-type]
            curve = Curve("geometric", theta, 0.0, alpha, inflexion, coefficient)
            media.append(Medium(name, "paid", spend, x, curve))
        return MediaModel("1_1", dates, np.arange(4, 20), tuple(media))

    return make
