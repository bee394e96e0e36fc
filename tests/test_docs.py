"""The documentation's lists are complete and its links lead somewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from mmm.cli import COMMANDS
from mmm.settings import NAMES

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path for path in (ROOT / "docs").glob("*.md")}


@cache
def text(name: str) -> str:
    return PAGES[name].read_text(encoding="utf-8")


def test_every_setting_is_explained() -> None:
    everything = "\n".join(map(text, PAGES))
    assert [name for name in NAMES if f"`{name}`" not in everything] == []


def test_every_command_is_listed() -> None:
    assert [name for name in COMMANDS if f"`{name}`" not in text("command-line.md")] == []


def test_the_index_lists_every_page() -> None:
    assert set(re.findall(r"\]\((\S+\.md)\):", text("README.md"))) - {
        "../benchmarks/README.md"
    } == set(PAGES) - {"README.md"}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *PAGES.values()], ids=str
)
def test_links_lead_to_files(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [
        link.partition("#")[0]
        for link in re.findall(r"\]\(([^)\s]+)\)", prose)
        if "://" not in link
    ]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []
