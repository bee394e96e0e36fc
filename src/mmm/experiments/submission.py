"""An experiment as people write it, with names in place of what they stand for, becomes one that
stands alone.

`"mapping": "weekly"` or `"weekly@2"` stands for a saved mapping, `"dataset_id": "latest"` for the
market's newest one, `"events": "MARKET/DATASET"` for a stored table of holidays or events, `"test:NAME"` among
the lift tests for a test of the registry.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mmm.data.holidays.own import read_events
from mmm.data.references import LATEST, find_dataset, find_mapping
from mmm.data.saved_mappings import reapply
from mmm.experiments.config import Experiment, parse_experiment
from mmm.experiments.lift_table import read_lift_tests
from mmm.experiments.registered import with_registered
from mmm.plain_json import read_json
from mmm.workspace import DatasetManifest, Workspace

if TYPE_CHECKING:
    import pyarrow as pa


def read_experiment(
    workspace: Workspace,
    text: str | bytes,
    *,
    where: str = "experiment",
    dataset: dict[str, str] | None = None,
) -> Experiment:
    """Read an experiment from JSON like `parse_experiment`, names resolved.

    A dataset that is given in `dataset` need not be stored yet; then a named mapping is not
    compared with it.
    """
    content = read_json(text, where=where)
    if isinstance(content, dict):
        content = resolve(workspace, content, compare=dataset is None)
    return parse_experiment(json.dumps(content), where=where, dataset=dataset)


def resolve(
    workspace: Workspace, content: dict[str, Any], *, compare: bool = True
) -> dict[str, Any]:
    """An experiment's fields without names that change their meaning; what is no such name is left
    as it is.

    With `compare` a named mapping must fit the dataset. Raises UserError for a name that nothing
    has.
    """
    found = dict(content)
    manifest = _dataset(workspace, content) if compare else None
    if manifest is not None:
        found["dataset"] = content["dataset"] | {"dataset_id": manifest.dataset_id}
    if isinstance(name := content.get("mapping"), str):
        _, saved = find_mapping(workspace, name)
        mapping = saved.mapping if manifest is None else reapply(saved, manifest)[0]
        found["mapping"] = mapping.model_dump(mode="json")
    if isinstance(events := content.get("events"), str):
        named = find_dataset(workspace, events)
        table = workspace.read_dataset(named.market, named.dataset_id)
        found["events"] = events_of(table, f"events {events}")
    if isinstance(tests := content.get("lift_tests"), str):
        named = find_dataset(workspace, tests)
        table = workspace.read_dataset(named.market, named.dataset_id)
        found["lift_tests"] = read_lift_tests(table, f"lift tests {tests}")
    elif isinstance(tests, list):
        found["lift_tests"] = with_registered(workspace, tests)
    return found


def events_of(table: pa.Table, where: str) -> list[dict[str, str]]:
    """A table of holidays or events as an experiment holds it."""
    return [
        {"name": event.name, "start": str(event.start), "end": str(event.end)}
        for event in read_events(table, where)
    ]


def _dataset(workspace: Workspace, content: dict[str, Any]) -> DatasetManifest | None:
    """The dataset, where its name or the mapping's has to be resolved; None where it is not named
    as it must be.
    """
    given = content.get("dataset")
    market, dataset_id = (
        (given.get("market"), given.get("dataset_id")) if isinstance(given, dict) else (None, None)
    )
    if not (isinstance(market, str) and isinstance(dataset_id, str) and market and dataset_id):
        return None
    wanted = dataset_id == LATEST or isinstance(content.get("mapping"), str)
    return find_dataset(workspace, f"{market}/{dataset_id}") if wanted else None
