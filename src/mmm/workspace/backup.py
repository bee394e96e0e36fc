"""Copies of a whole workspace: to another folder or bucket and back, checked by hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from mmm.errors import NotFound, UserError
from mmm.workspace.objects import Objects
from mmm.workspace.stored import Unreadable, encoded, read_model

INDEX = "backup.json"
#: The local platform's raw output lies beside the workspace's objects.
_NOT_OURS = (".tasks/",)


class CopiedFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    bytes: int
    sha256: str


class BackupIndex(BaseModel):
    """What a backup holds, written last: a backup without it is not complete."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    at: datetime
    workspace: str
    files: dict[str, CopiedFile]


@dataclass(frozen=True)
class Copied:
    files: int
    bytes: int
    skipped: int


def back_up(source: Objects, target: Objects, url: str, now: datetime) -> Copied:
    """Copy every object. What the target's last backup has already, with the same hash, is not
    written again.
    """
    known = _index(target).files if target.exists(INDEX) else {}
    files: dict[str, CopiedFile] = {}
    skipped = 0
    for key in _keys(source):
        try:
            data = source.get_buffer(key)
        except NotFound:
            continue  # a mark or a draft that went meanwhile
        files[key] = CopiedFile(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        if known.get(key) == files[key] and target.exists(key):
            skipped += 1
        else:
            target.put(key, bytes(data))
    for gone in known.keys() - files.keys():
        target.delete(gone)
    target.put(INDEX, encoded(BackupIndex(at=now, workspace=url, files=files), "backup"))
    return Copied(len(files), sum(file.bytes for file in files.values()), skipped)


def restore(backup: Objects, target: Objects) -> Copied:
    """Copy a backup into an empty workspace. Nothing is written unless every object is there and is
    what was backed up.
    """
    index = _index(backup)
    if next(_keys(target), None) is not None:
        raise UserError(
            "is not empty.", where="the workspace", fix="Restore into a new folder or bucket."
        )
    wrong = [key for key, file in index.files.items() if not _is(backup, key, file)]
    if wrong:
        shown = ", ".join(wrong[:5])
        raise Unreadable(
            f"holds {len(wrong)} objects that are not what was backed up: {shown}.",
            where="the backup",
            fix="Take another backup.",
        )
    for key in index.files:
        # A bucket may refuse to overwrite what is below audit/: a write must be one of a new object.
        target.create(key, backup.get(key))
    return Copied(len(index.files), sum(file.bytes for file in index.files.values()), 0)


def _index(objects: Objects) -> BackupIndex:
    try:
        return read_model(BackupIndex, objects.get(INDEX), "backup", objects.where(INDEX))
    except NotFound:
        fix = "Give the address that `mmm backup` was given."
        raise NotFound("is no complete backup.", where=objects.where(""), fix=fix) from None


def _is(objects: Objects, key: str, file: CopiedFile) -> bool:
    try:
        return hashlib.sha256(objects.get_buffer(key)).hexdigest() == file.sha256
    except NotFound:
        return False


def _keys(objects: Objects) -> Iterator[str]:
    for one in objects.everything():
        part = one.key.rpartition("/")[2]
        if not one.key.startswith(_NOT_OURS) and not part.startswith(".") and one.key != INDEX:
            yield one.key
