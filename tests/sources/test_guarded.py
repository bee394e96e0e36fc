"""Foreign files are read by a process of their own: same answers, and no file harms who asks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from mmm.errors import InvalidInput, NotFound, UserError
from mmm.sources.files import FileSource
from mmm.sources.guarded import GuardedFile
from mmm.sources.limits import ReadLimits, judge

HOSTILE = Path(__file__).with_name("hostile")
DATA = Path(__file__).parents[1] / "data_files"
#: Small enough that a file is refused soon.
SMALL = ReadLimits(memory_mb=256, rows=1000, cells=20_000)


def refused(path: Path, limits: ReadLimits = SMALL) -> str:
    with pytest.raises(UserError) as raised, GuardedFile(path, limits=limits).batches():
        pass
    return str(raised.value)


@pytest.mark.parametrize("name", ["corner", "c_T1048576", "c_AX1048576"])
def test_a_cell_far_out_is_named_and_nothing_is_allocated_for_it(name: str) -> None:
    path = HOSTILE / f"{name}.xlsx"
    cell = "XFD1048576" if name == "corner" else name.removeprefix("c_")
    with pytest.raises(UserError) as raised:
        judge(path, "excel", ReadLimits())
    assert f"a cell lies far away from the table ({cell})" in str(raised.value)
    assert f"Delete the rows and columns around {cell}" in str(raised.value)


def test_a_workbook_with_its_table_in_the_middle_of_a_sheet_is_judged_by_its_own_size(
    tmp_path: Path,
) -> None:
    with xlsxwriter.Workbook(tmp_path / "x.xlsx") as book:
        sheet = book.add_worksheet()
        for row in range(3):
            sheet.write_row(900_000 + row, 700, ["a", "b"] if not row else [row, row])
    with GuardedFile(tmp_path / "x.xlsx", limits=ReadLimits()).batches() as batches:
        assert pa.Table.from_batches(batches).to_pydict() == {"a": [1, 2], "b": [1, 2]}


def test_a_file_that_unpacks_to_more_memory_than_allowed_is_refused() -> None:
    told = refused(HOSTILE / "bigstr.parquet", ReadLimits(memory_mb=256))
    assert told.startswith("bigstr.parquet: needs more than 256 MB of memory to be read.")
    assert "MMM_READ_MEMORY_MB" in told


def test_rows_and_cells_are_judged_by_what_a_parquet_file_says_of_itself(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [0] * 1001}), tmp_path / "long.parquet")
    assert "has 1,001 rows; 1,000 may be read." in refused(tmp_path / "long.parquet")
    pq.write_table(pa.table({f"c{i}": [0] * 1000 for i in range(21)}), tmp_path / "wide.parquet")
    assert "has 1,000 x 21 cells; 20,000 may be read." in refused(tmp_path / "wide.parquet")


def test_rows_are_counted_while_a_text_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n" + "1,2\n" * 1001)
    assert "has 1,001 rows; 1,000 may be read." in refused(tmp_path / "x.csv")


def test_a_reader_that_takes_too_long_is_ended() -> None:
    told = refused(DATA / "meridian_geo.csv", ReadLimits(seconds=0.001))
    assert told.startswith("meridian_geo.csv: was not read within 0.001 seconds.")


def test_a_whole_table_is_what_reading_here_gives() -> None:
    path = DATA / "mmm_stan_weekly.csv"
    with FileSource(path).batches() as here, GuardedFile(path).batches() as there:
        assert pa.Table.from_batches(there) == pa.Table.from_batches(here)
        assert there.source_types == here.source_types
        assert there.notes == here.notes
        assert pa.Table.from_batches(there) == pa.Table.from_batches(here)  # a second time


def test_options_previews_and_sheets_go_through(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("day;v\n2026-01-02;1,5\n2026-01-03;2,5\n")
    shown = GuardedFile(tmp_path / "x.csv", separator=";", decimal=",").preview(rows=1)
    assert shown.to_pydict() == {"day": [dt.date(2026, 1, 2)], "v": [1.5]}
    with xlsxwriter.Workbook(tmp_path / "x.xlsx") as book:
        for name in ("One", "Two"):
            book.add_worksheet(name).write_column(0, 0, ["a", 1])
    assert GuardedFile(tmp_path / "x.xlsx").tables() == ["One", "Two"]
    with pytest.raises(NotFound, match="has no sheet 'Three'"):
        GuardedFile(tmp_path / "x.xlsx", sheet="Three").preview()


def test_findings_come_through_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,a,b,b\n1,2,3,4\n")
    with pytest.raises(InvalidInput) as raised:
        GuardedFile(tmp_path / "x.csv").batches()
    assert [finding.where for finding in raised.value.findings] == [
        "x.csv, column 'a'",
        "x.csv, column 'b'",
    ]


def test_the_reader_is_told_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTH_COOKIE_SECRET", "hush" * 8)
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib\n"
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text('\\n'.join(os.environ))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    GuardedFile(DATA / "meridian_national.csv").preview()
    seen = (tmp_path / "seen").read_text().split()
    assert "PATH" in seen
    assert "AUTH_COOKIE_SECRET" not in seen
