"""The truth of a simulated market as truth.json holds it: what each channel really earned, and its
response curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmm.errors import UserError
from mmm.plain_json import read_json
from mmm.scoring.score import ChannelTruth

#: The keys under which a truth may hold a channel's curve, the first that is there counts.
_CURVES = ("response_curve", "response_by_multiplier")
_FIX = (
    "It needs channels with spend, incremental_revenue and response_curve: points of spend and "
    "response per period, or the total response by multiples of today's spend."
)


def read_truths(path: Path, periods: int) -> tuple[ChannelTruth, ...]:
    """The channels of a truth.json about data of `periods` rows; UserError where it cannot be read.

    Curves come in two forms: points (pairs, or two lists) of steady spend and response per period,
    or multiples of today's spend with the total response over all periods.
    """
    try:
        read = read_json(path.read_bytes(), where=str(path), fix=_FIX)
        channels = read.get("channels", read)
        return tuple(_channel(name, values, periods) for name, values in channels.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"cannot be read as a truth ({error!r}).", where=str(path), fix=_FIX
        ) from None


def _channel(name: str, values: Mapping[str, Any], periods: int) -> ChannelTruth:
    spend, effect = float(values["spend"]), float(values["incremental_revenue"])
    form = next((key for key in _CURVES if values.get(key)), None)
    if form is None:
        raise KeyError(f"{name}.response_curve")
    curve_spend, curve_response = _curve(values[form], spend / periods, periods)
    marginal = values.get("marginal_roi")
    return ChannelTruth(
        name,
        spend,
        effect,
        curve_spend,
        curve_response,
        today=spend / periods,
        given_marginal=None if marginal is None else float(marginal),
        column=values.get("column"),
    )


def _curve(points: Any, today: float, periods: int) -> tuple[np.ndarray, np.ndarray]:
    """(spends, responses) per period, sorted by spend. ValueError for fewer than two points."""
    if isinstance(points, dict) and _by_multiple(points):
        spend = np.array([float(multiple) for multiple in points]) * today
        response = np.array([float(total) for total in points.values()]) / periods
    elif isinstance(points, dict):
        first, second = list(points.values())[:2]
        spend, response = np.asarray(first, float), np.asarray(second, float)
    else:
        pairs = [tuple(item.values()) if isinstance(item, dict) else item for item in points]
        spend, response = np.asarray(pairs, float).T
    order = np.argsort(spend, kind="stable")
    if len(order) < 2 or (np.diff(spend[order]) <= 0).any():
        raise ValueError("a response curve needs two points or more, at different spends")
    return spend[order], response[order]


def _by_multiple(points: Mapping[str, Any]) -> bool:
    """Whether all keys are numbers: multiples of today's spend."""
    try:
        return all(np.isfinite(float(key)) for key in points)
    except ValueError:
        return False
