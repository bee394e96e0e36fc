"""Derived columns: sums, products, ratios and lags of prepared ones."""

from __future__ import annotations

import numpy as np

from mmm.data.prepare.recipe import Lag, Product, Ratio, Sum, inputs
from mmm.errors import UserError


def derive(
    items: tuple[Sum | Product | Ratio | Lag, ...], columns: dict[str, np.ndarray], days: np.ndarray
) -> tuple[dict[str, np.ndarray], int]:
    """(all columns with the derived ones, how many first periods lags leave without a value)."""
    found, lost = dict(columns), 0
    for item in items:
        for name in inputs(item):
            if found[name].dtype == object:
                raise UserError(
                    f"column {name!r} holds texts.",
                    where=f"derived column {item.name!r}",
                    fix="Flag it.",
                )
        found[item.name] = _value(item, found, days)
        if isinstance(item, Lag):
            if item.periods >= len(days):
                raise UserError(
                    f"{len(days)} periods are too few.", where=f"derived column {item.name!r}"
                )
            lost = max(lost, int(np.isnan(found[item.name]).cumprod().sum()))
    return found, lost


def _value(
    item: Sum | Product | Ratio | Lag, columns: dict[str, np.ndarray], days: np.ndarray
) -> np.ndarray:
    if isinstance(item, Lag):
        source = columns[item.column]
        return np.concatenate([np.full(item.periods, np.nan), source[: -item.periods]])
    if isinstance(item, Ratio):
        below = columns[item.denominator]
        zero = np.flatnonzero(below == 0)
        if len(zero) and item.if_zero == "error":
            raise UserError(
                f"{item.denominator!r} is 0 in {len(zero)} periods, first {days[zero[0]]}.",
                where=f"derived column {item.name!r}",
                fix='Set "if_zero" to "zero", or choose another denominator.',
            )
        return np.where(below == 0, 0.0, columns[item.numerator] / np.where(below == 0, 1.0, below))
    values = np.stack([columns[name] for name in item.columns])
    return values.sum(axis=0) if isinstance(item, Sum) else values.prod(axis=0)
