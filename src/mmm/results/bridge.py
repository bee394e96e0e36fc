"""Why the KPI moved between two ranges of dates: by component, a medium's part divided into what its
spend and what its efficiency did. The parts add up to the recorded difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.errors import UserError
from mmm.format import Labels, count, listed, percent
from mmm.results.drawn import Sums, effects_by_draw, ends_around, sums
from mmm.results.spans import Comparison, Span, default_comparison, parse_span, window_dates
from mmm.results.summary import KINDS, Tables, of_model

#: What the model leaves unexplained, as a component of the difference.
UNEXPLAINED = "not explained"
#: Parts below this share of the recorded KPI of the first range are not worth a sentence.
_SMALL = 0.001
_NAMED = 3
_f8, _s = pa.float64(), pa.string()
_SCHEMA = pa.schema(
    [
        ("component", _s),
        ("kind", _s),
        ("before", _f8),
        ("after", _f8),
        ("difference", _f8),
        ("difference_low", _f8),
        ("difference_high", _f8),
        ("spend_before", _f8),
        ("spend_after", _f8),
        ("spend_effect", _f8),
        ("spend_effect_low", _f8),
        ("spend_effect_high", _f8),
        ("efficiency_effect", _f8),
        ("efficiency_effect_low", _f8),
        ("efficiency_effect_high", _f8),
        ("value_before", _f8),
        ("value_after", _f8),
        ("start", _f8),
        ("end", _f8),
    ]
)


@dataclass(frozen=True)
class _Volume:
    """What a medium was given in each range: money of paid media, the variable of organic ones."""

    before: float
    after: float


def default_of(tables: Tables, model_id: str, labels: Labels) -> Comparison:
    """The last quarter against the year before, see `spans.default_comparison`."""
    return default_comparison(window_dates(tables, model_id), labels.step_days)


def bridge(
    tables: Tables, model_id: str, labels: Labels, comparison: Comparison | None = None
) -> pa.Table:
    """One row per component, what the model leaves unexplained at the end; `difference` adds up to
    the recorded KPI of the second range less that of the first, to 1e-9.

    A medium brings spend x efficiency in each range, so its difference is the change of spend at the
    mean efficiency (`spend_effect`) and the change of efficiency at the mean spend
    (`efficiency_effect`), which holds carryover from before, saturation and timing too. Organic media
    count their variable in place of money. `start` and `end` are where the component's bar stands.
    Intervals are 90 % over the draws or kept models, null where there are none. `value_before` and
    `value_after` are the ROAS or CPA of the ranges.
    """
    asked = comparison or default_of(tables, model_id, labels)
    before = _effects(tables, model_id, asked.before)
    after = _effects(tables, model_id, asked.after)
    found = effects_by_draw(tables, model_id)
    drawn = None if found is None else (sums(found, asked.before), sums(found, asked.after))
    order = sorted(
        before, key=lambda key: (KINDS.index(key[1]), -abs(after[key] - before[key]), key[0])
    )
    rows = []
    for component, kind in order:
        effects = before[component, kind], after[component, kind]
        if effects == (0.0, 0.0) and kind != "paid":
            continue
        volume = _volume(tables, component, asked) if kind in ("paid", "organic") else None
        row = {"component": component, "kind": kind} | _row(effects, volume)
        if kind == "paid" and volume is not None:
            row |= _money(effects, volume, labels)
        rows.append(row | _intervals(row, component, volume, drawn))
    rows.append(_unexplained(tables, model_id, asked, rows))
    _place(rows)
    return pa.Table.from_pylist(rows, _SCHEMA)


def _effects(tables: Tables, model_id: str, span: Span) -> dict[tuple[str, str], float]:
    """Sum of each component over a range, by (component, kind); 0 outside the window."""
    of_it = of_model(tables["contributions"], model_id).select(
        ["date", "component", "kind", "effect"]
    )
    inside = span.rows(of_it["date"])
    counted = of_it.set_column(3, "effect", pc.if_else(inside, of_it["effect"], 0.0))
    summed = counted.group_by(["component", "kind"], use_threads=False).aggregate(
        [("effect", "sum")]
    )
    return {(row["component"], row["kind"]): row["effect_sum"] for row in summed.to_pylist()}


def _volume(tables: Tables, component: str, asked: Comparison) -> _Volume | None:
    media = tables["media"]
    of_it = media.filter(pc.equal(media["channel"], component))
    if not of_it.num_rows:
        return None
    given = of_it["spend"] if of_it["kind"][0].as_py() == "paid" else of_it["input"]
    inside = (span.rows(of_it["date"]) for span in (asked.before, asked.after))
    before, after = (pc.sum(given.filter(rows)).as_py() or 0.0 for rows in inside)
    return _Volume(before, after)


def _row(effects: tuple[float, float], volume: _Volume | None) -> dict[str, Any]:
    before, after = effects
    row: dict[str, Any] = {"before": before, "after": after, "difference": after - before}
    if volume is None:
        return row
    by_spend = float(_spend_effect(np.array(before), np.array(after), volume))
    return row | {"spend_effect": by_spend, "efficiency_effect": row["difference"] - by_spend}


def _spend_effect(before: np.ndarray, after: np.ndarray, volume: _Volume) -> np.ndarray:
    """What the change of spend did at the mean efficiency of both ranges; at that of the other one
    where a range has no spend, whose effect is all carryover.
    """
    known = [
        effect / given
        for effect, given in ((before, volume.before), (after, volume.after))
        if given > 0
    ]
    if not known:
        return np.zeros_like(before)
    mean: np.ndarray = sum(known, np.zeros_like(before)) / len(known)
    return (volume.after - volume.before) * mean


def _money(effects: tuple[float, float], volume: _Volume, labels: Labels) -> dict[str, Any]:
    pairs = zip(effects, (volume.before, volume.after), strict=True)
    values = [_efficiency(effect, money, labels) for effect, money in pairs]
    return {
        "spend_before": volume.before,
        "spend_after": volume.after,
        "value_before": values[0],
        "value_after": values[1],
    }


def _efficiency(effect: float, money: float, labels: Labels) -> float | None:
    """ROAS or CPA; None where there is nothing to divide by."""
    if labels.revenue:
        return effect / money if money > 0 else None
    return money / effect if effect > 0 else None


def _intervals(
    row: dict[str, Any], component: str, volume: _Volume | None, drawn: tuple[Sums, Sums] | None
) -> dict[str, float]:
    if drawn is None or component not in drawn[0].by_component:
        return {}
    before, after = (side.by_component[component] for side in drawn)
    figures = {"difference": after - before}
    if volume is not None:
        by_spend = _spend_effect(before, after, volume)
        figures |= {
            "spend_effect": by_spend,
            "efficiency_effect": figures["difference"] - by_spend,
        }
    found: dict[str, float] = {}
    for name, values in figures.items():
        low, high = ends_around(row[name], values, drawn[0].weights)
        found |= {f"{name}_low": low, f"{name}_high": high}
    return found


def _unexplained(
    tables: Tables, model_id: str, asked: Comparison, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    """Recorded less all components, so that everything adds up to what was recorded."""
    fit = of_model(tables["fit"], model_id)
    left = {}
    for name, span in (("before", asked.before), ("after", asked.after)):
        recorded = math.fsum(fit["actual"].filter(span.rows(fit["date"])).to_pylist())
        left[name] = recorded - math.fsum(row[name] for row in rows)
    difference = left["after"] - left["before"]
    return {"component": UNEXPLAINED, "kind": "unexplained", **left, "difference": difference}


def _place(rows: list[dict[str, Any]]) -> None:
    level = 0.0
    for row in rows:
        row["start"] = level
        level += row["difference"]
        row["end"] = level


def recorded(numbers: pa.Table) -> tuple[float, float]:
    """The recorded KPI of the two ranges."""
    return tuple(math.fsum(numbers[name].to_pylist()) for name in ("before", "after"))  # type: ignore[return-value]


def finding(numbers: pa.Table, labels: Labels) -> str:
    """How much the KPI moved, what moved it most, and what is left unexplained."""
    before, after = recorded(numbers)
    difference = after - before
    rows = numbers.to_pylist()
    if abs(difference) < _SMALL * abs(before):
        text = f"{labels.kpi_name} hardly moved ({signed(difference, labels)})"
    else:
        word = "rose" if difference > 0 else "fell"
        share = f" ({percent(difference / before)})" if before else ""
        text = f"{labels.kpi_name} {word} by {labels.effect(abs(difference))}{share}"
    named = [row for row in rows if abs(row["difference"]) >= _SMALL * abs(before)]
    named = [row for row in named if row["kind"] != "unexplained"]
    named.sort(key=lambda row: -abs(row["difference"]))
    parts = [_part(row, labels) for row in named[:_NAMED]]
    moved = f". What moved most: {listed(parts)}" if parts else ""
    rest = rows[-1]["difference"]
    return f"{text}{moved}. {signed(rest, labels)} the model does not explain."


def _part(row: dict[str, Any], labels: Labels) -> str:
    text = f"{row['component']} {signed(row['difference'], labels)}"
    if row["spend_effect"] is None:
        return text
    by = signed(row["spend_effect"], labels), signed(row["efficiency_effect"], labels)
    of = "spend" if row["kind"] == "paid" else "volume"
    return f"{text} ({by[0]} by {of}, {by[1]} by efficiency)"


def signed(value: float, labels: Labels) -> str:
    """An effect with its sign in front."""
    return f"{'-' if value < 0 else '+'}{labels.effect(abs(value))}"


def asked_comparison(
    tables: Tables, model_id: str, labels: Labels, before: str, after: str
) -> Comparison:
    """Two ranges of dates as people write them: both, or none for the default. UserError otherwise."""
    if not before and not after:
        return default_of(tables, model_id, labels)
    if not before or not after:
        raise UserError("go together.", where="before and after", fix="Give both ranges, or none.")
    dates = window_dates(tables, model_id)
    return Comparison(parse_span(before, dates, "before"), parse_span(after, dates, "after"))


def title_of(comparison: Comparison) -> str:
    return f"{comparison.after.said()} against {comparison.before.said()}"


def interval_note(numbers: pa.Table) -> str:
    """Which components have an interval."""
    known = numbers["difference_low"].null_count < numbers.num_rows
    without = count(numbers["difference_low"].null_count, "component")
    return f"{without} without an interval." if known else "This engine gives no intervals here."
