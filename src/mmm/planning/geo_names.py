"""The names of a medium in one geo, in plans by geo: "tv / North"."""

from __future__ import annotations

from collections.abc import Sequence

#: Between a medium's name and a geo's.
SEPARATOR = " / "


def geo_channel(channel: str, geo: str) -> str:
    """The name of a medium in a geo."""
    return f"{channel}{SEPARATOR}{geo}"


def geo_groups(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Of channels by geo: the channels of each medium, and those of each geo. None of others."""
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        channel, separator, geo = name.rpartition(SEPARATOR)
        for part in (channel, geo) if separator else ():
            found[part] = (*found.get(part, ()), name)
    return found
