"""A warehouse's table added up where it lies, stored as it arrives, and prepared from there."""

from __future__ import annotations

from mmm.access import User
from mmm.data.ingest import ingest
from mmm.data.prepare import prepare_dataset
from mmm.data.prepare.pushdown import Pushdown, pushdown
from mmm.data.prepare.pushdown_checks import require_addable
from mmm.data.prepare.recipe import Recipe
from mmm.errors import UserError
from mmm.sources.base import Source
from mmm.sources.database import DatabaseSource
from mmm.workspace import DatasetManifest, Workspace


def pushed_down(source: Source, name: str, table: str, recipe: Recipe) -> Pushdown:
    """What the connection's database would compute for a table. Raises UserError where it cannot."""
    if not isinstance(source, DatabaseSource):
        raise UserError("only a database adds up.", where=name, fix="Read the file as it is.")
    return pushdown(recipe, source.dialect.parse(table), source.dialect)


def ingest_added_up(
    source: Source,
    pushed: Pushdown,
    *,
    connection: str,
    table: str,
    market: str,
    workspace: Workspace,
    by: User,
) -> list[DatasetManifest]:
    """The dataset of what the database answers, then those that the rest of the recipe makes of it.
    Raises UserError where its sums would count twice, or add up two currencies.
    """
    if isinstance(source, DatabaseSource):
        require_addable(source, pushed)
    arrived = ingest(
        source,
        market=market,
        origin=f"{connection}: {table}, added up by day",
        workspace=workspace,
        by=by,
        table_or_query=pushed.query,
        connection=connection,
    )
    made = prepare_dataset(workspace, market, arrived.dataset_id, pushed.rest, by)
    return [arrived, *made]
