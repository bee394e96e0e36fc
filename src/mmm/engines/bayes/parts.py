"""The steps of a sweep in which a nation and a panel differ, chosen by the market's type when the
sweep is compiled.

What a step does for one kind of market (a NamedTuple) is registered with `use`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

_OPTIONS: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract"}}


def shape_trial(market: Any, state: Any, c: int) -> float:
    """The trial's regressor from its parameters; returns the Hill curve's factor, 0 for none."""
    raise NotImplementedError


def trial_row(market: Any, state: Any, c: int, value: float) -> float:
    """The trial's soft evidence and its row of the precision, `value` being the factor of its Hill
    curve; returns its linear term.
    """
    raise NotImplementedError


def accept_channel(market: Any, state: Any, c: int, value: float) -> None:
    """The trial becomes the state of channel c; `value` is its linear term."""
    raise NotImplementedError


def solve_spare(market: Any, state: Any, hyper: np.ndarray) -> None:
    """All of `state.spare` for other hyperparameters."""
    raise NotImplementedError


def take_spare(market: Any, state: Any) -> None:
    """`state.spare` becomes `state.solved`."""
    raise NotImplementedError


def keep(market: Any, state: Any) -> None:
    """Copy what changes with the channels' curves and effects, so that `put_back` finds it. What
    `state.spare` holds is lost.
    """
    raise NotImplementedError


def put_back(market: Any, state: Any) -> None:
    """The channels as they were when `keep` was called."""
    raise NotImplementedError


def draw_residual(
    market: Any, state: Any, rng: np.random.Generator, gamma: np.ndarray, rest: np.ndarray
) -> None:
    """The baseline's coefficients given all else into `gamma` (p,), and what is then left of the
    market's KPI into `rest` (T,).
    """
    raise NotImplementedError


def use(kind: type, functions: Mapping[Callable[..., Any], Any]) -> None:
    """What each step does where the market is of the NamedTuple `kind`: a compiled function."""
    for step, function in functions.items():
        overload(step, jit_options=_OPTIONS, strict=False)(_chooser(kind, function.py_func))


def _chooser(kind: type, plain: Callable[..., Any]) -> Callable[..., Any]:
    """What numba asks with the types of a call's arguments: the function, None for other kinds."""

    def choose(market: Any, *rest: Any) -> Callable[..., Any] | None:
        if isinstance(market, types.NamedTuple) and market.instance_class is kind:
            return plain
        return None

    return choose
