"""CSV: what is written comes out, types hold for the whole file, and what cannot be read is named."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mmm.errors import UserError
from mmm.sources import records
from mmm.sources.files import FileSource


def write(
    folder: Path, text: str | bytes, name: str = "sales.csv", encoding: str = "utf-8"
) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def read(path: Path, **options: Any) -> tuple[pa.Table, tuple[str, ...]]:
    with FileSource(path, **options).batches() as batches:
        return pa.Table.from_batches(batches, batches.schema), batches.notes


def one(folder: Path, *values: str, **options: Any) -> tuple[pa.ChunkedArray, tuple[str, ...]]:
    """Read a tab-separated file whose second column holds these texts."""
    text = "row\tx\n" + "".join(f"{i}\t{value}\n" for i, value in enumerate(values))
    table, notes = read(write(folder, text, "one.tsv"), **options)
    return table["x"], notes


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found(tmp_path: Path, separator: str) -> None:
    table, notes = read(
        write(tmp_path, f"date{separator}tv\n2024-01-01{separator}1.5\n2024-01-02{separator}2\n")
    )
    assert table.to_pydict() == {
        "date": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
        "tv": [1.5, 2.0],
    }
    assert notes == ()


def test_separator_line_of_excel_is_obeyed(tmp_path: Path) -> None:
    table, _ = read(write(tmp_path, "sep=|\na,b|c\n1|2\n"))
    assert table.to_pydict() == {"a,b": [1], "c": [2]}


def test_given_separator_wins(tmp_path: Path) -> None:
    table, _ = read(write(tmp_path, "a,b;c\n1,2;3\n"), separator=",")
    assert table.column_names == ["a", "b;c"]


@pytest.mark.parametrize(
    ("encoding", "given", "noted"),
    [
        ("utf-8", None, False),
        ("utf-8-sig", None, False),
        ("utf-8-sig", "utf-8", False),
        ("utf-16", None, False),
        ("utf-16-le", None, False),
        ("utf-16-be", None, False),
        ("utf-32", None, False),
        ("cp1252", None, True),
        ("cp1252", "windows-1252", False),
        ("latin-1", "latin-1", False),
        ("cp437", "cp437", False),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, given: str | None, noted: bool) -> None:
    text = "Größe,channel\r\n1,Café\r\n2,Zoë\r\n"
    table, notes = read(write(tmp_path, text, encoding=encoding), encoding=given)
    assert table.to_pydict() == {"Größe": [1, 2], "channel": ["Café", "Zoë"]}
    assert bool(notes) == noted


def test_windows_1252_is_found_far_from_the_start(tmp_path: Path) -> None:
    text = "n,channel\n" + "".join(f"{i},plain\n" for i in range(1_500_000)) + "1,Café €\n"
    table, notes = read(write(tmp_path, text, encoding="cp1252"))
    assert table["channel"][-1].as_py() == "Café €"
    assert notes == ("The file is not UTF-8; it was read as Windows-1252.",)


def test_quotes_separators_and_line_breaks_within_values(tmp_path: Path) -> None:
    table, _ = read(write(tmp_path, 'a,b\n"x, ""y""","two\nlines"\n55" TV,1\n"q"r,""\n'))
    assert table.to_pydict() == {"a": ['x, "y"', '55" TV', "qr"], "b": ["two\nlines", "1", None]}


@pytest.mark.parametrize("value", ['"two\nlines ""q"", x"', '55" TV', '"a"', '5" and 6"', '"'])
def test_pieces_end_where_records_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    value = value if value != '"' else 'x"'
    text = "n,v\n" + "".join(f"{i},{value if i % 3 else 'plain'}\n" for i in range(200))
    whole, _ = read(write(tmp_path, text))
    for block in (7, 16, 61, 256):
        monkeypatch.setattr(records, "_BLOCK", block)
        assert read(write(tmp_path, text))[0].to_pydict() == whole.to_pydict()
    assert whole.num_rows == 200


def test_old_mac_and_windows_line_ends(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a,b\r1,2\r3,4\r"))[0].to_pydict() == {"a": [1, 3], "b": [2, 4]}
    assert read(write(tmp_path, "a,b\r\n1,2\r\n\r\n3,4"))[0].to_pydict() == {
        "a": [1, 3],
        "b": [2, 4],
    }


def test_a_single_column_keeps_its_empty_rows(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a\n1\n\n3\n"))[0].to_pydict() == {"a": [1, None, 3]}


@pytest.mark.parametrize(
    ("late", "type_", "value"),
    [
        ("1.5", pa.float64(), 1.5),
        ("abc", pa.string(), "abc"),
        ("007", pa.string(), "007"),
        ("9223372036854775808", pa.float64(), 9223372036854775808.0),
        ("9223372036854775809", pa.string(), "9223372036854775809"),
        ("", pa.int64(), None),
        ("inf", pa.float64(), math.inf),
    ],
)
def test_a_late_value_changes_the_type_of_the_whole_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str, type_: pa.DataType, value: object
) -> None:
    monkeypatch.setattr(records, "_BLOCK", 4096)
    column, notes = one(tmp_path, *(["12"] * 5000), late, *(["13"] * 1000))
    assert column.type == type_
    assert column[5000].as_py() == value
    assert column[0].as_py() == ("12" if type_ == pa.string() else 12)
    assert column[-1].as_py() == ("13" if type_ == pa.string() else 13)
    assert notes == (
        (f"Column 'x' is kept as text: line 5002 holds {late!r}.",) if type_ == pa.string() else ()
    )


@pytest.mark.parametrize(
    "texts",
    [
        ("00123", "00124"),
        ("+4930", "+4940"),
        ("1,5", "1.5"),
        ("12345678901234567890", "12345678901234567891"),
        ("0.12345678901234567890123", "1"),
        ("1234567890123456.7", "1"),
        ("1,23.56", "1"),
        ("$5", "€5"),
        ("01.5", "2"),
        ("1e999", "1"),
        ("1e-400", "1"),
        ("1.23456e-320", "1"),
    ],
)
def test_numbers_that_would_change_stay_text_with_a_note(
    tmp_path: Path, texts: tuple[str, ...]
) -> None:
    column, notes = one(tmp_path, *texts)
    assert column.to_pylist() == list(texts)
    assert len(notes) == 1
    assert notes[0].startswith("Column 'x' is kept as text: ")


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("0.1", "0.30000000000000004", "1e22"), [0.1, 0.30000000000000004, 1e22]),
        (("0.10000000000000001", "1"), [0.1, 1.0]),
        (("0.10000000000000000000000", "-0"), [0.1, -0.0]),
        (("1.7976931348623157e308", "5e-324"), [1.7976931348623157e308, 5e-324]),
        (("-0.0", "0"), [-0.0, 0.0]),
        (("inf", "-inf", "1"), [math.inf, -math.inf, 1.0]),
        ((".5", "5.", "1E3"), [0.5, 5.0, 1000.0]),
        ((" 1", "2 ", "3"), [1, 2, 3]),
        (
            ("9223372036854775807", "-9223372036854775808"),
            [9223372036854775807, -9223372036854775808],
        ),
        (("true", "FALSE"), [True, False]),
    ],
)
def test_numbers_that_are_kept(tmp_path: Path, texts: tuple[str, ...], values: list[float]) -> None:
    column, notes = one(tmp_path, *texts)
    assert [repr(v) for v in column.to_pylist()] == [repr(v) for v in values]
    assert notes == ()


def test_hexadecimal_ids_are_no_numbers(tmp_path: Path) -> None:
    assert one(tmp_path, "0x1F", "0x20")[0].to_pylist() == ["0x1F", "0x20"]


def test_decimal_commas(tmp_path: Path) -> None:
    table, notes = read(write(tmp_path, "a;b\n1,5;1,234\n-2;0,5\n"))
    assert table.to_pydict() == {"a": [1.5, -2.0], "b": [1.234, 0.5]}
    assert notes == (
        "Column 'a' was read as numbers with decimal comma ('1,5' in line 2).",
        "Column 'b' was read as numbers with decimal comma ('0,5' in line 3).",
    )


def test_a_comma_that_may_separate_thousands_is_asked(tmp_path: Path) -> None:
    path = write(tmp_path, "a;b\n1,234;x\n2;y\n")
    with pytest.raises(UserError) as caught:
        read(path)
    assert "column 'a': '1,234' in line 2 has a comma that may be the decimal mark" in str(
        caught.value
    )
    assert '--column "a=decimal-comma"' in str(caught.value)
    assert FileSource(path).preview().num_rows == 2
    assert read(path, decimal=",")[0]["a"].to_pylist() == [1.234, 2.0]
    for said, values in (("decimal-point", [1234, 2]), ("text", ["1,234", "2"])):
        assert read(path, columns={"a": said})[0]["a"].to_pylist() == values


def test_a_point_among_decimal_commas_stands_for_thousands(tmp_path: Path) -> None:
    path = write(tmp_path, "a;b\n1,5;1.234\n2,25;999\n")
    table, _ = read(path)
    assert table.to_pydict() == {"a": [1.5, 2.25], "b": [1234, 999]}
    assert read(path, decimal=".")[0].to_pydict() == {"a": ["1,5", "2,25"], "b": [1.234, 999.0]}


@pytest.mark.parametrize("marker", ["NA", "NaN", "null", "#N/A", "n/a", "None", "nan", "#DIV/0!"])
def test_null_markers_among_numbers_and_dates_are_counted(tmp_path: Path, marker: str) -> None:
    column, notes = one(tmp_path, "1.5", marker, "", marker)
    assert column.to_pylist() == [1.5, None, None, None]
    assert notes == (f"Column 'x': 2 cells were read as empty (2 x {marker!r}).",)
    assert one(tmp_path, "2024-01-01", marker)[0].to_pylist() == [dt.date(2024, 1, 1), None]


def test_text_columns_keep_null_markers(tmp_path: Path) -> None:
    column, notes = one(tmp_path, "na", "na", "event1", "NA", "")
    assert column.to_pylist() == ["na", "na", "event1", "NA", None]
    assert notes == ()
    assert one(tmp_path, "NA", "NA")[0].to_pylist() == ["NA", "NA"]


def test_markers_before_the_first_number(tmp_path: Path) -> None:
    column, notes = one(tmp_path, *(["NA"] * 3000), "5")
    assert column.type == pa.int64()
    assert column.null_count == 3000
    assert notes == ("Column 'x': 3000 cells were read as empty (3000 x 'NA').",)


def test_empty_column(tmp_path: Path) -> None:
    table, notes = read(write(tmp_path, "a,b,c\n1,,x\n2,,y\n"))
    assert table.column_names == ["a", "c"]
    assert notes == ("Column 'b' has no value in any row and was left out.",)


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("2024-01-31", "2024-02-29"), [dt.date(2024, 1, 31), dt.date(2024, 2, 29)]),
        (("31.1.2024", "29.02.2024"), [dt.date(2024, 1, 31), dt.date(2024, 2, 29)]),
        (("01/02/2024", "31/01/2024"), [dt.date(2024, 2, 1), dt.date(2024, 1, 31)]),
        (("01/02/2024", "12/31/2024"), [dt.date(2024, 1, 2), dt.date(2024, 12, 31)]),
        (("2024/01/02", "2024/12/31"), [dt.date(2024, 1, 2), dt.date(2024, 12, 31)]),
        (
            ("2024-01-01", "2024-01-01 10:30"),
            [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 10, 30)],
        ),
        (("2024-01-01T10:30:00.000001",), [dt.datetime(2024, 1, 1, 10, 30, 0, 1)]),
        (("2024-01-01T10:30:00+02:00",), [dt.datetime(2024, 1, 1, 8, 30, tzinfo=dt.UTC)]),
    ],
)
def test_dates(tmp_path: Path, texts: tuple[str, ...], values: list[dt.date]) -> None:
    assert one(tmp_path, *texts)[0].to_pylist() == values


def test_nanoseconds_are_kept(tmp_path: Path) -> None:
    column, _ = one(tmp_path, "2024-01-01 00:00:00.123456789")
    assert column.type == pa.timestamp("ns")
    assert column.cast(pa.int64())[0].as_py() % 10**9 == 123456789


@pytest.mark.parametrize(
    "texts",
    [
        ("31/01/2024", "01/31/2024"),
        ("30.02.2024",),
        ("Jan 03", "Jan 10", "Jan 17"),
    ],
)
def test_dates_in_doubt_stay_text_with_a_note(tmp_path: Path, texts: tuple[str, ...]) -> None:
    column, notes = one(tmp_path, *texts)
    assert column.to_pylist() == list(texts)
    assert len(notes) == 1


def test_a_recognised_date_format_is_noted(tmp_path: Path) -> None:
    assert one(tmp_path, "31.12.2024")[1] == ("Column 'x' was read as date DD.MM.YYYY.",)


BAD = {
    "header only": (b"a,b\n", "sales.csv: has a header but no rows."),
    "header only, no line end": (b"a,b", "has a header but no rows"),
    "blank lines only": (b"\n\n\n", "holds no table"),
    "repeated name": (b"a,b,a\n1,2,3\n", "sales.csv, column 'a': 2 columns have this name (1, 3)."),
    "no name at all": (b",,\n1,2,3\n", "sales.csv, column 2: the column has no name."),
    "too many fields": (
        b"a,b\n1,2\n\n3,4,5\n",
        "sales.csv, line 4: the row has 3 fields, the header has 2.",
    ),
    "too few fields": (
        b'a,b\n"x\ny",2\n3\n',
        "sales.csv, line 4: the row has 1 field, the header has 2.",
    ),
    "open quote": (
        b'a,b\n1,2\n3,"x\n4,5\n',
        "sales.csv, line 3: a value begins with a quote that is never closed.",
    ),
    "damaged UTF-8": (
        "a,b\n1,é\n2,é\n3,é\n".encode() + b"4,x\xff\n",
        "sales.csv, line 5, column 'b': the bytes are not valid UTF-8 text.",
    ),
    "no Windows-1252 either": (
        b"a,b\n1,x\n2,\x81\n",
        "sales.csv, line 3, column 'b': the bytes are not valid CP1252",
    ),
    "zeros": (b"a,b\n1,\x00\x00\x00\x00\n", "is not a text file"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(write(tmp_path, content))
    assert message in str(caught.value)


def test_columns_without_a_name_are_called_by_their_place(tmp_path: Path) -> None:
    table, notes = read(
        write(tmp_path, b",date,column_3,,\n0,2024-01-01,5,x,\n1,2024-01-08,6,y,\n")
    )
    assert table.column_names == ["column_1", "date", "column_3", "column_4"]
    assert table["column_1"].to_pylist() == [0, 1]
    assert notes[:3] == tuple(
        f"Column {i} has no name; it is called 'column_{i}'." for i in (1, 4, 5)
    )
    assert notes[3:] == ("Column 'column_5' has no value in any row and was left out.",)
    table, notes = read(write(tmp_path, b",column_1\n0,5\n"))
    assert table.to_pydict() == {"column_1_": [0], "column_1": [5]}
    assert FileSource(tmp_path / "sales.csv").preview().column_names == ["column_1_", "column_1"]


def test_undecodable_bytes_of_a_given_encoding(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,x\n2,é\n", encoding="cp1252")
    with pytest.raises(
        UserError, match=r"sales\.csv, line 3, column 'b': the bytes are not valid UTF-8"
    ):
        read(path, encoding="utf-8")
    with pytest.raises(
        UserError, match=r"sales\.csv, line 3, column 'b': the bytes are not valid ASCII"
    ):
        read(path, encoding="ascii")
    with pytest.raises(UserError, match="the encoding 'klingon' is not known"):
        read(path, encoding="klingon")


def test_a_late_ragged_row_leaves_no_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_BLOCK", 1024)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = write(tmp_path, "a,b\n" + "1,2\n" * 3000 + "1,2,3\n")
    with pytest.raises(UserError, match="line 3002: the row has 3 fields"):
        read(path)
    assert [p.name for p in tmp_path.iterdir()] == ["sales.csv"]


@pytest.mark.parametrize(
    ("option", "value"), [("decimal", "x"), ("separator", ""), ("separator", '"')]
)
def test_impossible_options(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(UserError, match=r"the (decimal mark|separator)"):
        read(write(tmp_path, "a,b\n1,2\n"), **{option: value})


def test_a_header_may_be_longer_than_what_is_looked_at_first(tmp_path: Path) -> None:
    names = [f"{i:064d}" for i in range(5002)]
    (tmp_path / "wide.csv").write_text(",".join(names) + "\n" + ",".join(["7"] * 5002) + "\n")
    with FileSource(tmp_path / "wide.csv").batches() as batches:
        table = pa.Table.from_batches(batches)
    assert table.column_names == names
    assert table.column(5001).to_pylist() == [7]


def test_a_field_may_be_longer_than_pythons_reader_takes_by_itself(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n" + "y" * 140_000 + ",1\n" + "z" * 140_000 + ",2\n")
    with FileSource(tmp_path / "x.csv").batches() as batches:
        table = pa.Table.from_batches(batches)
    assert table.column("b").to_pylist() == [1, 2]
    (tmp_path / "x.csv").write_text("a,b\n" + "y" * 140_000 + "\n")
    with pytest.raises(UserError, match="line 2: the row has 1 field, the header has 2"):
        FileSource(tmp_path / "x.csv").batches()


def test_a_line_without_an_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmm.sources.records._LONGEST_RECORD", 1 << 20)
    (tmp_path / "x.csv").write_text("a,b\n" + "x" * (5 << 20) + ",1\n")
    with pytest.raises(UserError, match="line 2: the line is longer than 1 MB"):
        FileSource(tmp_path / "x.csv").batches()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a, "b;c"\n1, "x, y"\n2, "z"\n', {"a": [1, 2], "b;c": ["x, y", "z"]}),
        ('a; b; c\n"1"; "x; y"; 3,5\n2; "z"; 4,5\n', {"a": [1, 2], "b": ["x; y", "z"]}),
        ('a,b\n1, "two\nlines, said ""he"""\n2,plain\n', {"b": ['two\nlines, said "he"', "plain"]}),
        ('a,b\n1,a 55" screen\n2, "quoted"\n', {"b": ['a 55" screen', "quoted"]}),
        ('a,b,c\n1, "open,2\n3, 4,5\n', {"b": ['"open', "4"]}),
    ],
)
def test_quotes_after_a_blank_hold_a_value_together(
    tmp_path: Path, text: str, expected: dict[str, list[Any]]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with FileSource(path).batches() as batches:
        found = pa.Table.from_batches(batches, batches.schema).to_pydict()
    for name, values in expected.items():
        shown = [value.strip() if isinstance(value, str) else value for value in found[name]]
        assert shown == values
