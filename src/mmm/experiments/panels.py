"""A table with a row per geo and date as a nation's table and its geos.

KPI, spends, exposures and organic media are added up; controls, which are prices, indices and flags,
are averaged by population (by the KPI where there is none). A medium with the same values in every
geo is the nation's: its values are shared out by population.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.data.columns import counted, read_numbers, without_blanks
from mmm.data.mapping import Mapping
from mmm.data.quality import ROW_CHECKS, findings_of, run_checks
from mmm.data.quality.frame import Frame, build_frame, media_columns
from mmm.engines.panel import Panel
from mmm.experiments.checks import Checks, column_text

_FEWEST = 2


@dataclass(frozen=True)
class GeoTable:
    """`nation` has a row per date and the columns of `mapping`, which has no geo; `panel` has the
    same rows by geo.
    """

    nation: pa.Table
    mapping: Mapping
    panel: Panel


def without_geo(mapping: Mapping) -> Mapping:
    """The mapping of the nation's table."""
    return mapping.model_copy(update={"geo": None, "population": None, "market": None})


def read_geos(checks: Checks, table: pa.Table, mapping: Mapping) -> GeoTable:
    """The geos of a table whose mapping has a geo; InvalidInput for what cannot be told."""
    frame = build_frame(table, mapping, lacking=True)
    checks.findings += findings_of(run_checks(frame, ROW_CHECKS))
    checks.stop()
    places = _places(checks, frame)
    values = {name: item.values[places] for name, item in frame.numbers.items()}
    mapping = _by_impressions(checks, mapping, values)
    population = _population(checks, table, mapping, places)
    levels = _levels(checks, frame, places)
    checks.stop()
    sizes = values[mapping.kpi].mean(axis=1) if population is None else population
    shared = []
    for name in media_columns(mapping):
        if _same_everywhere(values[name]):
            shared.append(name)
            values[name] = np.outer(sizes / sizes.sum(), values[name][0])
    for name in shared:
        checks.warn(
            "has the same values in every geo: they are taken for the nation's and shared out by "
            f"{'population' if population is not None else 'the KPI'}.",
            column_text(name),
        )
    nation = _nation(frame, mapping, values, levels, sizes)
    controls = {
        item.column: values[item.column]
        for item in mapping.context
        if not _same_everywhere(values[item.column])
    }
    panel = Panel(
        geos=frame.market_names,
        population=population,
        kpi=values[mapping.kpi],
        spend={paid.spend: values[paid.spend] for paid in mapping.paid},
        exposure={
            paid.spend: values[paid.exposure]
            for paid in mapping.paid
            if paid.exposure not in (None, paid.spend)
        },
        organic={item.column: values[item.column] for item in mapping.organic},
        controls=controls,
        shared=tuple(shared),
    )
    return GeoTable(nation, without_geo(mapping), panel)


def _by_impressions(checks: Checks, mapping: Mapping, values: dict[str, np.ndarray]) -> Mapping:
    """The mapping without frequencies, which are modelled in a nation's data alone: a reach in
    `values` becomes the impressions.
    """
    paid = []
    for item in mapping.paid:
        if item.frequency is not None and item.exposure is not None:
            values[item.exposure] = values[item.exposure] * values.pop(item.frequency)
            what = "is not modelled in a panel of geos: reach times frequency is, the impressions."
            checks.warn(what, column_text(item.frequency))
            item = item.model_copy(update={"frequency": None})
        paid.append(item)
    return mapping.model_copy(update={"paid": tuple(paid)})


def _places(checks: Checks, frame: Frame) -> np.ndarray:
    """The table's row of each geo and date, (G, T)."""
    geos, periods = len(frame.market_names), len(frame.periods)
    where = column_text(str(frame.mapping.geo))
    if geos < _FEWEST:
        checks.warn(f"holds one geo alone, {frame.market_names[0]!r}.", where)
    places = np.full((geos, periods), -1)
    places[frame.markets, frame.row_period] = np.arange(frame.rows)
    for g in range(geos):
        missing = np.flatnonzero(places[g] < 0)
        if len(missing):
            what = (
                f"{frame.market_names[g]!r} has no row for {counted(len(missing), 'date')}, first "
                f"{frame.periods[missing[0]]}."
            )
            fix = "Give every geo a row for every date, or leave the geo out."
            checks.error(what, where, fix)
    checks.stop()
    return places


def _population(
    checks: Checks, table: pa.Table, mapping: Mapping, places: np.ndarray
) -> np.ndarray | None:
    """Mean population of each geo over its rows, (G,)."""
    if mapping.population is None:
        return None
    where, fix = column_text(mapping.population), "Correct it, or map no population."
    found = read_numbers(without_blanks(table[mapping.population]))
    if found is None or len(found.wrong) or not np.isfinite(found.values).all():
        checks.error("the population of a geo must be a number in every row.", where, fix)
        return None
    population = found.values[places].mean(axis=1)
    if not (population > 0.0).all():
        checks.error("the population of every geo must be above 0.", where, fix)
        return None
    return np.asarray(population)


def _levels(checks: Checks, frame: Frame, places: np.ndarray) -> dict[str, list[str]]:
    """Levels of categorical controls by date, which all geos must share."""
    found = {}
    for name, (codes, texts) in frame.levels.items():
        by_geo = codes[places]
        if (by_geo != by_geo[0]).any():
            fix = "Prepare it as 0/1 columns, one a level, and map these as control variables."
            checks.error(
                "a categorical control must be the same in all geos.", column_text(name), fix
            )
            continue
        named = np.array([*texts, ""], object)[by_geo[0]]
        found[name] = [str(text) for text in named]
    return found


def _same_everywhere(values: np.ndarray) -> bool:
    """Whether every geo has the same course, (G, T)."""
    return len(values) > 1 and bool((values == values[0]).all())


def _nation(
    frame: Frame,
    mapping: Mapping,
    values: dict[str, np.ndarray],
    levels: dict[str, list[str]],
    sizes: np.ndarray,
) -> pa.Table:
    controls = {item.column for item in mapping.context}
    columns: dict[str, object] = {mapping.date: frame.periods}
    for name, by_geo in values.items():
        if name not in controls:
            columns[name] = by_geo.sum(axis=0)
        elif len(by_geo) == 1 or _same_everywhere(by_geo):
            columns[name] = by_geo[0]
        else:
            columns[name] = sizes @ by_geo / sizes.sum()
    return pa.table({**columns, **levels})
