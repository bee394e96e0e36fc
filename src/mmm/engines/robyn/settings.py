"""Settings of the engine `robyn`, by Robyn's own names. Every limit is declared here once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    field_validator,
    model_validator,
)

from mmm.engines.adstock_hill.settings import (
    AdstockHillSettings,
    AdstockKind,
    Interval,
    MediumSettings,
    ProphetPart,
    Validation,
    Weight,
    Within,
)
from mmm.engines.base import Problem

#: Limits by the ending of a hyperparameter's name (Robyn: hyper_limits), and what `adstock_hill` calls it.
ENDINGS = {
    "alphas": ("alpha", Within(0, 10, low_open=True, high_open=True)),
    "gammas": ("gamma", Within(0, 1, low_open=True)),
    "thetas": ("theta", Within(0, 1, high_open=True)),
    "shapes": ("shape", Within(0, 20, high_open=True)),
    "scales": ("scale", Within(0, 1)),
}
_WHOLE_FIT = {"lambda": Within(0, 1), "train_size": Within(0.1, 1, low_open=True)}

Algorithm = Literal[
    "DE",
    "TwoPointsDE",
    "OnePlusOne",
    "DoubleFastGADiscreteOnePlusOne",
    "DiscreteOnePlusOne",
    "PortfolioDiscreteOnePlusOne",
    "NaiveTBPSA",
    "cGA",
    "RandomSearch",
]

#: Sizes of a search by name. Robyn advises against less than 5 x 2,000 for decisions.
PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"trials": 1, "iterations": 500},
    "standard": {"trials": 5, "iterations": 2000},
    "thorough": {"trials": 10, "iterations": 4000},
}


class RobynSettings(BaseModel):
    """Arguments of robyn_inputs, robyn_run, robyn_outputs and robyn_clusters; defaults are Robyn's."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    adstock: AdstockKind = "geometric"
    #: Ranges or fixed values by Robyn's names: "tv_S_alphas", "lambda", "train_size". A medium with
    #: an exposure may be named by its spend or by its exposure. What is left out has Robyn's
    #: default range.
    hyperparameters: dict[str, Interval] = Field(default_factory=dict)
    #: None: trend, season, holiday (when a country is given), and weekday for daily data.
    prophet_vars: tuple[ProphetPart, ...] | None = None
    trials: StrictInt = Field(default=5, ge=1, le=100)
    iterations: StrictInt = Field(default=2000, ge=10, le=1_000_000)
    #: None: as many as the task has. Another number of cores is another search with the same seed.
    cores: StrictInt | None = Field(default=None, ge=1, le=256)
    seed: StrictInt = Field(default=123, ge=0, le=2_000_000_000)  # R adds the trial's number
    ts_validation: StrictBool = False
    add_penalty_factor: StrictBool = False
    rssd_zero_penalty: StrictBool = True
    intercept: StrictBool = True
    intercept_sign: Literal["non_negative", "unconstrained"] = "non_negative"
    nevergrad_algo: Algorithm = "TwoPointsDE"
    #: Weights of NRMSE, DECOMP.RSSD and, with lift tests, MAPE. None: equal.
    objective_weights: Annotated[tuple[Weight, ...], Field(min_length=2, max_length=3)] | None = (
        None
    )
    calibration_constraint: StrictFloat = Field(default=0.1, ge=0.01, le=0.1)
    min_candidates: StrictInt = Field(default=100, ge=3, le=2000)
    #: Number of clusters; None lets Robyn choose.
    clusters: StrictInt | None = Field(default=None, ge=3, le=30)
    #: Robyn's own pages as PNG, one per cluster's best model, and its charts of all of them.
    one_pagers: StrictBool = True
    #: Keep Robyn's objects as Robyn.RDS, for work in R: about 200 MB a run.
    rds: StrictBool = False
    #: Run Robyn's budget allocator (max_response) for each cluster's best model and keep its table
    #: and plot.
    allocator: StrictBool = False

    @field_validator("hyperparameters", mode="before")
    @classmethod
    def _ranges(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        found = {}
        for name, value in given.items():
            limits = (
                _WHOLE_FIT.get(name) or ENDINGS.get(str(name).rpartition("_")[2], ("", None))[1]
            )
            if limits is None:
                raise ValueError(
                    f"{name!r} is no hyperparameter: {', '.join(_WHOLE_FIT)}, or a medium and _{_endings()}"
                )
            try:
                found[name] = limits.check(value)
            except ValueError as error:
                raise ValueError(f"{name} {error}") from None
        return found

    @model_validator(mode="after")
    def _consistent(self) -> RobynSettings:
        low, high = self.hyperparameters.get("lambda", (0.0, 1.0))
        if low == high:
            raise ValueError("hyperparameters: lambda must be a range of two numbers")
        if "train_size" in self.hyperparameters and not self.ts_validation:
            raise ValueError("hyperparameters: train_size needs ts_validation")
        if self.clusters is not None and self.clusters >= self.min_candidates:
            raise ValueError(
                f"clusters: {self.clusters} clusters need more models; raise min_candidates above it"
            )
        if self.prophet_vars is not None and len(set(self.prophet_vars)) != len(self.prophet_vars):
            raise ValueError("prophet_vars names a part twice")
        return self

    def as_adstock_hill(self, problem: Problem) -> AdstockHillSettings:
        """The same model in the terms of `adstock_hill`, whose checks, formulas and tables serve
        here as well.
        """
        names: dict[str, str] = {}
        for paid in problem.paid:
            names[paid.name] = names[paid.selected] = paid.name
        names |= {item.name: item.name for item in problem.organic}
        media: dict[str, dict[str, Interval]] = {}
        for name, value in self.hyperparameters.items():
            medium, _, ending = name.rpartition("_")
            if ending in ENDINGS and medium in names:
                media.setdefault(names[medium], {})[ENDINGS[ending][0]] = value
        return AdstockHillSettings(
            adstock=self.adstock,
            media={name: MediumSettings.model_validate(ranges) for name, ranges in media.items()},
            lambda_=self.hyperparameters.get("lambda", (0.0, 1.0)),
            trials=self.trials,
            iterations=self.iterations,
            seed=self.seed,
            prophet=self.prophet_vars,
            validation=Validation(train_size=self.train_size) if self.ts_validation else None,
            penalty_factors=self.add_penalty_factor,
            min_candidates=self.min_candidates,
        )

    def for_channel(self, channel: str) -> AdstockHillSettings:
        """The ranges of one channel's curve, "" for a channel that has none of its own."""
        own: dict[str, Interval] = {}
        for name, value in self.hyperparameters.items():
            medium, _, ending = name.rpartition("_")
            if medium == channel and ending in ENDINGS:
                own[ENDINGS[ending][0]] = value
        media = {channel: MediumSettings.model_validate(own)}
        return AdstockHillSettings(adstock=self.adstock, media=media)

    @property
    def train_size(self) -> Interval:
        """Range of the training part's share with ts_validation."""
        return self.hyperparameters.get("train_size", (0.5, 0.8))


def _endings() -> str:
    return ", _".join(ENDINGS)
