"""Tokens of programs on the page Admin: who has one, a new one, the end of one."""

from __future__ import annotations

import streamlit as st

from mmm.access import Role, User
from mmm.errors import UserError
from mmm.experiments.config import parsed
from mmm.services.tokens import DAYS, MOST_DAYS, TokenInfo, TokenRequest, issue, listed, revoke
from mmm.web.kit.tables import table
from mmm.web.kit.text import error_markdown, moment, plain
from mmm.web.shell.session import workspace
from mmm.workspace.names import utc_now
from mmm.workspace.tokens import Scope

_SCOPES = {
    Scope.READ: "read: look",
    Scope.WRITE: "write: store",
    Scope.COMPUTE: "compute: start and stop runs",
}


def tokens(user: User) -> None:
    """The section of the page."""
    st.subheader("Tokens")
    st.markdown(
        "Programs come in by the REST API with a token. It acts with its role, as far as its scopes go; the audit "
        "log names it."
    )
    _new(user)
    _end(user)
    found = listed(workspace(), user)
    if not found:
        st.markdown("No token has been issued.")
        return
    headings = ("Name", "Token", "Role", "Scopes", "Issued by", "Until", "")
    table(headings, [_row(token) for token in found])


def _row(token: TokenInfo) -> tuple[str, ...]:
    scopes = ", ".join(token.scopes)
    role, until = str(token.role), moment(token.expires)
    return token.name, token.token_id, role, scopes, token.created_by, until, _state(token)


def _state(token: TokenInfo) -> str:
    if token.revoked:
        return "revoked"
    return "expired" if token.expires <= utc_now() else ""


def _new(user: User) -> None:
    with st.expander("Issue a token"), st.form("new-token", border=False):
        name = st.text_input("What it is for", max_chars=100)
        scopes = st.multiselect(
            "Scopes", list(_SCOPES), [Scope.READ], format_func=_SCOPES.__getitem__
        )
        role = st.selectbox("Role of the token", list(Role), format_func=str)
        days = st.number_input("Days it lasts", 1, MOST_DAYS, DAYS)
        if not st.form_submit_button("Issue"):
            return
        fields = {"name": name, "scopes": tuple(scopes), "role": role, "days": int(days)}
        try:
            made = issue(workspace(), parsed(TokenRequest, fields, "The token"), user)
        except UserError as error:
            st.error(error_markdown(error))
            return
        st.success("Copy it now: it is shown this once. The workspace keeps only its hash.")
        st.code(made.token, language=None)


def _end(user: User) -> None:
    live = {
        token.token_id: f"{token.name} ({token.token_id})"
        for token in listed(workspace(), user)
        if not _state(token)
    }
    if not live:
        return
    with st.expander("Revoke a token"), st.form("end-token", border=False):
        token_id = st.selectbox("Token", list(live), format_func=live.__getitem__)
        if st.form_submit_button("Revoke") and token_id:
            ended = revoke(workspace(), token_id, user)
            st.success(f"{plain(ended.name)} is revoked: it is refused from now on.")
