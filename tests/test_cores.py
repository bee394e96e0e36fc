"""Cores are those this process may use, in a container those of its share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmm.cores import usable_cores


@pytest.mark.parametrize(
    ("name", "text", "cores"),
    [
        ("cpu.max", "100000 100000", 1),
        ("cpu.max", "50000 100000", 1),
        ("cpu.max", "max 100000", None),
    ],
)
def test_cores_are_those_of_the_container(
    tmp_path: Path, name: str, text: str, cores: int | None
) -> None:
    (tmp_path / name).write_text(text + "\n")
    assert usable_cores(tmp_path) == (cores or len(os.sched_getaffinity(0)))


def test_cores_in_the_older_form_of_limits(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cores(tmp_path) == 1
    assert usable_cores(tmp_path / "none") == len(os.sched_getaffinity(0))
