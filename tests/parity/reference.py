"""Reading the reference numbers, and how far ours are from them."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np


def read_csv(path: Path) -> dict[str, list[str]]:
    """Columns of a CSV file, plain or gzip, as text."""
    if not path.exists() and path.with_suffix(path.suffix + ".gz").exists():
        path = path.with_suffix(path.suffix + ".gz")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="") as file:
        rows = list(csv.reader(file))
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def numbers(values: list[str]) -> np.ndarray:
    return np.array(
        [
            {"NA": "nan", "Inf": "inf", "-Inf": "-inf", "TRUE": "1", "FALSE": "0"}.get(v, v)
            for v in values
        ],
        float,
    )


def deviation(ours: Any, theirs: Any, scale: float | None = None) -> float:
    """Largest |ours - theirs| relative to |theirs| (or to `scale`); 0 where both are undefined, inf
    where one is.
    """
    ours, theirs = np.atleast_1d(np.asarray(ours, float)), np.atleast_1d(np.asarray(theirs, float))
    both = np.isnan(ours) & np.isnan(theirs)
    same = both | (ours == theirs)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(ours - theirs) / (np.abs(theirs) if scale is None else scale)
    relative = np.where(same, 0.0, np.where(np.isnan(relative), np.inf, relative))
    return float(relative.max()) if len(relative) else 0.0


def as_list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
