"""`mmm connect`: add, list, test, tables, grants, remove; and reading a connection into datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mmm.cli import show
from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.settings import Settings, load_settings
from mmm.sources.base import Source
from mmm.sources.connections import Connections, parse_connection

connect_command = typer.Typer(
    name="connect", add_completion=False, no_args_is_help=True, help="Connections to databases."
)
Name = Annotated[str, typer.Argument(help="The connection's name.")]
Text = str | None
EXIT_SOME_FAILED = 1


@connect_command.command("add")
def add(
    name: Name,
    kind: Annotated[str, typer.Option(help="snowflake, postgres, redshift, bigquery or duckdb.")],
    account: Annotated[
        Text, typer.Option(help="Snowflake: the part before .snowflakecomputing.com.")
    ] = None,
    user: Annotated[Text, typer.Option(help="The user to sign in as.")] = None,
    role: Annotated[Text, typer.Option(help="Snowflake: the role; default the user's.")] = None,
    warehouse: Annotated[
        Text, typer.Option(help="Snowflake: the warehouse that runs the queries.")
    ] = None,
    database: Annotated[Text, typer.Option(help="The database.")] = None,
    schema: Annotated[
        Text, typer.Option(help="The schema names without one are looked up in.")
    ] = None,
    host: Annotated[Text, typer.Option(help="The server's host name.")] = None,
    port: Annotated[int | None, typer.Option(help="The server's port.")] = None,
    protocol: Annotated[Text, typer.Option(help="Snowflake behind a proxy: https or http.")] = None,
    sslmode: Annotated[
        Text, typer.Option(help="PostgreSQL: require (default), verify-full, disable, ...")
    ] = None,
    project: Annotated[
        Text, typer.Option(help="BigQuery: the project that pays for queries.")
    ] = None,
    dataset: Annotated[Text, typer.Option(help="BigQuery: the dataset.")] = None,
    location: Annotated[
        Text, typer.Option(help="BigQuery: where the dataset lies, such as EU.")
    ] = None,
    endpoint: Annotated[Text, typer.Option(help="BigQuery: an address of its own.")] = None,
    path: Annotated[Text, typer.Option(help="DuckDB: the database file.")] = None,
    private_key_file: Annotated[
        Path | None, typer.Option(help="Snowflake: the private key, PEM.")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Snowflake: a file with the key's passphrase.")
    ] = None,
    password_file: Annotated[Path | None, typer.Option(help="A file with the password.")] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="BigQuery: a service account's JSON key.")
    ] = None,
    ask: Annotated[
        str, typer.Option(help="Secrets to type in, unseen: password or passphrase.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a connection of this name.")
    ] = False,
) -> None:
    """Save a connection. Secrets go to the secret store, never into the workspace.

    Example: `mmm connect add shop --kind postgres --host db.example.com --database mart --user mmm
    --ask password`.
    """
    given = {
        "kind": kind, "account": account, "user": user, "role": role, "warehouse": warehouse, "database": database,
        "schema_name": schema, "host": host, "port": port, "protocol": protocol, "sslmode": sslmode,
        "project": project, "dataset": dataset, "location": location, "endpoint": endpoint, "path": path,
    }  # fmt: skip
    connection = parse_connection(
        {field: value for field, value in given.items() if value is not None}
    )
    files = {
        "private_key": private_key_file,
        "passphrase": passphrase_file,
        "password": password_file,
        "key": key_file,
    }
    secrets = {secret: _read(file).strip() for secret, file in files.items() if file}
    for secret in filter(None, ask.split(",")):
        secrets[secret.strip()] = typer.prompt(secret.strip(), hide_input=True)
    _connections().add(name, connection, secrets, local_user(), replace=replace)
    typer.echo(f"{name} saved. Try it with: mmm connect test {name}")


@connect_command.command("list")
def list_() -> None:
    """List the connections; of secrets only which are set.

    Example: `mmm connect list`.
    """
    connections = _connections()
    rows = []
    for name in connections.names():
        fields = connections.get(name).model_dump(mode="json", exclude={"kind"}, exclude_none=True)
        shown = " ".join(
            f"{field.replace('schema_name', 'schema')}={value}" for field, value in fields.items()
        )
        secrets = ", ".join(connections.secrets_set(name)) or "-"
        rows.append((name, connections.get(name).kind, secrets, shown))
    show.table(("NAME", "KIND", "SECRETS", "WHERE"), rows)


@connect_command.command("test")
def test(name: Name) -> None:
    """Connect and read some rows; say what is wrong and what to do.

    Example: `mmm connect test shop`.
    """
    result = _connections().test(name, local_user())
    typer.echo(f"{result.message} {result.seconds:.1f} s.")
    for warning in result.warnings:
        typer.echo(f"Warning: {warning}", err=True)


@connect_command.command("tables")
def tables(name: Name) -> None:
    """List the tables that may be read.

    Example: `mmm connect tables shop`.
    """
    for table in _connections().open(name, local_user()).tables():
        typer.echo(table)


@connect_command.command("grants")
def grants(name: Name) -> None:
    """Print what an administrator runs so that the connection may read, and nothing else.

    Example: `mmm connect grants shop`.
    """
    typer.echo(_connections().grants(name, local_user()), nl=False)


@connect_command.command("remove")
def remove(name: Name) -> None:
    """Forget a connection and its secrets; datasets stay.

    Example: `mmm connect remove shop`.
    """
    _connections().remove(name, local_user())
    typer.echo(f"{name} removed.")


def ingest_connection(
    settings: Settings,
    name: str,
    markets: Sequence[str],
    table: str | None,
    query_file: Path | None,
    parameters: Sequence[str],
) -> None:
    """Store a table or a query's answer as one dataset per market; print an id or a reason for
    each.
    """
    from mmm.data.ingest import ingest_markets  # pyarrow, which listing does not need
    from mmm.sources.base import Query

    if (table is None) == (query_file is None):
        raise UserError(
            "name one table or one query.", where="ingest", fix="Use --table or --query-file."
        )
    if table is not None and parameters:
        raise UserError("a table takes no --param.", where="ingest", fix="Use --query-file.")
    asked: str | Query | None = table
    if query_file:
        asked = Query(_read(query_file), dict(map(_parameter, parameters)))
    connections = Connections.of(settings)
    user, failed = local_user(), False
    source = connections.open(name, user)
    if table is not None:
        _propose_adding_up(source, name, table)
    for result in ingest_markets(
        source,
        asked,
        markets,
        connection=name,
        workspace=connections.workspace,
        by=user,
    ):
        if result.manifest is None:
            failed = True
            typer.echo(f"{result.market}: {result.error}", err=True)
            continue
        manifest = result.manifest
        typer.echo(
            manifest.dataset_id if len(markets) == 1 else f"{result.market}\t{manifest.dataset_id}"
        )
        what = "stored" if result.is_new else "unchanged, was stored before"
        typer.echo(
            f"{result.market}: {manifest.rows:,} rows, {len(manifest.columns)} columns, {what}",
            err=True,
        )
        for note in manifest.notes:
            typer.echo(f"Note: {note}", err=True)
    if failed:
        raise typer.Exit(EXIT_SOME_FAILED)


def ingest_aggregated(
    settings: Settings, name: str, market: str, table: str, recipe: Path, *, only_show: bool
) -> None:
    """Add a table up in the warehouse by a recipe, store what it answers, and prepare that; the SQL is
    shown first.
    """
    from mmm.data.prepare import parse_recipe
    from mmm.data.prepare.added_up import ingest_added_up, pushed_down

    connections, user = Connections.of(settings), local_user()
    source = connections.open(name, user)
    parsed = parse_recipe(_read(recipe), where=str(recipe))
    pushed = pushed_down(source, name, table, parsed)
    typer.echo(pushed.query.sql, err=not only_show)
    for parameter, value in pushed.query.parameters.items():
        typer.echo(f"-- :{parameter} = {value!r}", err=not only_show)
    if only_show:
        return
    arrived, *made = ingest_added_up(
        source,
        pushed,
        connection=name,
        table=table,
        market=market,
        workspace=connections.workspace,
        by=user,
    )
    typer.echo(f"{arrived.rows:,} rows came by day and market", err=True)
    for manifest in made:
        typer.echo(f"{manifest.market}/{manifest.dataset_id}")
        for note in manifest.notes:
            typer.echo(f"Note: {note}", err=True)


def _propose_adding_up(source: Source, name: str, table: str) -> None:
    """Say so where a table is so large that it is better added up where it lies."""
    from mmm.data.prepare.pushdown import PROPOSED_FROM_ROWS, table_rows
    from mmm.sources.database import DatabaseSource

    if not isinstance(source, DatabaseSource):
        return
    try:
        rows = table_rows(source, table)
    except UserError:
        return  # reading it says what is wrong
    if rows >= PROPOSED_FROM_ROWS:
        how = f"`mmm ingest --connection {name} --table {table} --recipe recipe.json`"
        typer.echo(f"Note: {table} has {rows:,} rows; {how} adds it up where it lies.", err=True)


def _connections() -> Connections:
    return Connections.of(load_settings().settings)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}.", where=str(file)) from None
    except UnicodeDecodeError:
        raise UserError("is not UTF-8 text.", where=str(file)) from None


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name):
        raise UserError(
            f"{text!r} is not NAME=VALUE.", where="--param", fix="For example --param market=DE"
        )
    return name, value
