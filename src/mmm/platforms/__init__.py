"""Platforms by name. Dotted paths, so that no cloud SDK is imported before its platform is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mmm.errors import UserError
from mmm.platforms.base import SecretStore, TaskLauncher
from mmm.settings import Settings

#: Each is called with the settings.
LAUNCHERS = {"local": "mmm.platforms.local.launcher:LocalLauncher.from_settings"}
SECRET_STORES = {"local": "mmm.platforms.local.secrets:FileSecretStore.from_settings"}


def open_launcher(settings: Settings) -> TaskLauncher:
    """The chosen platform's launcher; UserError when it has none."""
    launcher: TaskLauncher = _open(LAUNCHERS, "task launcher", settings)
    return launcher


def open_secret_store(settings: Settings) -> SecretStore:
    """The chosen platform's secret store; UserError when it has none."""
    store: SecretStore = _open(SECRET_STORES, "secret store", settings)
    return store


def _open(registry: dict[str, str], what: str, settings: Settings) -> Any:
    path = registry.get(settings.cloud_provider)
    if path is None:
        raise UserError(
            f"there is no {what} for {settings.cloud_provider!r}.",
            where="CLOUD_PROVIDER",
            fix=f"Choose one of: {', '.join(registry)}.",
        )
    module, _, attributes = path.partition(":")
    found: Any = import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found(settings)
