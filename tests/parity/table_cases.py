"""Recorded tables that are no single model: transforms, lambda, Pareto fronts and clusters,
convergence (see run_cases.py). Every function gives the largest deviation per quantity of one
folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmm.engines.adstock_hill.curves import Curve
from mmm.engines.adstock_hill.frame import LAMBDA_RATIO
from mmm.engines.adstock_hill.transforms import adstock, adstock_weights
from mmm.engines.ridge.convergence import Convergence, convergence
from mmm.engines.ridge.selection import choose_cluster_count, eligible, error_scores, pareto_fronts
from planning_cases import golden_root
from reference import deviation, numbers, read_csv

Table = dict[str, list[str]]
#: Robyn's verdict on an error of a search, in its message.
_VERDICT = re.compile(r"(?P<error>\S+) (?P<not>NOT )?converged")


class Worst(dict[str, float]):
    """Largest deviation seen so far per quantity."""

    def see(self, name: str, value: float) -> None:
        self[name] = max(self.get(name, 0.0), value)


def groups(table: Table, *keys: str) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """(key, rows) of a table, rows in file order."""
    found: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(zip(*(table[name] for name in keys), strict=True)):
        found.setdefault(key, []).append(row)
    for key, rows in found.items():
        yield key, np.array(rows)


def exists(folder: Path, name: str) -> bool:
    return (folder / name).exists() or (folder / f"{name}.gz").exists()


def run_transforms(folder: Path, method: str) -> dict[str, float]:
    """Adstock, saturation and whole transformations; `method` makes no difference."""
    inputs = read_csv(folder / "input_vectors.csv")
    x = {key: numbers(inputs["x"])[rows] for (key,), rows in groups(inputs, "vector")}
    out = Worst()
    parts: dict[str, Callable[[Path, dict[str, np.ndarray], Worst], None]] = {
        "adstock_geometric.csv": _geometric,
        "adstock_weibull.csv": _weibull,
        "adstock_weibull_windlen52.csv": _weibull_window,
        "adstock_inflation.csv": _inflation,
        "saturation_hill.csv": _hill,
        "mic_men.csv": _michaelis,
        "run_transformations.csv": _transformations,
    }
    for name, compare in parts.items():
        if exists(folder, name):
            compare(folder, x, out)
    return out


def _geometric(folder: Path, x: dict[str, np.ndarray], out: Worst) -> None:
    table = read_csv(folder / "adstock_geometric.csv")
    for (vector, theta), rows in groups(table, "vector", "theta"):
        ours = adstock(x[vector], "geometric", float(theta))[0]
        out.see("geometric adstock", deviation(ours, numbers(table["x_decayed"])[rows]))
        lags = adstock_weights(len(rows) + 1, "geometric", float(theta))[
            1:
        ]  # Robyn's begin at lag 1
        out.see("geometric weights", deviation(lags, numbers(table["thetaVecCum"])[rows]))


def _weibull(folder: Path, x: dict[str, np.ndarray], out: Worst) -> None:
    table = read_csv(folder / "adstock_weibull.csv")
    for (kind, vector, shape, scale), rows in groups(table, "type", "vector", "shape", "scale"):
        ours, immediate = adstock(x[vector], f"weibull_{kind}", float(shape), float(scale))
        decayed = numbers(table["x_decayed"])[rows]
        size = float(np.abs(decayed).max()) or 1.0
        out.see("weibull adstock", deviation(ours, decayed, size))
        if (
            float(shape) > 0 and float(scale) > 0
        ):  # without, Robyn's weights and immediate part are zeros
            out.see("weibull immediate", deviation(immediate, numbers(table["x_imme"])[rows], size))
            weights = adstock_weights(len(rows), f"weibull_{kind}", float(shape), float(scale))
            out.see("weibull weights", deviation(weights, numbers(table["thetaVecCum"])[rows], 1.0))


def _weibull_window(folder: Path, x: dict[str, np.ndarray], out: Worst) -> None:
    """Weights of a series of another length than the vector's."""
    table = read_csv(folder / "adstock_weibull_windlen52.csv")
    for (kind, length, shape, scale), rows in groups(table, "type", "windlen", "shape", "scale"):
        if float(shape) > 0 and float(scale) > 0:
            weights = adstock_weights(int(length), f"weibull_{kind}", float(shape), float(scale))[
                : len(rows)
            ]
            out.see(
                "weibull weights", deviation(weights, numbers(table["thetaVecCum30"])[rows], 1.0)
            )


def _inflation(folder: Path, x: dict[str, np.ndarray], out: Worst) -> None:
    table = read_csv(folder / "adstock_inflation.csv")
    wanted = numbers(table["inflation_total"])
    for row, (vector, kind, *values) in enumerate(
        zip(*(table[name] for name in ("vector", "kind", "theta", "shape", "scale")), strict=True)
    ):
        theta, shape, scale = numbers(list(values))
        kind = kind if kind.startswith(("geometric", "weibull")) else f"weibull_{kind}"
        ours = adstock(x[vector], kind, *((theta,) if kind == "geometric" else (shape, scale)))[0]
        out.see("inflation", deviation(ours.sum() / x[vector].sum(), wanted[row]))


def _hill(folder: Path, x: dict[str, np.ndarray], out: Worst) -> None:
    table = read_csv(folder / "saturation_hill.csv")
    for (alpha, inflexion), rows in groups(table, "alpha", "inflexion"):
        curve = Curve("geometric", 0.0, 0.0, float(alpha), float(inflexion), 1.0)
        ours = curve.saturation(numbers(table["x_in"])[rows])
        out.see("hill", deviation(ours, numbers(table["x_saturated"])[rows]))


def _michaelis(folder: Path, x: dict[str, np.ndarray], out: Worst) -> None:
    """Michaelis-Menten, which Robyn no longer fits, is Hill's curve with alpha 1 times Vmax."""
    table = read_csv(folder / "mic_men.csv")
    for (top, half), rows in groups(table, "Vmax", "Km"):
        curve = Curve("geometric", 0.0, 0.0, 1.0, float(half), float(top))
        out.see(
            "michaelis-menten",
            deviation(curve.response(numbers(table["x"])[rows]), numbers(table["forward"])[rows]),
        )


def _transformations(folder: Path, x: dict[str, np.ndarray], out: Worst) -> None:
    """All media of the demo's frame: inflexion, inflation, saturated total, immediate and carryover
    in the window.
    """
    frame = read_csv(golden_root(folder) / "data" / "dt_mod_demo.csv")
    table, scales = (
        read_csv(folder / f"run_transformations{end}.csv") for end in ("", "_inflexion_inflation")
    )
    for row, (kind, name) in enumerate(zip(scales["adstock"], scales["media"], strict=True)):
        hyper = json.loads((folder / f"run_transformations_hyper_{kind}.json").read_text())
        rate, scale = (
            hyper.get(f"{name}_thetas", hyper.get(f"{name}_shapes")),
            hyper.get(f"{name}_scales", 0.0),
        )
        keys = zip(table["adstock"], table["media"], strict=True)
        rows = np.array([i for i, key in enumerate(keys) if key == (kind, name)])
        window = np.isin(frame["ds"], np.array(table["ds"])[rows])
        values = numbers(frame[name])
        carried = adstock(values, kind, rate, scale)[0]
        inflexion = hyper[f"{name}_gammas"] * carried[window].max()
        out.see("inflexion", deviation(inflexion, numbers(scales["inflexion"])[row]))
        out.see(
            "inflation", deviation(carried.sum() / values.sum(), numbers(scales["inflation"])[row])
        )
        made = Curve(kind, rate, scale, hyper[f"{name}_alphas"], inflexion, 1.0).apply(values)
        for column, ours in (
            ("total", made.response),
            ("immediate", made.immediate),
            ("carryover", made.carryover),
        ):
            theirs = numbers(table[f"saturated_{column}"])[rows]
            out.see(
                f"saturated {column}",
                deviation(ours[window], theirs, float(np.nanmax(np.abs(theirs))) or 1.0),
            )


def run_lambda(folder: Path, largest: float) -> dict[str, float]:
    """The sequence and its used ends from `largest`, our largest lambda of the demo's frame."""
    recorded = json.loads((folder / "lambda_demo.json").read_text())
    sequence = numbers(read_csv(folder / "lambda_seq_demo.csv")["lambda"])
    ours = np.geomspace(10 * largest, 10 * largest * LAMBDA_RATIO, len(sequence))
    return {
        "lambda_max": deviation(largest, recorded["lambda_max_used"]),
        "lambda_min": deviation(largest * LAMBDA_RATIO, recorded["lambda_min_used"]),
        "lambda sequence": deviation(ours, sequence),
    }


def run_pareto(folder: Path, method: str) -> dict[str, float]:
    """Fronts, scores and number of clusters of every recorded search, from its candidates; the
    method robyn's alone.
    """
    out = Worst()
    for path in sorted(folder.glob("*_all_candidates.csv*")):
        stem = folder / path.name.split("_all_candidates")[0]
        summary = json.loads(Path(f"{stem}_summary.json").read_text())
        table = read_csv(path)
        loss = np.column_stack([numbers(table[name]) for name in ("nrmse", "decomp.rssd", "mape")])
        within = eligible(loss, summary.get("calibration_constraint", 0.1))
        recorded = numbers(table["robynPareto"])
        out.see("within the errors' quantiles", deviation(within, numbers(table["mape.qt10"]) == 1))
        found = pareto_fronts(loss, within, summary["min_candidates"])
        out.see("fronts chosen", deviation(found.count, summary["pareto_fronts_chosen"]))
        out.see("models kept", deviation(len(found.kept), summary["n_pareto_models"]))
        out.see("front", deviation(found.fronts[found.kept], recorded[found.kept]))
        # Robyn takes an infinite error for 1; its score is infinite here.
        weights = tuple(summary.get("errors_weights", (1, 1, 1)))
        known = np.isfinite(loss).all(axis=1)
        scores = error_scores(loss, weights)  # type: ignore[arg-type]
        out.see("error score", deviation(scores[known], numbers(table["error_score"])[known]))
        if exists(folder, f"{stem.name}_wss_by_k.csv"):
            wss = numbers(read_csv(Path(f"{stem}_wss_by_k.csv"))["wss"])
            out.see("number of clusters", deviation(choose_cluster_count(wss), summary["k"]))
        if exists(folder, f"{stem.name}_clusters_data.csv"):
            _clusters(read_csv(Path(f"{stem}_clusters_data.csv")), summary, weights, out)
    return out


def _clusters(
    table: Table, summary: dict[str, Any], weights: tuple[float, ...], out: Worst
) -> None:
    """The best model of each cluster of the recorded assignment. (The table of WSS is of other
    draws than it.)
    """
    loss = np.column_stack([numbers(table[name]) for name in ("nrmse", "decomp.rssd", "mape")])
    scores, cluster = error_scores(loss, weights), np.array(table["cluster"])  # type: ignore[arg-type]
    best = {
        table["solID"][i]
        for label in set(cluster)
        for i in [min(np.flatnonzero(cluster == label), key=scores.item)]
    }
    out.see("clusters' best", 0.0 if best == set(summary["top_models"]) else np.inf)


def run_convergence(folder: Path, method: str) -> dict[str, float]:
    """Counts, medians, SDs, thresholds and verdicts of every recorded search; the method robyn's
    alone.
    """
    out = Worst()
    for path in sorted(folder.glob("*_errors.csv")):
        stem = path.name.removesuffix("_errors.csv")
        candidates = read_csv(golden_root(folder) / "pareto" / f"{stem}_all_candidates.csv")
        table, verdicts = (
            read_csv(path),
            json.loads((folder / f"{stem}_messages.json").read_text())["conv_msg"],
        )
        said = {
            found["error"]: found["not"] is None for found in map(_VERDICT.match, verdicts) if found
        }
        for (error,), rows in groups(table, "error_type"):
            course = convergence(
                error, numbers(candidates[error.lower()]), numbers(candidates["trial"])
            )
            if course is None:
                out.see("verdict", np.inf)
                continue
            out.see("verdict", 0.0 if course.converged == said[error] else np.inf)
            _course(
                course,
                {name: numbers(table[name])[rows] for name in table if name != "error_type"},
                out,
            )
    return out


def _course(course: Convergence, recorded: dict[str, np.ndarray], out: Worst) -> None:
    out.see("count", deviation(course.count, recorded["n"]))
    out.see("median", deviation(course.median, recorded["median"]))
    out.see("sd", deviation(course.sd, recorded["std"]))
    first = course.sd[:3].mean()
    out.see("first sd", deviation(first, recorded["first_sd_avg"][0]))
    out.see(
        "threshold", deviation(abs(abs(course.median[0]) - 2 * first), recorded["med_thres"][0])
    )
