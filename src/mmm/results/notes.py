"""What people say about a run's models: pinned ones come first wherever a model is chosen, notes
are shown to all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mmm.access import User
from mmm.errors import UserError
from mmm.results.store import read_results
from mmm.workspace import Workspace
from mmm.workspace.models import ModelNote
from mmm.workspace.names import utc_now

TEXT_LIMIT = 500


def annotate(
    workspace: Workspace,
    run_id: str,
    model_id: str,
    by: User,
    *,
    text: str = "",
    pinned: bool | None = None,
) -> ModelNote:
    """Add a note on a kept model: a text, pinned or no longer pinned, or both. Nothing is ever
    taken away.
    """
    workspace.permit(by, "model.annotate", run_id)
    written = text.strip()
    if not written and pinned is None:
        raise UserError(
            "is empty.", where="note", fix="Write what others should know about this model."
        )
    if len(written) > TEXT_LIMIT:
        raise UserError(
            f"has {len(written)} characters.", where="note", fix=f"Use at most {TEXT_LIMIT}."
        )
    read_results(workspace, run_id).require_kept(model_id)
    note = ModelNote(model_id=model_id, at=utc_now(), actor=by.id, text=written, pinned=pinned)
    workspace.save_note(run_id, note)
    workspace.append_audit(
        by, "model.annotate", run_id, model=model_id, text=written, pinned=pinned
    )
    return note


def pinned(notes: Iterable[ModelNote]) -> list[str]:
    """The pinned models, the one pinned first at the front. The last word on a model counts."""
    found: dict[str, None] = {}
    for note in notes:
        if note.pinned:
            found.setdefault(note.model_id)
        elif note.pinned is False:
            found.pop(note.model_id, None)
    return list(found)


def offered(model_ids: Sequence[str], recommended: str, notes: Iterable[ModelNote]) -> list[str]:
    """Models in the order in which they are offered: pinned, recommended, then as given."""
    kept = set(model_ids)
    return list(
        dict.fromkeys(
            [*(model for model in pinned(notes) if model in kept), recommended, *model_ids]
        )
    )
