"""What every page needs: settings, the run service, who is acting."""

from __future__ import annotations

import streamlit as st

from mmm.access import User
from mmm.platforms.local.user import local_user
from mmm.runs.service import RunService
from mmm.settings import LoadedSettings, Settings, load_settings
from mmm.web.shell.sign_in import SignIn, admitted, sign_in_of
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


def current_user() -> User:
    """Who acts, looked at anew each time: a session may have ended since the page was drawn.

    SignInNeeded or Refused where it is nobody who may use the app.
    """
    return local_user() if sign_in() is None else admitted(st.user.to_dict(), settings(), utc_now())
