"""Largest deviation from real Robyn per quantity: `python tests/parity/run_cases.py FOLDER
[--method robyn|exact]`.

FOLDER is a folder of cases at any depth, or one case, in the format of the reference numbers:
refits (`case.json`, `ridge.csv`, `xdecompagg.csv`, ...), fixed models (`model.json`), a refresh
(`refresh_meta.json`, ...), responses (`response_grid.csv`, `b*_dt_optimOut.csv`), allocator calls
(`inputs.json`, `dt_optimOut.csv`), transforms (`input_vectors.csv`), the lambda sequence, searches
(`*_all_candidates.csv`), convergence (`*_messages.json`), daily and monthly frames (`*_cpe.csv`)
and `quirks.json`. Numbers are data recorded from Meta Robyn 3.12.1 (MIT licence).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmm.engines.adstock_hill.candidates import Candidates, Evaluation, split_rows
from mmm.engines.adstock_hill.curves import Curve
from mmm.engines.adstock_hill.decomposition import Decomposition, Model, decompose
from mmm.engines.adstock_hill.frame import Frame, lambda_max, study_rows
from mmm.engines.adstock_hill.space import ROBYN_NAMES, build_space
from mmm.engines.base import LiftTest, PreviousModel
from mmm.engines.ridge.candidates import evaluate
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.refresh import freedom, moved_window, narrowed
from mmm.engines.ridge.settings import RidgeSettings
from planning_cases import golden_root, run_allocator, run_response
from reference import as_list, deviation, numbers, read_csv
from table_cases import run_convergence, run_lambda, run_pareto, run_transforms

PROPHET = ("trend", "season", "monthly", "weekday", "holiday")


def raw_table(
    case_folder: Path, dates: list[str], spends: list[str]
) -> dict[str, list[str]] | None:
    """The raw input behind a case's frame, found by its dates and spends in the reference's data
    folders.
    """
    roots = (case_folder, case_folder.parent, case_folder.parent.parent)
    for path in [
        case_folder / "raw_data.csv",
        *(path for root in roots for path in sorted((root / "data").glob("*.csv"))),
        *(path for root in roots for path in sorted((root / "prophet").glob("*_input.csv"))),
    ]:
        if path.exists():
            table = read_csv(path)
            for name in table:
                if (
                    name.lower() in ("date", "ds")
                    and table[name] == dates
                    and set(spends) <= set(table)
                ):
                    return table
    return None


def signs(words: Any) -> tuple[str, ...]:
    """Robyn's words for signs in ours."""
    return tuple("unconstrained" if word == "default" else word for word in as_list(words))


def load_frame(folder: Path, case: dict[str, Any]) -> Frame:
    table = read_csv((folder / case["dt_mod"]).resolve())
    context, organic = as_list(case["context_vars"]), as_list(case["organic_vars"])
    spends, selected = as_list(case["paid_media_spends"]), as_list(case["paid_media_selected"])
    raw = raw_table(folder, table["ds"], spends)
    prophet = [name.lower() for name in as_list(case["prophet_vars"])]
    first, last = case["window"]["start_index_1based"] - 1, case["window"]["end_index_1based"] - 1
    if raw is not None:
        spend = np.array([numbers(raw[name]) for name in spends])
    else:  # the sums of the raw spends are part of the case's own table
        totals = read_csv(folder / "xdecompagg.csv")
        by_name = dict(zip(totals["rn"], numbers(totals["total_spend"]), strict=True))
        spend = np.array(
            [np.full(len(table["ds"]), by_name[name] / (last + 1 - first)) for name in selected]
        )
    dates = np.array(table["ds"], "datetime64[D]")
    return Frame(
        dates=dates,
        step_days=int((dates[1] - dates[0]).astype(int)),
        y=numbers(table["dep_var"]),
        base=np.column_stack(
            [numbers(table[name]) for name in prophet + context] or [np.empty((len(dates), 0))]
        ),
        base_names=tuple(prophet + context),
        base_kinds=tuple(prophet) + ("context",) * len(context),
        base_signs=("unconstrained",) * len(prophet) + signs(case["context_signs"]),
        media=np.array([numbers(table[name]) for name in selected + organic]),
        media_names=tuple(spends + organic),
        selected=tuple(selected + organic),
        media_signs=signs(case["paid_media_signs"]) + signs(case["organic_signs"]),
        spend=spend,
        window=(first, last),
    )


def load_lift_tests(folder: Path) -> tuple[LiftTest, ...]:
    path = folder / "calibration_input.csv"
    if not path.exists():
        return ()
    table = read_csv(path)
    return tuple(
        LiftTest(
            channels=tuple(table["channel_selected"][i].split("+")),
            start=np.datetime64(table["liftStartDate"][i]).item(),
            end=np.datetime64(table["liftEndDate"][i]).item(),
            lift=float(table["liftAbs"][i]),
            spend=float(table["spend"][i]),
            confidence=float(table["confidence"][i]),
            scope=table["calibration_scope"][i],
        )
        for i in range(len(table["channel"]))
    )


def load_candidate(frame: Frame, case: dict[str, Any]) -> Candidates:
    hyper = case["hyperparameters"]
    geometric = case["adstock"] == "geometric"

    def column(parameter: str) -> np.ndarray:
        return np.array(
            [[float(hyper[f"{name}_{ROBYN_NAMES[parameter]}"]) for name in frame.selected]]
        )

    names = frame.base_names + frame.selected
    penalties = [float(hyper.get(f"{name}_penalty", 1.0)) for name in names]
    return Candidates(
        column("alpha"), column("gamma"), column("theta" if geometric else "shape"),
        np.zeros((1, len(frame.selected))) if geometric else column("scale"),
        np.array([float(hyper["lambda"])]), np.array([float(hyper.get("train_size", 1.0))]), np.array([penalties]),
    )  # fmt: skip


def load_settings(case: dict[str, Any], method: str) -> RidgeSettings:
    return RidgeSettings(
        method=method,
        adstock="weibull_cdf" if case["adstock"] == "weibull" else case["adstock"],
        validation={} if case["ts_validation"] else None,
        intercept=case["intercept"],
        intercept_sign=case["intercept_sign"] or "unconstrained",
        zero_effect_penalty=case["rssd_zero_penalty"],
    )


def case_model(frame: Frame, case: dict[str, Any], cand: Candidates, result: Evaluation) -> Model:
    kind = "weibull_cdf" if case["adstock"] == "weibull" else case["adstock"]
    k = frame.base.shape[1]
    curves = tuple(
        Curve(
            kind,
            cand.rate[0, m],
            cand.scale[0, m],
            cand.alpha[0, m],
            result.inflexion[0, m],
            result.coefficients[0, k + m],
        )
        for m in range(len(frame.selected))
    )
    return Model(case["id"], curves, result.coefficients[0], float(result.intercept[0]))


def run_case(folder: Path, method: str) -> dict[str, float]:
    """Largest deviation per quantity of one case: relative, effects relative to their variable's
    largest.
    """
    case = json.loads((folder / "case.json").read_text())
    frame, settings = load_frame(folder, case), load_settings(case, method)
    cand = load_candidate(frame, case)
    result = evaluate(build_design(frame, settings, load_lift_tests(folder)), cand, cores=1)
    ridge = read_csv(folder / "ridge.csv")
    names = frame.base_names + frame.selected
    wanted = dict(
        zip(
            ridge["rn"],
            numbers(ridge["coef_robyn" if method == "robyn" else "coef_tight"]),
            strict=True,
        )
    )
    found = dict(zip(names, result.coefficients[0], strict=True)) | {
        "(Intercept)": result.intercept[0]
    }
    out = {
        "coefficients": max(deviation(found[name], wanted[name]) for name in names),
        "intercept": deviation(found["(Intercept)"], wanted["(Intercept)"]),
        "lambda_max": deviation(lambda_max(frame), case["metrics"]["lambda_max"]),
        "inflexion": deviation(
            result.inflexion[0],
            [case["inflexion_inflation"][f"{n}_inflexion"] for n in frame.selected],
        ),
        "inflation": deviation(
            result.inflation[0],
            [case["inflexion_inflation"][f"{n}_inflation"] for n in frame.selected],
        ),
    }
    metrics = case["metrics"] if method == "robyn" else case["tight_solution"]
    for i, split in enumerate(("train", "val", "test")):
        for name, values in (("rsq", result.rsq), ("nrmse", result.nrmse)):
            if f"{name}_{split}" in metrics:
                reference = metrics[f"{name}_{split}"]
                out[f"{name}"] = max(
                    out.get(name, 0.0),
                    deviation(values[0, i], np.nan if reference == "NA" else reference),
                )
    split = split_rows(frame.n, float(cand.train_size[0]))
    out["split"] = deviation(
        [split.train, split.val, split.test],
        [case["split"][f"n_{s}"] for s in ("train", "val", "test")],
    )
    if method == "robyn":
        reference = metrics["mape"]
        out["decomp.rssd"] = deviation(result.loss[0, 1], metrics["decomp.rssd"])
        out["mape"] = deviation(result.loss[0, 2], np.nan if reference == "NaN" else reference)
        if "npasses_default" in case.get("glmnet_check", {}):
            out["passes"] = deviation(result.passes[0], case["glmnet_check"]["npasses_default"])
        out |= compare_decomposition(folder, frame, case_model(frame, case, cand, result))
    else:
        out |= compare_optimum(folder, frame, case, cand, result, wanted)
    return out


def compare_optimum(
    folder: Path,
    frame: Frame,
    case: dict[str, Any],
    cand: Candidates,
    result: Evaluation,
    tight: dict[str, float],
) -> dict[str, float]:
    """How good the exact solution is: its optimality conditions, its objective against
    `coef_tight`'s, and our own descent at `coef_tight`'s threshold. `coef_tight` is glmnet at
    1e-15, which stops short of the optimum.
    """
    names = frame.base_names + frame.selected
    reference = np.array([tight[name] for name in names])
    settings = load_settings(case, "robyn").model_copy(update={"threshold": 1e-15})
    same_threshold = evaluate(build_design(frame, settings, load_lift_tests(folder)), cand, cores=1)
    design = read_csv(folder / "design.csv")
    train = np.array([split == "train" for split in design["split"]])
    X = np.column_stack([numbers(design[name]) for name in names])[train]
    y = numbers(design["y"])[train]
    with_intercept = case["intercept"] and not case["intercept_refit_without"]
    varying = X.max(axis=0) > X.min(axis=0)  # the others are left out of the fit
    sd = np.where(varying, X.std(axis=0), 1.0)
    centre = X.mean(axis=0) if with_intercept else np.zeros(X.shape[1])
    y_centre = y.mean() if with_intercept else 0.0
    scale = float(np.sqrt(((y - y_centre) ** 2).mean()))
    Z, target = (X - centre) / sd, (y - y_centre) / scale
    ridge = read_csv(folder / "ridge.csv")
    factors = np.array(
        [
            dict(zip(ridge["rn"], numbers(ridge["penalty_factor"]), strict=True))[name]
            for name in names
        ]
    )
    penalty = float(cand.lambda_[0]) / scale * factors * len(names) / factors.sum()

    def objective(coefficients: np.ndarray) -> float:
        b = coefficients * sd / scale
        return float(0.5 * ((target - Z @ b) ** 2).mean() + 0.5 * (penalty * b**2).sum())

    b = result.coefficients[0] * sd / scale
    gradient = -Z.T @ (target - Z @ b) / len(target) + penalty * b
    bounds = {
        name: dict(zip(ridge["rn"], numbers(ridge[name]), strict=True))
        for name in ("lower", "upper")
    }
    lower = np.array([bounds["lower"][name] for name in names])
    upper = np.array([bounds["upper"][name] for name in names])
    at_lower, at_upper = result.coefficients[0] <= lower, result.coefficients[0] >= upper
    violation = np.where(
        at_lower, np.minimum(gradient, 0), np.where(at_upper, np.maximum(gradient, 0), gradient)
    )
    return {
        "optimality": float(np.abs(violation[varying]).max()),
        "objective above coef_tight": objective(result.coefficients[0]) - objective(reference),
        "coef_tight at threshold 1e-15": deviation(same_threshold.coefficients[0], reference),
    }


def compare_decomposition(folder: Path, frame: Frame, model: Model) -> dict[str, float]:
    parts = decompose(frame, model)
    names = list(frame.base_names + frame.selected)
    effects = dict(zip(names, parts.effects.T, strict=True))
    aggregate = read_csv(folder / "xdecompagg.csv")
    total = parts.fitted.sum()
    sums = {name: values.sum() for name, values in effects.items()} | {
        "(Intercept)": model.intercept * frame.n
    }
    rows = dict(zip(aggregate["rn"], range(len(aggregate["rn"])), strict=True))
    wanted = {name: numbers(aggregate[name]) for name in ("xDecompAgg", "xDecompPerc")}
    out = {
        "xDecompAgg": max(deviation(sums[n], wanted["xDecompAgg"][rows[n]]) for n in sums),
        "xDecompPerc": max(
            deviation(sums[n] / total, wanted["xDecompPerc"][rows[n]]) for n in sums
        ),
    }
    vectors = read_csv(folder / "xdecompvec.csv")
    out["xDecompVec"] = max(
        deviation(effects[n], numbers(vectors[n]), np.abs(numbers(vectors[n])).max() or 1.0)
        for n in names
        if n in vectors
    )
    return out | compare_media(folder, frame, parts)


def compare_media(folder: Path, frame: Frame, parts: Decomposition) -> dict[str, float]:
    table = read_csv(folder / "media_immediate_carryover.csv")
    media = np.array(table["rn"] if "rn" in table else table["media"])
    out: dict[str, float] = {}
    for column, ours in (("immediate", parts.immediate), ("carryover", parts.carryover)):
        name = next(
            (n for n in table if n.lower() in (column, f"{column}_response", f"response_{column}")),
            None,
        )
        if name is None:
            continue
        reference = numbers(table[name])
        out[column] = max(
            deviation(
                ours[m], reference[media == frame.selected[m]], np.abs(reference).max() or 1.0
            )
            for m in range(len(frame.selected))
        )
    return out


def refresh_frame(folder: Path, meta: dict[str, Any]) -> Frame:
    """The refreshed frame: the demo's variables and raw spends, the window moved by `moved_window`."""
    inputs = json.loads((folder.parent / "data" / "inputcollect_demo.json").read_text())
    first, last = inputs["rollingWindowStartWhich"][0] - 1, inputs["rollingWindowEndWhich"][0] - 1
    moved = moved_window((first, last), meta["refresh_steps"])
    case = {
        **inputs,
        "dt_mod": "dt_mod_refresh.csv",
        "window": {"start_index_1based": moved[0] + 1, "end_index_1based": moved[1] + 1},
    }
    return load_frame(folder, case)


def previous_model(folder: Path, frame: Frame, meta: dict[str, Any]) -> PreviousModel:
    hyper = {
        name: float(values[0])
        for name, values in read_csv(folder / "previous_model_hyperparameters.csv").items()
    }
    channel = dict(zip(frame.selected, frame.media_names, strict=True))
    parameters = {
        (channel[selected], parameter): hyper[f"{selected}_{plural}"]
        for selected in frame.selected
        for parameter, plural in ROBYN_NAMES.items()
        if f"{selected}_{plural}" in hyper
    }
    smallest = hyper["lambda_min_ratio"] * hyper["lambda_max"]
    parameters["", "lambda_unit"] = (hyper["lambda"] - smallest) / (hyper["lambda_max"] - smallest)
    table = read_csv(folder / "previous_model_xdecomp.csv")
    effects = dict(zip(table["rn"], numbers(table["xDecompAgg"]).tolist(), strict=True))
    effects = {
        channel.get(name, "intercept" if name == "(Intercept)" else name): v
        for name, v in effects.items()
    }
    return PreviousModel(meta["selected_init"], meta["refresh_steps"], parameters, effects, {})


def run_refresh(folder: Path, method: str) -> dict[str, float]:
    """A recorded refresh: window, narrowed ranges, and the recorded candidates' fit and distance to
    the previous model.

    The ranges are Robyn's in method "robyn" alone; the refits are compared in that method whatever
    `method` says.
    """
    meta = json.loads((folder / "refresh_meta.json").read_text())
    frame = refresh_frame(folder, meta)
    previous = previous_model(folder, frame, meta)
    media: dict[str, dict[str, Any]] = {}
    for name, bounds in meta["initial_bounds"].items():
        selected, _, plural = name.rpartition("_")
        if selected in frame.selected:
            parameter = next(key for key, value in ROBYN_NAMES.items() if value == plural)
            media.setdefault(selected, {})[parameter] = bounds
    settings = RidgeSettings(method="robyn", media=media)
    space = narrowed(build_space(frame, settings), previous, settings)
    selected = dict(zip(frame.media_names, frame.selected, strict=True))
    bounds = {
        "lambda"
        if item.parameter == "lambda"
        else f"{selected[item.variable]}_{ROBYN_NAMES[item.parameter]}": item
        for item in space.hyperparameters
    }
    first, last = frame.window
    moved = [str(frame.dates[first]), str(frame.dates[last]), first + 1, last + 1, frame.n]
    wanted = [meta[f"window_{end}"] for end in ("start", "end")]
    wanted += [meta[f"rollingWindow{part}"] for part in ("StartWhich", "EndWhich", "Length")]
    return {
        "window": 0.0 if moved == wanted else np.inf,
        "freedom": deviation(freedom(previous, frame.n, settings), meta["bounds_freedom"]),
        "bounds": max(
            deviation([bounds[name].low, bounds[name].high], reference)
            for name, reference in meta["refreshed_bounds"].items()
        ),
        **compare_refreshed(folder, frame, previous, settings),
    }


def compare_refreshed(
    folder: Path, frame: Frame, previous: PreviousModel, settings: RidgeSettings
) -> dict[str, float]:
    hyper = read_csv(folder / "candidates_hyper.csv")
    cand = Candidates(
        *(
            np.column_stack([numbers(hyper[f"{name}_{plural}"]) for name in frame.selected])
            for plural in ("alphas", "gammas", "thetas")
        ),
        np.zeros((len(hyper["solID"]), len(frame.selected))), numbers(hyper["lambda"]), numbers(hyper["train_size"]),
        np.ones((len(hyper["solID"]), len(frame.names))),
    )  # fmt: skip
    result = evaluate(build_design(frame, settings, (), previous), cand, cores=1)
    table = read_csv(folder / "candidates_xdecompagg.csv")
    rows = {pair: row for row, pair in enumerate(zip(table["solID"], table["rn"], strict=True))}
    names = (*frame.base_names, *frame.selected, "(Intercept)")
    order = [rows[candidate, name] for candidate in hyper["solID"] for name in names]

    def recorded(column: str) -> np.ndarray:
        return numbers(table[column])[order].reshape(len(hyper["solID"]), len(names))

    shares = result.effects / result.effects.sum(axis=1, keepdims=True)
    return {
        "lambda_max": deviation(lambda_max(frame), numbers(hyper["lambda_max"])[0]),
        "coefficients": deviation(
            np.column_stack([result.coefficients, result.intercept]), recorded("coef")
        ),
        "xDecompAgg": deviation(result.effects, recorded("xDecompAgg")),
        "xDecompPerc": deviation(shares, recorded("xDecompPerc")),
        "nrmse": deviation(result.loss[:, 0], numbers(hyper["nrmse"])),
        "refreshed RSSD": deviation(result.loss[:, 1], numbers(hyper["decomp.rssd"])),
    }


def demo_frame(folder: Path, table: str) -> Frame:
    """A frame of the demo's variables, from a table relative to `folder`."""
    root = golden_root(folder)
    inputs = json.loads((root / "data" / "inputcollect_demo.json").read_text())
    window = {
        f"{end}_index_1based": inputs[f"rollingWindow{end.title()}Which"][0]
        for end in ("start", "end")
    }
    case = {**inputs, "dt_mod": table, "window": window}
    return load_frame(folder, case)


def compare_fixed(
    frame: Frame, kind: str, case: dict[str, Any], table: dict[str, list[str]]
) -> dict[str, float]:
    """A fixed model refitted in method "robyn" against its aggregates."""
    hyper = {"train_size": 1.0, **case["hyperparameters"]}
    candidate = load_candidate(
        frame, {"adstock": kind, "hyperparameters": {"lambda": case.get("lambda"), **hyper}}
    )
    settings = RidgeSettings(method="robyn", adstock=kind)
    result = evaluate(build_design(frame, settings), candidate, cores=1)
    model = case_model(frame, {"adstock": kind, "id": ""}, candidate, result)
    parts, names = decompose(frame, model), [*frame.base_names, *frame.selected, "(Intercept)"]
    rows = [table["rn"].index(name) for name in names]
    sums = np.append(parts.effects.sum(axis=0), model.intercept * frame.n)
    k, paid = frame.base.shape[1], frame.paid
    effects = sums[k : k + paid]
    ours = {
        "coef": np.append(result.coefficients[0], result.intercept[0]),
        "xDecompAgg": sums,
        "xDecompPerc": sums / parts.fitted.sum(),
        "effect_share": effects / effects.sum(),
        "roi_total": effects / frame.spend[:, frame.window_rows].sum(axis=1),
    }
    out = {}
    for name, values in ours.items():
        wanted = numbers(table[name])[rows] if name in table else None
        if wanted is not None:
            out[name] = deviation(
                values, wanted if len(values) == len(names) else wanted[k : k + paid]
            )
    metrics = case.get("metrics", {})
    measured = {
        "rsq_train": result.rsq[0, 0],
        "nrmse_train": result.nrmse[0, 0],
        "decomp.rssd": result.loss[0, 1],
        "lambda_max": lambda_max(frame),
    }
    return out | {
        name: deviation(measured[name], metrics[name]) for name in measured if name in metrics
    }


def run_model(folder: Path, method: str) -> dict[str, float]:
    """A fixed model of the demo's variables; the refit is compared in method "robyn" whatever
    `method` says.
    """
    case = json.loads((folder / "model.json").read_text())
    frame = demo_frame(folder, "dt_mod.csv")
    return compare_fixed(frame, case["adstock"], case, read_csv(folder / "model_xdecompagg.csv"))


def prepared_frame(folder: Path, stem: str, media: list[str], window: tuple[int, int]) -> Frame:
    """A recorded frame as it stands; money is the modelled column, whose sum in the window is the
    spend's.
    """
    table = read_csv(folder / f"{stem}_dt_mod.csv")
    base = [name for name in table if name not in ("ds", "dep_var", *media)]
    kinds = tuple(name if name in PROPHET else "context" for name in base)
    dates, series = (
        np.array(table["ds"], "datetime64[D]"),
        np.array([numbers(table[name]) for name in media]),
    )
    return Frame(
        dates, int((dates[1] - dates[0]).astype(int)), numbers(table["dep_var"]),
        np.column_stack([numbers(table[name]) for name in base]), tuple(base), kinds, ("unconstrained",) * len(base),
        series, tuple(media), tuple(media), ("positive",) * len(media), series, window,
    )  # fmt: skip


def run_frames(folder: Path, method: str) -> dict[str, float]:
    """Daily and monthly frames: cost per exposure, exposures in money, and the recorded fixed fit."""
    out: dict[str, float] = {}
    for path in sorted(folder.glob("*_cpe.csv")):
        stem = path.name.removesuffix("_cpe.csv")
        costs, frame = read_csv(path), read_csv(folder / f"{stem}_dt_mod.csv")
        raw = raw_table(folder, frame["ds"], [])
        for name, cost in zip(
            costs["paid_media_selected"], numbers(costs["cpe_window"]), strict=True
        ):
            if raw is not None and name in raw:
                ours = numbers(raw[name]) * cost
                out["media in money"] = max(
                    out.get("media in money", 0.0), deviation(ours, numbers(frame[name]))
                )
        if (folder / f"{stem}_fit.json").exists():
            case = json.loads((folder / f"{stem}_fit.json").read_text())[stem]
            window = (case["window"][0] - 1, case["window"][1] - 1)
            fitted = prepared_frame(folder, stem, costs["paid_media_selected"], window)
            out |= compare_fixed(
                fitted, "geometric", case, read_csv(folder / f"{stem}_fit_xdecompagg.csv")
            )
    return out


def run_quirks(folder: Path, method: str) -> dict[str, float]:
    """Those of Robyn's slips that the method "robyn" keeps. docs/parity.md names the others, which
    are errors here.
    """
    quirks, frame = (
        json.loads((folder / "quirks.json").read_text()),
        demo_frame(folder, "data/dt_mod_demo.csv"),
    )
    out: dict[str, float] = {}
    if "lift_study_within_one_period" in quirks:
        start = frame.dates[frame.window[0] + 5].item()
        study = LiftTest((frame.media_names[0],), start, start, 1.0, 1.0)
        found = study_rows(frame, study, robyn=True)
        assert found is not None
        wanted = quirks["lift_study_within_one_period"]
        out["study within a period"] = deviation(found[2], float(wanted["decompAbsScaled"]))
        out["its days"] = deviation(
            float((frame.dates[found[1]] - frame.dates[found[0]]).astype(int)), wanted["decompDays"]
        )
    if "robyn_response_date_range_all" in quirks:
        wanted, last = quirks["robyn_response_date_range_all"], frame.window[1]
        same = [str(frame.dates[0]), str(frame.dates[last])] == [wanted["first"], wanted["last"]]
        out["all dates"] = deviation(last + 1, wanted["n_dates"]) if same else np.inf
    return out


#: How a folder of a kind is known, and what runs it. A folder may be of several.
KINDS = {
    "case.json": run_case,
    "model.json": run_model,
    "refresh_meta.json": run_refresh,
    "response_grid.csv": run_response,
    "dt_optimOut.csv": run_allocator,
    "input_vectors.csv": run_transforms,
    "lambda_demo.json": lambda folder, method: run_lambda(
        folder, lambda_max(demo_frame(folder, "../data/dt_mod_demo.csv"))
    ),
    "*_all_candidates.csv*": run_pareto,
    "*_messages.json": run_convergence,
    "*_cpe.csv": run_frames,
    "quirks.json": run_quirks,
}


def cases(folder: Path) -> Iterator[tuple[Path, str]]:
    """(case's folder, pattern of its kind) of a folder and all below it, by folder."""
    folders = [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]
    return ((path, name) for path in folders for name in KINDS if any(path.glob(name)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--method", choices=("robyn", "exact"), default="robyn")
    arguments = parser.parse_args()
    worst: dict[str, tuple[float, str]] = {}
    count = 0
    for folder, kind in cases(arguments.folder):
        count += 1
        result = KINDS[kind](folder, arguments.method)
        print(
            f"{folder.name:28s} "
            + "  ".join(f"{name} {value:.1e}" for name, value in result.items())
        )
        for name, value in result.items():
            if value >= worst.get(name, (-1.0, ""))[0]:
                worst[name] = (value, folder.name)
    if not count:
        print(f"no cases in {arguments.folder}", file=sys.stderr)
        return 2
    print(f"\nlargest deviation of {count} cases, method {arguments.method}:")
    for name, (value, where) in worst.items():
        print(f"  {name:16s} {value:9.2e}  {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
