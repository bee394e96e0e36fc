"""What may go by its age: found first, removed only when that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mmm.errors import UserError
from mmm.workspace.doctor import QUARANTINE
from mmm.workspace.objects import Objects

if TYPE_CHECKING:
    from mmm.workspace import Workspace
    from mmm.workspace.models import RunEvent

KINDS = ("runs", "datasets", "drafts", "sign_outs", "told", "asked", QUARANTINE)


@dataclass(frozen=True)
class Outdated:
    """Something that is older than its kind is kept: its keys and their bytes."""

    kind: str
    what: str
    keys: tuple[str, ...]
    bytes: int


class Retention:
    """`days` by kind; what is not named is kept for ever. `final` says whether a run has ended."""

    def __init__(
        self, workspace: Workspace, objects: Objects, days: dict[str, int], now: datetime
    ) -> None:
        unknown = days.keys() - set(KINDS)
        if unknown or any(number < 1 for number in days.values()):
            fix = f"Give days of at least 1 for: {', '.join(KINDS)}."
            raise UserError("cannot be kept so long.", where=", ".join(days), fix=fix)
        self._workspace, self._objects, self._days, self._now = workspace, objects, days, now
        self._all = list(objects.everything())

    def outdated(self) -> list[Outdated]:
        """What may go. A run stays while it has not ended, while an accepted model, a plan or a note
        is of it; a dataset while a run that stays was trained on it.
        """
        found = self._runs() if "runs" in self._days else []
        gone = {one.what for one in found}
        if "datasets" in self._days:
            found += self._datasets(gone)
        for kind in ("drafts", "sign_outs", "told", "asked", QUARANTINE):
            if kind in self._days:
                found += self._single(kind)
        return found

    def remove(self, outdated: list[Outdated]) -> None:
        """Delete it. The history of a run goes last: what is cut off half-way is found again."""
        for one in outdated:
            for key in sorted(one.keys, key=lambda key: "/events/" in key):
                self._objects.delete(key)
            self._objects.drop_empty_folders(one.keys)

    def _before(self, kind: str) -> datetime:
        return self._now - timedelta(days=self._days[kind])

    def _under(self, folder: str, kind: str, what: str) -> Outdated:
        own = [one for one in self._all if one.key.startswith(f"{folder}/")]
        return Outdated(kind, what, tuple(one.key for one in own), sum(one.bytes for one in own))

    def _single(self, kind: str) -> list[Outdated]:
        return [
            Outdated(kind, one.key, (one.key,), one.bytes)
            for one in self._all
            if one.key.startswith(f"{kind}/") and one.modified < self._before(kind)
        ]

    def _runs(self) -> list[Outdated]:
        kept = self._in_use()
        found = []
        for run_id in self._workspace.run_ids():
            last = self._last(run_id)
            if last is None or run_id in kept or not _has_ended(last):
                continue
            if last.at < self._before("runs"):
                found.append(self._under(f"runs/{run_id}", "runs", run_id))
        return found

    def _last(self, run_id: str) -> RunEvent | None:
        try:
            return self._workspace.last_event(run_id)
        except UserError:  # damage is the doctor's
            return None

    def _in_use(self) -> set[str]:
        """Runs that somebody relies on: named in a chain, a plan, a note, or a batch that waits."""
        texts = [
            self._objects.get(one.key).decode(errors="replace")
            for one in self._all
            if one.key.startswith(("chains/", "plans/"))
        ]
        noted = {one.key.split("/")[1] for one in self._all if _is_note(one.key)}
        used = set()
        for run_id in self._workspace.run_ids():
            if any(run_id in text for text in texts):
                used.add(run_id)
        waiting = self._workspace.batches(self._workspace.waiting_batches())
        return used | noted | {member.run_id for batch in waiting for member in batch.members}

    def _datasets(self, gone: set[str]) -> list[Outdated]:
        used = {
            self._workspace.event(run_id, 1).details.get("dataset_id")
            for run_id in self._workspace.run_ids()
            if run_id not in gone and self._last(run_id) is not None
        }
        parents = {manifest.parent for manifest in self._workspace.datasets(archived=True)}
        found = []
        for manifest in self._workspace.datasets(archived=True):
            name = f"{manifest.market}/{manifest.dataset_id}"
            old = manifest.last_stored.astimezone(UTC) < self._before("datasets")
            if old and manifest.dataset_id not in used and name not in parents:
                found.append(self._under(f"datasets/{name}", "datasets", name))
        return found


def _is_note(key: str) -> bool:
    parts = key.split("/")
    return len(parts) == 4 and parts[0] == "runs" and parts[2] == "notes"


def _has_ended(last: RunEvent) -> bool:
    return last.state.value in ("succeeded", "failed", "crashed", "timed_out", "cancelled")
