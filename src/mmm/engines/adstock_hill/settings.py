"""Settings that every engine with adstock and Hill curves has: ranges of the curves, seasons, size of
the search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

AdstockKind = Literal["geometric", "weibull_cdf", "weibull_pdf"]


ProphetPart = Literal["trend", "season", "monthly", "weekday", "holiday"]


Interval = tuple[float, float]


@dataclass(frozen=True)
class Within:
    """A range "low, high" inside the limits; one number fixes the value (Robyn's hyper_limits)."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    def __str__(self) -> str:
        return f"{'(' if self.low_open else '['}{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"

    def check(self, value: Any) -> Interval:
        pair = value if isinstance(value, list | tuple) else (value, value)
        if len(pair) != 2 or not all(map(_is_number, pair)):
            raise ValueError(f"must be one number or two [low, high] within {self}; got {value!r}")
        first, last = (float(item) for item in pair)
        if not first <= last:
            raise ValueError(f"the lower end must not exceed the upper one; got {value!r}")
        below = first <= self.low if self.low_open else first < self.low
        above = last >= self.high if self.high_open else last > self.high
        if below or above:
            raise ValueError(f"must lie within {self}; got {value!r}")
        return (first, last)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "limits": str(self)}


def _is_number(value: Any) -> bool:
    # The comparison refuses NaN, infinity and integers too large to become a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300


Theta = Annotated[
    Interval,
    Within(0, 1, high_open=True),
    Field(
        title="Carryover (theta)", description="share of an effect that lasts into the next period"
    ),
]


Alpha = Annotated[
    Interval,
    Within(0, 10, low_open=True, high_open=True),
    Field(
        title="Shape of saturation (alpha)",
        description="up to 1 each unit brings less; above, little spend does little",
    ),
]


Gamma = Annotated[
    Interval,
    Within(0, 1, low_open=True),
    Field(
        title="Where saturation sets in (gamma)",
        description="half the effect, as a share of the largest pressure",
    ),
]


Shape = Annotated[
    Interval,
    Within(0, 20, high_open=True),
    Field(
        title="Course of decay (shape)",
        description="Weibull: above 1 the effect fades late, or peaks later",
    ),
]


Scale = Annotated[
    Interval,
    Within(0, 1),
    Field(
        title="Length of decay (scale)",
        description="Weibull: how long it takes, as a share of the whole series",
    ),
]


Unit = Annotated[Interval, Within(0, 1)]


TrainSize = Annotated[Interval, Within(0.1, 1, low_open=True)]


Weight = Annotated[StrictFloat, Field(ge=0, le=10)]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MediumSettings(Settings):
    """Ranges of one medium's curve. What is None is taken from `AdstockHillSettings`."""

    adstock: AdstockKind | None = None
    theta: Theta | None = None  # geometric: share of the effect that lasts into the next period
    shape: Shape | None = None  # Weibull
    scale: Scale | None = None  # Weibull: fraction of the series' length
    alpha: Alpha | None = None  # Hill: below 1 concave, above 1 S-shaped
    gamma: Gamma | None = None  # Hill: inflexion as a fraction of the largest adstocked value


class Validation(Settings):
    """Time-series validation: the last rows are held out; the search minimises the validation
    error.
    """

    train_size: TrainSize = Field(
        default=(0.5, 0.8), description="share of the window the models are fitted on"
    )


class AdstockHillSettings(Settings):
    """What a search over adstock and Hill curves needs of any engine that makes one. Defaults are
    Robyn's unless a comment says otherwise.
    """

    adstock: AdstockKind = "geometric"
    theta: Theta = (0.0, 0.8)
    shape: Shape = (0.0, 10.0)
    scale: Scale = (0.0, 0.1)
    alpha: Alpha = (0.5, 3.0)
    #: From 0.3, as in Robyn's demo (it offers 0.01): a curve that is saturated by nearly every
    #: observed spend is a constant, whose effect cannot be told from the base (docs/recovery.md).
    gamma: Gamma = (0.3, 1.0)
    #: By channel (the spend column's name) or organic variable.
    media: dict[str, MediumSettings] = Field(default_factory=dict)
    lambda_: Annotated[
        Unit, Field(alias="lambda", title="Penalty (lambda)", description="0 least, 1 most")
    ] = (
        0.0,
        1.0,
    )
    trials: StrictInt = Field(default=5, ge=1, le=100, description="independent searches")
    iterations: StrictInt = Field(
        default=2000, ge=10, le=1_000_000, description="candidate models of each search"
    )
    seed: StrictInt = Field(
        default=123, ge=0, le=2**31 - 1, description="the same seed gives the same models"
    )
    #: None: trend, season, holiday (when a country is given), and weekday for daily data.
    prophet: tuple[ProphetPart, ...] | None = Field(
        default=None,
        title="Trend and seasons",
        description="left open: what the data and the country allow",
    )
    validation: Validation | None = None
    #: Robyn: add_penalty_factor.
    penalty_factors: StrictBool = Field(
        default=False, description="a penalty of its own for each variable"
    )
    min_candidates: StrictInt = Field(
        default=100,
        ge=3,
        le=2000,
        title="Models to keep",
        description="fronts are kept until they hold so many",
    )

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if self.prophet is not None and len(set(self.prophet)) != len(self.prophet):
            raise ValueError("prophet names a part twice")
        return self

    @property
    def as_robyn(self) -> bool:
        """Whether all is done as Robyn does it: for one, lift tests count by their size alone."""
        return True
