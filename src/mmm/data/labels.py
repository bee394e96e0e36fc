"""What people call a stored dataset: a name, a description, and whether it is put away."""

from __future__ import annotations

from mmm.access import User
from mmm.data.references import dataset_name, find_dataset
from mmm.errors import UserError
from mmm.workspace import DatasetManifest, Workspace

_LONGEST_NAME = 100
_LONGEST_DESCRIPTION = 2_000


def label_dataset(
    workspace: Workspace,
    called: str,
    by: User,
    *,
    name: str | None = None,
    description: str | None = None,
    archived: bool | None = None,
) -> DatasetManifest:
    """Change what is given of the dataset called MARKET/ID; its data and id stay. An archived one
    is in no list and never a market's latest, but runs and recipes that name it still find it.
    """
    found = find_dataset(workspace, called)
    subject = dataset_name(found)
    workspace.permit(by, "dataset.label", subject)
    changes: dict[str, str | bool] = {}
    if name is not None:
        changes["name"] = _checked(name, "name", _LONGEST_NAME)
    if description is not None:
        changes["description"] = _checked(description, "description", _LONGEST_DESCRIPTION)
    if archived is not None:
        changes["archived"] = archived
    if not changes:
        raise UserError("nothing to change.", where=subject, fix="Give a name, or archive it.")
    stored = workspace.label_dataset(found.market, found.dataset_id, changes)
    told = {key: str(value) for key, value in changes.items()}
    workspace.append_audit(by, "dataset.label", subject, **told)
    return stored


def _checked(text: str, what: str, longest: int) -> str:
    clean = " ".join(text.split())
    if len(clean) > longest:
        raise UserError(f"has {len(clean):,} characters, {longest:,} at most.", where=what)
    if not clean.isprintable():
        raise UserError("has characters that cannot be shown.", where=what)
    return clean
