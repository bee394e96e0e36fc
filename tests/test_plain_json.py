"""JSON from people: the reason why it is none, and never deeper than what follows bears."""

from __future__ import annotations

import pytest

from mmm.errors import UserError
from mmm.plain_json import read_json


@pytest.mark.parametrize("levels", [101, 100_000])
@pytest.mark.parametrize("ends", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_what_nests_too_deeply_is_refused(levels: int, ends: tuple[str, str]) -> None:
    text = ends[0] * levels + "1" + ends[1] * levels
    with pytest.raises(UserError, match="that can be used: more than 100 levels"):
        read_json(text, where="x.json")


def test_a_hundred_levels_are_read() -> None:
    value = read_json("[" * 99 + "7" + "]" * 99, where="x.json")
    for _ in range(99):
        (value,) = value
    assert value == 7


@pytest.mark.parametrize("text", ["{", "9" * 5000, b"\xff"])
def test_what_is_no_json_is_told_with_the_reason(text: str | bytes) -> None:
    with pytest.raises(UserError, match=r"^x\.json: is not JSON \("):
        read_json(text, where="x.json")
