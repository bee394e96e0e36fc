"""The engine interface: a plain problem in, engine-neutral tables out.

An engine is pure: no storage, no network, no clock in its results. It gets a `Problem` and its own
settings, reports progress through a callback, and returns an `EngineResult` whose tables have the
columns declared here, the same for every engine. What an engine cannot give is null, never
invented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from statistics import NormalDist
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from mmm.errors import Finding

#: A confidence of 1 would be a test without any error.
_MOST_CONFIDENCE = 0.9999

SIGNS = ("default", "positive", "negative")


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
    is modelled.
    """

    name: str
    spend: np.ndarray
    exposure: np.ndarray | None = None
    exposure_name: str | None = None
    sign: str = "positive"

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
    sign: str = "default"


@dataclass(frozen=True)
class Factor:
    """A categorical context variable, T levels as text."""

    name: str
    levels: tuple[str, ...]
    sign: str = "default"


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
    window by component, the intercept's among them; `spend` by paid channel.
    """

    model_id: str
    steps: int
    parameters: Mapping[tuple[str, str], float]
    effects: Mapping[str, float]
    spend: Mapping[str, float]


@dataclass(frozen=True)
class Problem:
    """What is to be modelled. T rows by date at even steps; `window` is (first row, last row),
    inclusive, 0-based.

    `kpi_kind` is "revenue" (channels report ROAS) or "conversion" (they report CPA). Money is in
    `currency`. `previous` is the model this one refreshes, None for a model of its own. `country`
    is the one of the holidays. `value_per_conversion` (money per unit of a conversion KPI) and
    `margin` (profit in one unit of revenue, 0 to 1) change no estimate, only what is reported.
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

    @property
    def rows(self) -> int:
        return len(self.dates)

    @property
    def window_rows(self) -> slice:
        return slice(self.window[0], self.window[1] + 1)


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns])


_f8, _i4, _s, _b, _d = pa.float64(), pa.int32(), pa.string(), pa.bool_(), pa.date32()

#: The result tables. Money is in the problem's currency, effects in units of the KPI, shares are
#: fractions.
SCHEMAS: dict[str, pa.Schema] = {
    # One row per candidate. Errors are null where a split does not exist. `front` counts from 1,
    # null when not kept. `business_distance` is the distance between shares of effect and shares of
    # spend (Robyn: DECOMP.RSSD); in a refresh it is the distance to the previous model's shares of
    # effect. `calibration_error` is the mean absolute percentage error against lift tests (Robyn:
    # MAPE).
    "models": _schema(
        ("model_id", _s),
        ("trial", _i4),
        ("iteration", _i4),
        ("nrmse", _f8),
        ("nrmse_train", _f8),
        ("nrmse_val", _f8),
        ("nrmse_test", _f8),
        ("rsq_train", _f8),
        ("rsq_val", _f8),
        ("rsq_test", _f8),
        ("business_distance", _f8),
        ("calibration_error", _f8),
        ("score", _f8),
        ("front", _i4),
        ("cluster", _i4),
        ("cluster_best", _b),
        ("recommended", _b),
        ("intercept", _f8),
    ),
    # Kept models x media. `kind` is paid or organic; spend, shares and ROI are null for organic
    # media. `roi` is contribution / spend (ROAS for a revenue KPI), `cpa` spend / contribution.
    # Intervals are the kept models' or the model's cluster's, as the engine says; `cpa_high` is
    # null where the interval of the effect reaches none. `marginal_roi` is the effect of one more
    # unit of spend per period at the mean. `firmness` is a word. `adstock` names the kind of decay
    # whose numbers `parameters` holds: geometric, weibull_cdf or weibull_pdf.
    "channels": _schema(
        ("model_id", _s),
        ("channel", _s),
        ("kind", _s),
        ("adstock", _s),
        ("coefficient", _f8),
        ("spend", _f8),
        ("mean_spend", _f8),
        ("spend_share", _f8),
        ("contribution", _f8),
        ("contribution_share", _f8),
        ("effect_share", _f8),
        ("carryover_share", _f8),
        ("roi", _f8),
        ("roi_low", _f8),
        ("roi_high", _f8),
        ("marginal_roi", _f8),
        ("cpa", _f8),
        ("cpa_low", _f8),
        ("cpa_high", _f8),
        ("firmness", _s),
    ),
    # All rows of the data x media, the same for every model. `spend` is the money in the books,
    # null for organic media; `input` is what the model was given: spend, exposure rescaled to
    # money, or the organic variable.
    "media": _schema(
        ("date", _d),
        ("channel", _s),
        ("kind", _s),
        ("spend", _f8),
        ("input", _f8),
        ("in_window", _b),
    ),
    # Kept models x dates of the window x components. `kind`: intercept, trend, season, monthly,
    # weekday, holiday, context, paid, organic. `carryover` is the part of a medium's effect that
    # earlier periods caused.
    "contributions": _schema(
        ("model_id", _s),
        ("date", _d),
        ("component", _s),
        ("kind", _s),
        ("effect", _f8),
        ("carryover", _f8),
    ),
    # Kept models x dates of the window. `split` is train, val or test.
    "fit": _schema(("model_id", _s), ("date", _d), ("actual", _f8), ("fitted", _f8), ("split", _s)),
    # Kept models x media x grid: spend per period (for organic media: the variable's own unit) and
    # the steady response per period at that spend on top of the mean carryover. `observed` is false
    # beyond the largest spend in the window.
    "curves": _schema(
        ("model_id", _s),
        ("channel", _s),
        ("kind", _s),
        ("spend", _f8),
        ("response", _f8),
        ("marginal_response", _f8),
        ("observed", _b),
    ),
    # Kept models x media: one marked point per curve, at the mean spend of the window.
    "curve_points": _schema(
        ("model_id", _s),
        ("channel", _s),
        ("kind", _s),
        ("mean_spend", _f8),
        ("mean_carryover", _f8),
        ("mean_response", _f8),
        ("carryover_response", _f8),
    ),
    # Kept models x media x lag in periods: weight of a unit spent `lag` periods ago, 1 at its own
    # peak or start.
    "adstock": _schema(("model_id", _s), ("channel", _s), ("lag", _i4), ("weight", _f8)),
    # All candidates x hyperparameters and kept models x coefficients, long.
    "parameters": _schema(("model_id", _s), ("variable", _s), ("parameter", _s), ("value", _f8)),
    # All rows of the data x KPI and regressors other than media, before coefficients: what the KPI
    # was fitted on.
    # `kind`: kpi, or as in `contributions`. Without the media, whose table is `media`.
    "frame": _schema(("date", _d), ("variable", _s), ("kind", _s), ("value", _f8)),
    # Kept models of a refresh x variables x measures (roi, effect_share, contribution_share, ...,
    # parameters): the previous model's value, its parameters refitted on the new data, this
    # model's. refitted - old is what the data changed, new - refitted what the parameters changed.
    # No rows where nothing is refreshed.
    "moves": _schema(
        ("model_id", _s),
        ("variable", _s),
        ("measure", _s),
        ("old", _f8),
        ("refitted", _f8),
        ("new", _f8),
    ),
    # Kept models x lift tests, numbered from 1 as they were given: the test, the model's effect
    # over its days in its scope, and what the same search without any lift test would have chosen
    # says there. `standard_error` is the lift's, in units of the KPI. No rows without lift tests.
    "lift_tests": _schema(
        ("model_id", _s),
        ("test", _i4),
        ("channels", _s),
        ("start", _d),
        ("end", _d),
        ("scope", _s),
        ("test_spend", _f8),
        ("confidence", _f8),
        ("standard_error", _f8),
        ("lift", _f8),
        ("effect", _f8),
        ("uncalibrated", _f8),
    ),
    # Named numbers and sentences about the whole run: convergence, solver, splits, clusters,
    # warnings.
    "diagnostics": _schema(("name", _s), ("subject", _s), ("value", _f8), ("text", _s)),
}


@dataclass(frozen=True)
class EngineResult:
    """The tables of `SCHEMAS`, and the engine's choice in words. `reason` says why `recommended`
    was chosen.

    `files` are what the engine wrote in formats of its own, by file name; they are kept beside the
    results as they are.
    """

    engine: str
    engine_version: str
    tables: dict[str, pa.Table]
    recommended: str
    reason: str
    files: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, schema in SCHEMAS.items():
            if name not in self.tables:
                raise ValueError(f"engine {self.engine} returned no table {name!r}")
            if self.tables[name].schema.remove_metadata() != schema:
                raise ValueError(
                    f"engine {self.engine}: table {name!r} has other columns than its schema"
                )


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
