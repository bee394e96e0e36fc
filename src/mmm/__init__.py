"""mmm-app: open, self-hosted marketing mix modelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmm.client import Client

__version__ = "0.1.0"


def connect(url: str | None = None, token: str | None = None) -> Client:
    """A client of the server at `url`, with a token; without an address of the workspace that the
    settings name, without a server. See docs/python-client.md.
    """
    from mmm.client import (
        connect as connected,
    )  # numpy and pyarrow, which the command line's list needs not

    return connected(url, token)
