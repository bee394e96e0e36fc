"""The result tables: their columns, which of them an engine may leave out, and how to make one.

A table that an engine returns may lack optional columns and optional tables; `complete` fills them
with nulls, and gives the columns of older versions their names of today. All intervals of one
result have one level, `EngineResult.interval_level`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns])


_f8, _i4, _s, _b, _d = pa.float64(), pa.int32(), pa.string(), pa.bool_(), pa.date32()

#: The result tables. Money is in the problem's currency, effects in units of the KPI, shares are
#: fractions.
SCHEMAS: dict[str, pa.Schema] = {
    # One row per model that was evaluated. Kept models are those with rows in `channels`. Errors are
    # null where a split does not exist; `_test` may be that of the table `forecast`. `weight` is how much a kept model counts among them, summing
    # to 1, null where the engine does not say. `calibration_error` is the mean absolute percentage error
    # against lift tests (Robyn: MAPE). Names that only Robyn's method has, all of them null for
    # other engines: `front` counts from 1, null when not kept; `cluster`, `cluster_best`;
    # `decomp_rssd` is the distance between shares of effect and shares of spend, in a refresh to the
    # previous model's shares of effect.
    "models": _schema(
        ("model_id", _s),
        ("trial", _i4),
        ("iteration", _i4),
        ("nrmse", _f8),
        ("nrmse_train", _f8),
        ("nrmse_val", _f8),
        ("nrmse_test", _f8),
        ("rsq_train", _f8),
        ("rsq_val", _f8),
        ("rsq_test", _f8),
        ("decomp_rssd", _f8),
        ("calibration_error", _f8),
        ("score", _f8),
        ("weight", _f8),
        ("front", _i4),
        ("cluster", _i4),
        ("cluster_best", _b),
        ("recommended", _b),
        ("intercept", _f8),
    ),
    # Kept models x media. `kind` is paid or organic; spend, shares and ROI are null for organic
    # media. `roi` is contribution / spend (ROAS for a revenue KPI), `cpa` spend / contribution.
    # Intervals are the kept models' or the model's cluster's, as the engine says; `cpa_high` is
    # null where the interval of the effect reaches none. `marginal_roi` is the effect of one more
    # unit of spend per period at the mean. `confidence` is a word. `adstock` names the kind of decay
    # whose numbers `parameters` holds; null where the engine has none of these.
    "channels": _schema(
        ("model_id", _s),
        ("channel", _s),
        ("kind", _s),
        ("adstock", _s),
        ("coefficient", _f8),
        ("spend", _f8),
        ("mean_spend", _f8),
        ("spend_share", _f8),
        ("contribution", _f8),
        ("contribution_low", _f8),
        ("contribution_high", _f8),
        ("contribution_share", _f8),
        ("effect_share", _f8),
        ("carryover_share", _f8),
        ("roi", _f8),
        ("roi_low", _f8),
        ("roi_high", _f8),
        ("marginal_roi", _f8),
        ("marginal_roi_low", _f8),
        ("marginal_roi_high", _f8),
        ("cpa", _f8),
        ("cpa_low", _f8),
        ("cpa_high", _f8),
        ("confidence", _s),
    ),
    # All rows of the data x media, the same for every model. `spend` is the money in the books,
    # null for organic media; `input` is what the model was given: spend, exposure rescaled to
    # money, or the organic variable. `frequency` where the exposure is the reach, else null.
    "media": _schema(
        ("date", _d),
        ("channel", _s),
        ("kind", _s),
        ("spend", _f8),
        ("input", _f8),
        ("in_window", _b),
        ("frequency", _f8),
    ),
    # Kept models x dates of the window x components. `kind`: intercept, trend, season, monthly,
    # weekday, holiday, context, paid, organic. `carryover` is the part of a medium's effect that
    # earlier periods caused.
    "contributions": _schema(
        ("model_id", _s),
        ("date", _d),
        ("component", _s),
        ("kind", _s),
        ("effect", _f8),
        ("effect_low", _f8),
        ("effect_high", _f8),
        ("carryover", _f8),
    ),
    # Kept models x dates of the window. `split` is train, val or test.
    "fit": _schema(
        ("model_id", _s),
        ("date", _d),
        ("actual", _f8),
        ("fitted", _f8),
        ("fitted_low", _f8),
        ("fitted_high", _f8),
        ("split", _s),
    ),
    # Kept models x media x grid: spend per period (for organic media: the variable's own unit) and
    # the steady response per period at that spend on top of the mean carryover. `observed` is false
    # beyond the largest spend in the window.
    "curves": _schema(
        ("model_id", _s),
        ("channel", _s),
        ("kind", _s),
        ("spend", _f8),
        ("response", _f8),
        ("response_low", _f8),
        ("response_high", _f8),
        ("marginal_response", _f8),
        ("marginal_response_low", _f8),
        ("marginal_response_high", _f8),
        ("observed", _b),
    ),
    # Kept models x media: one marked point per curve, at the mean spend of the window.
    "curve_points": _schema(
        ("model_id", _s),
        ("channel", _s),
        ("kind", _s),
        ("mean_spend", _f8),
        ("mean_carryover", _f8),
        ("mean_response", _f8),
        ("carryover_response", _f8),
    ),
    # Kept models x media x lag in periods: weight of a unit spent `lag` periods ago, 1 at its own
    # peak or start.
    "adstock": _schema(("model_id", _s), ("channel", _s), ("lag", _i4), ("weight", _f8)),
    # All candidates x hyperparameters and kept models x coefficients, long.
    "parameters": _schema(
        ("model_id", _s),
        ("variable", _s),
        ("parameter", _s),
        ("value", _f8),
        ("value_low", _f8),
        ("value_high", _f8),
    ),
    # Kept models x posterior draws x what a response needs (coefficients or ROI, adstock,
    # saturation). `draw` counts from 0. No rows where the engine has no posterior.
    "draws": _schema(
        ("model_id", _s), ("draw", _i4), ("variable", _s), ("parameter", _s), ("value", _f8)
    ),
    # All rows of the data x KPI and regressors other than media, before coefficients: what the KPI
    # was fitted on.
    # `kind`: kpi, or as in `contributions`. Without the media, whose table is `media`.
    "frame": _schema(("date", _d), ("variable", _s), ("kind", _s), ("value", _f8)),
    # Kept models of a refresh x variables x measures (roi, effect_share, contribution_share, ...,
    # parameters): the previous model's value, its parameters refitted on the new data, this
    # model's. refitted - old is what the data changed, new - refitted what the parameters changed.
    # No rows where nothing is refreshed.
    "moves": _schema(
        ("model_id", _s),
        ("variable", _s),
        ("measure", _s),
        ("old", _f8),
        ("refitted", _f8),
        ("new", _f8),
    ),
    # Kept models x channels with a frequency x a grid of frequencies: what an exposure is worth if
    # every person reached had so many of them in a period, as a multiple of what it was worth in
    # the window. `observed` is false beyond the frequencies of the window.
    "frequencies": _schema(
        ("model_id", _s),
        ("channel", _s),
        ("frequency", _f8),
        ("worth", _f8),
        ("worth_low", _f8),
        ("worth_high", _f8),
        ("observed", _b),
    ),
    # Kept models x channels with a frequency: today's mean, the frequency with the best expected
    # ROI, the best one's interval, and the ROI there over today's, less 1.
    "frequency_points": _schema(
        ("model_id", _s),
        ("channel", _s),
        ("mean_frequency", _f8),
        ("optimal_frequency", _f8),
        ("optimal_frequency_low", _f8),
        ("optimal_frequency_high", _f8),
        ("gain", _f8),
        ("gain_low", _f8),
        ("gain_high", _f8),
    ),
    # Kept models x lift tests, numbered from 1 as they were given: the test, the model's effect
    # over its days in its scope, and what the same search without any lift test would have chosen
    # says there. `standard_error` is the lift's, in units of the KPI. No rows without lift tests.
    "lift_tests": _schema(
        ("model_id", _s),
        ("test", _i4),
        ("channels", _s),
        ("start", _d),
        ("end", _d),
        ("scope", _s),
        ("test_spend", _f8),
        ("confidence", _f8),
        ("standard_error", _f8),
        ("lift", _f8),
        ("effect", _f8),
        ("uncalibrated", _f8),
    ),
    # A panel's own tables; every other table is of its total. No rows where the data have no geos.
    # Kept models x geos x media: spend in the geo, effect, ROI and marginal ROI there.
    "geo_channels": _schema(
        ("model_id", _s),
        ("geo", _s),
        ("channel", _s),
        ("kind", _s),
        ("spend", _f8),
        ("contribution", _f8),
        ("contribution_low", _f8),
        ("contribution_high", _f8),
        ("roi", _f8),
        ("roi_low", _f8),
        ("roi_high", _f8),
        ("marginal_roi", _f8),
        ("confidence", _s),
    ),
    # Kept models x geos x dates of the window.
    "geo_fit": _schema(
        ("model_id", _s),
        ("geo", _s),
        ("date", _d),
        ("actual", _f8),
        ("fitted", _f8),
        ("fitted_low", _f8),
        ("fitted_high", _f8),
        ("split", _s),
    ),
    # As `media`, by geo.
    "geo_media": _schema(
        ("geo", _s),
        ("date", _d),
        ("channel", _s),
        ("kind", _s),
        ("spend", _f8),
        ("input", _f8),
    ),
    # Draws x geos x media: the inflexion of the geo's curve in its input, and its effect per period
    # at the ceiling. Adstock and shape are those of `draws`.
    "geo_draws": _schema(
        ("model_id", _s),
        ("draw", _i4),
        ("geo", _s),
        ("variable", _s),
        ("inflexion", _f8),
        ("coefficient", _f8),
    ),
    # Kept models x periods that were held out, from a fit that did not see them: the model's own
    # where its window was divided, else a second one without the last periods. `naive` is what
    # stood there a year before, null without any. No rows where nothing was held out.
    "forecast": _schema(
        ("model_id", _s),
        ("date", _d),
        ("actual", _f8),
        ("forecast", _f8),
        ("forecast_low", _f8),
        ("forecast_high", _f8),
        ("naive", _f8),
    ),
    # Kept models x media ("" for all paid media) x quantities (`roi`, `share` of the KPI,
    # `half_life` in days, `saturation` at today's mean input): what was expected before the data,
    # and what the model says. `source` is a word: the data moved it, or it is the prior still.
    # No rows where the engine has no priors.
    "learnt": _schema(
        ("model_id", _s),
        ("variable", _s),
        ("quantity", _s),
        ("prior", _f8),
        ("prior_low", _f8),
        ("prior_high", _f8),
        ("posterior", _f8),
        ("posterior_low", _f8),
        ("posterior_high", _f8),
        ("source", _s),
    ),
    # Named numbers and sentences about the whole run: convergence, solver, splits, clusters,
    # warnings.
    "diagnostics": _schema(("name", _s), ("subject", _s), ("value", _f8), ("text", _s)),
}


#: Tables without which a result is complete.
OPTIONAL_TABLES = frozenset(
    {
        "draws",
        "moves",
        "lift_tests",
        "curve_points",
        "adstock",
        "geo_channels",
        "geo_fit",
        "geo_media",
        "geo_draws",
        "forecast",
        "learnt",
        "frequencies",
        "frequency_points",
    }
)

#: What only Robyn's method has, in `models`; null for every other engine.
ROBYN_COLUMNS = frozenset({"front", "cluster", "cluster_best", "decomp_rssd"})

#: Columns that an engine may leave out; they are null then.
OPTIONAL_COLUMNS: dict[str, frozenset[str]] = {
    "models": ROBYN_COLUMNS | {"trial", "iteration", "calibration_error", "score", "weight"},
    "channels": frozenset(
        {
            "adstock",
            "coefficient",
            "carryover_share",
            "contribution_low",
            "contribution_high",
            "marginal_roi_low",
            "marginal_roi_high",
        }
    ),
    "media": frozenset({"frequency"}),
    "contributions": frozenset({"effect_low", "effect_high", "carryover"}),
    "fit": frozenset({"fitted_low", "fitted_high"}),
    "curves": frozenset(
        {"response_low", "response_high", "marginal_response_low", "marginal_response_high"}
    ),
    "lift_tests": frozenset({"standard_error", "uncalibrated"}),
    "parameters": frozenset({"value_low", "value_high"}),
}


def required_columns(name: str) -> tuple[str, ...]:
    """The columns of a result table that no engine may leave out."""
    optional = OPTIONAL_COLUMNS.get(name, frozenset())
    return tuple(column for column in SCHEMAS[name].names if column not in optional)


#: Names of columns in results of earlier versions.
_EARLIER_NAMES = {
    "models": {"business_distance": "decomp_rssd"},
    "channels": {"firmness": "confidence"},
}
_EARLIER_CONFIDENCE = {"firm": "high", "uncertain": "medium", "unknown": "inconclusive"}


def table(name: str, columns: Mapping[str, object]) -> pa.Table:
    """A table of `SCHEMAS[name]`; NaN and infinite numbers become null. Optional columns may be
    left out; KeyError for any other that is missing.
    """
    optional = OPTIONAL_COLUMNS.get(name, frozenset())
    present = [
        field for field in SCHEMAS[name] if field.name in columns or field.name not in optional
    ]
    arrays = []
    for field in present:
        values = columns[field.name]
        if pa.types.is_floating(field.type):
            numbers = np.asarray(values, float)
            arrays.append(pa.array(numbers, field.type, mask=~np.isfinite(numbers)))
        else:
            arrays.append(pa.array(values, field.type))
    return complete(name, pa.table(arrays, schema=pa.schema(present)))


def columns_of(rows: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, list[Any]]:
    """The named columns of rows that are mappings; null where a row lacks one."""
    columns = {}
    for name in names:
        columns[name] = [row.get(name) for row in rows]
    return columns


def has_geos(tables: Mapping[str, pa.Table]) -> bool:
    """Whether results are of a panel, and hold its geos."""
    return "geo_draws" in tables and bool(tables["geo_draws"].num_rows)


def complete(name: str, table: pa.Table) -> pa.Table:
    """The table with all columns of its schema in their order; optional ones that it lacks are
    null. What an earlier version stored gets its names of today. ValueError for other columns.
    """
    schema = SCHEMAS[name]
    table = _with_names_of_today(name, table)
    optional = OPTIONAL_COLUMNS.get(name, frozenset())
    for field in schema:
        if field.name in optional and field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    if set(table.column_names) == set(schema.names):
        table = table.select(schema.names)
    if table.schema.remove_metadata() != schema:
        raise ValueError(f"table {name!r} has other columns than its schema")
    return table


def _with_names_of_today(name: str, table: pa.Table) -> pa.Table:
    earlier = _EARLIER_NAMES.get(name, {})
    if not any(column in earlier for column in table.column_names):
        return table
    table = table.rename_columns([earlier.get(column, column) for column in table.column_names])
    if name != "channels":
        return table
    place = table.column_names.index("confidence")
    words = table["confidence"].to_pylist()
    renamed = [confidence_of_today(word) for word in words]
    return table.set_column(place, "confidence", pa.array(renamed, pa.string()))


def confidence_of_today(word: str | None) -> str | None:
    """A word of confidence, whatever version wrote it."""
    return None if word is None else _EARLIER_CONFIDENCE.get(word, word)


def kept_ids(tables: Mapping[str, pa.Table]) -> list[str]:
    """The kept models of a result, in the order in which the engine lists them: those with rows in
    `channels`.
    """
    return list(pc.unique(tables["channels"]["model_id"]).to_pylist())


def is_kept(tables: Mapping[str, pa.Table]) -> pa.ChunkedArray:
    """Which rows of `models` are kept: those with a front where the engine has fronts, else those
    with rows in `channels`. `check_result` holds both to be the same.
    """
    models = tables["models"]
    if models["front"].null_count < models.num_rows:
        return pc.is_valid(models["front"])
    return pc.is_in(models["model_id"], pa.array(kept_ids(tables), pa.string()))


def kept_weights(
    tables: Mapping[str, pa.Table], models: Sequence[str] | None = None
) -> dict[str, float]:
    """How much each of the named kept models counts, all of them when None, summing to 1; all alike
    where the engine does not say.
    """
    names = kept_ids(tables) if models is None else list(models)
    stored = tables["models"]
    weight = dict(zip(stored["model_id"].to_pylist(), stored["weight"].to_pylist(), strict=True))
    known = {name: weight.get(name) or 0.0 for name in names}
    total = sum(known.values())
    if total <= 0:
        return dict.fromkeys(names, 1.0 / len(names))
    return {name: value / total for name, value in known.items()}
