"""A source's table becomes a dataset: read, optimised on local disk, hashed, and stored in the workspace once."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from mmm.data.optimise import optimise
from mmm.sources.base import Source
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.names import checked_name


def ingest(
    source: Source,
    *,
    market: str,
    origin: str,
    workspace: Workspace,
    created_by: str,
    table_or_query: str | None = None,
) -> DatasetManifest:
    """Store a source's table (None: its only or first one) as a dataset of a market.

    `origin` is what people know the table by: a file's name or the query. The same content in the same market again
    gives the dataset that is there already. Raises UserError for what cannot be read; then nothing is stored.
    """
    market = checked_name(market, "market")  # before a large table is read
    with tempfile.TemporaryDirectory(prefix="mmm-ingest-") as folder, source.batches(table_or_query) as batches:
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
            created_by=created_by,
        )
        return workspace.save_dataset(manifest, optimised.path)
