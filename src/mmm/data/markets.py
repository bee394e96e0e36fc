"""A column of markets as codes: spellings that differ in case or blanks are one market; two names of
one country are two until a person says that they are one.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.data.columns import is_text, listed, read_texts
from mmm.data.country_names import same_country
from mmm.errors import UserError

#: A market counts as the sum of the others within this share, or the rounding of two digits.
_RELATIVE, _ROUNDING = 1e-4, 0.006


@dataclass(frozen=True)
class Markets:
    """`codes` (rows,) into `names`, -1 where the cell is empty. A market is called as it is most
    often written; `spellings` holds those that were written in several ways, by name.
    """

    codes: np.ndarray
    names: tuple[str, ...]
    spellings: dict[str, tuple[str, ...]]

    def find(self, name: str) -> int | None:
        """The code of a market however it is written; None where there is none."""
        wanted = folded(name)
        return next((i for i, known in enumerate(self.names) if folded(known) == wanted), None)

    def notes(self) -> list[str]:
        """One sentence per market that was written in several ways."""
        return [
            f"{listed(list(written))} are taken for one market, {name!r}."
            for name, written in self.spellings.items()
        ]

    def doubtful(self) -> list[tuple[str, str]]:
        """(what, fix) for markets that name the same country."""
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))
        return doubtful(self.names, counts.tolist())

    def joined(self, same: dict[str, str]) -> Markets:
        """With the markets that are named as keys taken for those that are the values."""
        codes, gone = self.codes.copy(), set()
        for name, other in same.items():
            old, new = self.find(name), self.find(other)
            if old is not None and new is not None and old != new:
                codes[codes == old] = new
                gone.add(old)
        kept = [code for code in range(len(self.names)) if code not in gone]
        place = np.full(len(self.names) + 1, -1)
        place[kept] = np.arange(len(kept))
        names = tuple(self.names[code] for code in kept)
        return Markets(place[codes], names, self.spellings)


def taken_for(markets: Markets, same: dict[str, str], where: str) -> list[str]:
    """What becomes of markets that are others by another name. Raises UserError for unknown ones."""
    unknown = [name for pair in same.items() for name in pair if markets.find(name) is None]
    if unknown:
        raise UserError(
            f"there is no market {unknown[0]!r}.",
            where=f"{where}, same",
            fix=f"It has: {listed(sorted(markets.names))}.",
        )
    return [f"{name!r} was taken for the market {other!r}." for name, other in same.items()]


def doubtful(names: Sequence[str], rows: Sequence[int]) -> list[tuple[str, str]]:
    """(what, fix) for names of markets that are of one country; `rows` says how often each occurs."""
    count = dict(zip(names, rows, strict=True))
    found = []
    for group in same_country(names):
        main = max(group, key=lambda name: count[name])
        same = json.dumps({name: main for name in group if name != main}, ensure_ascii=False)
        what = f"{listed(list(group))} name one country, and are {len(group)} markets here"
        found.append((what, f'If they are one, say so in the recipe\'s market: "same": {same}.'))
    return found


def folded(name: str) -> str:
    """A market's name without what people do not mean by it: case, and blanks at the ends or
    repeated.
    """
    return re.sub(r"\s+", " ", name).strip().casefold()


def read_markets(column: pa.ChunkedArray) -> Markets:
    """The column's markets in order of appearance. A cell of blanks alone is empty."""
    codes, texts = read_texts(column if is_text(column.type) else column.cast(pa.string()))
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    written: dict[str, list[int]] = defaultdict(list)
    for code, text in enumerate(texts):
        if folded(text):
            written[folded(text)].append(code)
    to_market = np.full(len(texts) + 1, -1)  # the last one stands for empty cells
    names, spellings = [], {}
    for number, members in enumerate(written.values()):
        to_market[members] = number
        most = max(members, key=lambda code: counts[code])
        names.append(" ".join(texts[most].split()))
        if len(members) > 1:
            spellings[names[-1]] = tuple(texts[code] for code in members)
    return Markets(to_market[codes], tuple(names), spellings)


def sum_of_others(stack: np.ndarray) -> np.ndarray:
    """Which markets of (markets, P) are the sum of the others in every period, as an "All" or a
    "Total" in a market column is. Two markets that are the same are none.
    """
    if len(stack) < 3 or not stack.any():
        return np.zeros(len(stack), bool)
    others = stack.sum(axis=0) - stack
    slack = _ROUNDING * len(stack) + _RELATIVE * np.abs(others)
    return np.asarray((np.abs(stack - others) <= slack).all(axis=1))
