"""What a browser may load and do on the app's pages: nothing from elsewhere, no script of others."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import streamlit

_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
#: Features that no page uses.
_CLOSED_FEATURES = (
    "accelerometer", "autoplay", "camera", "display-capture", "geolocation", "gyroscope",
    "hid", "magnetometer", "microphone", "midi", "payment", "screen-wake-lock", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip


def content_policy() -> str:
    """The Content-Security-Policy. Streamlit's own page has one script within it, allowed by its
    hash; its styles are made while it runs, and charts are drawn into data and blob addresses.
    """
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *_inline_scripts()]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "frame-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'self'",
        "object-src": "'none'",
    }
    return "; ".join(f"{name} {allowed}" for name, allowed in rules.items())


def permissions_policy() -> str:
    """The Permissions-Policy: what no page needs is closed to all of them."""
    return ", ".join(f"{feature}=()" for feature in _CLOSED_FEATURES)


def _inline_scripts() -> list[str]:
    """Hashes of the scripts within Streamlit's page."""
    page = Path(streamlit.__file__).parent / "static" / "index.html"
    digests = [
        hashlib.sha256(script.encode()).digest()
        for script in _INLINE.findall(page.read_text("utf-8"))
    ]
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
