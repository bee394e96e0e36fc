"""Result tables of a simulated market, as an engine that knows the truth would return them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mmm.engines.base import EngineResult, PaidMedium, Problem, Variable
from mmm.engines.schemas import SCHEMAS
from mmm.simulation.generator import World, simulate

CANDIDATES, KEPT = 2_000, 30
MODEL = "1_4_2"
KINDS = {"intercept": "intercept", "trend": "trend", "season": "season", "holiday": "holiday"}
NEWSLETTER_SHARE = 0.02


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMAS[name])


def _models() -> pa.Table:
    rng = np.random.default_rng(1)
    nrmse = 0.04 + rng.gamma(2.0, 0.03, CANDIDATES)
    distance = 0.05 + rng.gamma(2.0, 0.08, CANDIDATES) + 0.002 / nrmse
    best = np.argsort(nrmse / nrmse.std() + distance / distance.std())[:KEPT]
    rank = {int(row): number for number, row in enumerate(best)}
    rows = []
    for number in range(CANDIDATES):
        place = rank.get(number)
        rows.append(
            {
                "model_id": MODEL if place == 0 else f"{1 + number % 5}_{number}_1",
                "trial": 1 + number % 5,
                "iteration": number,
                "nrmse": nrmse[number],
                "nrmse_train": nrmse[number],
                "rsq_train": 1.0 - 2.0 * nrmse[number],
                "decomp_rssd": distance[number],
                "score": nrmse[number] + distance[number],
                "front": None if place is None else 1 + place // 12,
                "cluster": None if place is None else 1 + place % 3,
                "cluster_best": place is not None and place < 3,
                "recommended": place == 0,
                "intercept": 1.0,
            }
        )
    return _table("models", rows)


def _channels(world: World, rename: Callable[[str], str], revenue: bool) -> list[dict[str, Any]]:
    spend_total = sum(values.sum() for values in world.spend.values())
    effect_total = sum(values.sum() for values in world.effects.values())
    rows = []
    for channel in world.channels:
        spend, effect = world.spend[channel.name], world.effects[channel.name]
        mean = spend.mean()
        roi = effect.sum() / spend.sum()
        step = channel.steady_response(np.array([mean, mean + 1.0]))
        cpa = spend.sum() / effect.sum() if effect.sum() > 0 else None
        rows.append(
            {
                "model_id": MODEL,
                "channel": rename(channel.name),
                "kind": "paid",
                "coefficient": channel.ceiling,
                "spend": spend.sum(),
                "mean_spend": mean,
                "spend_share": spend.sum() / spend_total,
                "contribution": effect.sum(),
                "contribution_share": effect.sum() / world.kpi.sum(),
                "effect_share": effect.sum() / effect_total,
                "carryover_share": float(1.0 - channel.adstock.weights(1)[0]),
                "roi": roi,
                "roi_low": 0.7 * roi,
                "roi_high": 1.4 * roi,
                "marginal_roi": step[1] - step[0],
                "cpa": cpa,
                "cpa_low": None if cpa is None else 0.8 * cpa,
                "cpa_high": None if cpa is None else 1.5 * cpa,
                "confidence": "high" if roi > 1 else "medium",
            }
        )
    rows.append(
        {
            "model_id": MODEL,
            "channel": "newsletter",
            "kind": "organic",
            "coefficient": 1.0,
            "contribution": NEWSLETTER_SHARE * world.baseline["intercept"].sum(),
            "carryover_share": 0.25,
        }
    )
    return rows


def _media(world: World, rename: Callable[[str], str]) -> list[dict[str, Any]]:
    return [
        {
            "date": day,
            "channel": rename(name),
            "kind": "paid",
            "spend": value,
            "input": value,
            "in_window": True,
        }
        for name, spend in world.spend.items()
        for day, value in zip(world.dates, spend.tolist(), strict=True)
    ]


def _contributions(world: World, rename: Callable[[str], str]) -> list[dict[str, Any]]:
    parts = {name: (KINDS.get(name, "context"), values) for name, values in world.baseline.items()}
    level = world.baseline["intercept"]
    parts["intercept"] = ("intercept", (1.0 - NEWSLETTER_SHARE) * level)
    parts["newsletter"] = ("organic", NEWSLETTER_SHARE * level)
    parts |= {rename(name): ("paid", values) for name, values in world.effects.items()}
    return [
        {"model_id": MODEL, "date": day, "component": name, "kind": kind, "effect": effect}
        for name, (kind, values) in parts.items()
        for day, effect in zip(world.dates, values.tolist(), strict=True)
    ]


def _curves(
    world: World, rename: Callable[[str], str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    curves, points = [], []
    for channel in world.channels:
        spend = world.spend[channel.name]
        key = {"model_id": MODEL, "channel": rename(channel.name), "kind": "paid"}
        grid = np.linspace(0.0, 1.5 * spend.max(), 91)
        for x, y in zip(grid, channel.steady_response(grid), strict=True):
            curves.append({**key, "spend": x, "response": y, "observed": bool(x <= spend.max())})
        mean = float(spend.mean())
        response = float(channel.steady_response(np.array(mean)))
        points.append({**key, "mean_spend": mean, "mean_carryover": 0.0, "mean_response": response})
    return curves, points


def _adstock(world: World, rename: Callable[[str], str]) -> list[dict[str, Any]]:
    rows = []
    for channel in world.channels:
        weights = channel.adstock.weights(40)
        for lag, weight in enumerate(weights / weights.max()):
            rows.append(
                {"model_id": MODEL, "channel": rename(channel.name), "lag": lag, "weight": weight}
            )
    return rows


def result_of(
    world: World, rename: Callable[[str], str] = str, *, split: bool = False
) -> EngineResult:
    curves, points = _curves(world, rename)
    fitted = world.kpi - world.noise
    splits = ["train"] * len(world.dates)
    if split:
        train, val = int(0.7 * len(splits)), int(0.85 * len(splits))
        splits[train:] = ["val"] * (val - train) + ["test"] * (len(splits) - val)
    fit = [
        {"model_id": MODEL, "date": day, "actual": actual, "fitted": fit, "split": name}
        for day, actual, fit, name in zip(
            world.dates, world.kpi.tolist(), fitted.tolist(), splits, strict=True
        )
    ]
    tables = {
        "models": _models(),
        "channels": _table("channels", _channels(world, rename, True)),
        "media": _table("media", _media(world, rename)),
        "contributions": _table("contributions", _contributions(world, rename)),
        "fit": _table("fit", fit),
        "curves": _table("curves", curves),
        "curve_points": _table("curve_points", points),
        "adstock": _table("adstock", _adstock(world, rename)),
        "parameters": _table("parameters", []),
        "frame": _table("frame", []),
        "moves": _table("moves", []),
        "lift_tests": _table("lift_tests", []),
        "diagnostics": _table(
            "diagnostics",
            [
                {"name": "converged", "subject": "nrmse", "value": 1.0, "text": "NRMSE converged."},
                {
                    "name": "warning",
                    "subject": "rows",
                    "value": None,
                    "text": "Fewer than 10 rows per variable.",
                },
            ],
        ),
    }
    return EngineResult(
        "ridge", "1", tables, MODEL, "It has the best balance of fit and DECOMP.RSSD."
    )


def problem_of(
    world: World, kpi_kind: str = "revenue", rename: Callable[[str], str] = str
) -> Problem:
    return Problem(
        dates=np.array(world.dates, dtype="datetime64[D]"),
        step_days=7,
        kpi_name="revenue" if kpi_kind == "revenue" else "orders",
        kpi=world.kpi,
        kpi_kind=kpi_kind,
        paid=tuple(PaidMedium(rename(name), spend) for name, spend in world.spend.items()),
        window=(0, len(world.dates) - 1),
        organic=(Variable("newsletter", np.ones(len(world.dates))),),
        context=tuple(Variable(name, values) for name, values in world.controls.items()),
    )


@pytest.fixture(scope="session")
def make_result() -> Callable[..., EngineResult]:
    return result_of


@pytest.fixture(scope="session")
def make_problem() -> Callable[..., Problem]:
    return problem_of


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(7, "standard")


@pytest.fixture(scope="session")
def result(world: World) -> EngineResult:
    return result_of(world)
