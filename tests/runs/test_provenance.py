"""Which code made a model, also where there is no checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmm
from mmm.runs.provenance import commit


def _package_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmm, "__file__", str(folder / "__init__.py"))


def test_an_image_knows_its_commit_by_the_file_its_build_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _package_at(tmp_path, monkeypatch)
    (tmp_path / "commit.txt").write_text("0123abc\n")
    assert commit() == "0123abc"


@pytest.mark.parametrize("text", [None, ""])
def test_an_installed_package_without_one_does_not_know(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _package_at(tmp_path, monkeypatch)
    if text is not None:
        (tmp_path / "commit.txt").write_text(text)
    assert commit() is None
