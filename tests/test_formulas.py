"""No text that leaves in a table runs as a formula, whatever separator it is opened with."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mmm.formulas import neutral, neutral_table


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  '=1"),
        ("＝1", "'＝1"),
        ("a;=cmd()", "a;'=cmd()"),
        ("a, +1", "a, '+1"),
        ("a\n=1", "a\n'=1"),
        ("\tx", "'\tx"),
        ("tv", "tv"),
        ("a=b", "a=b"),
        ("2024-01-01", "2024-01-01"),
        ("", ""),
    ],
)
def test_a_start_of_a_formula_gets_an_apostrophe(text: str, safe: str) -> None:
    assert neutral(text) == safe


def test_numbers_stay_and_names_and_all_kinds_of_text_are_made_harmless() -> None:
    table = pa.table(
        {
            "=name": pa.array(["=a", None]),
            "n": pa.array([-1.5, 2.0]),
            "d": pa.array(["+x", "y"]).dictionary_encode(),
        }
    )
    assert neutral(-1.5) == -1.5
    assert neutral_table(table).to_pydict() == {
        "'=name": ["'=a", None],
        "n": [-1.5, 2.0],
        "d": ["'+x", "y"],
    }
