"""What this machine saw of a run when it looked before: two looks tell silence, one clock does not.

A heartbeat carries its writer's clock, which may be minutes away from the looker's. So silence is
measured by the looker alone: how long the same last sign of life has been there.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile


class Looks:
    """Remembers in a folder of this machine, and where that cannot be written in this process."""

    def __init__(self, folder: Path, workspace_url: str) -> None:
        key = hashlib.sha256(workspace_url.encode()).hexdigest()[:24]
        self._folder = folder / "looks" / key

    def same_since(self, run_id: str, sign: str, now: datetime) -> datetime:
        """When this looker first saw the run's last sign of life; `now` when it is a new one."""
        file = self._folder / f"{run_id.replace('/', '-')}.json"
        seen = _in_process.get(str(file)) or _stored(file)
        if seen is not None and seen[0] == sign and seen[1] <= now:
            return seen[1]
        _in_process[str(file)] = (sign, now)
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", dir=self._folder, delete=False) as part:
                json.dump([sign, now.isoformat()], part)
            Path(part.name).replace(file)
        return now


_in_process: dict[str, tuple[str, datetime]] = {}


def _stored(file: Path) -> tuple[str, datetime] | None:
    try:
        sign, at = json.loads(file.read_text(encoding="utf-8"))
        return str(sign), datetime.fromisoformat(at)
    except (OSError, ValueError, TypeError):
        return None
