"""A plan by period as it is stored: its tables and their sums."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, field_validator

FLIGHTING = pa.schema(
    [
        ("date", pa.date32()),
        ("channel", pa.string()),
        ("spend_today", pa.float64()),
        ("spend", pa.float64()),
        ("response", pa.float64()),
        ("response_low", pa.float64()),
        ("response_high", pa.float64()),
    ]
)
KPI = pa.schema(
    [
        ("date", pa.date32()),
        ("baseline", pa.float64()),
        ("media", pa.float64()),
        ("kpi", pa.float64()),
        ("kpi_low", pa.float64()),
        ("kpi_high", pa.float64()),
    ]
)


class ForecastTotals(BaseModel):
    """Sums over all periods: the KPI with its range of 80 %, of it without paid media, the planned
    media's part, and what today's spend would bring in its place. `checked` counts the past
    forecasts of the baseline whose errors make the range.
    """

    model_config = ConfigDict(frozen=True)

    kpi: float
    kpi_low: float
    kpi_high: float
    baseline: float
    media: float
    media_today: float
    spend: float
    checked: int


class Forecast(BaseModel):
    """A plan over the periods ahead; rows as in `FLIGHTING` and `KPI`."""

    model_config = ConfigDict(frozen=True)

    phasing: str
    flighting: list[dict[str, Any]]
    kpi: list[dict[str, Any]]
    totals: ForecastTotals
    findings: list[str]

    @field_validator("flighting", "kpi")
    @classmethod
    def _dated(cls, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """JSON has dates as texts."""
        return [{**row, "date": _day(row["date"])} for row in rows]

    def flighting_table(self) -> pa.Table:
        return pa.Table.from_pylist(self.flighting, schema=FLIGHTING)

    def kpi_table(self) -> pa.Table:
        return pa.Table.from_pylist(self.kpi, schema=KPI)


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value))
