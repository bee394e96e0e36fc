"""Engines by name, the one place that lists them. Dotted paths, so that no engine is imported before
it is chosen, and its settings can be read without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from mmm.errors import UserError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from mmm.engines.base import Engine


@dataclass(frozen=True)
class Registered:
    """Where an engine's class and the pydantic model of its settings are: module:name."""

    engine: str
    settings: str


ENGINES: dict[str, Registered] = {
    "bayes": Registered(
        engine="mmm.engines.bayes.engine:BayesEngine",
        settings="mmm.engines.bayes.settings:BayesSettings",
    ),
    "ridge": Registered(
        engine="mmm.engines.ridge.engine:RidgeEngine",
        settings="mmm.engines.ridge.settings:RidgeSettings",
    ),
    "robyn": Registered(
        engine="mmm.engines.robyn.engine:RobynEngine",
        settings="mmm.engines.robyn.settings:RobynSettings",
    ),
}

#: The engine of an experiment that names none.
DEFAULT_ENGINE = "bayes"


def load_engine(name: str) -> Engine:
    """The engine called `name`; UserError for an unknown one."""
    return cast("Engine", _load(_registered(name).engine)())


def settings_model(name: str) -> type[BaseModel]:
    """The model of an engine's settings: what there is to set, its limits and defaults."""
    return cast("type[BaseModel]", _load(_registered(name).settings))


def _registered(name: str) -> Registered:
    if name not in ENGINES:
        fix = f"Choose one of: {', '.join(ENGINES)}."
        raise UserError(f"unknown engine {name!r}.", where="engine", fix=fix)
    return ENGINES[name]


def _load(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)
