"""A database's answer in pieces: one type for all pieces, one order, or an error that names the
column.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mmm.errors import UserError
from mmm.sources.stream import spooled, wider


def batch(values: list[Any], kind: pa.DataType | None = None, name: str = "x") -> pa.RecordBatch:
    return pa.record_batch([pa.array(values, kind)], names=[name])


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        (pa.int8(), pa.int32(), pa.int32()),
        (pa.int64(), pa.decimal128(38, 0), pa.decimal128(38, 0)),
        (pa.int64(), pa.decimal128(18, 2), pa.decimal128(21, 2)),
        (pa.decimal128(4, 1), pa.decimal128(5, 4), pa.decimal128(7, 4)),
        (pa.decimal128(38, 0), pa.decimal128(38, 9), None),
        (pa.null(), pa.string(), pa.string()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("us")),
        (pa.timestamp("us"), pa.timestamp("us", "UTC"), None),
        (pa.int64(), pa.float64(), None),
        (pa.int64(), pa.string(), None),
        (pa.date32(), pa.timestamp("us"), None),
    ],
)
def test_the_type_that_holds_both(a: pa.DataType, b: pa.DataType, both: pa.DataType | None) -> None:
    assert wider(a, b) == wider(b, a) == both


def test_pieces_of_different_types_become_one_column() -> None:
    pieces = [batch([2, 1], pa.int8()), batch([None]), batch([Decimal("0.5")]), batch([10**12])]
    with spooled(pieces, ["NUMBER"], where="weekly") as stream:
        table = pa.Table.from_batches(stream)
    assert table.schema.field("x").type == pa.decimal128(20, 1)
    assert table["x"].to_pylist() == [Decimal("0.5"), Decimal(1), Decimal(2), Decimal(10**12), None]


def test_mixed_types_name_the_column() -> None:
    with pytest.raises(
        UserError, match=r"weekly, column 'x': some rows have the type int64, some string"
    ):
        spooled([batch([1]), batch(["a"])], ["VARIANT"], where="weekly")
    with pytest.raises(UserError, match="its columns changed while it was read"):
        spooled([batch([1]), batch([1], name="y")], ["NUMBER"], where="weekly")


def test_a_large_answer_keeps_its_order_and_a_small_one_is_sorted() -> None:
    for most, expected in ((0, [3, 1, 2]), (1000, [1, 2, 3])):
        with spooled([batch([3, 1, 2])], ["NUMBER"], where="weekly", most_sorted=most) as stream:
            assert pa.Table.from_batches(stream)["x"].to_pylist() == expected


def test_odd_names_and_many_columns_are_sorted_too() -> None:
    names = [".a", "[b]", "c.d", *map(str, range(4997))]
    piece = pa.record_batch([pa.array([2, 1])] * 5000, names=names)
    with spooled([piece], ["NUMBER"] * 5000, where="wide") as stream:
        assert pa.Table.from_batches(stream).to_pylist() == [
            dict.fromkeys(names, 1),
            dict.fromkeys(names, 2),
        ]


def test_a_failure_in_the_middle_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def failing() -> Any:
        yield batch([1])
        assert list(tmp_path.iterdir())
        raise UserError("gone.")

    with pytest.raises(UserError, match="gone"):
        spooled(failing(), ["NUMBER"], where="weekly")
    assert list(tmp_path.iterdir()) == []
