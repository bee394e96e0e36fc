"""Files as people write them: numbers and dates of many countries, headers and rows that are no
data; what can be read in two ways is decided by evidence, or asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mmm.errors import InvalidInput, UserError
from mmm.sources.base import Batches
from mmm.sources.files import FileSource
from mmm.sources.reading import As
from workbooks import Formula, write_workbook

WEEKS = [dt.date(2022, 1, 3) + dt.timedelta(weeks=week) for week in range(120)]


def read(path: Path, **options: Any) -> tuple[pa.Table, Batches]:
    with FileSource(path, **options).batches() as batches:
        return pa.Table.from_batches(batches, batches.schema), batches


def write(folder: Path, lines: list[str], encoding: str = "utf-8") -> Path:
    path = folder / "sales.csv"
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def column(folder: Path, *texts: str, **options: Any) -> list[Any]:
    """The values of a tab-separated column with these texts."""
    lines = ["row\tx", *(f"r{i}\t{text}" for i, text in enumerate(texts))]
    path = folder / "one.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return list(read(path, **options)[0]["x"].to_pylist())


NUMBERS = [
    (("R$ 1.234,50", "R$ -"), [1234.5, None]),
    (("brak", "1 234,50 zł", "- zł"), [None, 1234.5, None]),
    (("1,234.56", "7"), [1234.56, 7.0]),
    (("1.234,56", "0,5"), [1234.56, 0.5]),
    (("1 234,56", "12 345 678,9"), [1234.56, 12345678.9]),
    (("1\u202f234,56", "1\u00a0234,5"), [1234.56, 1234.5]),
    (("1'234.50", "1’234’567.25"), [1234.5, 1234567.25]),
    (("1,23,456", "12,34,567.5"), [123456.0, 1234567.5]),
    (("$1,234.00", "$5"), [1234.0, 5.0]),
    (("R$ 1.234,50", "R$ 3"), [1234.5, 3.0]),
    (("CHF 1'234.50", "CHF 2"), [1234.5, 2.0]),
    (("1.234,50 €", "- €", "€ -3,5"), [1234.5, None, -3.5]),
    (("(1,234.5)", "3"), [-1234.5, 3.0]),
    (("1,234.5-", "\u22123"), [-1234.5, -3.0]),
    (("12 %", "3,5 %"), [0.12, 0.035]),
    (("3K", "2.5M", "1.5bn"), [3000.0, 2500000.0, 1500000000.0]),
    (("2,5 Mio.", "3 Tsd."), [2500000.0, 3000.0]),
    (("-", "n/a", "1.5", "k.A."), [None, None, 1.5, None]),
    (("1.234.567", "89"), [1234567, 89]),
]


@pytest.mark.parametrize(("texts", "values"), NUMBERS, ids=[texts[0] for texts, _ in NUMBERS])
def test_numbers_as_people_write_them(
    tmp_path: Path, texts: tuple[str, ...], values: list[Any]
) -> None:
    assert column(tmp_path, *texts) == values


DATES = [
    (("01. KW 2022", "2nd week 2022"), "2022-01-03"),
    (("CW01/22", "CW02/22"), "2022-01-03"),
    (("v. 1, 2022", "v. 14, 2022"), "2022-01-03"),
    (("01/03/2022 12:00:00 AM", "01/17/2022 12:00:00 AM"), "2022-01-03"),
    (("2022-01-03 00:00:00 UTC", "2022-01-10 00:00:00 UTC"), "2022-01-03"),
    (("2022-01-03 00:00:00 +0200", "2022-01-10 00:00:00 +0100"), "2022-01-03"),
    (("03.01.22", "10.01.22"), "2022-01-03"),
    (("3. Januar 2022", "7. März 2022"), "2022-01-03"),
    (("3 janvier 2022", "1er août 2022"), "2022-01-03"),
    (("3 de enero de 2022", "7 de mayo de 2022"), "2022-01-03"),
    (("3 gennaio 2022", "7 luglio 2022"), "2022-01-03"),
    (("3 de janeiro de 2022", "7 de março de 2022"), "2022-01-03"),
    (("3 januari 2022", "7 maart 2022"), "2022-01-03"),
    (("Jan 3, 2022", "Mar 07, 2022"), "2022-01-03"),
    (("Monday, January 3, 2022", "Monday, January 10, 2022"), "2022-01-03"),
    (("Mo 03.01.2022", "Mo 10.01.2022"), "2022-01-03"),
    (("2022-W01", "2022-W52"), "2022-01-03"),
    (("KW 1 2022", "KW 52 2022"), "2022-01-03"),
    (("W01/2022", "W30/2022"), "2022-01-03"),
    (("Jan 22", "Feb 22", "Mrz 22"), "2022-01-01"),
    (tuple(f"2022-{month:02d}" for month in range(1, 13)), "2022-01-01"),
    (("Q1 2022", "Q2 2022"), "2022-01-01"),
    (("03.01.2022 - 09.01.2022", "10.01.2022 - 16.01.2022"), "2022-01-03"),
    (("03.01.-09.01.2022", "10.01.-16.01.2022"), "2022-01-03"),
    (("01/03/2022", "01/17/2022"), "2022-01-03"),
    (("03/01/2022", "17/01/2022"), "2022-01-03"),
    (("2022-01-03T00:00:00+01:00", "2022-07-04T00:00:00+02:00"), "2022-01-03"),
]


@pytest.mark.parametrize(("texts", "first"), DATES, ids=[texts[0] for texts, _ in DATES])
def test_dates_as_people_write_them(tmp_path: Path, texts: tuple[str, ...], first: str) -> None:
    days = column(tmp_path, *texts)
    assert days[0] == dt.date.fromisoformat(first)
    assert all(type(day) is dt.date for day in days)


WHOLE_NUMBER_DATES = [
    ("date", [str((day - dt.date(1899, 12, 30)).days) for day in WEEKS]),
    ("yearweek", ["{}{:02d}".format(*day.isocalendar()[:2]) for day in WEEKS]),
    ("period", [day.strftime("%Y%m%d") for day in WEEKS]),
    ("ts", [str((day - dt.date(1970, 1, 1)).days * 86_400) for day in WEEKS]),
]


@pytest.mark.parametrize(
    ("name", "texts"), WHOLE_NUMBER_DATES, ids=["serial", "weeks", "days", "seconds"]
)
def test_whole_numbers_are_dates_where_the_table_has_no_other(
    tmp_path: Path, name: str, texts: list[str]
) -> None:
    table, batches = read(write(tmp_path, [f"{name},tv", *(f"{text},1.5" for text in texts)]))
    assert table[name].to_pylist() == WEEKS
    assert batches.reading is not None
    assert "weekly dates" in batches.reading.columns[0].evidence
    beside = [f"{day},{text}" for day, text in zip(WEEKS, texts, strict=True)]
    assert read(write(tmp_path, [f"day,{name}", *beside]))[0][name].type == pa.int64()


def test_year_and_week_columns_make_a_date(tmp_path: Path) -> None:
    rows = ["{},{},5.5".format(*day.isocalendar()[:2]) for day in WEEKS]
    table, batches = read(write(tmp_path, ["Jahr,KW,tv", *rows]))
    assert table["date"].to_pylist() == WEEKS
    assert "ISO week of 'Jahr' and 'KW'" in batches.notes[-1]
    with pytest.raises(UserError, match=r"'2022, 60' is no week of a year"):
        read(write(tmp_path, ["year,week,tv", "2022,1,3.5", "2022,60,3.5"]))


def test_thousands_points_are_told_by_the_whole_column_and_file(tmp_path: Path) -> None:
    values = [1000 + 137 * i for i in range(60)]
    tv = [f"{value:,}".replace(",", ".") for value in values]
    lines = [
        f"{day};{text};{900 + i}" for i, (day, text) in enumerate(zip(WEEKS, tv, strict=False))
    ]
    lines[7] = f"{WEEKS[7]};0;5.250"  # a zero without a mark
    table, batches = read(write(tmp_path, ["date;tv;radio", *lines]))
    assert table["tv"].to_pylist() == [*values[:7], 0, *values[8:]]
    assert table["radio"][7].as_py() == 5250
    reading = batches.reading.column("radio") if batches.reading else None
    assert reading is not None
    assert "column 'tv'" in reading.evidence


def test_the_country_of_the_file_tells_what_a_point_means(tmp_path: Path) -> None:
    lines = ["datum;umsatz", "17.01.2022;99.592", "24.01.2022;104.001"]
    assert read(write(tmp_path, lines))[0]["umsatz"].to_pylist() == [99592, 104001]


@pytest.mark.parametrize(
    ("lines", "asked", "answers"),
    [
        (["a;b", "1.234;x", "5.678;y"], "'1.234' in line 2", {As.DECIMAL_POINT: 1.234}),
        (["a;b", "1.234;x", "5.678;y"], "'1.234' in line 2", {As.DECIMAL_COMMA: 1234}),
        (
            ["a;b", "01/02/2024;x", "03/04/2024;y"],
            "'01/02/2024' fit DD/MM/YYYY as well as MM/DD/YYYY",
            {As.DAY_FIRST: dt.date(2024, 2, 1), As.MONTH_FIRST: dt.date(2024, 1, 2)},
        ),
    ],
)
def test_what_nothing_decides_is_asked(
    tmp_path: Path, lines: list[str], asked: str, answers: dict[As, Any]
) -> None:
    path = write(tmp_path, lines)
    with pytest.raises(InvalidInput) as caught:
        read(path)
    assert asked in str(caught.value)
    assert len(FileSource(path).reading().open_questions()) == 1
    for answer, value in answers.items():
        assert f'--column "a={answer}"' in str(caught.value)
        assert read(path, columns={"a": answer})[0]["a"][0].as_py() == value


def test_dates_are_told_by_their_steps(tmp_path: Path) -> None:
    months = [f"01/{month:02d}/{year}" for year in (2022, 2023) for month in range(1, 13)]
    table, _ = read(write(tmp_path, ["month,tv", *(f"{text},1.5" for text in months)]))
    assert table["month"][1].as_py() == dt.date(2022, 2, 1)
    american = [f"{text[3:5]}/01/{text[6:]}" for text in months]
    table, _ = read(write(tmp_path, ["month,tv", *(f"{text},1.5" for text in american)]))
    assert table["month"][1].as_py() == dt.date(2022, 2, 1)


def test_title_lines_group_header_units_totals_and_notes(tmp_path: Path) -> None:
    lines = [
        "Media report;;;;",
        "Exported;2025-01-07;;;",
        "",
        ";Google Ads;;Shop;",
        "Woche;Kosten;Klicks;Umsatz;",
        ";EUR;Anzahl;EUR;",
        "03.01.2022;1.000,50;10;5.000,25;",
        ";;;;",
        "10.01.2022;1.001,50;11;5.001,25;",
        "Gesamt;2.002,00;21;10.001,50;",
        "* vorläufige Zahlen;;;;",
    ]
    table, batches = read(write(tmp_path, lines))
    assert table.to_pydict() == {
        "Woche": [dt.date(2022, 1, 3), dt.date(2022, 1, 10)],
        "Google Ads Kosten": [1000.5, 1001.5],
        "Google Ads Klicks": [10, 11],
        "Shop Umsatz": [5000.25, 5001.25],
    }
    notes = "\n".join(batches.notes)
    assert "1 row of totals left out: line 10 'Gesamt 2.002,00 21 10.001,50'" in notes
    assert "1 row without any value left out: line 8" in notes
    assert "line 11 '* vorläufige Zahlen'" in notes
    reading = batches.reading
    assert reading is not None
    assert (reading.header, reading.skipped[0]) == ((4, 5), "line 1: Media report")
    assert [item.unit for item in reading.columns[:4]] == ["", "EUR", "Anzahl", "EUR"]
    kept = FileSource(tmp_path / "sales.csv", keep_totals=True).reading()
    assert {item["why"] for item in kept.left_out} == {"blank", "note"}


def test_the_header_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, ["a,b", "c,d", "1,2", "3,4"])
    assert read(path)[0].column_names == ["c", "d"]
    assert read(path, header_row=1)[0].to_pydict() == {"a": ["c", "1", "3"], "b": ["d", "2", "4"]}
    assert read(path, header_row=1, header_rows=2)[0].column_names == ["a c", "b d"]
    with pytest.raises(UserError, match="row 9 cannot be the header"):
        read(path, header_row=9)


def test_a_header_line_of_any_length(tmp_path: Path) -> None:
    names = [f"{i:064d}" for i in range(5_002)]
    table, _ = read(write(tmp_path, [",".join(names), ",".join(["1"] * len(names))]))
    assert table.column_names == names
    long = "x" * 200_000
    assert read(write(tmp_path, ["a,b", f"{long},1"]))[0]["a"].to_pylist() == [long]


def test_excel_titles_merged_groups_hidden_sheets_and_text_cells(
    write_xlsx: Callable[..., Path],
) -> None:
    rows = [
        ["Report", None, None],
        [None, None, None],
        ["Week", "Google Ads", None],
        [None, "Cost", "Clicks"],
        ["19/09/2022", 5787.02, "1,234,567"],
        ["26/09/2022", 16027.06, "-"],
        ["Total", 21814.08, 1234],
    ]
    path = write_xlsx(data=rows, notes=[["Source: export"]])
    table, batches = read(path)
    assert table.to_pydict() == {
        "Week": [dt.date(2022, 9, 19), dt.date(2022, 9, 26)],
        "Google Ads Cost": [5787.02, 16027.06],
        "Google Ads Clicks": [1234567, None],
    }
    assert any("other sheets with cells: 'notes' (1 rows)" in note for note in batches.notes)


def test_a_given_missing_mark_mends_a_column(tmp_path: Path) -> None:
    path = write(tmp_path, ["a,b", "1.5,x", "closed,y", "2.5,z"])
    table, batches = read(path)
    assert table["a"].type == pa.string()
    assert batches.reading is not None
    assert batches.reading.columns[0].odd == ("closed",)
    assert read(path, missing=("closed",))[0]["a"].to_pylist() == [1.5, None, 2.5]
    with pytest.raises(InvalidInput, match=r"'closed' .*is no number"):
        read(path, columns={"a": "number"})


def test_a_hidden_first_sheet_is_not_read_but_named(tmp_path: Path) -> None:
    rows = [["week", "revenue"], *([day, 100 + i] for i, day in enumerate(WEEKS[:4]))]
    old = [["week", "revenue"], [WEEKS[0], 1]]
    path = write_workbook(tmp_path / "b.xlsx", hidden=("old",), old=old, data=rows)
    table, batches = read(path)
    assert table["revenue"].to_pylist() == [100, 101, 102, 103]
    (note,) = batches.notes
    assert note == "Sheet 'data' was read; other sheets with cells: 'old' (2 rows, hidden)."
    assert read(path, sheet="old")[0]["revenue"].to_pylist() == [1]


def test_a_formula_whose_value_was_never_stored_stops_the_reading_by_its_cell(
    tmp_path: Path,
) -> None:
    rows = [["week", "revenue"], [WEEKS[0], 5.0], [WEEKS[1], Formula("B2*2")]]
    path = write_workbook(tmp_path / "f.xlsx", data=rows)
    with pytest.raises(UserError, match="formulas without a stored value: B3"):
        read(path)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (("€ 99.295,-", "€ 1.500,-", "€ 0,-"), [99295, 1500, 0]),
        (("1'234.-", "99'295.—", "7.-"), [1234, 99295, 7]),
        (("12.345,-- €", "930,– €", "5,50 €"), [12345.0, 930.0, 5.5]),
        (("1.234,50-", "2.000,00", "3,00-"), [-1234.5, 2000.0, -3.0]),
    ],
)
def test_a_dash_in_place_of_cents_is_no_minus(
    tmp_path: Path, written: tuple[str, ...], read_as: list[float]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("n;m\n" + "".join(f"{text};1\n" for text in written), encoding="utf-8")
    with FileSource(path, separator=";").batches() as batches:
        table = pa.Table.from_batches(batches, batches.schema)
    assert table["n"].to_pylist() == read_as


@pytest.mark.parametrize(
    "form", ["{a:%m/%d/%y}-{b:%m/%d/%y}", "{a:%d/%m/%Y}-{b:%d/%m/%Y}", "{a}/{b}"]
)
def test_ranges_without_blanks_between(tmp_path: Path, form: str) -> None:
    weeks = [dt.date(2022, 1, 3) + dt.timedelta(days=7 * i) for i in range(6)]
    texts = [form.format(a=week, b=week + dt.timedelta(days=6)) for week in weeks]
    path = tmp_path / "a.csv"
    path.write_text("week,n\n" + "".join(f"{text},1\n" for text in texts))
    with FileSource(path).batches() as batches:
        assert pa.Table.from_batches(batches, batches.schema)["week"].to_pylist() == weeks


def test_a_row_of_units_may_have_dashes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Date,TV,Radio\n-,EUR,EUR\n2022-01-03,5,6\n2022-01-10,7,8\n")
    with FileSource(path).batches() as batches:
        table = pa.Table.from_batches(batches, batches.schema)
    assert table["Radio"].to_pylist() == [6, 8]
