"""Weeks named by their last day are said so, and dated by their first day where a person asks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mmm.sources.files import FileSource

SUNDAYS = [dt.date(2024, 1, 7) + dt.timedelta(days=7 * i) for i in range(12)]


def read(folder: Path, name: str, form: str, **options: Any) -> tuple[list[Any], str]:
    lines = [f"{name};revenue", *(f"{day:{form}};{i}" for i, day in enumerate(SUNDAYS))]
    path = folder / "sales.csv"
    path.write_text("\n".join([*lines, ""]))
    with FileSource(path, **options).batches() as batches:
        table = pa.Table.from_batches(batches, batches.schema)
        return table[name].to_pylist(), " ".join(batches.notes)


@pytest.mark.parametrize(
    ("name", "form"),
    [("Week Ending", "%Y-%m-%d"), ("week_end", "%d.%m.%Y"), ("Week", "w/e %d/%m/%Y")],
)
def test_last_days_stay_as_written_with_a_note(tmp_path: Path, name: str, form: str) -> None:
    days, notes = read(tmp_path, name, form)
    assert days == SUNDAYS
    assert f'--column "{name}=week-ending"' in notes


def test_weeks_are_dated_by_their_first_day_when_asked(tmp_path: Path) -> None:
    for form in ("%Y-%m-%d", "week ending %d %b %Y"):
        days, _ = read(tmp_path, "Week", form, columns={"Week": "week-ending"})
        assert days == [day - dt.timedelta(days=6) for day in SUNDAYS]


def test_other_dates_get_no_note(tmp_path: Path) -> None:
    assert read(tmp_path, "weekend", "%Y-%m-%d")[1] == ""


@pytest.mark.parametrize(
    "form",
    [
        *("Week of %b %d, %Y", "w/c %d/%m/%Y", "W/B %d %b %y", "ab %d.%m.%Y", "KW 1: %d.%m.%Y"),
        *("KW 1 (%d.%m.%Y)", "semaine du %d/%m/%Y", "%d%m%Y", "%m%d%Y", "%y%m%d"),
    ],
)
def test_days_behind_words_and_in_digits(tmp_path: Path, form: str) -> None:
    assert read(tmp_path, "Week", form)[0] == SUNDAYS


def test_the_cell_that_is_no_date_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    days = [f"{day:%d.%m.%Y}" for day in SUNDAYS]
    path.write_text("\n".join(["week,revenue", *(f"{day},1" for day in [*days, "31.06.2024"]), ""]))
    with FileSource(path).batches() as batches:
        assert batches.schema.field("week").type == pa.string()
        assert "written DD.MM.YYYY, but not '31.06.2024'" in batches.notes[0]


def test_midnights_of_a_zone_with_summer_time_are_found_in_utc(tmp_path: Path) -> None:
    hours = {1: 23, 4: 22, 7: 22, 10: 22}
    lines = ["date,revenue"]
    for month, hour in hours.items():
        lines += [f"2024-{month:02d}-{day:02d}T{hour}:00:00Z,1" for day in range(1, 20)]
    path = tmp_path / "sales.csv"
    path.write_text("\n".join([*lines, ""]))
    with FileSource(path).batches() as batches:
        assert batches.schema.field("date").type == pa.timestamp("us", "Europe/Berlin")
        assert "all midnights in Europe/Berlin" in batches.notes[0]
