"""What is wrong with what is stored, and what can be put right: damage, orphans, leftovers.

Repairing puts objects aside into quarantine/, never away: each can be put back under its key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel

from mmm.errors import UserError
from mmm.workspace import models
from mmm.workspace.names import is_time_id
from mmm.workspace.objects import Objects, Stored
from mmm.workspace.stored import Unreadable, as_model, content_of, read_model

if TYPE_CHECKING:
    from mmm.workspace import Workspace

#: What is being written right now is no leftover.
_YOUNG = timedelta(hours=1)
QUARANTINE = "quarantine"
_RUN = r"runs/(?P<run>[^/]+(?:/(?:stability|certificate)/\d{4})?)"
#: Which kind of document lies under which key, and its model where that lives on this floor.
_KINDS: tuple[tuple[str, str, type[BaseModel] | None], ...] = (
    (r"datasets/[^/]+/[0-9a-f]{16}/manifest\.json", "dataset", models.DatasetManifest),
    (r"connections/[^/]+\.json", "connection", None),
    (r"mappings/[^/]+/\d+\.json", "mapping", None),
    (r"naming_rules/\d+\.json", "naming_rules", None),
    (_RUN + r"/job_config\.json", "job_config", None),
    (_RUN + r"/events/\d+\.json", "event", models.RunEvent),
    (_RUN + r"/attempts/\d+\.json", "attempt", models.Attempt),
    (_RUN + r"/provenance/\d+\.json", "provenance", None),
    (_RUN + r"/notes/\d+\.json", "note", models.ModelNote),
    (_RUN + r"/heartbeat\.json", "heartbeat", models.Heartbeat),
    (_RUN + r"/results/\d+/manifest\.json", "results", models.ResultsManifest),
    (r"chains/[^/]+/\d+\.json", "acceptance", models.Acceptance),
    (r"plans_of_record/[^/]+/\d+\.json", "plan_of_record", models.PlanOfRecord),
    (r"batches/[^/]+/batch\.json", "batch", models.BatchDocument),
    (r"batches/[^/]+/digests/\d+\.json", "batch_digest", None),
    (r"batches/[^/]+/jobs/\d+\.json", "batch_job", models.BatchJob),
    (r"batches/[^/]+/jobs/\d+\.answer\.json", "batch_job_answer", models.BatchJobAnswer),
    (r"templates/[^/]+/\d+\.json", "template", None),
    (r"tests/[^/]+/\d+\.json", "test", None),
    (r"plans/[^/]+\.json", "plan", None),
    (r"subscriptions/[^/]+\.json", "subscription", None),
    (r"outbox/[^/]+\.json", "letter", None),
    (r"schedules/[^/]+/\d+\.json", "schedule", None),
    (r"schedules/[^/]+/(?:begun|done)/[^/]+\.json", "firing", None),
    (r"branding/\d+\.json", "branding", None),
    (r"drafts/[^/]+/[^/]+\.json", "draft", None),
    (r"sign_outs/[^/]+\.json", "sign_out", None),
    (r"tokens/[^/]+\.json", "token", None),
    (r"revoked_tokens/[^/]+\.json", "token_revoked", None),
    (r"asked/[^/]+\.json", "asked", None),
    (r"audit/[^/]+/[^/]+\.json", "audit", models.AuditEntry),
    (r"audit_chain/\d+\.json", "audit_link", models.AuditLink),
)
#: Put aside, these take nothing with them: the rest goes on without, or as it was before.
_SPARE = ("attempt", "batch_digest", "heartbeat", "draft", "note", "sign_out", "token", "asked")
_RESTORE = "Restore it from a backup (`mmm restore`) or an earlier version of the object."


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `aside` are the keys whose putting aside mends it; none where only a
    backup does.
    """

    kind: str
    where: str
    what: str
    fix: str
    aside: tuple[str, ...] = ()


class Doctor:
    """Looks through a whole workspace."""

    def __init__(self, workspace: Workspace, objects: Objects, now: datetime) -> None:
        self._workspace, self._objects, self._now = workspace, objects, now
        self._all = {one.key: one for one in objects.everything()}

    def problems(self) -> list[Problem]:
        """Everything that is wrong, by kind."""
        found: list[Problem] = []
        for look in (
            self._damaged, self._leftovers, self._datasets, self._runs, self._batches, self._results,
            self._undocumented,
        ):  # fmt: skip
            found += look()
        return found

    def repair(self, problems: list[Problem]) -> list[str]:
        """Put aside what can be; return the keys."""
        folder = f"quarantine/{self._now:%Y%m%dT%H%M%S}"
        moved = []
        for problem in problems:
            for key in problem.aside:
                if key not in moved:
                    self._objects.move(key, f"{folder}/{key}")
                    moved.append(key)
        self._objects.drop_empty_folders(moved)
        return moved

    def _stored(self, pattern: str) -> Iterator[tuple[Stored, re.Match[str]]]:
        for one in self._all.values():
            match = re.fullmatch(pattern, one.key)
            if match:
                yield one, match

    def _is_old(self, one: Stored) -> bool:
        return self._now - one.modified > _YOUNG

    def _damaged(self) -> Iterator[Problem]:
        for pattern, kind, model in _KINDS:
            for one, match in self._stored(pattern):
                try:
                    content = content_of(self._objects.get(one.key), kind, one.key)
                    if model is not None:
                        as_model(model, content, one.key)
                except Unreadable as damage:
                    aside = self._can_go(one.key, kind, match)
                    fix = "`mmm doctor --repair` puts it aside." if aside else damage.fix
                    yield Problem("damaged", one.key, damage.what, fix, aside)

    def _can_go(self, key: str, kind: str, match: re.Match[str]) -> tuple[str, ...]:
        """A spare object, or the last event of a history: the run is then judged anew."""
        if kind in _SPARE:
            return (key,)
        if kind != "event":
            return ()
        events = [other for other in self._all if other.startswith(key.rpartition("/")[0] + "/")]
        return (key,) if key == max(events) and len(events) > 1 else ()

    def _leftovers(self) -> Iterator[Problem]:
        for one, _ in self._stored(r"(?!\.tasks/)(?:.*/)?\.[0-9a-f]{32}\.part"):
            if self._is_old(one):
                what = "is what a write that was cut off has left."
                yield Problem("leftover", one.key, what, _ASIDE, (one.key,))

    def _datasets(self) -> Iterator[Problem]:
        for one, _ in self._stored(r"datasets/[^/]+/[0-9a-f]{16}/data\.parquet"):
            manifest_key = one.key.replace("data.parquet", "manifest.json")
            if manifest_key not in self._all:
                if self._is_old(one):
                    what = "has no manifest: its upload was cut off."
                    yield Problem("orphan", one.key, what, _ASIDE, (one.key,))
                continue
            _, market, dataset_id, _ = one.key.split("/")
            try:
                rows = self._workspace.dataset(market, dataset_id).rows
                stored = self._workspace.read_dataset(market, dataset_id).num_rows
            except UserError as damage:
                if manifest_key not in str(damage):
                    yield Problem("damaged", one.key, damage.what, _RESTORE)
                continue
            if rows != stored:
                what = f"has {stored:,} rows, its manifest says {rows:,}."
                yield Problem("hash", one.key, what, _RESTORE)
        for one, _ in self._stored(r"datasets/[^/]+/[0-9a-f]{16}/manifest\.json"):
            if one.key.replace("manifest.json", "data.parquet") not in self._all:
                yield Problem("orphan", one.key, "has no data.", _RESTORE)

    def _runs(self) -> Iterator[Problem]:
        members = self._members()
        for one, match in self._stored(_RUN + r"/job_config\.json"):
            run_id, folder = match["run"], one.key.rpartition("/")[0]
            if f"{folder}/events/000001.json" in self._all or run_id in members:
                continue
            if self._is_old(one):
                keys = tuple(key for key in self._all if key.startswith(f"{folder}/"))
                what = "has no history: its submission was cut off."
                yield Problem("orphan", folder, what, _ASIDE, keys)
        with_config = {match["run"] for _, match in self._stored(_RUN + r"/job_config\.json")}
        with_events = {match["run"] for _, match in self._stored(_RUN + r"/events/\d+\.json")}
        for run_id in sorted(with_events - with_config):
            yield Problem("orphan", f"runs/{run_id}", "has no job_config.json.", _RESTORE)

    def _members(self) -> set[str]:
        """Runs of all batches that can be read."""
        batches = self._workspace.batches(self._workspace.batch_ids())
        return {member.run_id for batch in batches for member in batch.members}

    def _batches(self) -> Iterator[Problem]:
        for one, match in self._stored(r"waiting/(?P<run>run-)?(?P<id>[^/]+)\.json"):
            if match["run"]:
                owner = f"runs/{match['id'].replace('~', '/')}/events/000001.json"
            else:
                owner = f"batches/{match['id']}/batch.json"
            if owner not in self._all and self._is_old(one):
                what = "marks a batch or run that there is not: its submission was cut off."
                yield Problem("orphan", one.key, what, _ASIDE, (one.key,))

    def _results(self) -> Iterator[Problem]:
        for one, _ in self._stored(_RUN + r"/results/\d+/manifest\.json"):
            folder = one.key.rpartition("/")[0]
            try:
                manifest = read_model(
                    models.ResultsManifest, self._objects.get(one.key), "results", one.key
                )
            except Unreadable:
                continue  # among the damaged
            for name, file in manifest.files.items():
                key = f"{folder}/{name}"
                if key not in self._all:
                    yield Problem("hash", key, "is gone.", _RESTORE)
                elif name.endswith(".html"):
                    continue  # drawn again by later versions
                elif hashlib.sha256(self._objects.get_buffer(key)).hexdigest() != file.sha256:
                    yield Problem("hash", key, "is not what the run wrote.", _RESTORE)
        for one, _ in self._stored(_RUN + r"/results/\d+/begun\.txt"):
            folder = one.key.rpartition("/")[0]
            if f"{folder}/manifest.json" in self._all or not self._is_old(one):
                continue
            keys = tuple(key for key in self._all if key.startswith(f"{folder}/"))
            if len(keys) > 1:  # begun.txt alone keeps the number taken
                what = "are files of an attempt that did not get to its end."
                aside = tuple(key for key in keys if not key.endswith("/begun.txt"))
                yield Problem("leftover", folder, what, _ASIDE, aside)

    def _undocumented(self) -> Iterator[Problem]:
        """Runs that no entry of the audit trail tells of."""
        told: set[str] = set()
        for day in self._workspace.audit_days():
            for entry in self._workspace.audit(day):
                told.add(entry.subject)
                runs = entry.details.get("runs")
                told.update(map(str, runs) if isinstance(runs, list) else ())
        for one, match in self._stored(r"runs/(?P<run>[^/]+)/events/000001\.json"):
            if is_time_id(match["run"]) and match["run"] not in told:
                what = "has no entry in the audit trail."
                fix = "Its first event says who submitted it, and when."
                yield Problem("audit", one.key, what, fix)


_ASIDE = "`mmm doctor --repair` puts it aside."
