"""The line that closes a test run on a machine that lacks something."""

from __future__ import annotations

import pytest

from left_out import closing_line, unavailable


def _reason(monkeypatch: pytest.MonkeyPatch, lacks: str, packages: str) -> str:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception) as skipped:
        unavailable("It is not here.", lacks, packages)
    return str(skipped.value)


def test_it_names_what_is_missing_and_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = _reason(monkeypatch, "Chromium", "chromium")
    database = _reason(monkeypatch, "PostgreSQL", "postgresql")
    assert closing_line([browser, browser, "another reason", database]) == (
        "Left out for want of Chromium, PostgreSQL: 3 tests; "
        "to run them: apt-get install chromium postgresql"
    )


def test_there_is_none_where_nothing_is_missing() -> None:
    assert closing_line(["makes the pictures; set PICTURES=1"]) == ""


def test_nothing_may_be_missing_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="may not be skipped"):
        unavailable("It is not here.", "R", "r-base-core")
