"""Response and allocator cases of the reference numbers: largest deviation per quantity (see
run_cases.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.curves import Curve
from mmm.engines.adstock_hill.media import MediaModel, Medium
from mmm.engines.adstock_hill.range_response import history, range_response
from mmm.engines.adstock_hill.response import steady_curves
from mmm.engines.adstock_hill.transforms import adstock
from mmm.errors import UserError
from mmm.format import Labels
from mmm.planning.allocation import allocate as allocate_with
from mmm.planning.allocation import evaluate
from mmm.planning.history import History
from mmm.planning.plan import Plan
from mmm.planning.problem import Market, build_space, default_target
from mmm.planning.problem import build_market as build_market_with
from mmm.planning.request import Limit, PlanRequest
from mmm.planning.sides import PlannedWith
from reference import as_list, deviation, numbers, read_csv

#: Our column, Robyn's; those of the plan have Robyn's second, wider run too (suffix Unbound).
INITIAL = {
    "initial_spend": "initSpendUnit",
    "initial_spend_share": "initSpendShare",
    "initial_response": "initResponseUnitSim",
    "initial_marginal": "initResponseMargUnit",
    "initial_response_total": "initResponseTotal",
    "initial_roi": "initRoiUnit",
    "initial_cpa": "initCpaUnit",
    "low": "constr_low_abs",
    "high": "constr_up_abs",
}
PLANNED = {
    "spend": "optmSpendUnit",
    "spend_change": "optmSpendUnitDelta",
    "spend_share": "optmSpendShareUnit",
    "spend_total": "optmSpendTotal",
    "response": "optmResponseUnit",
    "marginal": "optmResponseMargUnit",
    "response_total": "optmResponseTotal",
    "response_share": "optmResponseUnitShare",
    "roi": "optmRoiUnit",
    "cpa": "optmCpaUnit",
    "response_change": "optmResponseUnitLift",
}
#: Robyn repeats the sum over the channels in each row of these.
SUMMED = {"initial_response_total", "spend_total", "response_total"}


def history_of(model: MediaModel) -> History:
    """What planning knows of a model's past."""
    channels = tuple(medium.name for medium in model.paid)
    spend = np.array([medium.money() for medium in model.paid])
    return History(model.dates, model.window, channels, spend)


def planned_with(
    models: Sequence[MediaModel], others: Sequence[MediaModel] | None = None
) -> PlannedWith:
    """Plans with one model or several, measured on `others`."""
    effects = [medium.curve.apply(medium.input).response for medium in models[0].paid]
    reported = np.full(len(models[0].dates), np.nan)
    reported[models[0].window] = np.nan_to_num(np.sum(effects, axis=0))[models[0].window]
    return PlannedWith(
        models[0].model_id if len(models) == 1 else "",
        lambda rows, carryover: steady_curves(models, rows, carryover),
        None if others is None else lambda rows, carryover: steady_curves(others, rows, carryover),
        reported,
    )


def allocate(
    model: MediaModel,
    request: PlanRequest,
    labels: Labels,
    others: Sequence[MediaModel] | None = None,
) -> Plan:
    """A plan with one model."""
    return allocate_with(history_of(model), planned_with([model], others), request, labels)


def build_market(model: MediaModel, request: PlanRequest, *, revenue: bool) -> Market:
    """The market of one model."""
    past = history_of(model)
    curves = steady_curves([model], past.rows(request.period), request.carryover)
    return build_market_with(past, curves, request, revenue=revenue)


def golden_root(folder: Path) -> Path:
    """The reference's top folder, which has the demo's frame."""
    within = [folder.resolve(), *folder.resolve().parents]
    return next(parent for parent in within if (parent / "data" / "dt_mod_demo.csv").exists())


def load_model(folder: Path, model_id: str = "") -> MediaModel:
    """The model of a case, or another recorded one. Money is the modelled column here, as in
    Robyn's own tables.
    """
    root = golden_root(folder)
    settings = json.loads((root / "data/inputcollect_demo.json").read_text())
    first, last = (
        settings["rollingWindowStartWhich"][0] - 1,
        settings["rollingWindowEndWhich"][0] - 1,
    )
    paid, media = as_list(settings["paid_media_selected"]), as_list(settings["all_media"])
    if (folder / "model.json").exists():
        case = json.loads((folder / "model.json").read_text())
        model_id, kind, hyper = folder.name, case["adstock"], case["hyperparameters"]
        frame, found = read_csv(folder / "dt_mod.csv"), read_csv(folder / "model_xdecompagg.csv")
        coefficients = dict(zip(found["rn"], numbers(found["coef"]), strict=True))
    else:
        model_id = model_id or _model_id(folder)
        frame, kind = read_csv(root / "data/dt_mod_demo.csv"), settings["adstock"][0]
        table = read_csv(root / "allocator/models_hyperparameters.csv")
        row = table["solID"].index(model_id)
        hyper = {
            name: float(values[row])
            for name, values in table.items()
            if name.endswith(("as", "es"))
        }
        found = read_csv(root / "allocator/models_xdecompagg.csv")
        coefficients = {
            name: float(coefficient)
            for name, coefficient, owner in zip(
                found["rn"], found["coef"], found["solID"], strict=True
            )
            if owner == model_id
        }
    window, made = np.arange(first, last + 1), []
    for name in media:
        x = numbers(frame[name])
        rate, scale = (
            hyper.get(f"{name}_thetas", hyper.get(f"{name}_shapes")),
            hyper.get(f"{name}_scales", 0.0),
        )
        inflexion = hyper[f"{name}_gammas"] * adstock(x, kind, rate, scale)[0][window].max()
        curve = Curve(kind, rate, scale, hyper[f"{name}_alphas"], inflexion, coefficients[name])
        made.append(
            Medium(
                name, "paid" if name in paid else "organic", x if name in paid else None, x, curve
            )
        )
    return MediaModel(model_id, np.array(frame["ds"], "datetime64[D]"), window, tuple(made))


def _model_id(folder: Path) -> str:
    for name in ("inputs.json", "response_meta.json"):
        if (folder / name).exists():
            return str(json.loads((folder / name).read_text())["model"])
    raise ValueError(f"{folder} names no model")


def robyn_rows(model: MediaModel, text: str) -> np.ndarray:
    """The rows Robyn takes: all from the first row of the data, two dates as these two rows."""
    last = int(model.window[-1])
    if text == "all":
        return np.arange(last + 1)
    if text.startswith("last_"):
        return np.arange(last + 1 - int(text.removeprefix("last_")), last + 1)
    return np.flatnonzero(np.isin(model.dates, np.array(text.split(":"), "datetime64[D]")))


def run_response(folder: Path, method: str) -> dict[str, float]:
    """Response grid, history, and the folder's allocator calls; `method` makes no difference."""
    model, table = load_model(folder), read_csv(folder / "response_grid.csv")
    out: dict[str, float] = {}

    def compare(name: str, ours: Any, theirs: Any, scale: float | None = None) -> None:
        out[name] = max(out.get(name, 0.0), deviation(ours, theirs, scale))

    for row in (
        dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)
    ):
        medium, given = (
            model.medium(row["media"]),
            {name: numbers([row[name]])[0] for name in list(row)[4:]},
        )
        rows = robyn_rows(model, row["date_range"])
        sim = range_response(model, medium.name, rows, modelled=numbers([row["metric_value"]])[0])
        past = range_response(model, medium.name, model.window)
        compare("rows", sim.periods, given["n_dates"])
        compare("sim_mean_spend", sim.mean_input, given["sim_mean_spend"])
        compare("sim_mean_carryover", sim.mean_carryover, given["sim_mean_carryover"])
        compare("sim_mean_response", sim.response_at_mean, given["sim_mean_response"])
        compare("inflexion", medium.curve.inflexion, given["inflexion"])
        compare("mean_input_immediate", past.mean_input, given["mean_input_immediate"])
        compare("mean_input_carryover", past.mean_carryover, given["mean_input_carryover"])
        compare("mean_response_total", past.response_at_mean, given["mean_response_total"])
        compare("mean_response_carryover", past.carryover_at_mean, given["mean_response_carryover"])
        compare("mean_response", past.response / past.periods, given["mean_response"])
    if (folder / "response_historical_vectors.csv").exists():
        vectors = read_csv(folder / "response_historical_vectors.csv")
        owner = np.array(vectors["media"])
        names = {
            "input": "input_total",
            "carryover_input": "input_carryover",
            "response": "response_total",
            "carryover": "response_carryover",
        }
        for medium in model.media:
            ours = history(medium, model.dates, model.window)
            for column, name in names.items():
                theirs = numbers(vectors[name])[owner == medium.name]
                compare(
                    f"vector {name}", ours[column].to_numpy(), theirs, np.abs(theirs).max() or 1.0
                )
    if (folder / "immcarr_selected_model.csv").exists():
        shares = read_csv(folder / "immcarr_selected_model.csv")
        for name, kind, value in zip(
            shares["rn"], shares["type"], numbers(shares["response"]), strict=True
        ):
            compare(
                f"sum {kind.lower()}",
                getattr(range_response(model, name, model.window), kind.lower()),
                value,
            )
    for path in sorted(folder.glob("*_dt_optimOut.csv")):
        stem = path.name.removesuffix("_dt_optimOut.csv")
        case = json.loads((folder / f"{stem}_inputs.json").read_text())
        for name, value in _allocator(
            model, case, read_csv(path), read_csv(folder / f"{stem}_main_points.csv")
        ).items():
            out[name] = max(out.get(name, -1.0), value)
    return out


def run_allocator(folder: Path, method: str) -> dict[str, float]:
    """One allocator call; `method` makes no difference."""
    return _allocator(load_model(folder), *load_case(folder), read_csv(folder / "main_points.csv"))


def load_case(folder: Path) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Robyn's call and its output table."""
    return json.loads((folder / "inputs.json").read_text()), read_csv(folder / "dt_optimOut.csv")


def request_of(case: dict[str, Any], table: dict[str, list[str]]) -> PlanRequest:
    """Robyn's call as our request. Bounds are read from its table; channels it skipped have none of
    their own.
    """
    arguments = case["args"]
    skipped = as_list(case.get("skipped_coef0")) + as_list(case.get("no_spend"))
    limits = {
        channel: Limit(low=low, high=high)
        for channel, low, high in zip(
            table["channels"],
            numbers(table["constr_low"]),
            numbers(table["constr_up"]),
            strict=True,
        )
        if channel not in skipped
    }
    # Robyn plans nothing for channels without effect.
    limits |= {channel: Limit(low=0.0, high=0.0) for channel in skipped}
    common: dict[str, Any] = {"limits": limits, "period": _period(table), "carryover": "held"}
    if arguments["scenario"] == "target_efficiency":
        return PlanRequest(goal="target", target=case["target_value"], **common)
    rule = "at_most" if arguments.get("constr_mode") == "ineq" else "exact"
    return PlanRequest(budget_per_period=case["total_budget_unit"], budget_rule=rule, **common)


def _period(table: dict[str, list[str]]) -> str:
    return f"{table['date_min'][0]}:{table['date_max'][0]}"


def _allocator(
    model: MediaModel,
    case: dict[str, Any],
    table: dict[str, list[str]],
    points: dict[str, list[str]],
) -> dict[str, float]:
    """Robyn's table from Robyn's solution, and how far our plan's response lies below Robyn's and
    the initial one.
    """
    revenue, request = table["dep_var_type"][0] == "revenue", request_of(case, table)
    market = build_market(model, request, revenue=revenue)
    space = build_space(market, request)
    order = [table["channels"].index(channel) for channel in market.channels]
    periods = int(table["periods"][0].split()[0])

    def theirs(name: str) -> np.ndarray:
        return numbers(table[name])[order]

    out: dict[str, float] = {}
    for suffix in ("", "Unbound"):
        ours = evaluate(market, space, theirs(f"optmSpendUnit{suffix}"), periods)
        pairs = {**PLANNED, **({} if suffix else INITIAL)}
        for name, column in pairs.items():
            value, wanted = (
                _column(ours, name),
                theirs(f"{column}{suffix}" if name in PLANNED else column),
            )
            if name in SUMMED:
                value = np.full(len(value), value.sum())
            if name in ("roi", "cpa") and suffix:  # Robyn divides by spends of 1e-16
                value, wanted = (
                    np.where(theirs("optmSpendUnitUnbound") > 1e-6, v, 0.0) for v in (value, wanted)
                )
            scale = 1.0 if name == "spend_change" else None
            out[f"{column}{suffix}" if name in PLANNED else column] = deviation(
                value, wanted, scale
            )
    out["main points (7 digits)"] = _main_points(market, theirs("optmSpendUnit"), points)
    robyn = float(theirs("optmResponseUnit").sum())
    totals = _plan(model, request, revenue).totals
    out["response below Robyn's"] = max(0.0, robyn / totals.response - 1.0)
    if totals.initial_spend <= totals.spend * (1 + 1e-9):
        out["response below the initial"] = max(
            0.0, totals.initial_response / totals.response - 1.0
        )
    if request.goal == "target" and set(case["args"]) == {"scenario"}:
        out["default target"] = deviation(default_target(market), case["target_value"])
    return out


def _plan(model: MediaModel, request: PlanRequest, revenue: bool) -> Any:
    """Our plan; at the nearest reachable budget where Robyn's is out of reach."""
    labels = Labels("kpi", "revenue" if revenue else "conversion", "EUR")
    try:
        return allocate(model, request, labels)
    except UserError as error:
        if error.where != "budget":
            raise
        return allocate(model, request.model_copy(update={"budget_rule": "at_most"}), labels)


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), float)


def _main_points(market: Any, solution: np.ndarray, points: dict[str, list[str]]) -> float:
    """Robyn's points on the curves, which passed through text."""
    spends = {"Carryover": np.zeros(len(solution)), "Initial": market.initial, "Bounded": solution}
    worst = 0.0
    for i, (channel, kind) in enumerate(zip(points["channel"], points["type"], strict=True)):
        if kind in spends and channel in market.channels:
            at = market.channels.index(channel)
            found = (
                (market.curves.model.offset[0] + spends[kind])[at],
                market.curves.response(spends[kind])[at],
            )
            wanted = [float(points[name][i]) for name in ("spend_point", "response_point")]
            worst = max(worst, deviation(found, wanted))
    return worst
