"""A column of markets as codes: spellings that differ in case or blanks are one market."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.data.columns import is_text, listed, read_texts

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
