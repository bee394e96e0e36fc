"""Schedules in versions, and each moment at which one was acted on, so that it is acted on once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel

from mmm.errors import AlreadyExists, NotFound
from mmm.workspace.names import checked_name
from mmm.workspace.part import Part

_STAMP = re.compile(r"\d{8}T\d{4}")


@dataclass
class Scheduled:
    """What one listing tells of a schedule: its newest version, and the stamps of the moments that
    were acted on, oldest first.
    """

    version: int = 0
    acted_on: list[str] = field(default_factory=list)


class Schedules(Part):
    """schedules/<name>/<version>.json; schedules/<name>/begun/<moment>.json, created only if absent
    by whoever acts on the moment; schedules/<name>/done/<moment>.json with what came of it.
    """

    def save_schedule(self, name: str, schedule: BaseModel) -> int:
        """Store a new version of the schedule; return its number. Earlier versions stay."""
        folder = _folder(name)
        while True:
            version = max(self._numbers(folder), default=0) + 1
            try:
                self._create(f"{folder}/{version:06d}.json", schedule, "schedule")
            except AlreadyExists:
                continue  # someone else made this version at the same moment
            return version

    def schedule(self, name: str, version: int | None = None) -> str:
        """JSON of a version of the schedule, the newest where None; NotFound when there is none."""
        folder = _folder(name)
        if version is None:
            version = max(self._numbers(folder), default=0)
        try:
            return self._text(f"{folder}/{version:06d}.json", "schedule")
        except NotFound:
            fix = "`mmm schedule list` names them."
            raise NotFound(f"there is no schedule {name!r}.", where="schedule", fix=fix) from None

    def schedules(self) -> Mapping[str, Scheduled]:
        """All schedules by name, by one listing."""
        found: dict[str, Scheduled] = {}
        for one in self._objects.everything("schedules"):
            match one.key.removesuffix(".json").split("/")[1:]:
                case [name, version] if version.isdecimal():
                    known = found.setdefault(name, Scheduled())
                    known.version = max(known.version, int(version))
                case [name, "begun", stamp] if _STAMP.fullmatch(stamp):  # not one being written
                    found.setdefault(name, Scheduled()).acted_on.append(stamp)
        return {name: one for name, one in found.items() if one.version}

    def begin_firing(self, name: str, moment: datetime, firing: BaseModel) -> bool:
        """Take a moment of a schedule; False when another has it. Of several exactly one gets it."""
        try:
            self._create(f"{_folder(name)}/begun/{_stamp(moment)}.json", firing, "firing")
        except AlreadyExists:
            return False
        return True

    def end_firing(self, name: str, moment: datetime, firing: BaseModel) -> None:
        """Store what came of a moment."""
        self._put(f"{_folder(name)}/done/{_stamp(moment)}.json", firing, "firing")

    def firing(self, name: str, stamp: str) -> str:
        """JSON of what is known of a moment: what came of it, or else who began."""
        try:
            return self._text(f"{_folder(name)}/done/{stamp}.json", "firing")
        except NotFound:
            return self._text(f"{_folder(name)}/begun/{stamp}.json", "firing")


def _folder(name: str) -> str:
    return f"schedules/{checked_name(name, 'schedule')}"


def _stamp(moment: datetime) -> str:
    """A moment of a schedule, to the minute, in UTC: cron knows nothing finer."""
    return f"{moment:%Y%m%dT%H%M}"
