"""`mmm ingest`, `mmm preview`, `mmm datasets`, `mmm label`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    str | None,
    typer.Option(
        help="Excel: the sheet; several of one table with commas, or `all`; default the first."
    ),
]
SheetColumn = Annotated[
    str | None, typer.Option(help="Excel: a new column for the name of each row's sheet.")
]
SkipHidden = Annotated[
    bool, typer.Option("--skip-hidden", help="Excel: leave hidden rows and columns out.")
]
HeaderRow = Annotated[
    int | None, typer.Option(help="File: the line or row of the column names, from 1.", min=1)
]
HeaderRows = Annotated[
    int | None, typer.Option(help="File: how many rows the header has.", min=1, max=5)
]
KeepTotals = Annotated[bool, typer.Option("--keep-totals", help="File: keep rows of totals.")]
Missing = Annotated[
    list[str] | None, typer.Option(help="File: a text that means no value; repeat it.")
]
ColumnAs = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="File: NAME=KIND for one column: decimal-point, decimal-comma, day-first, month-first, "
        "year-first, week, week-ending (dated by its first day), month, serial, date, number or text; "
        "repeat it.",
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(help="File: the zone whose days count for times with an offset: Europe/Berlin."),
]
Currency = Annotated[
    str | None,
    typer.Option(help="File: the money's currency where no column says it, such as EUR."),
]


def file_options(
    *,
    separator: str | None,
    decimal: str | None,
    encoding: str | None,
    sheet: str | None,
    sheet_column: str | None,
    skip_hidden: bool,
    header_row: int | None,
    header_rows: int | None,
    keep_totals: bool,
    missing: list[str] | None,
    column: list[str] | None,
    zone: str | None,
    currency: str | None,
) -> dict[str, Any]:
    """The given ones of ReadOptions' fields; those left out are found in the file."""
    from mmm.sources.reading import parse_columns

    given = {
        "separator": "\t" if separator == "tab" else separator,
        "decimal": decimal,
        "encoding": encoding,
        "sheet": sheet,
        "sheet_column": sheet_column,
        "skip_hidden": skip_hidden or None,
        "header_row": header_row,
        "header_rows": header_rows,
        "keep_totals": keep_totals or None,
        "missing": tuple(missing or ()) or None,
        "columns": parse_columns(column or []) or None,
        "zone": zone,
        "currency": currency,
    }
    return {name: value for name, value in given.items() if value is not None}


def ingest_command(
    file: Annotated[Path | None, typer.Argument(help="A CSV, Parquet or Excel file.")] = None,
    market: Annotated[
        str | None, typer.Option(help="The market the data is of, for example DE.")
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    sheet_column: SheetColumn = None,
    skip_hidden: SkipHidden = False,
    header_row: HeaderRow = None,
    header_rows: HeaderRows = None,
    keep_totals: KeepTotals = False,
    missing: Missing = None,
    column: ColumnAs = None,
    zone: Zone = None,
    currency: Currency = None,
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
    wanted = [name.strip() for name in (markets or "").split(",") if name.strip()]
    if market:
        wanted = [market]
    if not wanted or (market and markets):
        raise UserError(
            "name the market.",
            where="ingest",
            fix="Use --market DE, or --markets DE,FR with :market.",
        )
    options = file_options(
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        sheet=sheet,
        sheet_column=sheet_column,
        skip_hidden=skip_hidden,
        header_row=header_row,
        header_rows=header_rows,
        keep_totals=keep_totals,
        missing=missing,
        column=column,
        zone=zone,
        currency=currency,
    )
    if connection:
        from mmm.cli.connections import ingest_aggregated, ingest_connection

        if file or options:
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
    manifest = store_file(workspace, file, wanted[0], **options)
    typer.echo(manifest.dataset_id)


def store_file(workspace: Workspace, file: Path, market: str, **options: Any) -> DatasetManifest:
    """Make a file a dataset (`options` are FileSource's); what was read and its notes go to stderr."""
    from mmm.data.ingest import ingest  # pyarrow, which listing does not need
    from mmm.sources.guarded import GuardedFile
    from mmm.sources.limits import ReadLimits

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


def preview_command(
    file: Annotated[Path, typer.Argument(help="A CSV, Parquet or Excel file.")],
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    sheet_column: SheetColumn = None,
    skip_hidden: SkipHidden = False,
    header_row: HeaderRow = None,
    header_rows: HeaderRows = None,
    keep_totals: KeepTotals = False,
    missing: Missing = None,
    column: ColumnAs = None,
    zone: Zone = None,
    currency: Currency = None,
    rows: Annotated[int, typer.Option(help="How many rows are shown.", min=1, max=1000)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reading as JSON.")] = False,
) -> None:
    """Show how a file is read: its first rows, each column's type, role and unit, and why. Stores
    nothing; exit code 1 where something has to be asked.

    Example: `mmm preview sales.csv --column "revenue=decimal-comma"`.
    """
    from mmm.cli.reading import print_reading
    from mmm.sources.guarded import GuardedFile
    from mmm.sources.limits import ReadLimits

    options = file_options(
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        sheet=sheet,
        sheet_column=sheet_column,
        skip_hidden=skip_hidden,
        header_row=header_row,
        header_rows=header_rows,
        keep_totals=keep_totals,
        missing=missing,
        column=column,
        zone=zone,
        currency=currency,
    )
    limits = ReadLimits.of(load_settings().settings)
    source = GuardedFile(file, limits=limits, **options)
    reading = source.reading()
    if as_json:
        typer.echo(reading.model_dump_json(indent=2))
    else:
        print_reading(source, reading, rows)
    if reading.open_questions():
        raise typer.Exit(1)


def datasets_command(
    market: Annotated[str | None, typer.Option(help="Only this market's.")] = None,
    archived: Annotated[
        bool, typer.Option("--archived", help="Those that were archived, too.")
    ] = False,
) -> None:
    """List the datasets, newest first.

    Example: `mmm datasets --market DE`.
    """
    found = Workspace.open(load_settings().settings).datasets(market, archived=archived)
    rows = [
        (
            manifest.market,
            manifest.dataset_id,
            f"{manifest.rows:,}",
            str(len(manifest.columns)),
            manifest.name + (" (archived)" if manifest.archived else "") or "-",
            manifest.origin,
            show.moment(manifest.created),
        )
        for manifest in found
    ]
    show.table(("MARKET", "DATASET", "ROWS", "COLUMNS", "NAME", "ORIGIN", "CREATED"), rows)
    show.unreadable(found.unreadable)


def label_command(
    dataset: Annotated[
        str, typer.Argument(metavar="MARKET/DATASET", help="A dataset; `latest` for the newest.")
    ],
    name: Annotated[str | None, typer.Option(help="What it is called in lists.")] = None,
    description: Annotated[str | None, typer.Option(help="What it holds.")] = None,
    archive: Annotated[
        bool | None,
        typer.Option("--archive/--restore", help="Take it out of the lists, or back into them."),
    ] = None,
) -> None:
    """Name, describe or archive a dataset. Its data and id stay; runs that used it still find it.

    Example: `mmm label DE/latest --name "Weekly sales 2024"`.
    """
    from mmm.data.labels import label_dataset

    workspace = Workspace.open(load_settings().settings)
    label_dataset(
        workspace, dataset, local_user(), name=name, description=description, archived=archive
    )
