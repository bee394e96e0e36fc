"""The border between the app and the person: errors become messages, stack traces go to the
server's log.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from mmm.errors import UserError
from mmm.web.kit.text import error_markdown
from mmm.web.shell.session import current_user
from mmm.web.shell.sign_in import Refused, SignInNeeded

log = logging.getLogger(__name__)


@contextmanager
def border() -> Iterator[None]:
    """Show what goes wrong inside, as a sentence."""
    try:
        yield
    except UserError as error:
        st.error(error_markdown(error), icon=":material/error:")
    except Exception:  # the border: a person gets a sentence and an id, the trace goes to the log
        error_id = secrets.token_hex(4)
        log.exception("unexpected error in the web app (id %s)", error_id)
        st.error(
            f"Something unexpected went wrong. Please report it with the id **{error_id}**: "
            "it finds the details in the server's log.",
            icon=":material/error:",
        )


def live(draw: Callable[..., None], every: float | None, *arguments: Any) -> None:
    """Draw a part of a page that runs again by itself every so many seconds (None: only with the
    page).

    Such a part passes by the entrance, so it looks itself whether the session has ended.
    """

    def drawn() -> None:
        with border():
            try:
                current_user()
            except (SignInNeeded, Refused):
                st.rerun(scope="app")
            draw(*arguments)

    st.fragment(drawn, run_every=every)()
