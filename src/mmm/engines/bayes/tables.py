"""The posterior as the engine-neutral tables (`mmm.engines.schemas`), one function per table.

A channel's figure is its posterior median; intervals are the 5 % and 95 % quantiles of the draws.
Components add up to the fit: a medium's effects by period are its posterior mean, scaled to the
median total; what the two differ by goes to the intercept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.media import FREQUENCY
from mmm.engines.adstock_hill.transforms import delayed_weights
from mmm.engines.bayes.posterior import Posterior
from mmm.engines.bayes.setup import Setup
from mmm.engines.confidence import confidence_word
from mmm.engines.schemas import columns_of, required_columns, table

MODEL_ID = "posterior"
_LOW, _HIGH = 0.05, 0.95
_CURVE_POINTS, _CURVE_REACH = 41, 1.5
#: An adstock curve is listed until a unit's remaining weight falls below this.
_SMALLEST_WEIGHT = 0.01


@dataclass(frozen=True)
class MediumSummary:
    """One medium over the window: effect by draw (K,), and by period with its interval (T,) each."""

    total: np.ndarray
    effect: np.ndarray
    low: np.ndarray
    high: np.ndarray
    carryover: np.ndarray

    @property
    def contribution(self) -> float:
        return float(np.median(self.total))


@dataclass(frozen=True)
class Summary:
    """What the tables are made from. `components` are (effect, low, high), (T,) each, by name;
    `expected` (K, T) is the KPI by draw, without noise.
    """

    media: tuple[MediumSummary, ...]
    components: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    fitted: np.ndarray
    fitted_low: np.ndarray
    fitted_high: np.ndarray
    expected: np.ndarray


def interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 90 % interval over draws, the first axis."""
    low, high = np.quantile(values, (_LOW, _HIGH), axis=0)
    return low, high


def summarise(found: Posterior, seed: int) -> Summary:
    """Effects by component and the predictive interval of the KPI (with noise)."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, 1_000_033))))
    mean = np.zeros(found.setup.periods)
    expected = np.zeros((found.size, found.setup.periods))
    components = {}
    for name, effects in found.baseline_effects().items():
        components[name] = (effects.mean(axis=0), *interval(effects))
        expected += effects
        mean += components[name][0]
    media, left_over = [], 0.0
    for c in range(len(found.setup.names)):
        effects, carried = found.media_effects(c)
        expected += effects
        medium = _medium(effects, carried)
        media.append(medium)
        left_over += float((effects.mean(axis=0) - medium.effect).mean())
        mean += medium.effect
    level, low, high = components["intercept"]
    components["intercept"] = (level + left_over, low, high)
    predicted = expected + found.sigma[:, None] * rng.standard_normal(expected.shape)
    return Summary(tuple(media), components, mean + left_over, *interval(predicted), expected)


def _medium(effects: np.ndarray, carried: np.ndarray) -> MediumSummary:
    total, average = effects.sum(axis=1), effects.mean(axis=0)
    sum_of_means = float(average.sum())
    scale = float(np.median(total)) / sum_of_means if sum_of_means != 0.0 else 0.0
    low, high = interval(effects)
    return MediumSummary(total, average * scale, low, high, carried.mean(axis=0) * scale)


def models_table(
    found: Posterior, summary: Summary, calibration_error: float, held_out: tuple[float, float]
) -> pa.Table:
    """`held_out` are the errors of the forecast (`mmm.engines.bayes.forecast`)."""
    setup = found.setup
    trained = slice(0, setup.trained)
    nrmse, rsq = fit_errors(setup.problem.kpi[setup.window][trained], summary.fitted[trained])
    nrmse_test, rsq_test = held_out
    return table(
        "models",
        {
            "model_id": [MODEL_ID],
            "nrmse": [nrmse],
            "nrmse_train": [nrmse],
            "nrmse_val": [np.nan],
            "nrmse_test": [nrmse_test],
            "rsq_train": [rsq],
            "rsq_val": [np.nan],
            "rsq_test": [rsq_test],
            "calibration_error": [calibration_error],
            "recommended": [True],
            "intercept": [float(summary.components["intercept"][0].mean())],
        },
    )


def fit_errors(actual: np.ndarray, fitted: np.ndarray) -> tuple[float, float]:
    """(root mean squared error over the actual values' range, R2); NaN without at least two rows."""
    if len(actual) < 2 or np.ptp(actual) == 0.0:
        return float("nan"), float("nan")
    squared = float(((actual - fitted) ** 2).mean())
    return float(np.sqrt(squared) / np.ptp(actual)), 1.0 - squared / float(actual.var())


def channels_table(found: Posterior, summary: Summary) -> pa.Table:
    setup = found.setup
    spend = setup.spend[:, setup.window].sum(axis=1)
    fitted = float(summary.fitted.sum())
    paid_effects = [summary.media[c].contribution for c in range(setup.paid)]
    rows = []
    for c, medium in enumerate(summary.media):
        paid = c < setup.paid
        low, high = interval(medium.total)
        row: dict[str, object] = {
            "model_id": MODEL_ID,
            "channel": setup.names[c],
            "kind": setup.kinds[c],
            "adstock": "delayed",
            "coefficient": float(np.median(found.coefficient[:, c])),
            "contribution": medium.contribution,
            "contribution_low": low,
            "contribution_high": high,
            "contribution_share": medium.contribution / fitted,
            "carryover_share": _share(medium.carryover.sum(), medium.effect.sum()),
        }
        if paid:
            row["effect_share"] = _share(medium.contribution, sum(paid_effects))
            row["spend_share"] = _share(spend[c], spend.sum())
            row |= _efficiency(found, medium, c, float(spend[c]))
        rows.append(row)
    columns: dict[str, list[object]] = {}
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in dict.fromkeys((*names, *required_columns("channels"))):
        missing = None if name == "confidence" else np.nan
        columns[name] = [row.get(name, missing) for row in rows]
    return table("channels", columns)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _efficiency(found: Posterior, medium: MediumSummary, c: int, spend: float) -> dict[str, object]:
    """ROI or CPA and marginal ROI of a paid channel, with intervals and the word of confidence."""
    setup = found.setup
    roi = medium.total / spend
    low, high = interval(roi)
    _, slope = found.scaled_responses(c, np.ones(1))
    marginal = slope[:, 0] * setup.periods / spend
    marginal_low, marginal_high = interval(marginal)
    values: dict[str, object] = {
        "spend": spend,
        "mean_spend": spend / setup.periods,
        "roi": float(np.median(roi)),
        "roi_low": low,
        "roi_high": high,
        "marginal_roi": float(np.median(marginal)),
        "marginal_roi_low": marginal_low,
        "marginal_roi_high": marginal_high,
        "confidence": confidence_word(roi),
    }
    if setup.problem.kpi_kind == "conversion" and np.median(roi) > 0.0:
        values["cpa"] = 1.0 / float(np.median(roi))
        values["cpa_low"] = 1.0 / float(high)
        values["cpa_high"] = 1.0 / float(low) if low > 0.0 else np.nan
    return values


def media_table(found: Posterior) -> pa.Table:
    """What the media were given, on all rows of the data."""
    setup = found.setup
    rows, media = setup.problem.rows, len(setup.names)
    spend = np.full((media, rows), np.nan)
    spend[: setup.paid] = setup.spend
    in_window = np.zeros(rows, bool)
    in_window[setup.window] = True
    return table(
        "media",
        {
            "date": np.tile(setup.problem.dates.astype("datetime64[D]"), media),
            "channel": np.repeat(setup.names, rows),
            "kind": np.repeat(setup.kinds, rows),
            "spend": spend.ravel(),
            "input": setup.given.ravel(),
            "in_window": np.tile(in_window, media),
            "frequency": _frequencies(setup).ravel(),
        },
    )


def _frequencies(setup: Setup) -> np.ndarray:
    """As they were given, NaN of media without, (M, N)."""
    found = np.full((len(setup.names), setup.problem.rows), np.nan)
    for c, medium in enumerate(setup.problem.paid):
        if medium.frequency is not None:
            found[c] = medium.frequency
    return found


def contributions_table(found: Posterior, summary: Summary) -> pa.Table:
    setup = found.setup
    dates = setup.problem.dates[setup.window].astype("datetime64[D]")
    kinds = found.component_kinds
    blocks = []
    for name, (effect, low, high) in summary.components.items():
        carryover = np.full(len(dates), np.nan)
        blocks.append((name, kinds[name], effect, low, high, carryover))
    for c, medium in enumerate(summary.media):
        name, kind = setup.names[c], setup.kinds[c]
        blocks.append((name, kind, medium.effect, medium.low, medium.high, medium.carryover))
    return table(
        "contributions",
        {
            "model_id": [MODEL_ID] * len(dates) * len(blocks),
            "date": np.tile(dates, len(blocks)),
            "component": np.repeat([block[0] for block in blocks], len(dates)),
            "kind": np.repeat([block[1] for block in blocks], len(dates)),
            "effect": np.concatenate([block[2] for block in blocks]),
            "effect_low": np.concatenate([block[3] for block in blocks]),
            "effect_high": np.concatenate([block[4] for block in blocks]),
            "carryover": np.concatenate([block[5] for block in blocks]),
        },
    )


def fit_table(found: Posterior, summary: Summary) -> pa.Table:
    setup = found.setup
    held_out = setup.periods - setup.trained
    return table(
        "fit",
        {
            "model_id": [MODEL_ID] * setup.periods,
            "date": setup.problem.dates[setup.window].astype("datetime64[D]"),
            "actual": setup.problem.kpi[setup.window],
            "fitted": summary.fitted,
            "fitted_low": summary.fitted_low,
            "fitted_high": summary.fitted_high,
            "split": ["train"] * setup.trained + ["test"] * held_out,
        },
    )


def curves_table(found: Posterior) -> pa.Table:
    """Mean response per period when a medium's course over the window is scaled to a mean input.

    Other than a curve on a steady input this meets the channel's contribution at today's spend.
    """
    setup = found.setup
    blocks = []
    for c in range(len(setup.names)):
        given = setup.given[c, setup.window]
        mean, largest = float(given.mean()), float(given.max())
        grid = np.linspace(0.0, _CURVE_REACH * largest, _CURVE_POINTS)
        response, slope = found.scaled_responses(c, grid / mean)
        slope /= mean
        response_low, response_high = interval(response)
        slope_low, slope_high = interval(slope)
        blocks.append(
            table(
                "curves",
                {
                    "model_id": [MODEL_ID] * len(grid),
                    "channel": [setup.names[c]] * len(grid),
                    "kind": [setup.kinds[c]] * len(grid),
                    "spend": grid,
                    "response": np.median(response, axis=0),
                    "response_low": response_low,
                    "response_high": response_high,
                    "marginal_response": np.median(slope, axis=0),
                    "marginal_response_low": slope_low,
                    "marginal_response_high": slope_high,
                    "observed": grid <= largest,
                },
            )
        )
    return pa.concat_tables(blocks)


def curve_points_table(found: Posterior, summary: Summary) -> pa.Table:
    """The point of today's spend on each curve, and what of it earlier periods caused."""
    setup = found.setup
    rows = []
    for c, medium in enumerate(summary.media):
        mean = float(setup.given[c, setup.window].mean())
        carried = _share(medium.carryover.sum(), medium.effect.sum())
        rows.append(
            {
                "model_id": MODEL_ID,
                "channel": setup.names[c],
                "kind": setup.kinds[c],
                "mean_spend": mean,
                "mean_carryover": carried * mean,
                "mean_response": medium.contribution / setup.periods,
                "carryover_response": float(medium.carryover.mean()),
            }
        )
    return table("curve_points", columns_of(rows, rows[0]))


def adstock_table(found: Posterior) -> pa.Table:
    """Weights by lag of the median carryover, as shares of the largest."""
    setup = found.setup
    blocks = []
    for c, name in enumerate(setup.names):
        theta = float(np.median(found.theta[:, c]))
        weights = delayed_weights(theta, float(np.median(found.delay[:, c])), setup.lags - 1)
        weights = weights / weights.max()
        used = int(np.flatnonzero(weights >= _SMALLEST_WEIGHT).max(initial=0)) + 1
        blocks.append(
            table(
                "adstock",
                {
                    "model_id": [MODEL_ID] * used,
                    "channel": [name] * used,
                    "lag": np.arange(used),
                    "weight": weights[:used],
                },
            )
        )
    return pa.concat_tables(blocks)


def curve_parameters(found: Posterior, c: int) -> dict[str, np.ndarray]:
    """What a medium's response needs, by draw (K,): names as in `mmm.engines.adstock_hill.media`.

    `theta` is of one period, `inflexion` in the medium's input; with a frequency in exposures of a
    person reached, and the coefficient is the KPI per unit of input times the frequency's curve.
    """
    carried = {"theta": found.theta[:, c], "delay": found.delay[:, c]}
    if found.setup.frequencies[c] is not None:
        return {
            **carried,
            f"{FREQUENCY}alpha": found.shape[:, c],
            f"{FREQUENCY}inflexion": found.kappa[:, c] * found.setup.mean_frequency(c),
            "coefficient": found.coefficient[:, c] / found.mean_input[c],
        }
    return {
        **carried,
        "alpha": found.shape[:, c],
        "inflexion": found.kappa[:, c] * found.mean_input[c],
        "coefficient": found.coefficient[:, c],
    }


def parameters_table(found: Posterior) -> pa.Table:
    """Medians and intervals of the curves, of noise and pooling, of controls' coefficients."""
    setup = found.setup
    values: list[tuple[str, str, np.ndarray]] = []
    for c, name in enumerate(setup.names):
        for parameter, draws in curve_parameters(found, c).items():
            values.append((name, parameter, draws))
        values.append((name, "lags", np.full(found.size, setup.lags - 1.0)))
    values.append(("", "sigma", found.sigma))
    values.append(("", "mean_log_roi", found.pool[:, 0]))
    values.append(("", "spread_of_log_roi", np.exp(found.pool[:, 1])))
    for name, draws in found.control_coefficients.items():
        values.append((name, "coefficient", draws))
    bounds = [interval(draws) for _, _, draws in values]
    return table(
        "parameters",
        {
            "model_id": [MODEL_ID] * len(values),
            "variable": [variable for variable, _, _ in values],
            "parameter": [parameter for _, parameter, _ in values],
            "value": [float(np.median(draws)) for _, _, draws in values],
            "value_low": [low for low, _ in bounds],
            "value_high": [high for _, high in bounds],
        },
    )


def draws_table(found: Posterior) -> pa.Table:
    """Every kept draw of what a response needs."""
    names, parameters, values = [], [], []
    for c, name in enumerate(found.setup.names):
        for parameter, draws in curve_parameters(found, c).items():
            names.append(name)
            parameters.append(parameter)
            values.append(draws)
    return table(
        "draws",
        {
            "model_id": [MODEL_ID] * (found.size * len(values)),
            "draw": np.tile(np.arange(found.size), len(values)),
            "variable": np.repeat(names, found.size),
            "parameter": np.repeat(parameters, found.size),
            "value": np.concatenate(values),
        },
    )


def frame_table(found: Posterior) -> pa.Table:
    """The KPI and the controls, on all rows of the data; factors as the flags of their levels."""
    from mmm.engines.base import Factor

    problem = found.setup.problem
    blocks: list[tuple[str, str, np.ndarray]] = [
        (problem.kpi_name, "kpi", np.asarray(problem.kpi, float))
    ]
    for item in problem.context:
        if isinstance(item, Factor):
            levels = np.array(item.levels)
            for level in np.unique(levels):
                flag = (levels == level).astype(float)
                blocks.append((f"{item.name} = {level}", "context", flag))
        else:
            blocks.append((item.name, "context", np.asarray(item.values, float)))
    return table(
        "frame",
        {
            "date": np.tile(problem.dates.astype("datetime64[D]"), len(blocks)),
            "variable": np.repeat([name for name, _, _ in blocks], problem.rows),
            "kind": np.repeat([kind for _, kind, _ in blocks], problem.rows),
            "value": np.concatenate([values for _, _, values in blocks]),
        },
    )
