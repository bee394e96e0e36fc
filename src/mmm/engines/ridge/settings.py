"""Settings of the native engine. Every limit is declared here once; messages, CLI and web form read
it from here.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, model_validator

from mmm.engines.adstock_hill.settings import AdstockHillSettings, Weight

#: Sizes of a search with the settings each stands for; what a preset does not name keeps its
#: default.
PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"trials": 2, "iterations": 500},
    "standard": {"trials": 5, "iterations": 2000},
    "thorough": {"trials": 10, "iterations": 5000},
}


class RidgeSettings(AdstockHillSettings):
    """Settings of the engine `ridge`. Defaults are Robyn's unless a comment says otherwise.

    `method`: "exact" solves each bounded ridge problem to its optimum, shows Prophet the media and
    controls, counts a lift test's days in full, keeps models of every trial and recommends the one
    nearest to what all of them say; "robyn" does as Robyn 3.12.1 does: glmnet's stopping rule, its
    frame, its day count, pooled fronts, smallest score.
    """

    method: Literal["exact", "robyn"] = Field(
        default="exact",
        description="exact: each ridge problem to its optimum; robyn: as Robyn 3.12.1 does",
    )
    #: Where the method "robyn" stops its coordinate descent (glmnet: thresh).
    threshold: StrictFloat = Field(default=1e-7, ge=1e-30, le=1e-3)
    intercept: StrictBool = True
    #: None: non-negative in method "robyn", as there; unconstrained in "exact".
    intercept_sign: Literal["non_negative", "unconstrained"] | None = Field(
        default=None, description="left open: as the method has it"
    )
    #: Robyn: rssd_zero_penalty.
    zero_effect_penalty: StrictBool = Field(
        default=True, description="models with channels without effect score worse"
    )
    #: 0 leaves an error out of the search: business distance, which pulls ROIs together, for
    #: example.
    objective_weights: tuple[Weight, Weight, Weight] = Field(
        default=(1.0, 1.0, 1.0),
        description="of NRMSE, business distance and calibration error, in score and consensus; 0 also in the search",
    )
    calibration_constraint: StrictFloat = Field(
        default=0.1,
        ge=0.01,
        le=0.1,
        description="method robyn: share of candidates nearest to the lift tests that is kept",
    )
    clusters: StrictInt | None = Field(
        default=None, ge=1, le=20, description="left open: as many as the models show"
    )
    bootstrap: StrictInt = Field(
        default=1000, ge=100, le=100_000, description="method robyn: samples behind each interval"
    )
    #: In a refresh: how much of its range a parameter may move by. None: new periods over the
    #: window's length.
    refresh_freedom: StrictFloat | None = Field(default=None, gt=0, le=1)  # Robyn: bounds_freedom

    @model_validator(mode="after")
    def _weighted(self) -> RidgeSettings:
        if sum(self.objective_weights[:2]) == 0:
            raise ValueError("objective_weights must not both be 0 for NRMSE and business distance")
        return self

    @property
    def as_robyn(self) -> bool:
        return self.method == "robyn"
