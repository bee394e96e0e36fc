"""The files that Robyn wrote, by names that any store takes; they are never read into memory here."""

from __future__ import annotations

import re
import shutil
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path


class WrittenFiles(Mapping[str, Path]):
    """Files of `folder`/artifacts by name. The folder is this object's own and goes with it."""

    def __init__(self, folder: Path) -> None:
        written = sorted(path for path in (folder / "artifacts").iterdir() if path.is_file())
        self._files = {re.sub(r"[^A-Za-z0-9._-]", "_", path.name): path for path in written}
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def __getitem__(self, name: str) -> Path:
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
