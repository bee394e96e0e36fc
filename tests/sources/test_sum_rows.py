"""Rows of totals that no word names are left out where their numbers add up, and only there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mmm.sources.files import FileSource

Write = Callable[..., Path]
WEEKS = [dt.date(2024, 1, 1) + dt.timedelta(days=7 * i) for i in range(26)]
DATA = [[1000 + 10.5 * i, 100 + 3.25 * (i % 7)] for i in range(26)]


def read(path: Path, **options: Any) -> tuple[pa.Table, tuple[str, ...]]:
    with FileSource(path, **options).batches() as batches:
        return pa.Table.from_batches(batches, batches.schema), batches.notes


def rows(label: Callable[[dt.date], object], every: int) -> list[list[object]]:
    """The weeks, with a row of sums after every so many of them."""
    found: list[list[object]] = []
    since = [0.0, 0.0]
    for i, (week, values) in enumerate(zip(WEEKS, DATA, strict=True), start=1):
        found.append([week, *values])
        since = [a + b for a, b in zip(since, values, strict=True)]
        if i % every == 0:
            found.append([label(week), *since])
            since = [0.0, 0.0]
    return found


def csv(tmp_path: Path, body: list[list[object]], header: str = "week,revenue,tv_spend") -> Path:
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in body]
    path = tmp_path / "sales.csv"
    path.write_text("\n".join([header, *lines, ""]))
    return path


def quarter(week: dt.date) -> str:
    return f"Q{(week.month - 1) // 3 + 1} {week.year}"


def nothing(_: dt.date) -> None:
    return None


@pytest.mark.parametrize("label", [nothing, quarter], ids=["no word", "a quarter"])
@pytest.mark.parametrize("every", [13, 26], ids=["subtotals", "one total"])
def test_sums_without_a_date_are_left_out(
    tmp_path: Path, write_xlsx: Write, label: Callable[[dt.date], object], every: int
) -> None:
    body = rows(label, every)
    for path in (csv(tmp_path, body), write_xlsx([["week", "revenue", "tv_spend"], *body])):
        table, notes = read(path)
        assert table["week"].to_pylist() == WEEKS
        assert pc.sum(table["revenue"]).as_py() == sum(row[0] for row in DATA)
        count = 26 // every
        assert any(note.startswith(f"{count} row") and "of totals" in note for note in notes)


def test_totals_are_kept_when_asked_for(tmp_path: Path) -> None:
    table, _ = read(csv(tmp_path, rows(nothing, 26)), keep_totals=True)
    assert table.num_rows == 27


def test_a_total_of_the_whole_range_in_the_first_row(tmp_path: Path) -> None:
    """As Meta's exports have it: with the first day's date, without a campaign."""
    days = [[day, day, "A" if i % 2 else "B", *DATA[i]] for i, day in enumerate(WEEKS)]
    sums = [sum(row[i] for row in DATA) for i in range(2)]
    first = [WEEKS[0], WEEKS[-1], None, *sums]
    table, notes = read(csv(tmp_path, [first, *days], "start,end,campaign,amount,clicks"))
    assert table["end"].to_pylist() == WEEKS
    assert len(notes) == 1


def test_a_row_without_a_date_that_adds_up_to_nothing_stays(tmp_path: Path) -> None:
    body = [*rows(nothing, 99), [None, 5000.0, 300.0]]
    table, notes = read(csv(tmp_path, body))
    assert (table.num_rows, notes) == (27, ())


def test_a_column_of_quarters_stays_one(tmp_path: Path) -> None:
    body = [[f"Q{i % 4 + 1} {2018 + i // 4}", *values] for i, values in enumerate(DATA)]
    table, _ = read(csv(tmp_path, body))
    assert table["week"][1].as_py() == dt.date(2018, 4, 1)
    assert table.num_rows == 26


def test_a_year_alone_in_its_row_is_a_heading(tmp_path: Path) -> None:
    body = [["2024", None, None], *rows(nothing, 99)]
    table, notes = read(csv(tmp_path, body))
    assert table["week"].to_pylist() == WEEKS
    assert notes == ("1 row with a note only left out: line 2 '2024'.",)
