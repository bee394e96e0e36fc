"""Engines by name. Dotted paths, so that no engine is imported before it is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from mmm.engines.base import Engine
from mmm.errors import UserError

ENGINES = {
    "ridge": "mmm.engines.ridge.engine:RidgeEngine",
    "robyn": "mmm.engines.robyn.engine:RobynEngine",
}


def load_engine(name: str) -> Engine:
    """Return the engine called `name`; UserError for an unknown one."""
    if name not in ENGINES:
        raise UserError(
            f"unknown engine {name!r}.", where="engine", fix=f"Choose one of: {', '.join(ENGINES)}."
        )
    module, _, attribute = ENGINES[name].partition(":")
    return cast(Engine, getattr(import_module(module), attribute)())
