"""What every page needs: settings, the run service, who is acting."""

from __future__ import annotations

from importlib import import_module
from threading import Thread

import streamlit as st

from mmm.errors import UserError
from mmm.platforms.local.user import current_user as _owner
from mmm.runs.service import RunService
from mmm.settings import Settings, load_settings

_SIGN_IN = ("AUTH_CLIENT_ID", "AUTH_CLIENT_SECRET", "AUTH_COOKIE_SECRET")


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """The settings the server was started with. InvalidInput when they are not valid."""
    return load_settings().settings


@st.cache_resource(show_spinner=False)
def run_service() -> RunService:
    """Runs of the server's workspace, shared by all sessions."""
    return RunService.open(settings())


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Import what results need while the first visitor reads: it takes seconds once, and nothing afterwards."""

    def load() -> None:
        for module in ("pyarrow.compute", "pyarrow.parquet", "altair", "mmm.web.result_views"):
            import_module(module)

    Thread(target=load, name="warm-up", daemon=True).start()


def current_user() -> str:
    """Who acts: the server's owner, as nobody signs in on a local platform."""
    return _owner()


def refuse_without_sign_in(given: Settings) -> None:
    """UserError on a cloud platform: there the app may be reached by strangers, and it cannot sign anyone in yet."""
    if given.cloud_provider == "local":
        return
    raise UserError(
        "the app does not open on a cloud platform without sign-in, and sign-in is not part of this version.",
        where=f"CLOUD_PROVIDER={given.cloud_provider}",
        fix=f"Set CLOUD_PROVIDER=local to use it on this machine; {', '.join(_SIGN_IN)} will be needed for sign-in.",
    )
