"""export, recreate, onepager, refresh, changes, accept: what they say to wrong input, before any
work.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mmm.cli.artifacts import recreate_command
from mmm.cli.refresh import refresh_command
from mmm.errors import UserError


def test_recreate_takes_one_table() -> None:
    with pytest.raises(UserError, match="cannot go together"):
        recreate_command(Path("model.json"), data=Path("data.csv"), dataset="DE/0123456789abcdef")


@pytest.mark.parametrize("given", [{}, {"data": Path("data.csv"), "dataset": "0123456789abcdef"}])
def test_refresh_needs_one_table(given: dict[str, object]) -> None:
    with pytest.raises(UserError, match="one of them is needed"):
        refresh_command("latest", **({"data": None, "dataset": None} | given))  # type: ignore[arg-type]
