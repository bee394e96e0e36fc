"""The efficient frontier as a view: the best plan at each total budget. It is made by
`mmm.planning.frontier`; here it is kept with the advice, said and drawn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.format import Labels, percent
from mmm.results.charts import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    WIDTH,
    break_even_rule,
    finished,
    inline,
    number_axis,
)
from mmm.results.summary import Tables

if TYPE_CHECKING:
    import altair as alt

_f8 = pa.float64()
#: One row per total budget, money and responses per period, see `mmm.planning.frontier`.
FRONTIER = pa.schema(
    [
        ("spend", _f8),
        ("change", _f8),
        ("response", _f8),
        ("response_low", _f8),
        ("response_high", _f8),
        ("value", _f8),
        ("marginal", _f8),
        ("break_even", _f8),
        ("losing", _f8),
        ("profit", _f8),
    ]
)
_HEIGHT, _STEP_HEIGHT = 200, 130
#: A budget within this share of today's is today's.
_TODAY = 1e-6


def frontier(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """The frontier that was kept with the run's advice; no rows without one."""
    advice = getattr(tables, "advice", None)
    rows = [] if advice is None else [dict(row) for row in advice.frontier]
    return pa.Table.from_pylist(rows, FRONTIER)


def known(tables: Tables) -> bool:
    """Whether a frontier was kept that has more than today's budget."""
    advice = getattr(tables, "advice", None)
    return advice is not None and len(advice.frontier) > 1


def paying(numbers: pa.Table, labels: Labels) -> list[bool]:
    """Per budget whether the step up to it brings at least what it costs; the first has no step."""
    found: list[bool] = []
    for row in numbers.to_pylist():
        step, even = row["marginal"], row["break_even"]
        if even is None or step is None:
            found.append(even is not None and not found)
            continue
        found.append(step >= even if labels.revenue else step <= even)
    return found


def finding(numbers: pa.Table, labels: Labels) -> str:
    """Up to which budget one more unit of money pays for itself, beside today's."""
    rows = numbers.to_pylist()
    if len(rows) < 2:
        return "The bounds allow no other budget than today's."
    if rows[0]["break_even"] is None:
        return (
            f"What one {labels.kpi_name} is worth is not known, so where more money stops to pay "
            "cannot be told: give the value of a conversion."
        )
    pays = paying(numbers, labels)
    steps = [number for number in range(1, len(rows)) if pays[number]]
    if not steps:
        return (
            f"Spend less in total: already the step from {labels.money(rows[0]['spend'])} to "
            f"{labels.money(rows[1]['spend'])} per {labels.period} does not pay for itself."
        )
    best = rows[steps[-1]]
    text = f"{labels.money(best['spend'])} per {labels.period} ({_against(best['change'])})"
    if steps[-1] == len(rows) - 1:
        return f"Every step pays for itself up to {text}, the largest budget that was looked at."
    return f"More money pays for itself up to {text}; beyond it a step brings less than it costs."


def _against(change: float) -> str:
    if abs(change) < _TODAY:
        return "today's budget"
    return f"{percent(abs(change))} {'more' if change > 0 else 'less'} than today's"


def chart(numbers: pa.Table, labels: Labels) -> alt.VConcatChart:
    """Above, the best response of each budget with its range, today's in orange; below, what the
    step up to it brings, beside break-even.
    """
    import altair as alt

    rows = numbers.to_pylist()
    money = f"Spend ({labels.currency}) per {labels.period}"
    ends = [row["spend"] for row in rows if row["spend"] is not None]
    x = _along(ends, None)
    base = alt.Chart(inline(rows)).encode(x=x)
    scale = alt.Scale(zero=False)
    up = alt.Y(
        "response:Q",
        title=f"{labels.effect_unit} per {labels.period}",
        axis=number_axis(),
        scale=scale,
    )
    layers = [
        base.mark_area(color="#cfe0ee", opacity=0.8).encode(
            y=alt.Y("response_low:Q", scale=scale), y2="response_high:Q"
        ),
        base.mark_line(color=BLUE, strokeWidth=2).encode(y=up),
        base.mark_circle(color=BLUE, size=55, opacity=1.0).encode(y=up),
        base.transform_filter(f"abs(datum.change) < {_TODAY}")
        .mark_circle(color=ORANGE, size=95, opacity=1.0)
        .encode(y=up),
    ]
    above = alt.layer(*layers).properties(width=WIDTH - 120, height=_HEIGHT)
    below = _steps(rows, labels, _along(ends, money))
    return finished(alt.vconcat(above, below, spacing=14))


def _along(spends: list[float], title: str | None) -> alt.X:
    """The axis of total budgets, the same above and below."""
    import altair as alt

    scale = alt.Scale(domain=[min(spends), max(spends)], nice=False) if spends else alt.Scale()
    return alt.X("spend:Q", title=title, axis=number_axis(), scale=scale)


def _steps(rows: list[dict[str, Any]], labels: Labels, x: alt.X) -> Any:
    """What the step up to each budget brings, and break-even where it is known."""
    import altair as alt

    known_steps = [row for row in rows if row["marginal"] is not None]
    dots = alt.Chart(inline(known_steps)).encode(
        x=x, y=alt.Y("marginal:Q", title=f"Marginal {labels.efficiency_unit}")
    )
    layers = [
        dots.mark_line(color=INK, strokeWidth=1.2),
        dots.mark_circle(color=INK, size=55, opacity=1.0),
    ]
    even = rows[0]["break_even"] if rows else None
    if even is not None and math.isfinite(even):
        layers.insert(0, break_even_rule(even, upright=False))
        end = alt.Chart(inline([{"even": even, "spend": rows[-1]["spend"]}]))
        layers.append(
            end.mark_text(text="break-even", align="right", dy=-6, color=MUTED, fontSize=11).encode(
                x="spend:Q", y="even:Q"
            )
        )
    chart: Any = alt.layer(*layers).properties(width=WIDTH - 120, height=_STEP_HEIGHT)
    return chart
