"""Optimising loses nothing: what is read back equals what came in, in the narrowest type that can
hold it.
"""

from __future__ import annotations

import datetime as dt
import math
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm.data.optimise import DISTINCT_CAP, Optimised, optimise
from mmm.sources.base import Batches
from mmm.sources.stream import spooled

BERLIN = "Europe/Berlin"


def batches(table: pa.Table, size: int = 10_000) -> Batches:
    return Batches(
        table.schema,
        lambda: iter(table.to_batches(size)),
        tuple(str(t) for t in table.schema.types),
    )


def stored(table: pa.Table, folder: Path, size: int = 10_000) -> tuple[pa.Table, Optimised]:
    result = optimise(batches(table, size), folder / "data.parquet")
    return pq.read_table(result.path), result


def one(values: pa.Array, folder: Path) -> pa.ChunkedArray:
    return stored(pa.table({"x": values}), folder)[0]["x"]


@pytest.mark.parametrize(
    ("values", "kind", "narrow"),
    [
        ([-128, 127, None], pa.int64(), pa.int8()),
        ([-129], pa.int64(), pa.int16()),
        ([128], pa.int64(), pa.int16()),
        ([32768], pa.int64(), pa.int32()),
        ([-(2**31)], pa.int64(), pa.int32()),
        ([2**31], pa.int64(), pa.int64()),
        ([-(2**63), 2**63 - 1, None], pa.int64(), pa.int64()),
        ([2**64 - 1, 0], pa.uint64(), pa.uint64()),
        ([255], pa.uint64(), pa.int16()),
        ([None, None], pa.int64(), pa.int64()),
        ([0.5, -0.0, math.inf, None], pa.float64(), pa.float32()),
        ([1.0, 2.0], pa.float64(), pa.float32()),
        ([0.1], pa.float64(), pa.float64()),
        ([1e300, 5e-324], pa.float64(), pa.float64()),
        ([2**24 + 1.0], pa.float64(), pa.float64()),
        ([0.5], pa.float16(), pa.float32()),
        (
            [Decimal("1.10"), None, Decimal("-99999999999999999999999999999999.123456")],
            pa.decimal128(38, 6),
            None,
        ),
        ([Decimal(10) ** 60], pa.decimal256(70, 2), None),
        ([dt.datetime(2024, 1, 1), None, dt.datetime(1890, 5, 5)], pa.timestamp("us"), pa.date32()),
        ([dt.datetime(2024, 1, 1)], pa.timestamp("ns"), pa.date32()),
        ([dt.datetime(2024, 1, 1, 0, 0, 0, 1)], pa.timestamp("ns"), pa.timestamp("us")),
        ([dt.datetime(2024, 1, 1, 12)], pa.timestamp("s"), pa.timestamp("us")),
        (
            [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)],
            pa.timestamp("ms", BERLIN),
            pa.timestamp("us", BERLIN),
        ),
        ([dt.date(2024, 1, 1), None], pa.date32(), None),
        ([dt.time(1, 2, 3)], pa.time64("us"), None),
        ([dt.timedelta(days=-1)], pa.duration("us"), None),
        ([True, None, False], pa.bool_(), None),
        ([b"\x00\xff", b"", None], pa.binary(), None),
        (["", None, "Größe", "\U0001f600", "a\x00b"], pa.string(), None),
        (["a", "b"], pa.large_string(), pa.string()),
        ([None, None], pa.null(), None),
    ],
)
def test_narrowest_type_that_keeps_every_value(
    tmp_path: Path, values: list[Any], kind: pa.DataType, narrow: pa.DataType | None
) -> None:
    array = pa.array(np.array(values, np.float16) if kind == pa.float16() else values, kind)
    back = one(array, tmp_path)
    assert back.type == (narrow or kind)
    expected = array.cast(back.type) if pa.types.is_timestamp(kind) else array
    assert [repr(v) for v in back.to_pylist()] == [repr(v) for v in expected.to_pylist()]


def test_nanoseconds_stay(tmp_path: Path) -> None:
    back = one(pa.array([1, 10**18 + 1], pa.timestamp("ns")), tmp_path)
    assert back.type == pa.timestamp("ns")
    assert back.cast(pa.int64()).to_pylist() == [1, 10**18 + 1]


def test_years_beyond_microseconds_stay(tmp_path: Path) -> None:
    values = pa.array([2**62, 1], pa.timestamp("ms"))
    back = one(values, tmp_path)
    assert back.type == pa.timestamp("ms")
    assert back.cast(pa.int64()).to_pylist() == [2**62, 1]


def test_nan_is_not_null(tmp_path: Path) -> None:
    back = one(pa.array([math.nan, None, 0.1]), tmp_path).to_pylist()
    assert math.isnan(back[0])
    assert back[1:] == [None, 0.1]


def test_text_that_repeats_is_a_dictionary(tmp_path: Path) -> None:
    table = pa.table({"level": ["na", "event", None] * 100, "id": [f"id {i}" for i in range(300)]})
    back, result = stored(table, tmp_path)
    assert back.schema.types == [pa.dictionary(pa.int32(), pa.string()), pa.string()]
    assert back.to_pydict() == table.to_pydict()
    assert [c.distinct for c in result.columns] == [2, 300]


def test_dictionary_input_is_text(tmp_path: Path) -> None:
    text = pa.array(["a", None, "b", "a"] * 3)
    back, result = stored(pa.table({"x": text.dictionary_encode()}), tmp_path)
    assert back["x"].to_pylist() == text.to_pylist()
    assert result.content_hash == stored(pa.table({"x": text}), tmp_path)[1].content_hash


def test_profile(tmp_path: Path) -> None:
    table = pa.table(
        {
            "i": [3, None, -7],
            "f": [0.1, math.nan, None],
            "d": [dt.datetime(2024, 1, 2), dt.datetime(2023, 1, 1), None],
            "t": ["b", "a", "a"],
            "e": pa.nulls(3),
        }
    )
    columns = stored(table, tmp_path)[1].columns
    facts = [
        (c.name, c.source_type, c.stored_type, c.nulls, c.distinct, c.minimum, c.maximum)
        for c in columns
    ]
    assert facts == [
        ("i", "int64", "int8", 1, 2, "-7", "3"),
        ("f", "double", "double", 1, 2, "0.1", "0.1"),
        ("d", "timestamp[us]", "date32[day]", 1, 2, "2023-01-01", "2024-01-02"),
        ("t", "string", "string", 0, 2, "a", "b"),
        ("e", "null", "null", 3, 0, None, None),
    ]


def test_distinct_values_are_counted_up_to_a_cap(tmp_path: Path) -> None:
    table = pa.table({"x": range(DISTINCT_CAP), "y": range(DISTINCT_CAP)})
    more = pa.concat_tables([table, pa.table({"x": [0], "y": [-1]})])
    assert [c.distinct for c in stored(more, tmp_path)[1].columns] == [DISTINCT_CAP, None]


def test_hash_is_of_the_content_alone(tmp_path: Path) -> None:
    rows = 5000
    table = pa.table(
        {
            "i": [None if i % 7 == 0 else i for i in range(rows)],
            "f": [i / 10 for i in range(rows)],
            "b": [i % 3 == 0 for i in range(rows)],
            "t": [None if i % 5 == 0 else f"text {i}" for i in range(rows)],
            "level": [f"level {i % 4}" for i in range(rows)],
            "m": [None if i % 5 == 0 else Decimal(i) / 4 for i in range(rows)],
            "d": [dt.date(2024, 1, 1) + dt.timedelta(days=i % 90) for i in range(rows)],
        }
    )
    expected = stored(table, tmp_path)[1].content_hash
    assert len(expected) == 64
    for size in (13, 999):
        assert stored(table, tmp_path, size)[1].content_hash == expected
    wider = table.set_column(0, "i", table["i"].cast(pa.decimal128(20, 0)).cast(pa.int16()))
    assert (
        stored(wider.set_column(6, "d", table["d"].cast(pa.timestamp("ns"))), tmp_path)[
            1
        ].content_hash
        == expected
    )
    assert stored(pq.read_table(tmp_path / "data.parquet"), tmp_path)[1].content_hash == expected


@pytest.mark.parametrize(
    "other",
    [
        {"a": [1, 2, None], "b": ["x", "", "yz"]},
        {"a": [1, None, 3], "b": ["x", "", "yz"]},
        {"a": [1, 2, 3], "b": ["x", None, "yz"]},
        {"a": [1, 2, 3], "b": ["x", "y", "z"]},
        {"a": [1, 2, 3], "b": ["xy", "", "z"]},
        {"a": [1.0, 2.0, 3.0], "b": ["x", "", "yz"]},
        {"a": [1, 2, 3], "c": ["x", "", "yz"]},
        {"b": ["x", "", "yz"], "a": [1, 2, 3]},
        {"a": [2, 1, 3], "b": ["x", "", "yz"]},
        {"a": [1, 2], "b": ["x", ""]},
    ],
)
def test_hash_differs_when_the_content_does(tmp_path: Path, other: dict[str, list[Any]]) -> None:
    table = pa.table({"a": [1, 2, 3], "b": ["x", "", "yz"]})
    assert (
        stored(table, tmp_path)[1].content_hash != stored(pa.table(other), tmp_path)[1].content_hash
    )


def test_hash_knows_negative_zero_and_nan_from_null(tmp_path: Path) -> None:
    tables = [
        pa.table({"x": pa.array([v, 1.5], pa.float64())}) for v in (0.0, -0.0, math.nan, None)
    ]
    assert len({stored(table, tmp_path)[1].content_hash for table in tables}) == 4


def test_hash_stays_the_same_from_version_to_version(tmp_path: Path) -> None:
    table = pa.table(
        {
            "date": [dt.date(2024, 1, 1), dt.date(2024, 1, 8)],
            "tv": [1.5, None],
            "event": ["na", "x"],
        }
    )
    expected = "c2ec13ae5c77f09a0441046a2a85219dc57521b53b85ae6857fd2d360dce9c1d"
    assert stored(table, tmp_path)[1].content_hash == expected


def test_large_tables_have_row_groups_of_even_size(tmp_path: Path) -> None:
    table = pa.table({"x": np.arange(600_000)})
    back, result = stored(table, tmp_path, 65_537)
    assert back["x"].combine_chunks() == pa.array(np.arange(600_000), pa.int32())
    file = pq.ParquetFile(result.path)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [
        262_144,
        262_144,
        75_712,
    ]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_stream_that_comes_once_is_spooled(tmp_path: Path) -> None:
    table = pa.table({"x": range(1000)})
    with spooled(iter(table.to_batches(100)), ["NUMBER"], where="weekly") as stream:
        result = optimise(stream, tmp_path / "data.parquet")
    assert pq.read_table(result.path)["x"].to_pylist() == list(range(1000))
    assert result.columns[0].source_type == "NUMBER"


def test_decimals_without_a_fraction_are_whole_numbers(tmp_path: Path) -> None:
    kind = pa.decimal128(38, 0)
    table = pa.table({"few": pa.array([3, None, -4], kind), "many": pa.array([10**30, 1, 2], kind)})
    back, result = stored(table, tmp_path)
    assert [column.stored_type for column in result.columns] == ["int8", "decimal128(38, 0)"]
    assert back["few"].to_pylist() == [3, None, -4]
    as_integers = pa.table({"few": pa.array([3, None, -4]), "many": table["many"]})
    assert stored(as_integers, tmp_path)[1].content_hash == result.content_hash


_CELLS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats() | st.floats(width=32) | st.integers(-10, 10).map(float),
    pa.string(): st.text(max_size=5) | st.sampled_from(["", "na", "NA"]),
    pa.binary(): st.binary(max_size=4),
    pa.bool_(): st.booleans(),
    pa.decimal128(20, 3): st.decimals(-(10**16), 10**16, places=3),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes()
    | st.dates().map(lambda d: dt.datetime(d.year, d.month, d.day)),
    pa.timestamp("ms", BERLIN): st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)).map(
        lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000, tzinfo=dt.UTC)
    ),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 30))
    kinds = draw(st.lists(st.sampled_from(list(_CELLS)), min_size=1, max_size=4))
    columns = [
        pa.array(draw(st.lists(st.none() | _CELLS[kind], min_size=rows, max_size=rows)), kind)
        for kind in kinds
    ]
    return pa.table(columns, names=[f"c{i}" for i in range(len(kinds))])


def same_values(column: pa.ChunkedArray, kind: pa.DataType) -> list[str]:
    """Values in words, so that -0.0, NaN and null are three things."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    return [repr(value) for value in column.cast(kind).to_pylist()]


@settings(max_examples=60, deadline=None)
@given(table=tables(), size=st.integers(1, 10))
def test_every_value_comes_back(table: pa.Table, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        back, result = stored(table, Path(folder), size)
        again = stored(back, Path(folder), 30)[1]
    assert result.rows == table.num_rows == back.num_rows
    assert result.content_hash == again.content_hash
    for name in table.column_names:
        kind = table[name].type
        assert same_values(back[name], kind) == same_values(table[name], kind)
