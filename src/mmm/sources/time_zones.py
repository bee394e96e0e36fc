"""Which calendar day a time with its distance to UTC belongs to.

Local days by default: a midnight keeps the day it was written with, whatever the offset; times of
one zone are counted there. A zone that a person gives decides.
"""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from mmm.sources.column_state import Column
from mmm.sources.text_types import LOCAL_DAYS, LOCAL_TIMES, TEXT, ZONED, Kind

#: What stands behind a time in UTC.
_UTC = ("Z", "z", "UTC", "GMT")
_ZONES = (
    *("Europe/Berlin", "Europe/London", "Europe/Athens", "Europe/Moscow", "America/New_York"),
    *("America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo"),
    *("America/Mexico_City", "Australia/Sydney", "Pacific/Auckland", "Africa/Cairo"),
)


def local_times(column: Column, zone: str | None) -> bool:
    """Times with their distance to UTC keep the calendar day they were written with."""
    if column.kind is not ZONED:
        return False
    seen = column.seen
    offsets = sorted(seen.offsets)
    shown = ", ".join(dict.fromkeys("UTC" if o in _UTC else o for o in offsets))
    if zone is not None:
        column.evidence = f"times with {shown}; days are counted in {zone}, as given"
        return column.restrict((zoned(zone), TEXT))
    if seen.midnights:
        column.evidence = f"midnights with {shown}; each keeps the calendar day it was written with"
        return column.restrict((LOCAL_DAYS, TEXT))
    if all(offset in _UTC or re.fullmatch(r"[+-]00(:?00)?", offset) for offset in offsets):
        return _days_of_utc(column)
    if len(offsets) == 1:
        column.evidence = f"times with {shown}; days are counted there"
        return column.restrict((zoned(_whole_offset(offsets[0])), TEXT))
    name = _zone_with(column)
    if name is not None:
        column.evidence = f"times with {shown}, as in {name}; days are counted there"
        return column.restrict((zoned(name), TEXT))
    column.evidence = f"times with {shown}, of no known zone; taken as the clock showed them"
    return column.restrict((LOCAL_TIMES, TEXT))


def _days_of_utc(column: Column) -> bool:
    """Times in UTC that are all midnights elsewhere, by summer and winter time, are days there."""
    times = _moments(column) or []
    clocks = {(time.hour, time.minute, time.second) for time in times}
    if len(clocks) == 2 and (0, 0, 0) not in clocks:
        for name in _ZONES:
            if all(time.astimezone(ZoneInfo(name)).time() == dt.time() for time in times):
                column.evidence = (
                    f"times in UTC that are all midnights in {name}; days are counted there"
                )
                return column.restrict((zoned(name), TEXT))
    column.evidence = "times in UTC; days are counted in UTC unless a zone is given"
    if len(clocks) == 1 and min(clocks) >= (12, 0, 0) and len(times) > 1:
        clock = f"{times[0]:%H:%M}"
        column.evidence += f": every time is {clock}, which is midnight and the day after elsewhere"
    return False


def _whole_offset(offset: str) -> str:
    digits = offset[1:].replace(":", "").ljust(4, "0")
    return f"{offset[0]}{digits[:2]}:{digits[2:]}"


def zoned(zone: str) -> Kind:
    """The kind of times that are shown in a zone."""
    kind = pa.timestamp("us", zone)

    def read(texts: pa.StringArray) -> pa.Array:
        return ZONED.read(texts).cast(kind)

    return Kind(f"timestamp in {zone}", kind, read)


def _zone_with(column: Column) -> str | None:
    """The first well-known zone whose offset is the written one at each witness."""
    times = _moments(column)
    if times is None:
        return None
    for name in _ZONES:
        known = ZoneInfo(name)
        if all(time.astimezone(known).utcoffset() == time.utcoffset() for time in times):
            return name
    return None


def _moments(column: Column) -> list[dt.datetime] | None:
    """The witnesses as times with their offsets; None where one is none."""
    times = []
    for text in pc.drop_null(column.witnesses).to_pylist():
        plain_offset = re.sub(r"\s*(?:UTC|GMT|[Zz])$", "+00:00", text.strip())
        try:
            times.append(dt.datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d{2})", "", plain_offset)))
        except ValueError:
            return None
    return times
