"""A source's table becomes a dataset: read, optimised on local disk, hashed, and stored in the
workspace once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mmm.access import User
from mmm.data.optimise import optimise
from mmm.data.quality.currencies import currencies_read
from mmm.errors import UserError
from mmm.sources.base import Query, Source
from mmm.sources.sql import parameter_names
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.names import checked_name

#: The query's parameter that stands for the market when several are loaded.
MARKET = "market"


def ingest(
    source: Source,
    *,
    market: str,
    origin: str,
    workspace: Workspace,
    by: User,
    table_or_query: str | Query | None = None,
    connection: str | None = None,
) -> DatasetManifest:
    """Store a source's table (None: its only or first one) as a dataset of a market.

    `origin` is what people know the table by: a file's name or the query. The same content in the
    same market again gives the dataset that is there already. Raises UserError for what cannot be
    read; then nothing is stored.
    """
    market = checked_name(market, "market")  # before a large table is read
    workspace.permit(by, "dataset.ingest", market)
    query = table_or_query if isinstance(table_or_query, Query) else None
    with (
        tempfile.TemporaryDirectory(prefix="mmm-ingest-") as folder,
        source.batches(table_or_query) as batches,
    ):
        optimised = optimise(batches, Path(folder) / "data.parquet")
        manifest = DatasetManifest(
            dataset_id=optimised.content_hash[:16],
            market=market,
            source=source.kind,
            origin=origin,
            rows=optimised.rows,
            bytes=optimised.bytes,
            content_hash=optimised.content_hash,
            columns=optimised.columns,
            notes=batches.notes,
            created=datetime.now(UTC),
            created_by=by.id,
            connection=connection,
            query=query.sql if query else None,
            parameters=dict(query.parameters) if query else {},
            reading=batches.reading.model_dump(mode="json") if batches.reading else None,
            currencies=currencies_read(batches.reading),
        )
        stored = workspace.save_dataset(manifest, optimised.path)
    if stored == manifest:
        workspace.append_audit(
            by, "dataset.ingest", f"{stored.market}/{stored.dataset_id}", origin=origin
        )
    return stored


@dataclass(frozen=True)
class MarketResult:
    """What became of one market: its dataset, and whether it is new; or why there is none."""

    market: str
    manifest: DatasetManifest | None = None
    is_new: bool = False
    error: UserError | None = None


def ingest_markets(
    source: Source,
    table_or_query: str | Query | None,
    markets: Sequence[str],
    *,
    connection: str,
    workspace: Workspace,
    by: User,
) -> Iterator[MarketResult]:
    """Store a connection's table or query once per market, each bound to the query's :market; a
    result for each.

    One market's failure does not stop the others. Raises UserError at once for what concerns them
    all.
    """
    per_market = isinstance(table_or_query, Query) and MARKET in parameter_names(table_or_query.sql)
    if len(markets) > 1 and not per_market:
        raise UserError(
            "several markets need a query with :market.",
            where="query",
            fix="WHERE country = :market",
        )
    names = [checked_name(market, "market") for market in markets]
    return (
        _one_market(source, table_or_query, market, connection, workspace, by) for market in names
    )


def _one_market(
    source: Source,
    asked: str | Query | None,
    market: str,
    connection: str,
    workspace: Workspace,
    by: User,
) -> MarketResult:
    if isinstance(asked, Query) and MARKET in parameter_names(asked.sql):
        asked = Query(asked.sql, {MARKET: market} | dict(asked.parameters))
    started = datetime.now(UTC)
    try:
        manifest = ingest(
            source,
            market=market,
            origin=f"{connection}: {_shortened(asked)}",
            workspace=workspace,
            by=by,
            table_or_query=asked,
            connection=connection,
        )
    except UserError as error:
        return MarketResult(market, error=error)
    return MarketResult(market, manifest, is_new=manifest.created >= started)


def _shortened(asked: str | Query | None, most: int = 60) -> str:
    text = " ".join(asked.sql.split()) if isinstance(asked, Query) else asked or "its only table"
    return text if len(text) <= most else text[: most - 1] + "…"
