"""A panel's own tables: channels, fit, media and response draws by geo (`mmm.engines.schemas`)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mmm.engines.bayes.kernel import KAPPA
from mmm.engines.bayes.panel.courses import weighted_responses
from mmm.engines.bayes.panel.posterior import PanelPosterior, condensed
from mmm.engines.bayes.tables import MODEL_ID, interval
from mmm.engines.confidence import confidence_word
from mmm.engines.schemas import columns_of, table


def geo_tables(found: PanelPosterior, seed: int) -> dict[str, pa.Table]:
    """All tables by geo. Effects by period are made once and not kept."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, 1_000_037))))
    predicted = found.geo_baseline()
    fitted = predicted.mean(axis=0)
    channels = []
    for c in range(len(found.setup.names)):
        effects, _ = found.geo_effects(c)
        predicted += effects
        fitted += effects.mean(axis=0)
        channels += _channel_rows(found, c, effects.sum(axis=2))
    predicted += found.geo_noise(rng)
    return {
        "geo_channels": table("geo_channels", columns_of(channels, channels[0])),
        "geo_fit": _fit(found, fitted, *interval(predicted)),
        "geo_media": _media(found),
        "geo_draws": _draws(found),
    }


def _channel_rows(found: PanelPosterior, c: int, totals: np.ndarray) -> list[dict[str, object]]:
    """One row per geo; `totals` (K, G) are effects over the window."""
    setup, panel = found.setup, found.panel
    low, high = interval(totals)
    rows = []
    for g, geo in enumerate(panel.panel.geos):
        row: dict[str, object] = dict.fromkeys(
            ("spend", "roi", "roi_low", "roi_high", "marginal_roi"), np.nan
        )
        row |= {
            "model_id": MODEL_ID,
            "geo": geo,
            "channel": setup.names[c],
            "kind": setup.kinds[c],
            "contribution": float(np.median(totals[:, g])),
            "contribution_low": low[g],
            "contribution_high": high[g],
            "confidence": None,
        }
        if c < setup.paid:
            spend = float(panel.spend[c, g, setup.window].sum())
            row["spend"] = spend
            if spend > 0.0:
                roi = totals[:, g] / spend
                row["roi"] = float(np.median(roi))
                row["roi_low"], row["roi_high"] = low[g] / spend, high[g] / spend
                row["marginal_roi"] = float(np.median(_slopes(found, c, g))) / spend
                row["confidence"] = confidence_word(roi)
        rows.append(row)
    return rows


def _slopes(found: PanelPosterior, c: int, g: int) -> np.ndarray:
    """Derivative of a geo's effect over the window by the multiple of its input, at today's, (K,)."""
    response, slope = np.empty(1), np.empty((found.size, 1))
    scales = found.geo_scale(c)[:, g]
    for draw in range(found.size):
        pressure = found.geo_pressure(c, draw)[g : g + 1]
        points, weights = condensed(pressure, scales[draw : draw + 1])
        weighted_responses(
            points,
            weights,
            found.channel[draw, c, KAPPA],
            found.shape[draw, c],
            np.ones(1),
            response,
            slope[draw],
        )
    return slope[:, 0]


def _fit(found: PanelPosterior, fitted: np.ndarray, low: np.ndarray, high: np.ndarray) -> pa.Table:
    setup, geos = found.setup, found.panel.geos
    split = ["train"] * setup.trained + ["test"] * (setup.periods - setup.trained)
    return table(
        "geo_fit",
        {
            "model_id": [MODEL_ID] * (geos * setup.periods),
            "geo": np.repeat(found.panel.panel.geos, setup.periods),
            "date": np.tile(setup.problem.dates[setup.window].astype("datetime64[D]"), geos),
            "actual": found.panel.panel.kpi[:, setup.window].ravel(),
            "fitted": fitted.ravel(),
            "fitted_low": low.ravel(),
            "fitted_high": high.ravel(),
            "split": split * geos,
        },
    )


def _media(found: PanelPosterior) -> pa.Table:
    """What the media were given in each geo, on all rows of the data."""
    setup, panel = found.setup, found.panel
    media, geos, rows = panel.given.shape
    spend = np.full(panel.given.shape, np.nan)
    spend[: setup.paid] = panel.spend
    return table(
        "geo_media",
        {
            "geo": np.tile(np.repeat(panel.panel.geos, rows), media),
            "date": np.tile(setup.problem.dates.astype("datetime64[D]"), media * geos),
            "channel": np.repeat(setup.names, geos * rows),
            "kind": np.repeat(setup.kinds, geos * rows),
            "spend": spend.ravel(),
            "input": panel.given.ravel(),
        },
    )


def _draws(found: PanelPosterior) -> pa.Table:
    """What a geo's response needs beside the nation's draws: where its curve bends, and its ceiling."""
    size, media, geos = found.factors.shape
    inflexion = found.kappa[:, :, None] * found.mean_input[:, None] * found.panel.size
    coefficient = found.ceiling[:, :, None] * found.panel.size * found.factors
    rows = size * media * geos
    return table(
        "geo_draws",
        {
            "model_id": [MODEL_ID] * rows,
            "draw": np.repeat(np.arange(size), media * geos),
            "geo": np.tile(found.panel.panel.geos, size * media),
            "variable": np.tile(np.repeat(found.setup.names, geos), size),
            "inflexion": inflexion.ravel(),
            "coefficient": coefficient.ravel(),
        },
    )
