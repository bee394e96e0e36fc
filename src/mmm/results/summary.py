"""The numbers behind each chart: one pure function per view, from the result tables of one model to
a small table.

Every function takes the tables of `mmm.engines.base.SCHEMAS` by name, a model's id and the run's
`Labels`, and returns a `pa.Table`. The chart, the table under it, the finding and the report all
use the same one, so they agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.certificate.certificate import certificate_of
from mmm.engines.schemas import is_kept
from mmm.format import Labels

Tables = Mapping[str, pa.Table]

#: Components from the ground up; within a kind the largest effect first.
KINDS = (
    "intercept",
    "trend",
    "season",
    "monthly",
    "weekday",
    "holiday",
    "context",
    "organic",
    "paid",
)
BASELINE_KINDS = KINDS[:6]
#: More paid channels than this are put together in the chart over time; more colours could not be
#: told apart.
SERIES_LIMIT = 8
BASE_SERIES, ORGANIC_SERIES = "baseline and context", "organic media"
CURVE_POINTS = 60
ADSTOCK_LAGS = 26
ADSTOCK_FLOOR = 0.01
PARETO_BINS = (44, 32)
#: The worst candidates on either axis would squeeze all others into a corner.
PARETO_QUANTILE = 0.9

_f8, _i4, _s, _b, _d = pa.float64(), pa.int32(), pa.string(), pa.bool_(), pa.date32()


def of_model(table: pa.Table, model_id: str) -> pa.Table:
    """The rows of one model."""
    return table.filter(pc.equal(table["model_id"], model_id))


def recommended(tables: Tables) -> str:
    """The id of the recommended model."""
    models = tables["models"]
    return str(models.filter(models["recommended"])["model_id"][0].as_py())


def _table(rows: list[dict[str, Any]], **columns: pa.DataType) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema(list(columns.items())))


def waterfall(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Component, kind, effect over the window, share of the fitted KPI, and where its bar starts
    and ends.
    """
    sums = (
        of_model(tables["contributions"], model_id)
        .group_by(["component", "kind"])
        .aggregate([("effect", "sum")])
    ).to_pylist()
    sums.sort(key=lambda row: (KINDS.index(row["kind"]), -row["effect_sum"], row["component"]))
    total = sum(row["effect_sum"] for row in sums)
    rows, level = [], 0.0
    for row in sums:
        effect = row["effect_sum"]
        rows.append(
            {
                "component": row["component"],
                "kind": row["kind"],
                "effect": effect,
                "share": effect / total if total else None,
                "start": level,
                "end": level + effect,
            }
        )
        level += effect
    return _table(rows, component=_s, kind=_s, effect=_f8, share=_f8, start=_f8, end=_f8)


def fit(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Date, actual, fitted, residual (actual - fitted), split."""
    table = of_model(tables["fit"], model_id).sort_by("date")
    residual = pc.subtract(table["actual"], table["fitted"])
    return pa.table(
        {
            "date": table["date"],
            "actual": table["actual"],
            "fitted": table["fitted"],
            "residual": residual,
            "split": table["split"],
        }
    )


def channels(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Paid channels, largest spend first: spend, contribution, shares, ROAS or CPA as `value` with
    interval, confidence.

    `marginal` is the ROAS (or CPA) of one more unit of money at today's mean spend. Conversions of a
    known worth have a `roas` too, and with a margin there is a `profit`, each with its interval.
    """
    table = of_model(tables["channels"], model_id)
    rows = [row for row in table.to_pylist() if row["kind"] == "paid"]
    rows.sort(key=lambda row: (-(row["spend"] or 0.0), row["channel"]))
    measure = labels.measure
    for row in rows:
        row |= {"value": row[measure], "low": row[f"{measure}_low"], "high": row[f"{measure}_high"]}
        row["marginal"] = row["marginal_roi"] if labels.revenue else _inverse(row["marginal_roi"])
        row["confidence"] = _certified(tables, model_id, row["channel"]) or row["confidence"]
    numeric = (
        "spend",
        "mean_spend",
        "spend_share",
        "contribution",
        "contribution_share",
        "effect_share",
    )
    efficiency = ("value", "low", "high", "marginal")
    worth = money_columns(labels)
    for row in rows:
        row |= _money(row, labels)
    known = (*numeric, *efficiency, *worth)
    return _table(rows, channel=_s, **dict.fromkeys(known, _f8), confidence=_s)


def money_columns(labels: Labels) -> tuple[str, ...]:
    """What can be said in money beside ROAS or CPA, by what the experiment says of worth and margin."""
    names: list[str] = []
    if not labels.revenue and labels.value is not None:
        names += ["roas", "roas_low", "roas_high"]
    if labels.margin is not None and labels.revenue_per_unit is not None:
        names += ["profit", "profit_low", "profit_high"]
    return tuple(names)


def _money(row: Mapping[str, Any], labels: Labels) -> dict[str, float | None]:
    """The channel's ROAS by the worth of a conversion, and what is left of its contribution after
    the cost of goods and its own spend.
    """
    worth, margin = labels.revenue_per_unit, labels.margin
    if worth is None:
        return {}
    found: dict[str, float | None] = {}
    for end in ("", "_low", "_high"):
        roi, spend = row[f"roi{end}"], row["spend"]
        roas = None if roi is None else roi * worth
        found[f"roas{end}"] = roas
        if roas is None or spend is None or margin is None:
            found[f"profit{end}"] = None
        else:
            found[f"profit{end}"] = (roas * margin - 1.0) * spend
    return found


def _certified(tables: Tables, model_id: str, channel: str) -> str:
    """The channel's word by the run's certificate; empty where the model has none."""
    found = certificate_of(tables)
    item = None if found is None or found.model_id != model_id else found.channel(channel)
    return "" if item is None else item.confidence


def _inverse(value: float | None) -> float | None:
    return 1.0 / value if value else None


def cost(effect_per_money: float | None) -> float | None:
    """Money per unit of the KPI; None where there may be no effect."""
    if effect_per_money is None or effect_per_money <= 0.0:
        return None
    return 1.0 / effect_per_money


def efficiency_ends(
    low: float | None, high: float | None, labels: Labels
) -> tuple[float | None, float | None]:
    """An interval of ROIs as one of ROAS or CPA: costs per conversion turn it round."""
    return (low, high) if labels.revenue else (cost(high), cost(low))


def shares(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Share of spend against share of paid effect, with ROAS or CPA."""
    return channels(tables, model_id, labels).select(
        ["channel", "spend", "spend_share", "effect_share", "value"]
    )


def efficiency(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """ROAS or CPA with interval, marginal value, share of spend and confidence, best first."""
    columns = ["channel", "value", "low", "high", "marginal", "spend_share"]
    columns += [*money_columns(labels), "confidence"]
    table = channels(tables, model_id, labels).select(columns)
    order = "descending" if labels.revenue else "ascending"
    return table.sort_by([("value", order)])


def curves(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Response curves of paid channels in parts: observed, extrapolated (joined to it), today's
    mean spend, carryover, break-even.

    The point of part carryover, at no spend, is the response that earlier spend still brings; that
    of part break-even the spend beyond which one more unit of money brings less than it costs, where
    the curve reaches it.
    """
    points = {row["channel"]: row for row in of_model(tables["curve_points"], model_id).to_pylist()}
    marginal = {
        row["channel"]: row["marginal_roi"]
        for row in of_model(tables["channels"], model_id).to_pylist()
    }
    by_channel: dict[str, list[dict[str, Any]]] = {}
    for row in of_model(tables["curves"], model_id).sort_by("spend").to_pylist():
        if row["kind"] == "paid":
            by_channel.setdefault(row["channel"], []).append(row)
    rows = []
    for channel in channels(tables, model_id, labels)["channel"].to_pylist():
        observed = [row for row in by_channel.get(channel, []) if row["observed"]]
        beyond = [row for row in by_channel.get(channel, []) if not row["observed"]]
        rows += [{**row, "part": "observed"} for row in _thinned(observed)]
        rows += [{**row, "part": "extrapolated"} for row in _thinned(observed[-1:] + beyond)]
        rows += _break_even(channel, observed + beyond, labels)
        if channel not in points:
            continue
        point = points[channel]
        rows.append(
            {
                "channel": channel,
                "part": "today",
                "marginal_response": marginal.get(channel),
                "spend": point["mean_spend"],
                "response": point["mean_response"],
            }
        )
        earlier = point["carryover_response"]
        if earlier:
            rows.append(
                {"channel": channel, "part": "carryover", "spend": 0.0, "response": earlier}
            )
    return _table(rows, channel=_s, part=_s, spend=_f8, response=_f8, marginal_response=_f8)


def _break_even(channel: str, curve: list[dict[str, Any]], labels: Labels) -> list[dict[str, Any]]:
    """The last point at which the marginal response falls to what pays for the money, if any."""
    if labels.break_even is None:
        return []
    enough = labels.break_even if labels.revenue else 1.0 / labels.break_even
    found = []
    for before, after in pairwise(curve):
        high, low = before["marginal_response"], after["marginal_response"]
        if high is None or low is None or not high >= enough > low:
            continue
        share = (high - enough) / (high - low)
        point = {"channel": channel, "part": "break-even", "marginal_response": enough}
        for name in ("spend", "response"):
            point[name] = before[name] + share * (after[name] - before[name])
        found = [point]
    return found


def _thinned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(rows) <= CURVE_POINTS:
        return rows
    return [
        rows[index] for index in np.linspace(0, len(rows) - 1, CURVE_POINTS).round().astype(int)
    ]


def has_paid(tables: Tables) -> bool:
    """Whether money was spent at all: without a paid channel there is no ROAS and no curve of spend."""
    return "paid" in tables["channels"]["kind"].unique().to_pylist()


def has_adstock(tables: Tables) -> bool:
    """Whether the engine says how an effect fades."""
    return bool(tables["adstock"].num_rows)


def has_carryover(tables: Tables) -> bool:
    """Whether the engine tells immediate effects from carried-over ones."""
    share = tables["channels"]["carryover_share"]
    return bool(share.null_count < len(share))


def adstock(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Channel, lag, weight (1 at the peak or start), up to the last lag at which any channel still
    has 1 %.
    """
    table = of_model(tables["adstock"], model_id)
    heard = table.filter(pc.greater_equal(table["weight"], ADSTOCK_FLOOR))
    last = min(pc.max(heard["lag"]).as_py() or 0, ADSTOCK_LAGS)
    return (
        table.filter(pc.less_equal(table["lag"], last))
        .select(["channel", "lag", "weight"])
        .sort_by([("channel", "ascending"), ("lag", "ascending")])
    )


def carryover(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Share of each medium's effect that comes at once, and the share that earlier periods caused."""
    rows = of_model(tables["channels"], model_id).to_pylist()
    known = [row for row in rows if row["carryover_share"] is not None]
    known.sort(key=lambda row: (-row["carryover_share"], row["channel"]))
    for row in known:
        row["immediate_share"] = 1.0 - row["carryover_share"]
    return _table(
        known, channel=_s, kind=_s, contribution=_f8, immediate_share=_f8, carryover_share=_f8
    )


def over_time(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Effect per date of baseline and context, organic media and each paid channel (the smallest
    put together).

    Seasons and context swing around zero, where stacked areas break; summed with the level they do
    not.
    """
    table = of_model(tables["contributions"], model_id)
    order = [
        row for row in waterfall(tables, model_id, labels).to_pylist() if row["kind"] == "paid"
    ]
    names = [row["component"] for row in order]
    series = {name: name for name in names}
    if len(names) > SERIES_LIMIT:
        small = names[SERIES_LIMIT - 1 :]
        series |= dict.fromkeys(small, f"{len(small)} other channels")
    group = dict.fromkeys((*BASELINE_KINDS, "context"), BASE_SERIES) | {"organic": ORGANIC_SERIES}
    sums: dict[tuple[str, Any], float] = {}
    for row in table.select(["date", "component", "kind", "effect"]).to_pylist():
        name = group.get(row["kind"]) or series[row["component"]]
        sums[name, row["date"]] = sums.get((name, row["date"]), 0.0) + row["effect"]
    ranks = [BASE_SERIES, ORGANIC_SERIES, *dict.fromkeys(series[name] for name in names)]
    rows = [
        {"date": date, "series": name, "effect": effect} for (name, date), effect in sums.items()
    ]
    rows.sort(key=lambda row: (ranks.index(row["series"]), row["date"]))
    return _table(rows, series=_s, date=_d, effect=_f8)


def by_component(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Effect per date of every component, none put together, in the order of the waterfall."""
    table = of_model(tables["contributions"], model_id).select(
        ["date", "component", "kind", "effect"]
    )
    order = waterfall(tables, model_id, labels)["component"].to_pylist()
    rows = sorted(table.to_pylist(), key=lambda row: (order.index(row["component"]), row["date"]))
    return _table(rows, component=_s, kind=_s, date=_d, effect=_f8)


#: Periods to add effects up in, with the least number of days each has.
PERIODS = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}


def periods_from(step_days: int) -> list[str]:
    """The names of the periods that are no shorter than the data's."""
    return [name for name, days in PERIODS.items() if days >= min(step_days, 28)]


def by_period(numbers: pa.Table, period: str) -> pa.Table:
    """Effects over time added up per period of `PERIODS`, each under its first day; other columns
    stay.

    A date belongs to the period it lies in: a week that begins in January counts for January. The
    first and the last period hold what the window has of them.
    """
    if period == "day":
        return numbers
    begins = pc.floor_temporal(numbers["date"], unit=period)  # weeks begin on Mondays
    dated = numbers.set_column(numbers.column_names.index("date"), "date", begins.cast(_d))
    keys = [name for name in numbers.column_names if name != "effect"]
    summed = dated.group_by(keys, use_threads=False).aggregate([("effect", "sum")])
    return summed.rename_columns([*keys, "effect"]).select(numbers.column_names)


def as_share(numbers: pa.Table) -> pa.Table:
    """Numbers of `waterfall` or over time with shares in place of effects: of the whole, or of each
    date's sum.
    """
    if "date" not in numbers.column_names:
        total = numbers["end"][-1].as_py() if numbers.num_rows else 0.0
        scaled = [pc.divide(numbers[name], total or 1.0) for name in ("start", "end")]
        return pa.table([numbers["component"], numbers["kind"], numbers["share"], *scaled], _SHARES)
    sums: dict[Any, float] = {}
    rows = numbers.to_pylist()
    for row in rows:
        sums[row["date"]] = sums.get(row["date"], 0.0) + row["effect"]
    shares = [row["effect"] / sums[row["date"]] if sums[row["date"]] else None for row in rows]
    return numbers.drop_columns("effect").append_column("share", pa.array(shares, _f8))


_SHARES = ["component", "kind", "share", "start", "end"]


def pivoted(numbers: pa.Table, rows: str, columns: str, value: str) -> pa.Table:
    """`value` with one row per value of `rows` and one column per value of `columns`, both as they
    first come.
    """
    found: dict[Any, dict[str, Any]] = {}
    for row in numbers.to_pylist():
        found.setdefault(row[rows], {rows: row[rows]})[row[columns]] = row[value]
    names = dict.fromkeys(numbers[columns].to_pylist())
    kinds = [numbers.schema.field(rows), *(pa.field(name, _f8) for name in names)]
    return pa.Table.from_pylist(list(found.values()), pa.schema(kinds))


def pareto(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Kept candidates one by one, and all others counted in a grid of cells (`start`..`end` and
    `low`..`high`).

    10,000 candidates make at most 1,408 cells. Cells leave out the worst tenth on either axis.
    """
    models = tables["models"]
    nrmse = models["nrmse"].to_numpy(zero_copy_only=False).astype(float)
    distance = models["decomp_rssd"].to_numpy(zero_copy_only=False).astype(float)
    kept = is_kept(tables)
    rows = [
        {**row, "part": "kept", "candidates": 1, "shown": row["model_id"] == model_id}
        for row in models.filter(kept).to_pylist()
    ]
    listed = ~kept.to_numpy(zero_copy_only=False)
    other = listed & np.isfinite(nrmse) & np.isfinite(distance)
    if other.any():
        rows += _cells(nrmse[other], distance[other])
    return _table(
        rows,
        part=_s,
        model_id=_s,
        trial=_i4,
        nrmse=_f8,
        decomp_rssd=_f8,
        front=_i4,
        cluster=_i4,
        recommended=_b,
        shown=_b,
        candidates=_i4,
        nrmse_end=_f8,
        decomp_rssd_end=_f8,
    )


def _cells(nrmse: np.ndarray, distance: np.ndarray) -> list[dict[str, Any]]:
    limits = [(values.min(), np.quantile(values, PARETO_QUANTILE)) for values in (nrmse, distance)]
    counts, x, y = np.histogram2d(nrmse, distance, bins=PARETO_BINS, range=limits)
    cells = []
    for i, j in np.argwhere(counts > 0):
        cells.append(
            {
                "part": "others",
                "candidates": int(counts[i, j]),
                "nrmse": x[i],
                "nrmse_end": x[i + 1],
                "decomp_rssd": y[j],
                "decomp_rssd_end": y[j + 1],
            }
        )
    return cells


def fit_measures(numbers: pa.Table) -> dict[str, dict[str, float | None]]:
    """R2 and mean absolute percentage error by split, from the numbers of `fit`."""
    measures: dict[str, dict[str, float | None]] = {}
    split = np.array(numbers["split"].to_pylist())
    actual, residual = (numbers[name].to_numpy() for name in ("actual", "residual"))
    for name in dict.fromkeys(split.tolist()):
        rows = split == name
        spread = float(((actual[rows] - actual[rows].mean()) ** 2).sum())
        nonzero = rows & (actual != 0)
        rsq, mape = None, None
        if spread > 0:
            rsq = 1.0 - float((residual[rows] ** 2).sum()) / spread
        if nonzero.any():
            mape = float(np.abs(residual[nonzero] / actual[nonzero]).mean())
        measures[name] = {"rsq": rsq, "mape": mape}
    return measures


def half_life(weights: list[float]) -> int:
    """Periods after the peak until no more than half the peak's weight is left; the length when
    that never comes.
    """
    peak = int(np.argmax(weights))
    for lag in range(peak, len(weights)):
        if weights[lag] <= 0.5 * weights[peak]:
            return lag - peak
    return len(weights) - peak


def kept_only(numbers: pa.Table) -> pa.Table:
    """The kept candidates among the numbers of `pareto`, best front first."""
    kept = numbers.filter(pc.equal(numbers["part"], "kept"))
    return kept.sort_by([("front", "ascending"), ("nrmse", "ascending")])
