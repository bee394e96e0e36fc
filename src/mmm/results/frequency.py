"""How often a person should be reached: what an exposure is worth by frequency, and the best one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.format import Labels, fixed, listed, percent
from mmm.results.charts import BLUE, INK, ORANGE, finished, panels
from mmm.results.summary import Tables, of_model

if TYPE_CHECKING:
    import altair as alt

#: Below this gain another frequency is not worth the trouble.
_WORTH_IT = 0.03
_f8, _s = pa.float64(), pa.string()
_SCHEMA = pa.schema(
    [
        ("channel", _s),
        ("frequency", _f8),
        ("worth", _f8),
        ("worth_low", _f8),
        ("worth_high", _f8),
        ("observed", pa.bool_()),
        ("mean_frequency", _f8),
        ("optimal_frequency", _f8),
        ("optimal_frequency_low", _f8),
        ("optimal_frequency_high", _f8),
        ("frequency_gain", _f8),
        ("frequency_gain_low", _f8),
        ("frequency_gain_high", _f8),
    ]
)
#: Columns that are a channel's, the same in each of its rows.
_POINT = (
    "channel",
    "mean_frequency",
    "optimal_frequency",
    "optimal_frequency_low",
    "optimal_frequency_high",
    "frequency_gain",
    "frequency_gain_low",
    "frequency_gain_high",
)


def known(tables: Tables) -> bool:
    """Whether a channel of the run has a frequency."""
    return bool(tables["frequency_points"].num_rows)


def frequency(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """The curve of each channel with a frequency, with its point in every row."""
    points = {}
    for row in of_model(tables["frequency_points"], model_id).to_pylist():
        gains = {f"frequency_{name}": row[name] for name in ("gain", "gain_low", "gain_high")}
        points[row["channel"]] = {**row, **gains}
    rows = []
    for row in of_model(tables["frequencies"], model_id).to_pylist():
        both = {**points[row["channel"]], **row}
        rows.append({name: both[name] for name in _SCHEMA.names})
    return pa.Table.from_pylist(rows, _SCHEMA)


def points(numbers: pa.Table) -> list[dict[str, Any]]:
    """One row per channel."""
    found = {row["channel"]: row for row in numbers.select(list(_POINT)).to_pylist()}
    return list(found.values())


def finding(numbers: pa.Table, labels: Labels) -> str:
    """Which channels reach people too often or too seldom, and what it costs."""
    if not numbers.num_rows:
        return "No channel of this model has a frequency."
    said = sentences(numbers, labels)
    sure = {row["channel"] for row in points(numbers) if _too(row)}
    rest = [row["channel"] for row in points(numbers) if row["channel"] not in sure]
    if rest:
        said.append(f"No other frequency is surely better for {listed(rest)}.")
    return " ".join(said)


def sentences(numbers: pa.Table, labels: Labels) -> list[str]:
    """One for each channel that surely reaches people too often or too seldom."""
    said = []
    for row in points(numbers):
        too = _too(row)
        if not too:
            continue
        best, low, high, now = (
            fixed(row[name], 1)
            for name in (
                "optimal_frequency",
                "optimal_frequency_low",
                "optimal_frequency_high",
                "mean_frequency",
            )
        )
        gain, least, most = (percent(row[f"frequency_gain{end}"]) for end in ("", "_low", "_high"))
        said.append(
            f"{row['channel']} reaches people too {too}: {best} times a {labels.period} "
            f"({low} to {high}) would be best, it is {now}. The same exposures would earn {gain} "
            f"more ({least} to {most})."
        )
    return said


def _too(row: Mapping[str, Any]) -> str:
    """Whether a channel surely reaches people too "often" or too "seldom"; "" where it is not sure,
    or hardly worth a change.
    """
    if row["frequency_gain"] < _WORTH_IT:
        return ""
    if row["optimal_frequency_high"] < row["mean_frequency"]:
        return "often"
    if row["optimal_frequency_low"] > row["mean_frequency"]:
        return "seldom"
    return ""


def chart(numbers: pa.Table, labels: Labels) -> alt.FacetChart:
    """One panel per channel: the worth of an exposure by frequency with its interval; the best
    frequency (orange) and today's (dashed).
    """
    import altair as alt

    x = alt.X("frequency:Q", title=f"Exposures of a person per {labels.period}")
    y = alt.Y("worth_low:Q", title="Worth of an exposure", axis=alt.Axis(format="%", tickCount=4))
    base = alt.Chart()
    band = base.mark_area(color=BLUE, opacity=0.2).encode(x=x, y=y, y2="worth_high:Q")
    line = base.mark_line(color=BLUE).encode(x=x, y="worth:Q")
    today = base.mark_rule(color=INK, strokeDash=[4, 3]).encode(x="mean(mean_frequency):Q")
    best = base.mark_rule(color=ORANGE, strokeWidth=2).encode(x="mean(optimal_frequency):Q")
    return finished(panels((band, line, today, best), numbers.to_pylist(), independent=True))
