"""`mmm ingest`, `mmm datasets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmm.cli import show
from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.settings import load_settings
from mmm.workspace import DatasetManifest, Workspace

Separator = Annotated[
    str | None,
    typer.Option(help="CSV: what lies between values; `tab` is a word. Found if absent."),
]
Decimal = Annotated[
    str | None, typer.Option(help="CSV: the decimal mark, a point or a comma. Found if absent.")
]
Encoding = Annotated[
    str | None, typer.Option(help="CSV: such as utf-8 or windows-1252. Found if absent.")
]
Sheet = Annotated[
    str | None, typer.Option(help="Excel: the sheet; default the first that is not empty.")
]


def ingest_command(
    file: Annotated[Path | None, typer.Argument(help="A CSV, Parquet or Excel file.")] = None,
    market: Annotated[
        str | None, typer.Option(help="The market the data is of, for example DE.")
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    connection: Annotated[
        str | None, typer.Option(help="Read this connection instead of a file.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="Connection: the table.")] = None,
    query_file: Annotated[
        Path | None, typer.Option(help="Connection: a file with a SELECT, values as :name.")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="With --connection and --table: add up there by this recipe, by day."),
    ] = None,
    show_sql: Annotated[
        bool, typer.Option("--show-sql", help="With --recipe: print the SQL; run nothing.")
    ] = False,
    param: Annotated[
        list[str] | None, typer.Option(help="Connection: NAME=VALUE of the query; repeat it.")
    ] = None,
    markets: Annotated[
        str | None, typer.Option(help="Connection: several markets, for the query's :market.")
    ] = None,
) -> None:
    """Store a file or a connection's table as a dataset; print its id. The same content again gives
    the same one.

    An experiment names the dataset by market and id. `mmm submit EXPERIMENT --data FILE` does both
    in one step.

    Example: `mmm ingest sales.csv --market DE`, or `mmm ingest --connection shop --table sales
    --market DE`.
    """
    settings = load_settings().settings
    wanted = (
        [market]
        if market
        else [name.strip() for name in (markets or "").split(",") if name.strip()]
    )
    if not wanted or (market and markets):
        raise UserError(
            "name the market.",
            where="ingest",
            fix="Use --market DE, or --markets DE,FR with :market.",
        )
    if connection:
        from mmm.cli.connections import ingest_aggregated, ingest_connection

        if file or separator or decimal or encoding or sheet:
            raise UserError("a file and its options go without --connection.", where="ingest")
        if recipe is not None:
            if table is None or len(wanted) > 1:
                fix = "Use --table and --market with --recipe."
                raise UserError("name one table and one market.", where="ingest", fix=fix)
            ingest_aggregated(settings, connection, wanted[0], table, recipe, only_show=show_sql)
            return
        ingest_connection(settings, connection, wanted, table, query_file, param or [])
        return
    if file is None or markets or table or query_file or param:
        raise UserError("name a file, or a --connection with its options.", where="ingest")
    workspace = Workspace.open(settings)
    manifest = store_file(
        workspace,
        file,
        wanted[0],
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        sheet=sheet,
    )
    typer.echo(manifest.dataset_id)


def store_file(
    workspace: Workspace, file: Path, market: str, **options: str | None
) -> DatasetManifest:
    """Make a file a dataset (`options` are those of reading); what was read and its notes go to stderr."""
    from mmm.data.ingest import ingest  # pyarrow, which listing does not need
    from mmm.sources.guarded import GuardedFile
    from mmm.sources.limits import ReadLimits

    if options.get("separator") == "tab":
        options["separator"] = "\t"
    limits = ReadLimits.of(load_settings().settings)
    source = GuardedFile(file, limits=limits, **options)
    manifest = ingest(source, market=market, origin=file.name, workspace=workspace, by=local_user())
    typer.echo(
        f"{manifest.rows:,} rows, {len(manifest.columns)} columns, {manifest.bytes:,} bytes",
        err=True,
    )
    for note in manifest.notes:
        typer.echo(f"Note: {note}", err=True)
    if manifest.stored_again is not None:
        known = f"The same data were stored on {manifest.created:%Y-%m-%d} already"
        typer.echo(f"Note: {known}; {market}/latest now means them again.", err=True)
    return manifest


def datasets_command(
    market: Annotated[str | None, typer.Option(help="Only this market's.")] = None,
) -> None:
    """List the datasets, newest first.

    Example: `mmm datasets --market DE`.
    """
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
