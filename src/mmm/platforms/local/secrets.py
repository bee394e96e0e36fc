"""Secrets as files that only their owner can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mmm.errors import NotFound, UserError
from mmm.platforms.base import checked_secret_name
from mmm.settings import Settings


class FileSecretStore:
    """One file per secret, mode 0600, in a folder with mode 0700."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def from_settings(cls, settings: Settings) -> FileSecretStore:
        return cls(settings.local_secrets_dir)

    def get(self, name: str) -> str:
        try:
            return self._path(name).read_bytes().decode()
        except FileNotFoundError:
            raise NotFound(f"there is no secret {name!r}.", where="secrets") from None

    def put(self, name: str, value: str) -> None:
        """Store the secret, over an earlier value if there is one; a reader sees the old or the new
        one.
        """
        path = self._path(name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)  # it may have been made by hand
        descriptor, part = tempfile.mkstemp(prefix=".", dir=self._folder)  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(value.encode())
                file.flush()
                os.fsync(file.fileno())
            Path(part).replace(path)
        except OSError as error:
            Path(part).unlink(missing_ok=True)
            raise UserError(
                f"the secret could not be stored: {error.strerror}.", where=name
            ) from error

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def exists(self, name: str) -> bool:
        return self._path(name).is_file()

    def _path(self, name: str) -> Path:
        return self._folder / checked_secret_name(name)
