"""Accessibility of a page in a real browser, by axe-core."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

_GRAVE = ("serious", "critical")
#: Streamlit's own markup, which no page of ours can change: (rule, part of the element's HTML), with the reason.
_KNOWN: tuple[tuple[str, str], ...] = (
    ("list", '<ul data-testid="stSidebarNavItems"'),  # the menu's sections are divs between the list and its items
    ("listitem", '<li class="st-emotion-cache'),  # the same items, seen from below
)


def violations(page: Any) -> list[str]:
    """Serious and critical violations on the page as it stands, one text each; without Streamlit's known ones."""
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: {node['html'][:300]}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in _GRAVE
        for node in found["nodes"]
        if not any(found["id"] == rule and part in node["html"] for rule, part in _KNOWN)
    ]
