"""`mmm datasets`."""

from __future__ import annotations

from typing import Annotated

import typer

from mmm.cli import show
from mmm.settings import load_settings
from mmm.workspace import Workspace


def datasets_command(
    market: Annotated[str | None, typer.Option(help="Only this market's.")] = None,
) -> None:
    """List the datasets, newest first."""
    found = Workspace.open(load_settings().settings).datasets(market)
    rows = [
        (
            manifest.market,
            manifest.dataset_id,
            f"{manifest.rows:,}",
            str(len(manifest.columns)),
            manifest.origin,
            show.moment(manifest.created),
        )
        for manifest in found
    ]
    show.table(("MARKET", "DATASET", "ROWS", "COLUMNS", "ORIGIN", "CREATED"), rows)
