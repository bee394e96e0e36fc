"""The experiment: what to model, as one validated JSON file (the deployment guide's job
configuration).
"""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from statistics import NormalDist
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mmm.data.mapping import Mapping
from mmm.engines import DEFAULT_ENGINE, ENGINES, load_engine, settings_model
from mmm.engines.capabilities import Presets, offered
from mmm.errors import Finding, InvalidInput, UserError
from mmm.plain_json import read_json

_COUNTRY, _CURRENCY = r"^[A-Z]{2}$", r"^[A-Z]{3}$"
_REGION = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"

#: What is wrong, in words, by pydantic's type of error; {limits} are filled in from the declared
#: constraint.
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must be {pattern}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list",
    "dict_type": "must be an object, {{...}}",
    "model_type": "must be an object, {{...}}",
    "too_short": "must have at least {min_length} entry",
    "too_long": "must have at most {max_length} entries",
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        "must be a date such as 2024-12-31",
    ),
}
Models = dict[tuple[str, ...], type[BaseModel]]
Fields = TypeVar("Fields", bound=BaseModel)
_PATTERNS = {
    _COUNTRY: "two capital letters such as DE",
    _REGION: "a country such as AT, or a region such as DE-BY",
    _CURRENCY: "three capital letters such as EUR",
}
_LONGEST_SHOWN = 60


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DatasetRef(_Config):
    market: str = Field(min_length=1)
    dataset_id: str = Field(min_length=1)


class Window(_Config):
    """Modelling window, both ends inclusive; an open end is the data's."""

    start: date | None = None
    end: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Window:
        if self.start and self.end and self.end <= self.start:
            raise ValueError("the end must lie after the start")
        return self


class LiftTestConfig(_Config):
    """An experiment whose effect was measured: `lift` in units of the KPI over [start, end], both
    inclusive.

    How sure it is, best first: `standard_error` in units of the KPI; the two ends of an interval
    and its level; `confidence` that the lift differs from 0, as Robyn asks for. Only finished tests
    calibrate a model. `source` is where it comes from: a platform's study, a geo experiment, the
    address of its report.
    """

    channels: tuple[str, ...] = Field(min_length=1)
    start: date
    end: date
    lift: StrictFloat
    spend: StrictFloat = Field(ge=0)
    standard_error: StrictFloat | None = Field(default=None, gt=0)
    interval_low: StrictFloat | None = None
    interval_high: StrictFloat | None = None
    interval_level: StrictFloat = Field(default=0.9, gt=0, lt=1)
    confidence: StrictFloat = Field(default=0.9, gt=0, le=1)
    scope: Literal["immediate", "total"] = "immediate"
    status: Literal["planned", "running", "finished", "discarded"] = "finished"
    source: str = Field(default="", max_length=500)

    @property
    def error(self) -> float | None:
        """The standard error in units of the KPI, as given or from the interval's width; None where
        only a confidence is given.
        """
        if self.interval_low is None or self.interval_high is None:
            return self.standard_error
        quantile = NormalDist().inv_cdf((1.0 + self.interval_level) / 2.0)
        return (self.interval_high - self.interval_low) / (2.0 * quantile)

    @model_validator(mode="after")
    def _consistent(self) -> LiftTestConfig:
        if self.end < self.start:
            raise ValueError("the end must not lie before the start")
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("a channel is named twice")
        if (self.interval_low is None) != (self.interval_high is None):
            raise ValueError("an interval needs both ends, interval_low and interval_high")
        if self.interval_low is None or self.interval_high is None:
            return self
        if self.standard_error is not None:
            raise ValueError("give the standard error or an interval, not both")
        inside = self.interval_low <= self.lift <= self.interval_high
        if not inside or self.interval_low == self.interval_high:
            raise ValueError("the interval must have a width and hold the lift")
        return self


class EventConfig(_Config):
    """Something of one's own that moves the KPI on certain days, as a holiday does: school holidays,
    a payday, a fair. `end` None is the start's day.
    """

    name: str = Field(min_length=1, max_length=200)
    start: date
    end: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> EventConfig:
        if self.end and self.end < self.start:
            raise ValueError("the end must not lie before the start")
        return self


class RefreshOf(_Config):
    """The model that an experiment brings up to date: its run, its id, and how many periods its
    window moves on.
    """

    run: str = Field(min_length=1)
    model: str = Field(min_length=1)
    steps: StrictInt = Field(ge=1)


class Experiment(_Config):
    """One experiment. `settings` holds the chosen engine's settings, validated by that engine's own
    model.

    Its holidays are those of `country`, of `more_holidays` (other countries, and regions such as
    DE-BY), and its own `events`. `value_per_conversion` is what one unit of a conversion KPI is worth, in `currency`, so that its
    channels have a ROAS too; `margin` is the profit in one unit of revenue (0 to 1), so that profit
    can be shown. `accept` names data checks by their ids whose red light is to be a warning for this
    experiment. `retrains` is a run whose model this one, trained anew on newer data, is to replace
    once somebody accepts it.
    """

    schema_version: Literal[1] = 1
    name: str = Field(default="", max_length=200)
    dataset: DatasetRef
    mapping: Mapping
    window: Window = Window()
    country: Annotated[str, Field(pattern=_COUNTRY)] | None = None
    more_holidays: tuple[Annotated[str, Field(pattern=_REGION)], ...] = ()
    events: tuple[EventConfig, ...] = ()
    currency: str = Field(default="EUR", pattern=_CURRENCY)
    value_per_conversion: Annotated[StrictFloat, Field(gt=0)] | None = None
    margin: Annotated[StrictFloat, Field(gt=0, le=1)] | None = None
    lift_tests: tuple[LiftTestConfig, ...] = ()
    accept: tuple[Literal["vif", "leakage", "currency", "observations"], ...] = ()
    refresh: RefreshOf | None = None
    retrains: str | None = None
    engine: str = DEFAULT_ENGINE
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, engine: str) -> str:
        if engine not in ENGINES:
            raise ValueError(f"choose one of: {', '.join(ENGINES)}")
        return engine

    @field_validator("settings")
    @classmethod
    def _valid_settings(cls, settings: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if engine := info.data.get("engine"):
            settings_model(engine).model_validate(settings)
        return settings

    def engine_settings(self) -> BaseModel:
        """The engine's settings with their defaults filled in."""
        return settings_model(self.engine).model_validate(self.settings)

    def to_json(self) -> str:
        return self.model_dump_json(indent=2)


def presets(engine: str) -> dict[str, dict[str, Any]]:
    """The engine's presets by name, with the settings each stands for; none where it has none."""
    found = offered(load_engine(engine), Presets)
    return {} if found is None else {name: dict(of) for name, of in found.presets.items()}


def with_preset(experiment: Experiment, name: str) -> Experiment:
    """The experiment with a preset's settings in place of its own; UserError names the presets
    there are.
    """
    known = presets(experiment.engine)
    if name not in known:
        fix = f"Choose one of: {', '.join(known)}." if known else "Give its settings one by one."
        raise UserError(
            f"the engine {experiment.engine} has no preset {name!r}.", where="preset", fix=fix
        )
    return experiment.model_copy(update={"settings": {**experiment.settings, **known[name]}})


def parse_experiment(
    text: str | bytes, *, where: str = "experiment", dataset: dict[str, str] | None = None
) -> Experiment:
    """Read an experiment from JSON; fields in `dataset` take the place of those the text has, if
    any.

    Raises InvalidInput with one finding per wrong field.
    """
    try:
        content = read_json(text, where=where)
        if dataset is not None and isinstance(content, dict):
            named = content.get("dataset")
            content["dataset"] = (named if isinstance(named, dict) else {}) | dataset
        return Experiment.model_validate(content)
    except ValidationError as error:
        findings = validation_findings(error, models=_models(content))
        raise InvalidInput(f"{where} is not valid:", findings) from None


def _models(content: Any) -> Models:
    """The models an experiment's content is checked by, with its engine's where it names a known
    one.
    """
    engine = content.get("engine", DEFAULT_ENGINE) if isinstance(content, dict) else None
    own: Models = (
        {("settings",): settings_model(engine)}
        if isinstance(engine, str) and engine in ENGINES
        else {}
    )
    return {(): Experiment, **own}


def parsed(model: type[Fields], fields: dict[str, Any], where: str) -> Fields:
    """A pydantic model made of plain values; InvalidInput with one finding per wrong field."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InvalidInput(f"{where} is not valid:", validation_findings(error)) from None


def validation_findings(
    error: ValidationError, parent: tuple[str, ...] = (), models: Models | None = None
) -> list[Finding]:
    """One finding per wrong field of a pydantic model: its path (entries of lists counted from 1)
    and what came.

    `models` are those whose fields are suggested in place of unknown ones, by the path at which
    they begin.
    """
    findings: list[Finding] = []
    for problem in error.errors(include_url=False):
        steps = parent + tuple(
            str(part + 1) if isinstance(part, int) else part for part in problem["loc"]
        )
        context = problem.get("ctx", {})
        if isinstance(
            cause := context.get("error"), ValidationError
        ):  # a model within a field of another
            findings += validation_findings(cause, steps, models)
            continue
        kind, given = problem["type"], problem["input"]
        if kind == "too_short" and len(given) >= context["min_length"]:
            continue  # long enough but for its wrong entries, which have findings of their own
        if kind == "value_error":
            message = str(cause)
        else:
            limits = context | {"pattern": _PATTERNS.get(context.get("pattern", ""), "")}
            message = _WORDS[kind].format(**limits) if kind in _WORDS else problem["msg"]
        # A field that is missing, or two that contradict each other, have no one value to show.
        silent = (
            kind == "missing"
            or "got " in message
            or (kind == "value_error" and isinstance(given, dict))
        )
        came = "" if silent else f"; got {_shown(given)}"
        fix = _near(steps, models or {}) if kind == "extra_forbidden" else ""
        findings.append(
            Finding("error", f"{message}{came}.", where=".".join(steps) or "the whole", fix=fix)
        )
    return findings


def _near(steps: tuple[str, ...], models: Models) -> str:
    """The known field that an unknown one may stand for, as a question; "" where none is like it."""
    root = max((path for path in models if steps[: len(path)] == path), key=len, default=None)
    if root is None:
        return ""
    near = get_close_matches(steps[-1], _fields(models[root], steps[len(root) : -1]), n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


def _fields(model: type[BaseModel], steps: tuple[str, ...]) -> list[str]:
    """The fields of a model, or of the one that lies at a path within it."""
    schema = model.model_json_schema()
    here: Any = schema
    for step in steps:
        inside = (
            here.get("properties", {}).get(step)
            or here.get("items")
            or here.get("additionalProperties")
        )
        here = resolved(inside if isinstance(inside, dict) else {}, schema)
    return list(here.get("properties", {}))


def resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A part of a JSON schema itself where it is only named, and without its being allowed to be
    null.
    """
    options = [option for option in part.get("anyOf", [part]) if option.get("type") != "null"]
    named = options[0].get("$ref", "").rpartition("/")[2]
    return dict(schema["$defs"][named]) if named else {**part, **options[0]}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
