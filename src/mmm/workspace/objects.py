"""A thin layer over obstore: whole objects by key, created once or overwritten, with this package's
own errors.

Every write is atomic: a reader sees the old object, the new one, or none, never a part of one.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore import exceptions
from obstore.store import LocalStore, MemoryStore

from mmm.errors import AlreadyExists, NotFound, UserError
from mmm.platforms import BUCKETS, open_bucket
from mmm.settings import Settings
from mmm.workspace import durable

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class StoreError(UserError):
    """The object store refused or did not answer."""


_REFUSED = (
    "the store refuses access.",
    "Check the credentials and their rights on this bucket or folder.",
)
#: What the stores raise, what a caller of this package sees instead, and what to do about it. The
#: first match counts.
_ERRORS: tuple[tuple[tuple[type[Exception], ...], type[UserError], str, str], ...] = (
    ((FileNotFoundError, exceptions.NotFoundError), NotFound, "does not exist.", ""),
    ((FileExistsError, exceptions.AlreadyExistsError), AlreadyExists, "exists already.", ""),
    ((exceptions.PreconditionError,), AlreadyExists, "was changed by someone else.", ""),
    (
        (PermissionError, exceptions.PermissionDeniedError, exceptions.UnauthenticatedError),
        StoreError,
        *_REFUSED,
    ),
    (
        (exceptions.BaseError, OSError, ValueError),
        StoreError,
        "the store failed: {reason}",
        "Check the address, the network and the free space.",
    ),
)
_ELSEWHERE = ("the bucket lies in another region.", "Set AWS_REGION to the bucket's region.")
#: Codes in the answers of S3 and its like, where they say more than obstore's kinds of error. S3's
#: PermanentRedirect is "Received redirect without LOCATION" in obstore's words.
_CODE = re.compile(r"(?:<Code>|\(code: |Received )(?P<name>\w+)")
_CODES = {
    "AccessDenied": _REFUSED,
    "NoSuchBucket": (
        "there is no such bucket.",
        "Check its name (S3_BUCKET, GCS_BUCKET, MMM_WORKSPACE) and the region.",
    ),
    "redirect": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "ExpiredToken": (
        "the credentials have expired.",
        "Sign in to AWS again (`aws sso login`) or set new keys.",
    ),
}
_OWN = f"{UserError.__name__}: "

#: Seconds to wait before a creation in doubt is tried again.
_WAITS = (0.2, 1.0, 3.0)
_WRITER = "mmm-writer"


@contextmanager
def _own_errors(where: str) -> Iterator[None]:
    try:
        yield
    except (exceptions.BaseError, OSError, ValueError) as error:
        own, what, fix = next(row[1:] for row in _ERRORS if isinstance(error, row[0]))
        # The first line is the reason; obstore appends a dump of its own structures.
        reason = str(error).partition("\n")[0]
        if code := _known_code(error):
            own, (what, fix) = StoreError, _CODES[code]
        elif _OWN in reason:  # raised by the platform's provider of credentials
            own, what, fix = StoreError, "{reason}", ""
            reason = reason.partition(_OWN)[2]
        raise own(what.format(reason=reason), where=where, fix=fix) from error


def _known_code(error: Exception) -> str | None:
    found = _CODE.search(str(error))
    return found["name"] if found and found["name"] in _CODES else None


def open_store(url: str, settings: Settings | None = None, *, create: bool = True) -> ObjectStore:
    """Open the store at `url` (file://, s3://, gs:// or memory://), with a path after the bucket as
    a prefix.

    `settings` gives region, endpoint and keys where the environment does not. A local folder is
    made unless `create` is false, in which case a missing one is NotFound.
    """
    parts = urlsplit(url)
    prefix = parts.path.strip("/") or None
    with _own_errors(url):
        if parts.scheme == "memory":
            return MemoryStore()
        if parts.scheme == "file":
            folder = _local_folder(url)
            if not create and not folder.is_dir():
                raise NotFound("there is no such folder.", where=str(folder))
            return LocalStore(prefix=folder, mkdir=True)
        if parts.scheme in BUCKETS and parts.netloc:
            return open_bucket(
                parts.scheme, parts.netloc, prefix, settings or Settings.model_validate({})
            )
    raise UserError(
        "is not an address of a workspace.",
        where=url,
        fix="Use file:///folder, s3://bucket or gs://bucket.",
    )


def _local_folder(url: str) -> Path:
    return Path(url2pathname(urlsplit(url).path))


def _inside(folder: Path, key: str) -> Path:
    """The file of a key; ValueError for one that leads elsewhere."""
    if not all(part not in ("", ".", "..") for part in key.split("/")) or "\0" in key:
        raise ValueError(f"{key!r} is not a key")
    return folder / key


@dataclass(frozen=True)
class Stored:
    """An object's key, size and time."""

    key: str
    bytes: int
    modified: datetime


class Objects:
    """Objects by key in one store. Keys are relative, with `/` between parts."""

    def __init__(self, store: ObjectStore, url: str) -> None:
        self._store = store
        self._url = url.rstrip("/")
        self._folder = _local_folder(url) if isinstance(store, LocalStore) else None

    def where(self, key: str) -> str:
        """The object's address, for messages."""
        return f"{self._url}/{key}"

    def get(self, key: str) -> bytes:
        """The whole object; NotFound when there is none."""
        return bytes(self.get_buffer(key))

    def get_buffer(self, key: str) -> obstore.Bytes:
        """The whole object as a buffer, without a copy."""
        with _own_errors(self.where(key)):
            return obstore.get(self._store, key).bytes()

    def exists(self, key: str) -> bool:
        try:
            with _own_errors(self.where(key)):
                obstore.head(self._store, key)
        except NotFound:
            return False
        return True

    def put(self, key: str, data: bytes) -> None:
        """Write the object, over an earlier one if there is one."""
        with _own_errors(self.where(key)):
            if self._folder is None:
                obstore.put(self._store, key, data)
            else:
                durable.write(_inside(self._folder, key), data)

    def create(self, key: str, data: bytes) -> None:
        """Write the object if there is none; AlreadyExists otherwise. Of several at once exactly
        one succeeds.

        When a connection breaks, nobody knows whether the object was created. The writer's mark on
        it tells.
        """
        if self._folder is not None:
            with _own_errors(self.where(key)):
                durable.create(_inside(self._folder, key), data)
            return
        if isinstance(self._store, MemoryStore):
            with _own_errors(self.where(key)):
                obstore.put(self._store, key, data, mode="create")
            return
        mark = uuid.uuid4().hex
        for wait in (*_WAITS, None):
            try:
                with _own_errors(self.where(key)):
                    obstore.put(self._store, key, data, mode="create", attributes={_WRITER: mark})
                return
            except AlreadyExists:
                if self._mark(key) == mark:
                    return
                raise
            except StoreError as error:
                cause = error.__cause__
                if (
                    wait is None
                    or not isinstance(cause, exceptions.GenericError)
                    or _known_code(cause)
                ):
                    raise
                time.sleep(wait)

    def _mark(self, key: str) -> str | None:
        with _own_errors(self.where(key)):
            return obstore.get(self._store, key).attributes.get(_WRITER)

    def upload(self, key: str, file: Path) -> None:
        """Write a local file's content in chunks, over an earlier object if there is one."""
        with _own_errors(self.where(key)):
            if self._folder is None:
                obstore.put(self._store, key, file)
            else:
                durable.copy(_inside(self._folder, key), file)

    def download(self, key: str, file: Path) -> str:
        """Write the object's content to a local file in chunks; its sha256. NotFound when there is
        none.
        """
        digest = hashlib.sha256()
        with _own_errors(self.where(key)), file.open("wb") as out:
            for chunk in obstore.get(self._store, key).stream():
                digest.update(chunk)
                out.write(chunk)
        return digest.hexdigest()

    def delete(self, key: str) -> None:
        """Delete the object; deleting a missing one is no error."""
        try:
            with _own_errors(self.where(key)):
                obstore.delete(self._store, key)
        except NotFound:
            return

    def everything(self, prefix: str = "") -> Iterator[Stored]:
        """All objects below `prefix`, hidden ones too, sorted by key."""
        with _own_errors(self.where(prefix)):
            found = [
                Stored(meta["path"], meta["size"], meta["last_modified"])
                for page in obstore.list(self._store, prefix or None)
                for meta in page
            ]
        yield from sorted(found, key=lambda one: one.key)

    def move(self, key: str, to: str) -> None:
        """Give an object another key, over one that is there."""
        self.put(to, self.get(key))
        self.delete(key)

    def drop_empty_folders(self, keys: Iterable[str]) -> None:
        """Remove local folders that held these keys and hold nothing any more; buckets have none."""
        if self._folder is None:
            return
        for key in keys:
            for folder in (self._folder / key).parents:
                if folder == self._folder:
                    break
                with suppress(OSError):  # not empty, or gone
                    folder.rmdir()

    def names(self, prefix: str) -> list[str]:
        """Names of the objects directly under `prefix`, sorted; empty where there is nothing."""
        with _own_errors(self.where(prefix)):
            found = obstore.list_with_delimiter(self._store, prefix)["objects"]
        return _visible(meta["path"] for meta in found)

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders directly under `prefix`, sorted; empty where there is nothing."""
        with _own_errors(self.where(prefix)):
            found = obstore.list_with_delimiter(self._store, prefix)["common_prefixes"]
        return _visible(found)


def _visible(paths: Iterable[str]) -> list[str]:
    """Sorted last parts, without the hidden files that file managers leave in folders."""
    names = (path.rstrip("/").rpartition("/")[2] for path in paths)
    return sorted(name for name in names if not name.startswith("."))
