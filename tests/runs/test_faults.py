"""A small share of `python -m benchmarks.faults`: kills, refusals and cut answers by seed."""

from __future__ import annotations

import pytest
from benchmarks.faults import injected

from mmm.workspace.objects import Objects


@pytest.mark.parametrize("seed", range(2))
def test_after_faults_every_run_reaches_a_right_end(seed: int) -> None:
    assert injected(seed, 60) >= 60


def test_the_harness_finds_a_store_that_creates_what_is_there_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Objects, "create", Objects.put)
    with pytest.raises(AssertionError, match="written twice"):
        injected(1, 300)
