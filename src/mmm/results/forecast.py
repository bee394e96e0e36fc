"""Periods that were held out: how well they are forecast by a fit that has not seen them."""

from __future__ import annotations

import pyarrow as pa

from mmm.format import Labels, percent
from mmm.results.summary import Tables, of_model


def forecast(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Date, actual, forecast with its interval, and the same period a year before, by date."""
    return of_model(tables["forecast"], model_id).sort_by("date").drop_columns(["model_id"])


def forecasted(tables: Tables) -> bool:
    """Whether any period was held out and forecast."""
    return bool(tables["forecast"].num_rows)


def error(numbers: pa.Table, column: str) -> float | None:
    """Sum of absolute errors over the sum of the actual values; None where a value is missing."""
    actual, told = numbers["actual"].to_pylist(), numbers[column].to_pylist()
    size = sum(abs(value) for value in actual)
    if None in told or not size:
        return None
    return float(sum(abs(a - b) for a, b in zip(actual, told, strict=True)) / size)


def finding(numbers: pa.Table, labels: Labels) -> str:
    """The error beside that of repeating the year before, and the share of periods in the interval."""
    rows = numbers.to_pylist()
    if not rows:
        return "No period was held out."
    inside = sum(row["forecast_low"] <= row["actual"] <= row["forecast_high"] for row in rows)
    text = f"{len(rows)} {labels.period}s that the fit had not seen are forecast {percent(error(numbers, 'forecast'))} off"
    naive = error(numbers, "naive")
    if naive is not None:
        text += f" (repeating the year before: {percent(naive)})"
    return f"{text}; {inside} of them lie in their 90 % interval, {0.9 * len(rows):.0f} would be expected."
