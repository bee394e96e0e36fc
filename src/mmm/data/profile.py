"""What each column of a table holds: its kind, its gaps, its range. The facts proposals and
comparisons rest on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from mmm.data.columns import (
    is_number,
    is_text,
    is_time,
    read_numbers,
    read_texts,
    texts_are_numbers,
    texts_are_times,
)

#: "flag" are numbers that are all 0 or 1, "empty" a column without any value, "other" a type no
#: model can use.
ContentKind = Literal["date", "number", "flag", "text", "empty", "other"]


@dataclass(frozen=True)
class ColumnFacts:
    """One column. `distinct` is counted for texts only; shares are of the rows; the range is null
    without numbers.
    """

    name: str
    kind: ContentKind
    rows: int
    missing: int
    distinct: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    zero_share: float = 0.0
    negative_share: float = 0.0
    counts_rows: bool = False
    whole_numbers: bool = False

    @property
    def all_negative(self) -> bool:
        """Whether some numbers are below 0 and none is above it."""
        low, high = self.minimum, self.maximum
        return low is not None and high is not None and low < 0 and high <= 0

    @property
    def constant(self) -> bool:
        """Whether every value there is, is the same one."""
        if self.kind == "text":
            return self.distinct == 1
        return self.minimum is not None and self.minimum == self.maximum


def profile(table: pa.Table) -> tuple[ColumnFacts, ...]:
    """Facts of every column, in order. Repeated names are looked at one by one."""
    return tuple(
        _facts(name, column) for name, column in zip(table.column_names, table.columns, strict=True)
    )


def _facts(name: str, column: pa.ChunkedArray) -> ColumnFacts:
    rows, missing = len(column), column.null_count
    if missing == rows:
        return ColumnFacts(name, "empty", rows, missing)
    if is_time(column.type):
        return ColumnFacts(name, "date", rows, missing)
    if is_text(column.type):
        return _text_facts(name, column)
    if not is_number(column.type):
        return ColumnFacts(name, "other", rows, missing)
    numbers = read_numbers(column)
    assert numbers is not None  # noqa: S101 - is_number said so
    return _number_facts(name, numbers.values)


def _text_facts(name: str, column: pa.ChunkedArray) -> ColumnFacts:
    """Texts that are all dates or all numbers count as such."""
    codes, texts = read_texts(column)
    missing = int((codes < 0).sum())
    if texts_are_times(texts):
        return ColumnFacts(name, "date", len(codes), missing)
    if texts_are_numbers(texts):
        numbers = read_numbers(column)
        assert numbers is not None  # noqa: S101 - texts give numbers or wrong cells
        return _number_facts(name, numbers.values)
    return ColumnFacts(name, "text", len(codes), missing, distinct=len(texts))


def _number_facts(name: str, values: np.ndarray) -> ColumnFacts:
    here = values[~np.isnan(values)]
    rows, missing = len(values), len(values) - len(here)
    if not len(here):
        return ColumnFacts(name, "empty", rows, missing)
    whole = bool((here == np.floor(here)).all())
    flag = whole and bool(((here == 0) | (here == 1)).all())
    return ColumnFacts(
        name,
        "flag" if flag and here.min() != here.max() else "number",
        rows,
        missing,
        minimum=float(here.min()),
        maximum=float(here.max()),
        mean=float(here.mean()),
        zero_share=float((here == 0).sum()) / rows,
        negative_share=float((here < 0).sum()) / rows,
        counts_rows=whole
        and rows > 2
        and not missing
        and here[0] in (0, 1)
        and bool((np.diff(values) == 1).all()),
        whole_numbers=whole,
    )
