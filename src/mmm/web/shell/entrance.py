"""Who comes in: the pages before and beside the others, and what of it goes into the audit trail."""

from __future__ import annotations

import logging
from typing import Any

import streamlit as st

from mmm.access import User
from mmm.logs import acting_user
from mmm.web.kit.text import error_markdown, plain
from mmm.web.shell.session import current_user, ended_sign_ins, settings, sign_in, workspace
from mmm.web.shell.sign_in import Refused, SignInNeeded, signed_in_at
from mmm.workspace.audit import REFUSED
from mmm.workspace.names import utc_now
from mmm.workspace.objects import StoreError

log = logging.getLogger(__name__)

_SIGN_IN, _SIGN_OUT = "sign-in", "sign-out"


def enter() -> User | None:
    """The person who acts; None after drawing what there is for somebody who is not signed in or
    not allowed.
    """
    try:
        user = current_user()
    except SignInNeeded as needed:
        _ask_to_sign_in(needed)
        return None
    except Refused as refusal:
        _turn_away(refusal)
        return None
    acting_user.set(user.id)
    if sign_in() is not None:
        _remember(_SIGN_IN, role=user.role)
    return user


def who(user: User) -> None:
    """The sidebar's lines on the person."""
    if sign_in() is None:
        st.caption(f"Local user **{plain(user.name)}**")
        st.caption("Nobody signs in here: whoever reaches this address acts under this name.")
        return
    st.caption(f"**{plain(user.name)}** · {user.role}")
    if user.name != user.email:
        st.caption(plain(user.email))
    st.button("Sign out", icon=":material/logout:", on_click=_sign_out, args=(user,))


def _ask_to_sign_in(needed: SignInNeeded) -> None:
    st.title("Marketing mix models")
    st.markdown(plain(str(needed)))
    st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)


def _turn_away(refusal: Refused) -> None:
    _remember(_SIGN_IN + REFUSED, why=refusal.what)
    st.title("Not allowed")
    st.error(error_markdown(refusal), icon=":material/block:")
    st.button("Sign in with another account", icon=":material/logout:", on_click=st.logout)


def _remember(action: str, **details: Any) -> None:
    """Once per sign-in: every tab and every server sees the same moment in the identity."""
    claims = st.user.to_dict()
    actor = str(claims.get("email") or claims.get("sub") or "?").strip().lower()
    at = signed_in_at(claims)
    if st.session_state.get("remembered") != (action, at):
        try:
            workspace().append_audit_once(actor, action, settings().service_name, at, **details)
        except StoreError as failure:  # full, or for reading only: looking goes on
            log.error("the audit trail lacks %s of %s: %s", action, actor, failure)
            return
        st.session_state["remembered"] = (action, at)


def _sign_out(user: User) -> None:
    workspace().append_audit(user, _SIGN_OUT, settings().service_name)
    ended_sign_ins().end(st.user.to_dict(), user.id, utc_now())
    st.logout()
