"""A run's dataset read again from where it came, prepared by the recipe that made it."""

from __future__ import annotations

from typing import Any

from mmm.access import User
from mmm.errors import UserError
from mmm.platforms import open_secret_store
from mmm.settings import Settings
from mmm.sources.base import Query
from mmm.workspace import DatasetManifest, Workspace


def require_readable(workspace: Workspace, manifest: DatasetManifest) -> None:
    """UserError where it is not known how the dataset was read."""
    _table_or_query(_first_of(workspace, manifest))


def read_again(
    workspace: Workspace, settings: Settings, old: DatasetManifest, by: User
) -> DatasetManifest:
    """The dataset as it is now: its connection read again, or the market's newest upload, prepared
    by the recipe that made the old one. Where nothing has changed, the old one.
    """
    from mmm.data.prepare import prepare_dataset
    from mmm.data.prepare.recipe import Recipe

    fresh = _read_in(workspace, settings, _first_of(workspace, old), by)
    if old.recipe is None:
        return fresh
    recipe = Recipe.model_validate(old.recipe)
    for manifest in prepare_dataset(workspace, fresh.market, fresh.dataset_id, recipe, by):
        if manifest.market == old.market:
            return manifest
    raise UserError("is not in the new data.", where=f"market {old.market!r}")


def _read_in(
    workspace: Workspace, settings: Settings, first: DatasetManifest, by: User
) -> DatasetManifest:
    from mmm.data.ingest import ingest
    from mmm.data.references import find_source
    from mmm.sources.connections import Connections

    if first.connection is None:
        fresh, _ = find_source(workspace, f"{first.market}/latest")
        return fresh
    connections = Connections(workspace, open_secret_store(settings), settings)
    return ingest(
        connections.open(first.connection, by),
        market=first.market,
        origin=first.origin,
        workspace=workspace,
        by=by,
        table_or_query=_table_or_query(first),
        connection=first.connection,
    )


def _first_of(workspace: Workspace, manifest: DatasetManifest) -> DatasetManifest:
    """The dataset that was read in, of which a prepared one was made."""
    if manifest.parent is None:
        return manifest
    market, _, dataset_id = manifest.parent.rpartition("/")
    return workspace.dataset(market, dataset_id)


def _table_or_query(first: DatasetManifest) -> Any:
    """The table or query that a dataset was read by; None for an upload or a connection's only
    table. UserError where it is not kept.
    """
    if first.connection is None:
        return None
    if first.query is not None:
        return Query(first.query, dict(first.parameters))
    table = first.origin.removeprefix(f"{first.connection}: ")
    if table == "its only table":
        return None
    if table.endswith("…") or ", added up by day" in table:
        what = f"its data came from {first.origin!r}, which cannot be read again as it was."
        raise UserError(what, where="schedule", fix="Ingest them by a query (--query-file).")
    return table
