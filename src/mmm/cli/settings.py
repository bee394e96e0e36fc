"""`mmm settings`, `mmm version`."""

from __future__ import annotations

import typer

import mmm
from mmm.cli import show
from mmm.settings import load_settings


def settings_command() -> None:
    """Print every setting with its origin: environment, .env or default. Secrets are masked.

    Example: `mmm settings`.
    """
    loaded = load_settings()
    show.table(("SETTING", "VALUE", "ORIGIN"), loaded.lines())
    typer.echo(f"\nWorkspace: {loaded.settings.workspace_url}")


def version_command() -> None:
    """Print the version.

    Example: `mmm version`.
    """
    typer.echo(f"mmm-app {mmm.__version__}")
