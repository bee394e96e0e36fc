"""Saved mappings: a mapping with the columns it was made for, so that it can be used on new data
with open eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mmm.access import User
from mmm.data.mapping import Mapping
from mmm.errors import Finding, InvalidInput
from mmm.workspace import ColumnProfile, DatasetManifest, Workspace
from mmm.workspace.names import utc_now
from mmm.workspace.stored import model_of

Kind = Literal["date", "number", "text", "other"]


class SavedMapping(BaseModel):
    """A mapping, and every column of the dataset it was made for with its kind; `saved` is null in
    the oldest ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mapping: Mapping
    columns: dict[str, Kind]
    dataset: str
    saved_by: str
    saved: datetime | None = None


@dataclass(frozen=True)
class Change:
    """A column that holds another kind of value than when the mapping was saved."""

    column: str
    before: Kind
    now: Kind


@dataclass(frozen=True)
class Difference:
    """New data against the data a mapping was made for. `mapped` names the columns the mapping
    uses.
    """

    gone: tuple[str, ...]
    new: tuple[str, ...]
    changed: tuple[Change, ...]
    mapped: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.gone or self.new or self.changed)

    def findings(self) -> list[Finding]:
        """Errors for mapped columns that are gone or changed, warnings for the others."""
        found = []
        for name in self.gone:
            near = get_close_matches(name, self.new, n=2, cutoff=0.6)
            fix = (
                f"Perhaps it is now {' or '.join(map(repr, near))}; map it anew."
                if near
                else "Map the data anew."
            )
            level = "error" if name in self.mapped else "warning"
            found.append(
                Finding(
                    level,
                    "the column is gone.",
                    f"column {name!r}",
                    fix if level == "error" else "",
                )
            )
        for change in self.changed:
            level = "error" if change.column in self.mapped else "warning"
            what = f"it held {_PLURAL[change.before]} and now holds {_PLURAL[change.now]}."
            fix = "Correct the source or map the data anew." if level == "error" else ""
            found.append(Finding(level, what, f"column {change.column!r}", fix))
        found += [
            Finding(
                "warning",
                "the column is new and not mapped.",
                f"column {name!r}",
                "Give it a role if it matters.",
            )
            for name in self.new
        ]
        return found


_PLURAL: dict[Kind, str] = {
    "date": "dates",
    "number": "numbers",
    "text": "texts",
    "other": "other values",
}


def save_mapping(
    workspace: Workspace, name: str, mapping: Mapping, manifest: DatasetManifest, by: User
) -> int:
    """Store a new version of the mapping made for the dataset. Raises InvalidInput where it names
    unknown columns.
    """
    workspace.permit(by, "mapping.save", name)
    columns = column_kinds(manifest.columns)
    used = mapping.all_columns()
    missing = [column for column in used if column not in columns]
    if missing:
        findings = [
            Finding("error", "the dataset has no such column.", f"column {column!r}")
            for column in missing
        ]
        raise InvalidInput(
            f"the mapping {name!r} does not fit {manifest.market}/{manifest.dataset_id}:", findings
        )
    dataset = f"{manifest.market}/{manifest.dataset_id}"
    saved = SavedMapping(
        mapping=mapping, columns=columns, dataset=dataset, saved_by=by.id, saved=utc_now()
    )
    version = workspace.save_mapping(name, saved)
    workspace.append_audit(by, "mapping.save", f"{name} {version}", dataset=dataset)
    return version


def load_mapping(workspace: Workspace, name: str, version: int | None = None) -> SavedMapping:
    """A saved mapping, the newest version when None. NotFound where there is none."""
    return model_of(SavedMapping, workspace.mapping(name, version), f"mapping {name!r}")


def difference(saved: SavedMapping, manifest: DatasetManifest) -> Difference:
    """What is other in this dataset than in the one the mapping was saved with."""
    now = column_kinds(manifest.columns)
    return Difference(
        gone=tuple(name for name in saved.columns if name not in now),
        new=tuple(name for name in now if name not in saved.columns),
        changed=tuple(
            Change(name, kind, now[name])
            for name, kind in saved.columns.items()
            if now.get(name, kind) != kind
        ),
        mapped=frozenset(saved.mapping.all_columns()),
    )


def reapply(saved: SavedMapping, manifest: DatasetManifest) -> tuple[Mapping, Difference]:
    """The mapping for a new dataset, and the difference. A market column that the dataset's own
    preparation has joined or split by is left out of it. Raises InvalidInput where it cannot be used
    as it is.
    """
    saved = _without_prepared_market(saved, manifest)
    found = difference(saved, manifest)
    errors = [finding for finding in found.findings() if finding.level == "error"]
    if errors:
        where = f"{manifest.market}/{manifest.dataset_id}"
        raise InvalidInput(f"the mapping made for {saved.dataset} does not fit {where}:", errors)
    return saved.mapping, found


def _without_prepared_market(saved: SavedMapping, manifest: DatasetManifest) -> SavedMapping:
    market = saved.mapping.market
    rule = (manifest.recipe or {}).get("market") or {}
    present = {column.name for column in manifest.columns}
    if market is None or market in present or rule.get("column") != market:
        return saved
    mapping = saved.mapping.model_copy(update={"market": None})
    columns = {name: kind for name, kind in saved.columns.items() if name != market}
    return saved.model_copy(update={"mapping": mapping, "columns": columns})


def column_kinds(columns: Sequence[ColumnProfile]) -> dict[str, Kind]:
    """Each column's kind by its stored type; a column without any value is "other"."""
    return {column.name: _kind(column.stored_type) for column in columns}


def _kind(stored_type: str) -> Kind:
    if stored_type.startswith(("date", "timestamp")):
        return "date"
    if stored_type.startswith(("int", "uint", "float", "double", "halffloat", "decimal", "bool")):
        return "number"
    return "text" if stored_type.startswith(("string", "large_string", "dictionary")) else "other"
