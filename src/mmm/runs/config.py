"""The experiment: what to model, as one validated JSON file (the deployment guide's job configuration)."""

from __future__ import annotations

import json
from datetime import date
from importlib import import_module
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mmm.data.mapping import Mapping
from mmm.errors import Finding, InvalidInput, UserError

#: Settings models by engine; dotted paths, so that reading a config imports no engine.
ENGINE_SETTINGS = {"ridge": "mmm.engines.ridge.settings:RidgeSettings"}


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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
    channels: tuple[str, ...] = Field(min_length=1)
    start: date
    end: date
    lift: float
    spend: float = Field(ge=0)
    confidence: float = Field(default=0.9, gt=0, le=1)
    scope: Literal["immediate", "total"] = "immediate"


class Experiment(_Config):
    """One experiment. `settings` holds the chosen engine's settings, validated by that engine's own model."""

    schema_version: Literal[1] = 1
    name: str = Field(default="", max_length=200)
    dataset: DatasetRef
    mapping: Mapping
    window: Window = Window()
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    lift_tests: tuple[LiftTestConfig, ...] = ()
    engine: str = "ridge"
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, engine: str) -> str:
        if engine not in ENGINE_SETTINGS:
            raise ValueError(f"choose one of: {', '.join(ENGINE_SETTINGS)}")
        return engine

    @model_validator(mode="after")
    def _valid_settings(self) -> Experiment:
        self.engine_settings()
        return self

    def engine_settings(self) -> BaseModel:
        """The engine's settings with their defaults filled in."""
        module, _, attribute = ENGINE_SETTINGS[self.engine].partition(":")
        model: type[BaseModel] = getattr(import_module(module), attribute)
        return model.model_validate(self.settings)

    def to_json(self) -> str:
        return self.model_dump_json(indent=2)


def parse_experiment(text: str | bytes, *, where: str = "experiment") -> Experiment:
    """Read an experiment from JSON. Raises InvalidInput with one finding per wrong field."""
    try:
        return Experiment.model_validate(json.loads(text))
    except ValidationError as error:
        raise InvalidInput(f"{where} is not valid:", validation_findings(error)) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"is not JSON ({error}).", where=where) from None


def validation_findings(error: ValidationError) -> list[Finding]:
    """One finding per wrong field of a pydantic model, with the field's path and what came."""
    findings = []
    for problem in error.errors(include_url=False):
        path = ".".join(str(part) for part in problem["loc"]) or "(whole)"
        message = problem["msg"].removeprefix("Value error, ")
        given = problem.get("input")
        shown = "" if isinstance(given, dict | BaseModel) or "got " in message else f" (got {given!r})"
        findings.append(Finding("error", f"{message}{shown}", where=path))
    return findings
