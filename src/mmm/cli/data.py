"""`mmm ingest`, `mmm datasets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmm.cli import show
from mmm.platforms.local.user import current_user
from mmm.settings import load_settings
from mmm.workspace import Workspace


def ingest_command(
    file: Annotated[Path, typer.Argument(help="A CSV, Parquet or Excel file.")],
    market: Annotated[str, typer.Option(help="The market the data is of, for example DE.")],
    sheet: Annotated[str | None, typer.Option(help="The sheet of an Excel file; default the first.")] = None,
) -> None:
    """Store a file as a dataset; print its id. The same content again gives the dataset that is there."""
    from mmm.data.ingest import ingest  # pyarrow, which listing does not need
    from mmm.sources.files import FileSource

    workspace = Workspace.open(load_settings().settings)
    manifest = ingest(
        FileSource(file),
        market=market,
        origin=file.name,
        workspace=workspace,
        created_by=current_user(),
        table_or_query=sheet,
    )
    workspace.append_audit(manifest.created_by, "dataset.ingest", f"{manifest.market}/{manifest.dataset_id}")
    typer.echo(manifest.dataset_id)
    typer.echo(f"{manifest.rows:,} rows, {len(manifest.columns)} columns, {manifest.bytes:,} bytes", err=True)
    for note in manifest.notes:
        typer.echo(f"Note: {note}", err=True)


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
