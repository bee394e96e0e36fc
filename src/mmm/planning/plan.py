"""A plan: the question, the answer, and what it says; as it is made and as it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from mmm.format import Labels
from mmm.planning.band import TotalBand
from mmm.planning.forecast_tables import Forecast
from mmm.planning.request import PlanRequest


class Totals(BaseModel):
    """Sums over the paid channels, per period unless named total. `even_gain` is what the plan's
    response has over that of the current allocation scaled to the same money; `held_response` the part that
    would come without any spend.
    """

    model_config = ConfigDict(frozen=True)

    periods: int
    initial_spend: float
    initial_spend_total: float
    initial_response: float
    initial_response_total: float
    initial_roi: float | None
    initial_cpa: float | None
    spend: float
    spend_total: float
    spend_change: float | None
    response: float
    response_total: float
    response_change: float | None
    roi: float | None
    cpa: float | None
    budget: float | None  # per period, what was to be spent; null for a target
    target: float | None
    even_gain: float | None
    worth_making: bool
    held_response: float
    summed_efficiency: float | None = (
        None  # ROAS or cost per conversion of the range's real periods, added up
    )
    other_gain: float | None = None  # even_gain with the other choice of carryover
    band: TotalBand | None = None  # over the draws or kept models that the plan is measured on
    band_recalibrated: TotalBand | None = (
        None  # the same as wide as the run's certificate asks for, where it asks for more
    )
    target_reached: float | None = None  # where the plan was optimised
    initial_profit: float | None = None  # money per period, where the KPI's value is known
    profit: float | None = None
    break_even: float | None = (
        None  # ROAS, or cost per conversion, at which media pay for themselves
    )


class PlanDocument(BaseModel):
    """A plan as it is stored and printed as JSON: the question, the answer, what it says."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    model_id: str
    kpi_name: str
    kpi_kind: str
    currency: str
    first: date
    last: date
    request: PlanRequest
    totals: Totals
    channels: list[dict[str, Any]]
    tie_out: list[dict[str, Any]]
    findings: list[str]
    tests: list[str] = []
    forecast: Forecast | None = None
    name: str = ""
    created_by: str = ""

    @property
    def made_with(self) -> str:
        return made_with(self.model_id)


def made_with(model_id: str) -> str:
    """What a plan was made with, in words; "" are all kept models."""
    return f"model {model_id}" if model_id else "all kept models"


@dataclass(frozen=True)
class Plan:
    """A plan. `channels` has one row per paid channel; `tie_out` compares the initial spends with
    the books; `first` and `last` are the starts of the date range's first and last period. `tests`
    are the channels to test, the one with the most money first.
    """

    model_id: str
    request: PlanRequest
    labels: Labels
    first: date
    last: date
    channels: pa.Table
    totals: Totals
    tie_out: pa.Table
    findings: tuple[str, ...]
    tests: tuple[str, ...] = ()

    def document(self, run_id: str, *, name: str = "", created_by: str = "") -> PlanDocument:
        return PlanDocument(
            run_id=run_id,
            model_id=self.model_id,
            kpi_name=self.labels.kpi_name,
            kpi_kind=self.labels.kpi_kind,
            currency=self.labels.currency,
            first=self.first,
            last=self.last,
            request=self.request,
            totals=self.totals,
            channels=self.channels.to_pylist(),
            tie_out=self.tie_out.to_pylist(),
            findings=list(self.findings),
            tests=list(self.tests),
            name=name,
            created_by=created_by,
        )
