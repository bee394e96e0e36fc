"""Files as a source: the content says what a file is, its name must agree, and all kinds give the
same values.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmm.errors import InvalidInput, NotFound, UserError
from mmm.sources.files import FileSource


def zipped(name: str = "a.txt") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "x")
    return buffer.getvalue()


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


WRONG = {
    "x.csv": (b"", "x.csv: the file is empty (0 bytes)."),
    "pdf.csv": (
        b"%PDF-1.7\n",
        "is a PDF document, not a delimited text file (CSV) as its name says.",
    ),
    "png.csv": (b"\x89PNG\r\n\x1a\n", "is a PNG image"),
    "jpeg.xlsx": (b"\xff\xd8\xff\xe0", "is a JPEG image, not an Excel workbook"),
    "page.csv": (b"\n <!DOCTYPE html><html>", "is an HTML page"),
    "page.xls": (b"<html><table>", "is an HTML page, not an Excel workbook"),
    "xml.csv": (b"<?xml version='1.0'?>", "is an XML document"),
    "json.csv": (b'[{"a": 1}]', "is a JSON document"),
    "zip.csv": (zipped(), "is a zip archive"),
    "zip.xlsx": (zipped(), "is a zip archive, not an Excel workbook"),
    "gzip.csv": (b"\x1f\x8b\x08", "is a gzip archive"),
    "book.csv": (zipped("xl/workbook.xml"), "is an Excel workbook, not a delimited text file"),
    "old.csv": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook"),
    "table.csv": (parquet(pa.table({"a": [1]})), "is a Parquet file, not a delimited text file"),
    "text.parquet": (b"a,b\n1,2\n", "is a delimited text file (CSV), not a Parquet file"),
    "text.xlsx": (b"a,b\n1,2\n", "is a delimited text file (CSV), not an Excel workbook"),
    "table.docx": (b"a,b\n1,2\n", "files ending in '.docx' are not read."),
}


@pytest.mark.parametrize(
    ("name", "content", "message"), [(n, *rest) for n, rest in WRONG.items()], ids=WRONG
)
def test_wrong_kinds_of_file_are_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        FileSource(tmp_path / name)
    assert str(caught.value).startswith(f"{name}: ")
    assert message in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no such file"):
        FileSource(tmp_path / "no.csv")
    with pytest.raises(UserError, match="cannot be read"):
        FileSource(tmp_path)


BAD_PARQUET = {
    "damaged": (b"PAR1 and then nothing", "is a damaged Parquet file"),
    "cut": (parquet(pa.table({"a": list(range(1000))}))[:-20], "is a damaged Parquet file"),
    "no rows": (parquet(pa.table({"a": pa.array([], pa.int64())})), "has columns but no rows"),
    "nested": (
        parquet(pa.table({"a": [[1]]})),
        "x.parquet, column 'a': the column holds nested values",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD_PARQUET.values(), ids=BAD_PARQUET)
def test_bad_parquet_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(UserError) as caught:
        FileSource(tmp_path / "x.parquet").batches()
    assert message in str(caught.value)


def test_parquet_with_repeated_names(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(InvalidInput, match="2 columns have this name"):
        FileSource(tmp_path / "x.parquet").batches()


def test_parquet_columns_without_a_name_are_called_by_their_place(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["", "a"]),
        tmp_path / "x.parquet",
    )
    with FileSource(tmp_path / "x.parquet").batches() as batches:
        assert pa.Table.from_batches(batches).to_pydict() == {"column_1": [1], "a": [2]}
        assert batches.notes == ("Column 1 has no name; it is called 'column_1'.",)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("x.csv", {"sheet": "a"}, "x.csv: is a delimited text file (CSV); it has no sheet."),
        ("x.parquet", {"separator": ";"}, "x.parquet: is a Parquet file; it has no separator."),
        ("x.parquet", {"decimal": ","}, "x.parquet: is a Parquet file; it has no decimal mark."),
        ("x.parquet", {"encoding": "utf-8"}, "x.parquet: is a Parquet file; it has no encoding."),
    ],
)
def test_options_of_another_kind_of_file_are_refused(
    tmp_path: Path, name: str, options: dict[str, str], message: str
) -> None:
    (tmp_path / name).write_bytes(
        b"a\n1\n" if name.endswith("csv") else parquet(pa.table({"a": [1]}))
    )
    with pytest.raises(UserError) as caught:
        FileSource(tmp_path / name, **options)
    assert str(caught.value) == f"{message} Leave the option out."


def test_damage_behind_a_good_footer_is_named(tmp_path: Path) -> None:
    content = bytearray(parquet(pa.table({"a": [str(i) for i in range(100_000)]})))
    content[1000:60_000] = b"\xff" * 59_000
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(UserError, match="is a damaged Parquet file"):
        list(FileSource(tmp_path / "x.parquet").batches())


def test_parquet_types_pass_unchanged(tmp_path: Path) -> None:
    table = pa.table({"t": pa.array(["00123", "NA"]), "i": pa.array([1, None], pa.int16())})
    pq.write_table(table, tmp_path / "x.parquet")
    with FileSource(tmp_path / "x.parquet").batches() as batches:
        assert pa.Table.from_batches(batches) == table
        assert batches.source_types == ("string", "int16")
        assert batches.notes == ()


def test_interface_of_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("date,tv\n" + "2024-01-01,1\n" * 100 + "2024-01-02,x\n")
    source = FileSource(path)
    assert source.kind == "csv"
    assert source.tables() == ["sales.csv"]
    assert source.preview(rows=2).to_pydict() == {"date": [dt.date(2024, 1, 1)] * 2, "tv": [1, 1]}
    test = source.test()
    assert (test.rows, test.message) == (
        50,
        "sales.csv is a delimited text file (CSV) and can be read.",
    )
    assert test.seconds > 0
    with pytest.raises(NotFound, match="holds one table only"):
        source.preview("other")


def test_batches_can_be_read_twice(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("a,b\n1,x\n2,y\n")
    with FileSource(path).batches() as batches:
        assert (
            [b.to_pydict() for b in batches]
            == [b.to_pydict() for b in batches]
            == [{"a": [1, 2], "b": ["x", "y"]}]
        )


def test_all_kinds_of_file_give_the_same_values(
    tmp_path: Path, write_xlsx: Callable[..., Path]
) -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(weeks=i) for i in range(150)]
    table = pa.table(
        {
            "date": days,
            "seen": [dt.datetime(2024, 1, 1, 12, i % 60) for i in range(150)],
            "clicks": [None if i % 11 == 0 else i * 1000 for i in range(150)],
            "spend": [None if i % 7 == 0 else i / 8 + 0.1 for i in range(150)],
            "channel": ["na" if i % 2 else "Größe, 1" for i in range(150)],
            "promo": [i % 3 == 0 for i in range(150)],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    rows = [table.column_names, *(list(row.values()) for row in table.to_pylist())]
    text = "\n".join(";".join("" if v is None else str(v) for v in row) for row in rows)
    (tmp_path / "t.csv").write_text(text + "\n")
    for path in (tmp_path / "t.parquet", tmp_path / "t.csv", write_xlsx(rows)):
        with FileSource(path).batches() as batches:
            assert batches.notes == ()
            assert pa.Table.from_batches(batches).to_pydict() == table.to_pydict()
