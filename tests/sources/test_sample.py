"""The sample data and its mapping fit together."""

from __future__ import annotations

import csv

from mmm.sources.sample import PATH, WINDOW, sample_mapping


def test_every_mapped_column_is_in_the_table_and_the_window_lies_on_its_dates() -> None:
    with PATH.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 208
    assert set(sample_mapping().columns()) == set(rows[0])
    dates = [row["DATE"] for row in rows]
    assert all(day.isoformat() in dates for day in WINDOW)


def test_the_licence_lies_beside_the_data() -> None:
    assert "MIT licence" in PATH.with_name("LICENSE").read_text()
