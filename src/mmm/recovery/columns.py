"""Which column holds the spend of each channel of a truth, also where their names differ."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mmm.errors import UserError
from mmm.scoring.score import ChannelTruth

SPEND = "_spend"
#: Two totals this near, as a share, are the same money: files round to the cent.
_SAME = 1e-5
_AFFIXES = re.compile(r"^(spend|cost)|(spend|cost|s)$")


def spend_columns(
    table: pa.Table, truths: Sequence[ChannelTruth], mapped: Sequence[str], where: str
) -> dict[str, str]:
    """The spend's column of each channel, by channel. UserError for one that cannot be told.

    In this order: the column the truth names, `<channel>_spend`, the channel's own name, a column
    whose name differs by case, signs or the word spend alone, and the one column whose total is the
    channel's spend. With a mapping, only its paid columns are looked at.
    """
    numbers = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    numbers += [field.name for field in table.schema if pa.types.is_integer(field.type)]
    known = list(mapped) or numbers
    found: dict[str, str] = {}
    for truth in truths:
        left = [name for name in known if name not in found.values()]
        column = _by_name(truth, left) or _by_total(table, truth, left)
        if column is None:
            raise UserError(
                f"has no column {truth.name + SPEND!r}.",
                where=where,
                fix=(
                    "Give a mapping whose paid columns hold the truth's channels, or name the "
                    '"column" of each channel in truth.json.'
                ),
            )
        found[truth.name] = column
    return found


def named_columns(names: Sequence[str], columns: dict[str, str], where: str) -> tuple[str, ...]:
    """The spend's columns of channels that a lift test names; UserError for an unknown one."""
    for name in names:
        if name not in columns:
            fix = f"The channels are {', '.join(columns)}."
            raise UserError(f"tests an unknown channel {name!r}.", where=where, fix=fix)
    return tuple(columns[name] for name in names)


def _by_name(truth: ChannelTruth, columns: Sequence[str]) -> str | None:
    if truth.column is not None:
        return truth.column if truth.column in columns else None
    for candidate in (truth.name + SPEND, truth.name):
        if candidate in columns:
            return candidate
    alike = [name for name in columns if _plain(name) == _plain(truth.name)]
    return alike[0] if len(alike) == 1 else None


def _by_total(table: pa.Table, truth: ChannelTruth, columns: Sequence[str]) -> str | None:
    alike = []
    for name in columns:
        total = pc.sum(table[name]).as_py() if name in table.column_names else None
        if total is not None and abs(total - truth.spend) <= _SAME * abs(truth.spend):
            alike.append(name)
    return alike[0] if len(alike) == 1 else None


def _plain(name: str) -> str:
    """A name without case, signs and the word spend at either end."""
    letters = re.sub(r"[^0-9a-z]", "", name.casefold())
    return _AFFIXES.sub("", letters)
