"""A panel's geos as channels of their own, so that a plan moves money between geos as well.

The result tables of a panel are of its total; `geo_channels`, `geo_media` and `geo_draws` hold the
geos. From them the tables that planning reads are made anew with one paid channel per medium and geo
("tv / North"), whose response is the geo's own curve. What a medium does in a geo depends on no other
geo, so that everything else of planning holds as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.schemas import columns_of, has_geos, table
from mmm.engines.words import ChannelKind
from mmm.errors import UserError
from mmm.planning.geo_names import SEPARATOR, geo_channel

Tables = Mapping[str, pa.Table]
#: So many curves of draws and channels are read at most; more change no figure that is shown.
_MOST_CURVES, _LEAST_DRAWS = 24_000, 40


def by_geo(tables: Tables) -> dict[str, pa.Table]:
    """The tables with a paid channel per medium and geo in the place of each paid channel.

    UserError where the run is of no panel of geos.
    """
    if not has_geos(tables):
        raise UserError(
            "the run has no geos to plan by.",
            where="by geo",
            fix="Map a geo column (mapping.geo) and train with the engine bayes; or plan the total.",
        )
    changed = {
        "media": _media(tables),
        "channels": _channels(tables),
        "parameters": _parameters(tables),
        "draws": _draws(tables),
    }
    return {name: changed.get(name, tables[name]) for name in tables}


def _paid(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.equal(rows["kind"], ChannelKind.PAID))


def _names(channel: pa.ChunkedArray, geo: pa.ChunkedArray) -> pa.Array:
    return pc.binary_join_element_wise(channel, geo, SEPARATOR).combine_chunks()


def _media(tables: Tables) -> pa.Table:
    """Spend and input of each medium in each geo, by date."""
    rows = _paid(tables["geo_media"])
    known = tables["media"]
    inside = pc.unique(known.filter(known["in_window"])["date"])
    return table(
        "media",
        {
            "date": rows["date"],
            "channel": _names(rows["channel"], rows["geo"]),
            "kind": rows["kind"],
            "spend": rows["spend"],
            "input": rows["input"],
            "in_window": pc.is_in(rows["date"], inside),
        },
    )


def _channels(tables: Tables) -> pa.Table:
    """What is known of each medium in each geo; null where only its total is known."""
    whole = {(row["model_id"], row["channel"]): row for row in tables["channels"].to_pylist()}
    found = []
    for row in _paid(tables["geo_channels"]).to_pylist():
        of_total = whole[row["model_id"], row["channel"]]
        name = geo_channel(row["channel"], row["geo"])
        found.append(row | {"channel": name, "adstock": of_total["adstock"]})
    return table("channels", columns_of(found, tables["channels"].column_names))


def _parameters(tables: Tables) -> pa.Table:
    """A medium's parameters, which its draws overrule, in each of its geos."""
    pairs = _pairs(tables)
    found = []
    for row in tables["parameters"].to_pylist():
        for geo in pairs.get(row["variable"], ()):
            found.append(row | {"variable": geo_channel(row["variable"], geo)})
    return table("parameters", columns_of(found, tables["parameters"].column_names))


def _pairs(tables: Tables) -> dict[str, list[str]]:
    """The geos of each paid medium."""
    found: dict[str, list[str]] = {}
    for row in _paid(tables["geo_channels"]).select(["channel", "geo"]).to_pylist():
        found.setdefault(row["channel"], []).append(row["geo"])
    return found


def _draws(tables: Tables) -> pa.Table:
    """Adstock and shape of the nation's draws, bend and ceiling of the geo's."""
    pairs = _pairs(tables)
    own = tables["geo_draws"]
    own = own.filter(pc.is_in(own["variable"], pa.array(list(pairs), pa.string())))
    own = own.filter(pc.is_in(own["draw"], _chosen(own, sum(len(geos) for geos in pairs.values()))))
    parts = []
    for name in ("inflexion", "coefficient"):
        parts.append(_of_parameter(own, name, own[name]))
    shared = tables["draws"]
    for name in pc.unique(shared["parameter"]).to_pylist():
        if name in ("inflexion", "coefficient"):
            continue
        of_nation = shared.filter(pc.equal(shared["parameter"], name))
        joined = own.join(of_nation, ["model_id", "draw", "variable"], join_type="inner")
        parts.append(_of_parameter(joined, name, joined["value"]))
    found = pa.concat_tables(parts)
    keys = ("model_id", "draw", "variable", "parameter")
    return found.sort_by([(key, "ascending") for key in keys])


def _chosen(own: pa.Table, channels: int) -> pa.Array:
    """The draws that are read, evenly spaced."""
    numbers = np.unique(own["draw"].to_numpy())
    most = max(_MOST_CURVES // max(channels, 1), _LEAST_DRAWS)
    step = -(-len(numbers) // most)
    return pa.array(numbers[::step], own["draw"].type)


def _of_parameter(rows: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return table(
        "draws",
        {
            "model_id": rows["model_id"],
            "draw": rows["draw"],
            "variable": _names(rows["variable"], rows["geo"]),
            "parameter": [name] * rows.num_rows,
            "value": values,
        },
    )
