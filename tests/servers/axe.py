"""Accessibility of a page in a real browser by axe-core: what is serious or critical and not
Streamlit's own.
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

from web_servers import settled, wait_for_page

#: (rule, part of the element's HTML, reason): what Streamlit's or Vega's own elements do and no
#: page can mend.
ALLOWED: tuple[tuple[str, str, str], ...] = (
    (
        "list",
        'data-testid="stSidebarNavItems"',
        "Streamlit's menu puts its headings between the entries of its list",
    ),
    (
        "listitem",
        '<li class="st-emotion-cache',
        "the same list: its entries lie in boxes under the headings",
    ),
    (
        "svg-img-alt",
        'role="graphics-symbol"',
        "Vega's groups of marks; the picture as a whole has its text",
    ),
)
_FADE_MILLISECONDS = 1500
_BACKGROUND = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app === null ? null : getComputedStyle(app).backgroundColor;
}"""
_RULES = {"resultTypes": ["violations"]}
_RULES_OF_COLOUR = {**_RULES, "runOnly": ["color-contrast", "link-in-text-block"]}


def violations(page: Any, rules: dict[str, Any] = _RULES) -> list[str]:
    """`rule: what, at which element` of every violation beyond `ALLOWED`.

    What is found is looked at twice: a part that is just being drawn anew is faded and fails the
    contrast.
    """
    found = _found(page, rules)
    if found:
        page.wait_for_timeout(_FADE_MILLISECONDS)
        again = _found(page, rules)
        found = [violation for violation in found if violation in again]
    return found


def violations_in_both_schemes(page: Any) -> list[str]:
    """Those of an open page in light colours, and of its colours when it is opened in dark ones:
    nothing else differs between the two.
    """
    page.emulate_media(color_scheme="light")
    settled(page)
    light = page.evaluate(_BACKGROUND)
    found = [f"light: {violation}" for violation in violations(page)]
    page.emulate_media(color_scheme="dark")
    page.reload()  # the server chooses the charts' colours and some of the page's
    wait_for_page(page, lambda: page.evaluate(_BACKGROUND) not in (light, None))
    settled(page)
    found += [f"dark: {violation}" for violation in violations(page, _RULES_OF_COLOUR)]
    page.emulate_media(color_scheme="light")
    return found


def _found(page: Any, rules: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']}: {violation['help']}, at {node['html'][:200]}"
        for violation in Axe().run(page, options=rules).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
        if not any(rule == violation["id"] and part in node["html"] for rule, part, _ in ALLOWED)
    ]
