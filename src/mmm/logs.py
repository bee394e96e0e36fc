"""How lines of the log look: text for eyes, or one JSON object a line with the run and the person."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

#: Whose click or which run a line belongs to; "" where it is nobody's.
acting_user: ContextVar[str] = ContextVar("acting_user", default="")
current_run: ContextVar[str] = ContextVar("current_run", default="")
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """at, level, logger, message; run and user where there are any; trace of an exception."""

    def __init__(self, run_id: str = "") -> None:
        super().__init__()
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "run": self._run_id or current_run.get(),
            "user": acting_user.get(),
            "trace": self.formatException(record.exc_info) if record.exc_info else "",
        }
        told = {name: value for name, value in line.items() if value}
        return json.dumps(told, ensure_ascii=False)


def formatter(kind: str, run_id: str = "") -> logging.Formatter:
    """The formatter of MMM_LOG_FORMAT: "text" or "json"."""
    return JsonFormatter(run_id) if kind == "json" else logging.Formatter(_TEXT)


def log_to_stderr(kind: str, level: str) -> None:
    """Have a server's own lines printed; its libraries' from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(kind))
    logging.getLogger().addHandler(handler)
    logging.getLogger("mmm").setLevel(level)
