"""What every page needs: settings, the run service, who is acting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from mmm.access import User
from mmm.platforms.local.user import local_user
from mmm.runs.service import RunService
from mmm.settings import LoadedSettings, Settings, load_settings
from mmm.web.shell.sign_in import SignIn, SignInNeeded, admitted, sign_in_of
from mmm.web.shell.sign_outs import EndedSignIns
from mmm.workspace import Workspace
from mmm.workspace.names import utc_now


@st.cache_resource(show_spinner=False)
def loaded_settings() -> LoadedSettings:
    """The settings the server was started with. InvalidInput when they are not valid."""
    return load_settings()


def settings() -> Settings:
    return loaded_settings().settings


@st.cache_resource(show_spinner=False)
def workspace() -> Workspace:
    return Workspace.open(settings())


@st.cache_resource(show_spinner=False)
def run_service() -> RunService:
    """Runs of the server's workspace, shared by all sessions."""
    return RunService.open(settings())


@st.cache_resource(show_spinner=False)
def sign_in() -> SignIn | None:
    """How people sign in; None where the app has one local user. InvalidInput when its settings are
    not complete.
    """
    return sign_in_of(settings())


@st.cache_resource(show_spinner=False)
def ended_sign_ins() -> EndedSignIns:
    """Sign-ins that were ended, as far as this server knows."""
    return EndedSignIns(workspace())


def current_user() -> User:
    """Who acts, looked at anew each time: a session may have ended since the page was drawn.

    SignInNeeded or Refused where it is nobody who may use the app.
    """
    if sign_in() is None:
        return local_user()
    return person_of(st.user.to_dict())


def person_of(claims: Mapping[str, Any]) -> User:
    """The person of an identity that is checked already. Errors as in `current_user`."""
    user = admitted(claims, settings(), utc_now())
    if ended_sign_ins().ended(claims):
        raise SignInNeeded("You have signed out.", fix="Sign in again.")
    return user
