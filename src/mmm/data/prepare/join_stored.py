"""Joining stored datasets: a join proposed from what their columns are, and its result stored."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mmm.access import User
from mmm.data.naming import NamingRules, naming_rules
from mmm.data.optimise import optimise
from mmm.data.prepare.join import AMOUNTS, JoinPart, JoinRecipe, join
from mmm.data.proposal import propose
from mmm.data.references import dataset_name, find_dataset
from mmm.errors import UserError
from mmm.sources.base import Batches
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.names import checked_name
from mmm.workspace.tables import currencies_of


def propose_join(workspace: Workspace, names: Sequence[str], keep: str = "all") -> JoinRecipe:
    """The join of the datasets called so (MARKET/ID or MARKET/latest) by their proposed date and
    market columns; a name that two of them have gets its dataset's number as a prefix.
    """
    rules = naming_rules(workspace)
    parts: list[JoinPart] = []
    taken: set[str] = set()
    for number, name in enumerate(names, start=1):
        manifest = find_dataset(workspace, name)
        if dataset_name(manifest) in {part.dataset for part in parts}:
            what = f"{dataset_name(manifest)} is named twice."
            raise UserError(what, where="join", fix="Name each dataset once.")
        part = _part(workspace, manifest, rules)
        own = {column.name for column in manifest.columns} - {part.date, part.market}
        if own & taken:
            part = part.model_copy(update={"prefix": f"d{number}_"})
        taken |= {f"{part.prefix}{column}" for column in own}
        parts.append(part)
    return JoinRecipe.model_validate({"parts": parts, "keep": keep})


def _part(workspace: Workspace, manifest: DatasetManifest, rules: NamingRules) -> JoinPart:
    proposal = propose(workspace.read_dataset(manifest.market, manifest.dataset_id), rules)
    roles = {item.role: item.column for item in reversed(proposal.columns)}
    if "date" not in roles:
        what = "no column holds dates."
        raise UserError(what, where=dataset_name(manifest), fix="Name it in a recipe of the join.")
    return JoinPart(
        dataset=dataset_name(manifest),
        date=roles["date"],
        market=roles.get("market"),
        repeat=not AMOUNTS & roles.keys(),
    )


def join_datasets(
    workspace: Workspace, market: str, recipe: JoinRecipe, by: User
) -> DatasetManifest:
    """Join stored datasets and store the result in a market. Raises UserError for what cannot be
    joined; then nothing is stored.
    """
    market = checked_name(market, "market")
    workspace.permit(by, "dataset.prepare", market)
    manifests = [find_dataset(workspace, part.dataset) for part in recipe.parts]
    named = [
        part.model_copy(update={"dataset": dataset_name(manifest)})
        for part, manifest in zip(recipe.parts, manifests, strict=True)
    ]
    resolved = recipe.model_copy(update={"parts": tuple(named)})
    tables = [workspace.read_dataset(item.market, item.dataset_id) for item in manifests]
    joined = join(resolved, tables)
    table = joined.table
    batches = Batches(
        table.schema,
        lambda: iter(table.to_batches()),
        tuple(str(kind) for kind in table.schema.types),
    )
    with tempfile.TemporaryDirectory(prefix="mmm-join-") as folder:
        optimised = optimise(batches, Path(folder) / "data.parquet")
        manifest = DatasetManifest(
            dataset_id=optimised.content_hash[:16],
            market=market,
            source="joined",
            origin=" + ".join(part.dataset for part in resolved.parts),
            rows=optimised.rows,
            bytes=optimised.bytes,
            content_hash=optimised.content_hash,
            columns=optimised.columns,
            notes=joined.notes,
            created=datetime.now(UTC),
            created_by=by.id,
            recipe=resolved.model_dump(mode="json"),
            currencies=currencies_of(table),
        )
        stored = workspace.save_dataset(manifest, optimised.path)
    subject = f"{stored.market}/{stored.dataset_id}"
    workspace.append_audit(by, "dataset.prepare", subject, parent=manifest.origin)
    return stored
