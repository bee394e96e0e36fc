"""An engine with little: one posterior model, no fronts, no clusters, no adstock, a saturation of its
own (a logarithm). Whatever the contract lets it leave out, it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict
from scipy.optimize import nnls

from mmm.engines.base import EngineResult, Problem, Progress, ProgressListener
from mmm.engines.confidence import confidence_word
from mmm.engines.schemas import SCHEMAS, table
from mmm.errors import Finding

MODEL, DRAWS, GRID = "posterior", 40, 21


class LogSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    noise: float = 0.2
    random_state: int = 1
    keep: float = 1.0  # the share of the window that is fitted


@dataclass(frozen=True)
class LogResponse:
    channels: tuple[str, ...]
    weights: np.ndarray
    coefficient: np.ndarray  # (K, P)
    scale: np.ndarray  # (P,)

    def response(self, spend: np.ndarray) -> np.ndarray:
        shape = self.coefficient if np.ndim(spend) == 1 else self.coefficient[:, None, :]
        return np.asarray(shape * np.log1p(spend / self.scale))

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        shape = self.coefficient if np.ndim(spend) == 1 else self.coefficient[:, None, :]
        return np.asarray(shape / (self.scale + spend))


class LogEngine:
    name = "log"
    version = "0"
    settings = LogSettings
    stages = ("fit",)

    def check(self, problem: Problem, settings: LogSettings) -> list[Finding]:
        return []

    def check_environment(self) -> list[Finding]:
        return []

    def train(
        self, problem: Problem, settings: LogSettings, progress: ProgressListener
    ) -> EngineResult:
        progress(Progress("fit", 0, 1))
        window = problem.window_rows
        spend = np.array([medium.spend[window] for medium in problem.paid], float)
        scale = spend.mean(axis=1)
        pressure = np.log1p(spend / scale[:, None])
        design = np.vstack([np.ones(spend.shape[1]), pressure]).T
        kpi = np.asarray(problem.kpi[window], float)
        fitted_rows = int(settings.keep * len(kpi))
        found, _ = nnls(design[:fitted_rows], kpi[:fitted_rows])
        rng = np.random.default_rng(settings.random_state)
        drawn = found[1:] * rng.lognormal(0.0, settings.noise, (DRAWS, len(problem.paid)))
        progress(Progress("fit", 1, 1))
        tables = _tables(problem, found, drawn, scale, pressure)
        return EngineResult("log", "0", tables, MODEL, "It is the only one.", interval_level=0.8)

    def variant(
        self,
        settings: LogSettings,
        *,
        seed: int = 0,
        holdout: float | None = None,
        effort: Any = None,
    ) -> LogSettings:
        changes = {"random_state": settings.random_state + seed, "keep": holdout or settings.keep}
        return settings.model_copy(update=changes)

    def response_model(
        self, tables: Any, rows: Any = None, *, carryover: str = "held", models: Any = None
    ) -> LogResponse:
        draws = tables["draws"]
        scales = tables["parameters"]
        scales = scales.filter(pc.equal(scales["parameter"], "scale"))
        channels = tuple(scales["variable"].to_pylist())
        coefficient = np.array(
            [
                draws.filter(pc.equal(draws["variable"], name))["value"].to_numpy()
                for name in channels
            ]
        ).T
        weights = np.full(len(coefficient), 1.0 / len(coefficient))
        return LogResponse(channels, weights, coefficient, scales["value"].to_numpy())


def _tables(
    problem: Problem,
    found: np.ndarray,
    drawn: np.ndarray,
    scale: np.ndarray,
    pressure: np.ndarray,
) -> dict[str, Any]:
    names = [medium.name for medium in problem.paid]
    window, periods = problem.window_rows, pressure.shape[1]
    dates = problem.dates[window].astype("datetime64[D]")
    every = problem.dates.astype("datetime64[D]")
    inside = np.zeros(problem.rows, bool)
    inside[window] = True
    effects = found[1:, None] * pressure
    fitted = found[0] + effects.sum(axis=0)
    spend = np.array([medium.spend[window].sum() for medium in problem.paid])
    roi = drawn * pressure.sum(axis=1) / spend
    total, count = effects.sum(axis=1), len(names)
    ends = [np.quantile(roi, end, axis=0) for end in (0.1, 0.9)]
    grid = np.linspace(0.0, 1.5, GRID)[:, None] * np.array(
        [medium.spend[window].max() for medium in problem.paid]
    )
    unknown, kpi = [None] * count, np.asarray(problem.kpi[window], float)
    numbers = {name: [None] for name in SCHEMAS["models"].names if name.startswith(("nrm", "rsq"))}
    numbers["nrmse_train"] = numbers["nrmse"] = [
        float(np.sqrt(((kpi - fitted) ** 2).mean()) / np.ptp(kpi))
    ]
    conversion = problem.kpi_kind == "conversion"
    return {
        "models": table(
            "models",
            {"model_id": [MODEL], "recommended": [True], "intercept": [found[0]], **numbers},
        ),
        "channels": table(
            "channels",
            {
                "model_id": [MODEL] * count,
                "channel": names,
                "kind": ["paid"] * count,
                "spend": spend,
                "mean_spend": spend / periods,
                "spend_share": spend / spend.sum(),
                "contribution": total,
                "contribution_share": total / fitted.sum(),
                "effect_share": total / total.sum(),
                "roi": total / spend,
                "roi_low": ends[0],
                "roi_high": ends[1],
                "marginal_roi": found[1:] / (scale + spend / periods),
                "cpa": np.divide(spend, total, where=total > 0, out=np.full(count, np.nan))
                if conversion
                else unknown,
                "cpa_low": unknown,
                "cpa_high": unknown,
                "confidence": [confidence_word(roi[:, i]) for i in range(count)],
            },
        ),
        "media": table(
            "media",
            {
                "date": np.tile(every, count),
                "channel": np.repeat(names, problem.rows),
                "kind": ["paid"] * count * problem.rows,
                "spend": np.concatenate([medium.spend for medium in problem.paid]),
                "input": np.concatenate([medium.spend for medium in problem.paid]),
                "in_window": np.tile(inside, count),
            },
        ),
        "contributions": table(
            "contributions",
            {
                "model_id": [MODEL] * (count + 1) * periods,
                "date": np.tile(dates, count + 1),
                "component": np.repeat([*names, "intercept"], periods),
                "kind": np.repeat(["paid"] * count + ["intercept"], periods),
                "effect": np.concatenate([effects.ravel(), np.full(periods, found[0])]),
            },
        ),
        "fit": table(
            "fit",
            {
                "model_id": [MODEL] * periods,
                "date": dates,
                "actual": kpi,
                "fitted": fitted,
                "split": ["train"] * periods,
            },
        ),
        "curves": table(
            "curves",
            {
                "model_id": [MODEL] * grid.size,
                "channel": np.repeat(names, GRID),
                "kind": ["paid"] * grid.size,
                "spend": grid.T.ravel(),
                "response": (found[1:] * np.log1p(grid / scale)).T.ravel(),
                "marginal_response": (found[1:] / (scale + grid)).T.ravel(),
                "observed": (grid <= grid[-1] / 1.5).T.ravel(),
            },
        ),
        "parameters": table(
            "parameters",
            {
                "model_id": [MODEL] * 2 * count,
                "variable": names * 2,
                "parameter": ["coefficient"] * count + ["scale"] * count,
                "value": np.concatenate([found[1:], scale]),
            },
        ),
        "draws": table(
            "draws",
            {
                "model_id": [MODEL] * drawn.size,
                "draw": np.repeat(np.arange(DRAWS), count),
                "variable": names * DRAWS,
                "parameter": ["coefficient"] * drawn.size,
                "value": drawn.ravel(),
            },
        ),
        "frame": table(
            "frame",
            {
                "date": every,
                "variable": [problem.kpi_name] * problem.rows,
                "kind": ["kpi"] * problem.rows,
                "value": np.asarray(problem.kpi, float),
            },
        ),
        "diagnostics": SCHEMAS["diagnostics"].empty_table(),
    }
