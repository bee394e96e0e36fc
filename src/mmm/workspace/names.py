"""Names and ids that become part of a key. Nothing else may: no slash, no leading dot, no control
character.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

from mmm.errors import NotFound, UserError

_NAME = re.compile(r"[^\W_][\w .,&'()+-]{0,99}")
_TIME_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")
#: What a run's studies are called: the folder inside the run's in which each kind lies.
STUDY_KINDS = ("stability", "certificate")
_STUDY_ID = re.compile(rf"({_TIME_ID.pattern})/({'|'.join(STUDY_KINDS)})/\d{{4}}")
_DATASET_ID = re.compile(r"[0-9a-f]{16}")
_ARTIFACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_FILE = re.compile(r"[a-z0-9][a-z0-9_-]*\.[a-z0-9]+")


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id(now: datetime | None = None) -> str:
    """An id that sorts by time: date and time to the second, then 5 hex digits of microseconds and
    3 random ones.
    """
    now = now or utc_now()
    return f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{secrets.token_hex(2)[:3]}"


def new_ids(count: int) -> list[str]:
    """So many different ids, in order."""
    found: set[str] = set()
    while len(found) < count:
        found.add(new_id())
    return sorted(found)


def checked_name(name: str, what: str) -> str:
    """A name a person chose (market, mapping), in Unicode's composed form; UserError when it cannot
    be one.
    """
    composed = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(composed) or composed != composed.rstrip(" ."):
        raise UserError(
            f"{name!r} cannot be the name of a {what}.",
            where=what,
            fix="Use letters, digits, spaces and . , _ - & ' ( ) +, starting with a letter or digit, at most 100.",
        )
    return composed


def checked_dataset_id(dataset_id: str) -> str:
    return _checked(_DATASET_ID, dataset_id, "dataset id", "16 hexadecimal digits")


def checked_time_id(time_id: str, what: str) -> str:
    return _checked(_TIME_ID, time_id, f"{what} id", "like 20261123T121722-0a1b2c3d")


def checked_run(run_id: str) -> str:
    """A run's id, or that of a study of a run: a run of its own inside the run's folder."""
    return run_id if studied_run(run_id) else checked_time_id(run_id, "run")


def studied_run(run_id: str) -> str | None:
    """The run that a study is about; None for a run that is no study."""
    found = _STUDY_ID.fullmatch(run_id)
    return found.group(1) if found else None


def study_kind(run_id: str) -> str | None:
    """Which of `STUDY_KINDS` a study is; None for a run that is no study."""
    found = _STUDY_ID.fullmatch(run_id)
    return found.group(2) if found else None


def is_time_id(text: str) -> bool:
    return _TIME_ID.fullmatch(text) is not None


def meant_id(ids: Sequence[str], text: str, what: str, fix: str) -> str:
    """The one of `ids`, newest first, that `text` means: an unambiguous start of one, or "latest".
    `fix` says what to do where there is none.
    """
    found = (
        ids[:1] if text == "latest" else [item for item in ids if text and item.startswith(text)]
    )
    if not found:
        missing = (
            f"there is no {what} yet."
            if text == "latest"
            else f"no {what}'s id starts with {text!r}."
        )
        raise NotFound(missing, where=what, fix=fix)
    if len(found) > 1:
        raise UserError(
            f"{text!r} is the start of {len(found)} ids: {', '.join(found[:5])}.", where=what
        )
    return found[0]


def named_version(text: str, what: str) -> tuple[str, int | None]:
    """(name, version) of NAME@VERSION; no version, which is the newest, for NAME alone."""
    name, at, version = text.partition("@")
    if at and not version.isdecimal():
        raise UserError(
            f"{version!r} is no version.", where=f"{what} {text!r}", fix="Write it like weekly@2."
        )
    return name, int(version) if at else None


def checked_file(name: str) -> str:
    return _checked(
        _FILE, name, "result file name", "lower-case letters, digits, _ or -, a dot and an ending"
    )


def checked_artifact(name: str) -> str:
    return _checked(_ARTIFACT, name, "file name of an engine", "letters, digits, . _ or -")


def _checked(pattern: re.Pattern[str], text: str, what: str, form: str) -> str:
    if not pattern.fullmatch(text):
        raise UserError(f"{text!r} is not a {what}.", where=what, fix=f"It must be {form}.")
    return text
