"""Accessibility of a page in a real browser, by axe-core."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe


def violations(page: Any) -> list[str]:
    """What axe finds on the page as it stands: rule, its help and the elements; empty when nothing."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {rule['help']} at {', '.join(str(node['target']) for node in rule['nodes'][:5])}"
        for rule in found
    ]
