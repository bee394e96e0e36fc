"""Writes to a local folder that outlive a power cut: content first, then the name, then the folder.

The object store's own local writes rename before anything is on the disk: after a power cut an
object may be there with nothing in it.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a file, over an earlier one if there is one."""
    with _part(path) as part:
        part.write_bytes(data)
        _to_disk(part)
        part.replace(path)
    _to_disk(path.parent)


def create(path: Path, data: bytes) -> None:
    """Write a file if there is none; FileExistsError otherwise. Of several at once one succeeds."""
    with _part(path) as part:
        part.write_bytes(data)
        _to_disk(part)
        os.link(part, path)
    _to_disk(path.parent)


def copy(path: Path, source: Path) -> None:
    """Write another file's content, over an earlier file if there is one."""
    with _part(path) as part:
        shutil.copyfile(source, part)
        _to_disk(part)
        part.replace(path)
    _to_disk(path.parent)


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    """A hidden file beside `path`, gone afterwards. Makes the folders, and their names lasting."""
    _make_folder(path.parent)
    part = path.parent / f".{uuid.uuid4().hex}.part"
    try:
        yield part
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _to_disk(folder.parent)


def _to_disk(path: Path) -> None:
    if path.is_dir() and os.name != "posix":
        return  # Windows opens no folders
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
