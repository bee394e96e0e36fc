"""Numbers and findings about several models at once: clusters with their spread, models side by
side, overlaid curves.

Like `mmm.results.summary`, one pure function per view; those that compare take the ids of the
models to compare.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.schemas import is_kept
from mmm.format import Labels, compact, count, fixed, percent
from mmm.results.model_summary import totals_of
from mmm.results.summary import Tables, channels, curves, of_model

#: More models side by side could not be told apart.
MODELS_LIMIT = 4
#: A cluster's spread: 80 % of its models lie inside.
SPREAD = (0.1, 0.9)
_FIT = ("front", "cluster", "rsq_train", "rsq_val", "rsq_test", "nrmse", "decomp_rssd")
_RANGE = ("value", "low", "high")
_SIDE = (
    "value",
    "low",
    "high",
    "spend_share",
    "effect_share",
    "contribution_share",
    "contribution",
)


def only(
    numbers: pa.Table,
    fronts: Collection[int] = (),
    clusters: Collection[int] = (),
    trials: Collection[int] = (),
) -> pa.Table:
    """The numbers of `pareto` with the kept candidates of these fronts, clusters and trials (none
    named: all).
    """
    wanted = {"front": fronts, "cluster": clusters, "trial": trials}
    asked = {name: chosen for name, chosen in wanted.items() if chosen}
    shown = []
    for row in numbers.select(["part", *wanted]).to_pylist():
        fits = all(row[name] in chosen for name, chosen in asked.items())
        shown.append(fits or row["part"] != "kept")
    return numbers.filter(pa.array(shown, pa.bool_()))


def clusters(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Per cluster and paid channel the middle model's ROAS or CPA, and the range of 80 % of
    its models.

    Channels come in the order of the shown model's spend, clusters by their number.
    """
    models = tables["models"]
    kept = models.filter(pc.and_(is_kept(tables), pc.is_valid(models["cluster"])))
    cluster_of = dict(zip(kept["model_id"].to_pylist(), kept["cluster"].to_pylist(), strict=True))
    measure = labels.measure
    found: dict[tuple[int, str], list[float]] = {}
    for row in tables["channels"].select(["model_id", "channel", "kind", measure]).to_pylist():
        if row["kind"] == "paid" and row[measure] is not None and row["model_id"] in cluster_of:
            found.setdefault((cluster_of[row["model_id"]], row["channel"]), []).append(row[measure])
    sizes = {
        number: list(cluster_of.values()).count(number)
        for number in sorted(set(cluster_of.values()))
    }
    rows = []
    for channel in channels(tables, model_id, labels)["channel"].to_pylist():
        for number, size in sizes.items():
            if values := found.get((number, channel)):
                low, middle, high = np.quantile(values, [SPREAD[0], 0.5, SPREAD[1]])
                rows.append(
                    {
                        "cluster": number,
                        "models": size,
                        "channel": channel,
                        "value": middle,
                        "low": low,
                        "high": high,
                    }
                )
    kinds = {"cluster": pa.int32(), "models": pa.int32(), "channel": pa.string()}
    return pa.Table.from_pylist(
        rows, pa.schema([*kinds.items(), *((name, pa.float64()) for name in _RANGE)])
    )


def clusters_finding(numbers: pa.Table, labels: Labels) -> str:
    rows = numbers.to_pylist()
    middles: dict[str, list[float]] = {}
    for row in rows:
        middles.setdefault(row["channel"], []).append(row["value"])
    sizes = {row["cluster"]: row["models"] for row in rows}
    if not sizes:
        return "The kept models form no clusters."
    text = f"{count(sum(sizes.values()), 'kept model')} in {count(len(sizes), 'cluster')} of models alike"
    spread = {
        name: max(values) / min(values) for name, values in middles.items() if min(values) > 0
    }
    if len(sizes) == 1 or not spread:
        return f"{text}."
    name = max(spread, key=spread.__getitem__)
    low, high = min(middles[name]), max(middles[name])
    return (
        f"{text}; they differ most on {name}, whose {labels.efficiency} is {labels.efficiency_value(low)} in the "
        f"middle of one and {labels.efficiency_value(high)} in the middle of another."
    )


def fits(tables: Tables, model_ids: Sequence[str], labels: Labels) -> pa.Table:
    """One row per model: fit, front, cluster, share and ROAS or CPA of all paid media; no column
    that none has.
    """
    rows = []
    for model_id in model_ids:
        (row,) = of_model(tables["models"], model_id).to_pylist()
        totals = totals_of(tables, model_id, labels)
        share = totals["effect"]["paid"] / totals["fitted"] if totals["fitted"] else None
        rows.append(
            {
                **row,
                "paid_share": share,
                "value": totals[labels.measure],
            }
        )
    kinds = {"front": pa.int32(), "cluster": pa.int32()}
    fields = [(name, kinds.get(name, pa.float64())) for name in (*_FIT, "paid_share", "value")]
    table = pa.Table.from_pylist(rows, pa.schema([("model_id", pa.string()), *fields]))
    return table.select([name for name in table.column_names if table[name].null_count < len(rows)])


def side_by_side(tables: Tables, model_ids: Sequence[str], labels: Labels) -> pa.Table:
    """Models x paid channels, largest spend first: ROAS or CPA with interval, shares, contribution."""
    found = {model_id: channels(tables, model_id, labels).to_pylist() for model_id in model_ids}
    order = [row["channel"] for row in found[model_ids[0]]]
    rows = []
    for model_id in model_ids:
        rows += [{"model_id": model_id, **row} for row in found[model_id]]
    rows.sort(key=lambda row: order.index(row["channel"]))
    fields = [
        ("channel", pa.string()),
        ("model_id", pa.string()),
        *((name, pa.float64()) for name in _SIDE),
    ]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def side_by_side_finding(numbers: pa.Table, labels: Labels) -> str:
    rows = [row for row in numbers.to_pylist() if row["value"] is not None]
    by_model: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_model.setdefault(row["model_id"], []).append(row)
    if not by_model:
        return f"No model knows the {labels.efficiency} of a channel."
    best = max if labels.revenue else min
    first = {best(found, key=lambda row: row["value"])["channel"] for found in by_model.values()}
    which = f"the channel of the best {labels.efficiency}"
    agree = f"The models do not agree on {which} ({', '.join(sorted(first))})"
    if len(first) == 1:
        agree = f"All {len(by_model)} models have {first.pop()} as {which}"
    name, low, high = _widest(rows, "effect_share")
    return f"{agree}; they differ most on {name}, with {percent(low)} to {percent(high)} of the paid effect."


def _widest(rows: list[dict[str, Any]], measure: str) -> tuple[str, float, float]:
    """The channel on which the models' values lie furthest apart, with the lowest and highest of
    them.
    """
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row["channel"], []).append(row[measure] or 0.0)
    name = max(values, key=lambda channel: max(values[channel]) - min(values[channel]))
    return name, min(values[name]), max(values[name])


def overlaid_curves(tables: Tables, model_ids: Sequence[str], labels: Labels) -> pa.Table:
    """The numbers of `summary.curves` of several models, the first model's channels first."""
    parts = []
    for model_id in model_ids:
        part = curves(tables, model_id, labels)
        parts.append(
            part.add_column(0, "model_id", pa.array([model_id] * part.num_rows, pa.string()))
        )
    return pa.concat_tables(parts)


def overlaid_curves_finding(numbers: pa.Table, labels: Labels) -> str:
    today = [
        row
        for row in numbers.to_pylist()
        if row["part"] == "today" and row["marginal_response"] is not None
    ]
    if not today:
        return "No marginal response is known."
    name, low, high = _widest(today, "marginal_response")
    unit = labels.currency if labels.revenue else labels.kpi_name
    return (
        f"At today's spend the models differ most on {name}: there one more {labels.currency} brings "
        f"{compact(low)} to {compact(high)} {unit}."
    )


def label_of(row: dict[str, Any], notes: Sequence[str] = ()) -> str:
    """A kept model in a list to choose from, a row of the table under the Pareto plot."""
    errors = [f"NRMSE {fixed(row['nrmse'], 4)}"]
    if row["decomp_rssd"] is not None:
        errors.append(f"DECOMP.RSSD {fixed(row['decomp_rssd'], 4)}")
    return " · ".join([row["model_id"], *notes, *errors])
