"""CSV files, text from users, and colours: what must not be taken for something else."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa
import pytest

from mmm.errors import Finding, InvalidInput
from mmm.format import Labels
from mmm.results import charts
from mmm.web.kit.dark import in_dark
from mmm.web.kit.export import csv_text
from mmm.web.kit.numbers import number_columns, rounded
from mmm.web.kit.text import error_markdown, plain

LABELS = Labels("revenue", "revenue", "EUR")


def _read(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_could_be_a_formula_is_neutralised(start: str) -> None:
    table = pa.table({"channel": [f"{start}cmd", "tv"], "value": [1.5, None]})
    assert _read(csv_text(table, LABELS)) == [
        ["Channel", "ROAS"],
        [f"'{start}cmd", "1.5"],
        ["tv", ""],
    ]


def test_numbers_stay_numbers_in_full() -> None:
    table = pa.table({"channel": ['a,"b"\nc'], "effect": [-1234567.891], "share": [0.1]})
    assert _read(csv_text(table, LABELS))[1] == ['a,"b"\nc', "-1234567.891", "0.1"]


def test_plain_text_holds_no_markdown() -> None:
    assert plain("<b>*x*</b> [a](b)\n# c") == r"\<b\>\*x\*\<\/b\> \[a\]\(b\) \# c"
    assert plain("tv_S 5 %, straße") == r"tv\_S 5 %, straße"


def test_every_finding_of_an_invalid_input_is_a_line() -> None:
    error = InvalidInput(
        "Two things:", [Finding("error", "is *odd*.", where="row 3"), Finding("error", "is even.")]
    )
    assert error_markdown(error) == "Two things\\:\n\n- row 3\\: is \\*odd\\*\\.\n- is even\\."


def test_a_dark_chart_keeps_its_data() -> None:
    spec: dict[str, Any] = {
        "config": {
            "background": "#ffffff",
            "axis": {"labelColor": charts.MUTED, "values": ["#ffffff"]},
        },
        "layer": [{"mark": {"color": charts.INK}, "data": {"values": [{"channel": "#ffffff"}]}}],
        "datasets": {"a": [{"channel": charts.INK}]},
    }
    dark = in_dark(spec)
    assert dark["config"]["background"] == "#10171e"
    assert dark["config"]["axis"]["labelColor"] != charts.MUTED
    assert dark["layer"][0]["mark"]["color"] != charts.INK
    assert dark["layer"][0]["data"] == spec["layer"][0]["data"]
    assert dark["datasets"] == spec["datasets"]
    assert spec["config"]["background"] == "#ffffff"


def test_money_has_two_decimals_and_columns_are_as_wide_as_their_numbers() -> None:
    table = pa.table({"channel": ["tv"], "spend": [2_821_145.2114], "value": [0.00234]})
    shown = rounded(table, LABELS).to_pylist()
    assert shown == [{"channel": "tv", "spend": 2_821_145.21, "value": 0.00234}]
    columns = number_columns(table, LABELS)
    assert columns["spend"]["width"] >= 8 * len("2,821,145.21")
    assert columns["value"]["type_config"]["format"] == "%.4g"
    cpa = Labels("orders", "conversion", "EUR")
    assert (
        rounded(table.append_column("high", pa.array([12.3456])), cpa)["high"][0].as_py() == 12.35
    )
