"""Platforms by name. Dotted paths, so that no cloud SDK is imported before its platform is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mmm.errors import UserError
from mmm.platforms.base import SecretStore, TaskLauncher
from mmm.settings import Settings

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: Each is called with the settings.
LAUNCHERS = {
    "local": "mmm.platforms.local.launcher:LocalLauncher.from_settings",
    "aws": "mmm.platforms.aws.launcher:EcsLauncher.from_settings",
    "gcp": "mmm.platforms.gcp.launcher:CloudRunLauncher.from_settings",
}
SECRET_STORES = {
    "local": "mmm.platforms.local.secrets:FileSecretStore.from_settings",
    "aws": "mmm.platforms.aws.secrets:SecretsManagerStore.from_settings",
    "gcp": "mmm.platforms.gcp.secrets:SecretManagerStore.from_settings",
}
#: Object stores by the scheme of their address, whatever the platform. Each is called with bucket,
#: prefix and settings.
BUCKETS = {
    "s3": "mmm.platforms.aws.buckets:open_s3",
    "gs": "mmm.platforms.gcp.buckets:open_gs",
}
_EXTRAS = {"boto3": "aws", "botocore": "aws", "google": "gcp", "requests": "gcp"}


def open_launcher(settings: Settings) -> TaskLauncher:
    """The chosen platform's launcher; UserError when it has none."""
    launcher: TaskLauncher = _open(LAUNCHERS, "task launcher", settings)
    return launcher


def open_secret_store(settings: Settings) -> SecretStore:
    """The chosen platform's secret store; UserError when it has none."""
    store: SecretStore = _open(SECRET_STORES, "secret store", settings)
    return store


def open_bucket(scheme: str, bucket: str, prefix: str | None, settings: Settings) -> ObjectStore:
    """The store of a bucket, with the credentials its cloud's SDK finds; UserError where there are
    none.
    """
    store: ObjectStore = _load(BUCKETS[scheme])(bucket, prefix, settings)
    return store


def _open(registry: dict[str, str], what: str, settings: Settings) -> Any:
    path = registry.get(settings.cloud_provider)
    if path is None:
        raise UserError(
            f"there is no {what} for {settings.cloud_provider!r}.",
            where="CLOUD_PROVIDER",
            fix=f"Choose one of: {', '.join(registry)}.",
        )
    return _load(path)(settings)


def _load(path: str) -> Any:
    """What the dotted path names; UserError where its SDK is not installed."""
    module, _, attributes = path.partition(":")
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in _EXTRAS:
            raise
        extra = _EXTRAS[package]
        what, fix = (
            f"needs the package {package}, which is not installed.",
            f"Run: pip install 'mmm-app[{extra}]'",
        )
        raise UserError(what, where=f"the platform {extra}", fix=fix) from error
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found
