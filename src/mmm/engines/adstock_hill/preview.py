"""What ranges of adstock and saturation allow: their curves at the lower ends, the middle and the
upper ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmm.engines.adstock_hill.transforms import (
    ADSTOCK_CODES,
    adstock_weights,
    hill_into,
    weibull_weights,
)
from mmm.engines.capabilities import Preview

ENDS = ("low ends", "middle", "high ends")
_LAGS, _POINTS, _HEARD = 26, 41, 0.01

Range = tuple[float, float]


def preview(settings: Any, channel: str, *, length: int, period: str) -> Preview:
    """What the settings' ranges allow: see `mmm.engines.capabilities.Previews`."""
    kind, ranges = channel_ranges(settings, channel)
    rates = {"theta"} if kind == "geometric" else {"shape", "scale"}
    fading: Sequence[dict[str, Any]] = ()
    if rates <= ranges.keys():
        fading = decay(kind, ranges, length)
    saturating: Sequence[dict[str, Any]] = ()
    if {"alpha", "gamma"} <= ranges.keys():
        saturating = saturation(ranges["alpha"], ranges["gamma"])
    return Preview(sentences=in_words(kind, ranges, period), decay=fading, saturation=saturating)


def decay(kind: str, ranges: dict[str, Range], length: int) -> list[dict[str, Any]]:
    """Rows `end`, `lag`, `weight` (1 at the start or peak) on a series of `length` periods.

    `ranges` holds theta for geometric adstock, shape and scale for Weibull's.
    """
    rows: list[dict[str, Any]] = []
    longest = 1
    for name, at in zip(ENDS, (0.0, 0.5, 1.0), strict=True):
        weights = _weights(kind, ranges, at, length)
        heard = np.flatnonzero(weights >= _HEARD)
        longest = max(longest, int(heard[-1]) + 1 if len(heard) else 1)
        rows += [
            {"end": name, "lag": lag, "weight": float(weight)}
            for lag, weight in enumerate(weights[:_LAGS])
        ]
    return [row for row in rows if row["lag"] <= max(3, longest)]


def saturation(alpha: Range, gamma: Range) -> list[dict[str, Any]]:
    """Rows `end`, `pressure` (share of the largest adstocked value), `effect` (share of the
    ceiling).
    """
    pressure = np.linspace(0.0, 1.0, _POINTS)
    rows = []
    for name, at in zip(ENDS, (0.0, 0.5, 1.0), strict=True):
        effect = np.empty_like(pressure)
        hill_into.py_func(pressure, _between(alpha, at), _between(gamma, at), effect)
        rows += [
            {"end": name, "pressure": float(x), "effect": float(y)}
            for x, y in zip(pressure, effect, strict=True)
        ]
    return rows


def _weights(kind: str, ranges: dict[str, Range], at: float, length: int) -> np.ndarray:
    """The functions themselves, not compiled: a page must not wait for a compiler over a few
    hundred numbers.
    """
    if kind == "geometric":
        return adstock_weights(length, kind, _between(ranges["theta"], at))
    weights = np.empty(length)
    shape, scale = _between(ranges["shape"], at), _between(ranges["scale"], at)
    if weibull_weights.py_func(length, ADSTOCK_CODES[kind], shape, scale, weights) == 0:
        weights[0] = 1.0
    return weights


def in_words(kind: str, ranges: dict[str, Range], period: str) -> list[str]:
    """What the ranges say, a sentence on adstock and one on saturation."""
    said = []
    if kind == "geometric" and "theta" in ranges:
        low, high = ranges["theta"]
        said.append(
            f"Of an effect {low:.0%} to {high:.0%} lasts into the next {period}; half of it is gone after "
            f"{_half_life(low)} to {_half_life(high)} {period}s."
        )
    elif {"shape", "scale"} <= ranges.keys():
        what = "fades at once"
        if kind == "weibull_pdf" and ranges["shape"][1] > 1:
            what = "may peak later than its spend"
        said.append(
            f"An effect {what}; its time scale is {ranges['scale'][0]:.0%} to {ranges['scale'][1]:.0%} of the series."
        )
    if {"alpha", "gamma"} <= ranges.keys():
        low, high = ranges["alpha"]
        form = "concave or S-shaped"
        if low > 1:
            form = "S-shaped"
        elif high <= 1:
            form = "concave"
        said.append(
            f"Saturation may be {form}; half of the ceiling is reached at {ranges['gamma'][0]:.0%} to "
            f"{ranges['gamma'][1]:.0%} of the largest pressure."
        )
    return said


def channel_ranges(settings: Any, channel: str) -> tuple[str, dict[str, Range]]:
    """(adstock kind, range by parameter) of one channel: its own where it has one, else the general
    one.

    `settings` is any engine's that call them as here; parameters it does not have are left out.
    """
    own = getattr(settings, "media", {}).get(channel)
    names: Sequence[str] = ("theta", "shape", "scale", "alpha", "gamma")
    found = {name: getattr(own, name, None) or getattr(settings, name, None) for name in names}
    kind = str(getattr(own, "adstock", None) or getattr(settings, "adstock", "geometric"))
    return kind, {name: value for name, value in found.items() if value is not None}


def _between(ends: Range, at: float) -> float:
    return ends[0] + at * (ends[1] - ends[0])


def _half_life(theta: float) -> str:
    if theta <= 0:
        return "0"
    if theta < 1:
        return f"{math.log(0.5) / math.log(theta):.1f}"
    return "endless"
