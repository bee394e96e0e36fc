"""A quick training asks for no more than the settings do, whatever they are."""

from __future__ import annotations

import pytest

from mmm.engines import load_engine
from mmm.engines.capabilities import Quick, Varies, asked

SMALLER = {
    "ridge": {"trials": 1, "iterations": 50},
    "bayes": {"chains": 2, "warm_up": 100, "sweeps": 90},
}


@pytest.mark.parametrize("name", SMALLER)
def test_quick_effort_shortens_and_never_lengthens(name: str) -> None:
    engine = load_engine(name)
    quick = asked(engine, Quick, "cannot be trained quickly")
    varied = asked(engine, Varies, "cannot be varied")
    usual = engine.settings()
    shortened = varied.variant(usual, effort=quick.quick_effort(usual))
    for field in SMALLER[name]:
        assert getattr(shortened, field) < getattr(usual, field)
    small = engine.settings.model_validate(SMALLER[name])
    same = varied.variant(small, effort=quick.quick_effort(small))
    for field, value in SMALLER[name].items():
        assert getattr(same, field) == value
