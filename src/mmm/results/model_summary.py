"""model_summary.json: what a run found, the same for every engine, small enough to read and to
compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.base import EngineResult, Problem
from mmm.engines.schemas import confidence_of_today, is_kept
from mmm.format import Labels
from mmm.results.findings import implausible, implausible_figures
from mmm.results.summary import BASELINE_KINDS, Tables, of_model, waterfall

SCHEMA_VERSION = 1
_CHANNEL_FIELDS = (
    "channel",
    "kind",
    "spend",
    "mean_spend",
    "spend_share",
    "contribution",
    "contribution_share",
    "effect_share",
    "carryover_share",
    "roi",
    "roi_low",
    "roi_high",
    "marginal_roi",
    "cpa",
    "cpa_low",
    "cpa_high",
    "confidence",
)
_FIT_FIELDS = (
    "nrmse",
    "nrmse_train",
    "nrmse_val",
    "nrmse_test",
    "rsq_train",
    "rsq_val",
    "rsq_test",
    "decomp_rssd",
    "calibration_error",
    "score",
)


@dataclass(frozen=True)
class RunInfo:
    """What the results say about their run. `provenance` names versions, seed and dataset;
    `warnings` are sentences.

    `refresh` names the run and the model that a refresh brings up to date, and by how many periods.
    """

    run_id: str
    title: str = ""
    country: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    refresh: Mapping[str, Any] | None = None


def summary_of_today(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored summary with the words of today, whatever version wrote it."""
    fit = stored.get("model", {}).get("fit", {})
    if "business_distance" in fit:
        fit["decomp_rssd"] = fit.pop("business_distance")
    for channel in stored.get("channels", ()):
        if "firmness" in channel:
            channel["confidence"] = confidence_of_today(channel.pop("firmness"))
    return stored


def labels_of(summary: Mapping[str, Any]) -> Labels:
    kpi = summary["kpi"]
    return Labels(
        kpi["name"],
        kpi["kind"],
        kpi["currency"],
        summary["data"]["step_days"],
        kpi.get("value_per_conversion"),
        kpi.get("margin"),
    )


def summarise(run: RunInfo, problem: Problem, result: EngineResult) -> dict[str, Any]:
    """The summary of the recommended model; only plain JSON types."""
    worth = (problem.value_per_conversion, problem.margin)
    labels = Labels(problem.kpi_name, problem.kpi_kind, problem.currency, problem.step_days, *worth)
    tables, model_id = result.tables, result.recommended
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run.run_id,
        "title": run.title,
        "engine": {"name": result.engine, "version": result.engine_version},
        "interval_level": result.interval_level,
        "kpi": {
            "name": problem.kpi_name,
            "kind": problem.kpi_kind,
            "currency": problem.currency,
            "value_per_conversion": problem.value_per_conversion,
            "margin": problem.margin,
            "total": float(problem.kpi[problem.window_rows].sum()),
        },
        "data": _data(problem),
        **_of_model(tables, model_id, labels, result.reason),
        "candidates": _candidates(tables),
        "warnings": [*run.warnings, *engine_warnings(tables["diagnostics"])],
        "country": run.country,
        "refresh": None if run.refresh is None else dict(run.refresh),
        "settings": dict(run.settings),
        "provenance": dict(run.provenance),
    }


def for_model(summary: Mapping[str, Any], tables: Tables, model_id: str) -> dict[str, Any]:
    """The summary of a run as it reads with another of its kept models."""
    recommended = summary["model"]["id"]
    by_hand = f"Chosen by hand; the engine recommends model {recommended}."
    reason = summary["model"]["reason"] if model_id == recommended else by_hand
    return {**summary, **_of_model(tables, model_id, labels_of(summary), reason)}


def _of_model(tables: Tables, model_id: str, labels: Labels, reason: str) -> dict[str, Any]:
    """The parts of the summary that differ between a run's models."""
    model = of_model(tables["models"], model_id).to_pylist()[0]
    channels = of_model(tables["channels"], model_id).select(list(_CHANNEL_FIELDS)).to_pylist()
    channels.sort(key=lambda row: (row["kind"] != "paid", -(row["spend"] or 0.0), row["channel"]))
    parts = waterfall(tables, model_id, labels)
    totals = _totals(parts, channels)
    paid = [row for row in channels if row["kind"] == "paid"]
    paid_share = sum(row["share"] for row in parts.to_pylist() if row["kind"] == "paid")
    odd = implausible_figures(paid, paid_share, model["rsq_train"], labels)
    return {
        "model": {
            "id": model_id,
            "reason": reason,
            "front": model["front"],
            "cluster": model["cluster"],
            "fit": {name: model[name] for name in _FIT_FIELDS},
        },
        "totals": totals,
        "channels": channels,
        "plausibility": [*implausible(parts, labels), *odd],
    }


def _data(problem: Problem) -> dict[str, Any]:
    first, last = problem.window
    return {
        "first": str(problem.dates[0])[:10],
        "last": str(problem.dates[-1])[:10],
        "rows": problem.rows,
        "window_first": str(problem.dates[first])[:10],
        "window_last": str(problem.dates[last])[:10],
        "window_rows": last - first + 1,
        "step_days": problem.step_days,
        "paid": [medium.name for medium in problem.paid],
        "organic": [variable.name for variable in problem.organic],
        "context": [variable.name for variable in problem.context],
        "lift_tests": len(problem.lift_tests),
    }


def totals_of(tables: Tables, model_id: str, labels: Labels) -> dict[str, Any]:
    """Effects by kind over the window, spend, and ROI and CPA of all paid media together, of one
    model.
    """
    return _totals(
        waterfall(tables, model_id, labels), of_model(tables["channels"], model_id).to_pylist()
    )


def warnings_of(summary: Mapping[str, Any]) -> list[str]:
    """What to bear in mind, in sentences: about the data and the search, then about this model."""
    return [*summary["warnings"], *summary["plausibility"]]


def _totals(parts: pa.Table, channels: list[dict[str, Any]]) -> dict[str, Any]:
    """Effects by kind over the window; ROI and CPA of all paid media together."""
    effect = dict.fromkeys(("baseline", "context", "organic", "paid"), 0.0)
    for row in parts.to_pylist():
        effect["baseline" if row["kind"] in BASELINE_KINDS else row["kind"]] += row["effect"]
    spend = sum(row["spend"] or 0.0 for row in channels if row["kind"] == "paid")
    return {
        "effect": effect,
        "fitted": sum(effect.values()),
        "spend": spend,
        "roi": effect["paid"] / spend if spend else None,
        "cpa": spend / effect["paid"] if effect["paid"] > 0 else None,
    }


def _candidates(tables: Tables) -> dict[str, int]:
    models = tables["models"]
    kept = models.filter(is_kept(tables))
    return {
        "evaluated": models.num_rows,
        "kept": kept.num_rows,
        "fronts": len(pc.unique(kept["front"].drop_null())),
        "clusters": len(pc.unique(kept["cluster"].drop_null())),
    }


def engine_warnings(diagnostics: pa.Table) -> list[str]:
    """What the engine warned of, from the table `diagnostics`."""
    return [
        row["text"] for row in diagnostics.to_pylist() if row["name"] == "warning" and row["text"]
    ]
