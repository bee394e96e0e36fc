"""The engine interface: a plain problem in, engine-neutral tables out.

An engine is pure: no storage, no network, no clock in its results. It gets a `Problem` and its own
settings, reports progress through a callback, and returns an `EngineResult` whose tables have the
columns declared in `mmm.engines.schemas`, the same for every engine. What an engine cannot give is
null, never invented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import NormalDist
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from mmm.engines.panel import Panel
from mmm.engines.schemas import OPTIONAL_TABLES, SCHEMAS, complete
from mmm.engines.words import Sign
from mmm.errors import Finding

#: A confidence of 1 would be a test without any error.
_MOST_CONFIDENCE = 0.9999


@dataclass(frozen=True)
class Progress:
    """How far a stage is. `done` of `total` units; `seconds_left` covers this stage, None while it
    is unknown.
    """

    stage: str
    done: int
    total: int
    seconds_left: float | None = None
    message: str = ""


ProgressListener = Callable[[Progress], None]


@dataclass(frozen=True)
class PaidMedium:
    """A paid channel. `spend` and `exposure` have shape (T,); a missing exposure means that spend
    is modelled. With a `frequency` (T,), the mean number of exposures of a person reached, the
    exposure is the reach: people reached.
    """

    name: str
    spend: np.ndarray
    exposure: np.ndarray | None = None
    exposure_name: str | None = None
    sign: str = Sign.POSITIVE
    frequency: np.ndarray | None = None
    frequency_name: str | None = None

    @property
    def selected(self) -> str:
        """The modelled column's name: the exposure's where there is one (Robyn:
        paid_media_selected).
        """
        return self.exposure_name or self.name


@dataclass(frozen=True)
class Variable:
    """An organic or context variable, shape (T,)."""

    name: str
    values: np.ndarray
    sign: str = Sign.UNCONSTRAINED


@dataclass(frozen=True)
class Factor:
    """A categorical context variable, T levels as text."""

    name: str
    levels: tuple[str, ...]
    sign: str = Sign.UNCONSTRAINED


@dataclass(frozen=True)
class Holiday:
    date: date
    name: str


@dataclass(frozen=True)
class LiftTest:
    """One experiment: `lift` in units of the KPI over [start, end]; `channels` are summed; scope
    immediate or total. `standard_error` is the lift's own, in units of the KPI; None: `confidence`
    tells it.
    """

    channels: tuple[str, ...]
    start: date
    end: date
    lift: float
    spend: float
    confidence: float = 0.9
    scope: str = "immediate"
    standard_error: float | None = None

    @property
    def error(self) -> float:
        """The lift's standard error in units of the KPI: as given, else from the confidence, which
        is that of a lift that differs from 0, two-sided, so that its quantile is the lift in
        standard errors.
        """
        if self.standard_error is not None:
            return self.standard_error
        confidence = min(self.confidence, _MOST_CONFIDENCE)
        return abs(self.lift) / NormalDist().inv_cdf((1.0 + confidence) / 2.0)


@dataclass(frozen=True)
class PreviousModel:
    """A model that is to be brought up to date with `steps` new periods; what it said of its own
    window.

    `parameters` by (variable, parameter) as in the table `parameters`; `effects` are sums over the
    window by component, the intercept's among them; `spend` by paid channel. `draws` (K,) are those
    of the table of that name by (variable, parameter), none where the model has no posterior.
    """

    model_id: str
    steps: int
    parameters: Mapping[tuple[str, str], float]
    effects: Mapping[str, float]
    spend: Mapping[str, float]
    draws: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """What is to be modelled. T rows by date at even steps; `window` is (first row, last row),
    inclusive, 0-based.

    `kpi_kind` is "revenue" (channels report ROAS) or "conversion" (they report CPA). Money is in
    `currency`. `previous` is the model this one refreshes, None for a model of its own. `country`
    is the one of the holidays. `value_per_conversion` (money per unit of a conversion KPI) and
    `margin` (profit in one unit of revenue, 0 to 1) change no estimate, only what is reported.
    `panel` holds the same data by geo; an engine that models no panels works on the sums.
    """

    dates: np.ndarray
    step_days: int
    kpi_name: str
    kpi: np.ndarray
    kpi_kind: str
    paid: tuple[PaidMedium, ...]
    window: tuple[int, int]
    organic: tuple[Variable, ...] = ()
    context: tuple[Variable | Factor, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    lift_tests: tuple[LiftTest, ...] = ()
    currency: str = "EUR"
    previous: PreviousModel | None = None
    country: str | None = None
    value_per_conversion: float | None = None
    margin: float | None = None
    panel: Panel | None = None

    @property
    def rows(self) -> int:
        return len(self.dates)

    @property
    def window_rows(self) -> slice:
        return slice(self.window[0], self.window[1] + 1)


@dataclass(frozen=True)
class EngineResult:
    """The tables of `SCHEMAS`, and the engine's choice in words. `reason` says why `recommended`
    was chosen.

    `files` are what the engine wrote in formats of its own, by file name, in memory or on disk,
    where they live as long as the mapping does; they are kept beside the results as they are. `interval_level` is that of all interval columns (`..._low`, `..._high`):
    the probability that an interval claims to hold the truth with.

    Optional tables and columns may be left out (`mmm.engines.schemas`); they are filled with nulls.
    What a result must hold beyond its columns is verified by `mmm.engines.result_check`.
    """

    engine: str
    engine_version: str
    tables: dict[str, pa.Table]
    recommended: str
    reason: str
    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    interval_level: float = 0.9

    def __post_init__(self) -> None:
        tables = {}
        for name, schema in SCHEMAS.items():
            found = self.tables.get(name)
            if found is None and name in OPTIONAL_TABLES:
                found = schema.empty_table()
            if found is None:
                raise ValueError(f"engine {self.engine} returned no table {name!r}")
            try:
                tables[name] = complete(name, found)
            except ValueError as error:
                raise ValueError(f"engine {self.engine}: {error}") from None
        object.__setattr__(self, "tables", tables)


class Engine(Protocol):
    """One engine. `settings` is the pydantic model of its settings; its fields declare every
    constraint once.
    """

    name: str
    version: str
    settings: type[BaseModel]
    stages: tuple[str, ...]

    def check(self, problem: Problem, settings: Any) -> list[Finding]:
        """What would stop or weaken the training, found before it: cheap, and without loading heavy
        libraries.
        """
        ...

    def check_environment(self) -> list[Finding]:
        """What this machine lacks for the engine to train on it: programs, packages, versions."""
        ...

    def train(self, problem: Problem, settings: Any, progress: ProgressListener) -> EngineResult:
        """Fit the problem. Raises `UserError` for inputs it cannot model; calls `progress` in every
        stage.
        """
        ...
