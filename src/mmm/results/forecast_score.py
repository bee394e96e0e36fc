"""How well a model forecast the periods that its refresh brought: as it is kept beside the refresh's
results, and said. It is made by `mmm.models.forecast_score`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pydantic import TypeAdapter

from mmm.format import Labels, count, percent

#: The share of periods that should lie in the forecast's range.
LEVEL = 0.8
SCORES = pa.schema(
    [
        ("run", pa.string()),
        ("test_start", pa.date32()),
        ("test_end", pa.date32()),
        ("periods", pa.int32()),
        ("forecast", pa.float64()),
        ("actual", pa.float64()),
        ("forecast_error", pa.float64()),
        ("naive_error", pa.float64()),
        ("in_range", pa.float64()),
        ("plan_error", pa.float64()),
    ]
)


@dataclass(frozen=True)
class ForecastScore:
    """The forecast of the model before (`run`, `model`) over the `periods` that are new in a refresh,
    with the spends that were made, beside what became. `error` is the sum of absolute errors over the
    sum of the KPI, `naive_error` that of repeating the year before (None without one), `in_range` the
    share of periods in the forecast's range of 80 %. `plan_error` is that of the plan of record's KPI
    forecast over those of its periods that are among them, None without one.
    """

    run: str
    model: str
    first: date
    last: date
    periods: int
    forecast: float
    actual: float
    error: float
    naive_error: float | None
    in_range: float
    plan_error: float | None = None
    version: int = 1

    def to_json(self) -> bytes:
        return _ADAPTER.dump_json(self, indent=1)


_ADAPTER = TypeAdapter(ForecastScore)


def read_score(text: bytes) -> ForecastScore:
    """A score as it was stored; ValueError for another version's."""
    return _ADAPTER.validate_json(text)


def sentence(found: ForecastScore, labels: Labels) -> str:
    """The score in a sentence."""
    naive = ""
    if found.naive_error is not None:
        naive = f" (repeating the year before: {percent(found.naive_error)})"
    text = (
        f"The model before forecast the {count(found.periods, labels.period)} from {found.first} with an error "
        f"of {percent(found.error)}{naive}, {labels.effect(found.forecast)} in all where "
        f"{labels.effect(found.actual)} came; {percent(found.in_range)} lie in its range of {LEVEL:.0%}."
    )
    if found.plan_error is None:
        return text
    return f"{text} The plan of record's forecast is {percent(found.plan_error)} off."


def score_table(scores: Sequence[tuple[str, ForecastScore]]) -> pa.Table:
    """One row per refresh of a chain, by (run, its score)."""
    rows = []
    for run_id, found in scores:
        rows.append(
            {
                "run": run_id,
                "test_start": found.first,
                "test_end": found.last,
                "periods": found.periods,
                "forecast": found.forecast,
                "actual": found.actual,
                "forecast_error": found.error,
                "naive_error": found.naive_error,
                "in_range": found.in_range,
                "plan_error": found.plan_error,
            }
        )
    return pa.Table.from_pylist(rows, SCORES)
