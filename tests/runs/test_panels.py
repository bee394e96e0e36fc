"""A table of geos as the nation's table and its panel."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mmm.data.mapping import Mapping, PaidColumns, SignedColumn
from mmm.errors import InvalidInput
from mmm.experiments.checks import Checks
from mmm.experiments.panels import read_geos

MAPPING = Mapping(
    date="date",
    kpi="revenue",
    paid=(PaidColumns(spend="tv"), PaidColumns(spend="search", exposure="clicks")),
    context=(SignedColumn(column="price"), SignedColumn(column="index")),
    factors=(SignedColumn(column="promo"),),
    geo="region",
    population="people",
)
WEEKS = 12


def rows(**changes: list[object]) -> pa.Table:
    """Two geos, their rows mixed and not in order; tv is the nation's, written in every row."""
    days = np.datetime64("2024-01-01") + 7 * np.arange(WEEKS)
    week = np.arange(WEEKS, dtype=float)
    columns = {
        "date": np.repeat(days, 2),
        "region": ["north", "south"] * WEEKS,
        "people": [30.0, 10.0] * WEEKS,
        "revenue": np.column_stack([300.0 + week, 100.0 + 2.0 * week]).ravel(),
        "tv": np.repeat(8.0 + week, 2),
        "search": np.column_stack([3.0 + week, 1.0 + week]).ravel(),
        "clicks": np.column_stack([30.0 + week, 10.0 + week]).ravel(),
        "price": np.column_stack([2.0 + week % 2, 4.0 + week % 3]).ravel(),
        "index": np.repeat(week % 4, 2),
        "promo": np.repeat(np.where(week % 2 == 0, "yes", "no"), 2),
    }
    order = np.random.default_rng(1).permutation(2 * WEEKS)
    return pa.table({**columns, **changes}).take(pa.array(order))


def test_media_are_added_up_and_controls_averaged_by_population() -> None:
    found = read_geos(Checks("", ""), rows(), MAPPING)
    week = np.arange(WEEKS)
    nation, panel = found.nation, found.panel
    assert nation["date"].to_pylist() == sorted(nation["date"].to_pylist())
    assert nation["revenue"].to_pylist() == (400.0 + 3.0 * week).tolist()
    assert nation["search"].to_pylist() == (4.0 + 2.0 * week).tolist()
    price = (30.0 * (2.0 + week % 2) + 10.0 * (4.0 + week % 3)) / 40.0
    np.testing.assert_allclose(nation["price"].to_numpy(), price)
    assert nation["promo"].to_pylist()[:2] == ["yes", "no"]
    assert found.mapping.geo is None
    assert found.mapping.population is None
    by_name = dict(zip(panel.geos, panel.kpi, strict=True))
    np.testing.assert_array_equal(by_name["south"], 100.0 + 2.0 * week)
    # What is the same in every geo is no control by geo.
    assert set(panel.controls) == {"price"}
    assert set(panel.exposure) == {"search"}


def test_a_national_medium_is_shared_out_by_population() -> None:
    checks = Checks("", "")
    found = read_geos(checks, rows(), MAPPING)
    week = np.arange(WEEKS)
    assert found.panel.shared == ("tv",)
    np.testing.assert_allclose(found.nation["tv"].to_numpy(), 8.0 + week)
    north = found.panel.spend["tv"][found.panel.geos.index("north")]
    np.testing.assert_allclose(north, 0.75 * (8.0 + week))
    assert any("shared out by population" in item.what for item in checks.findings)


def test_what_cannot_be_a_panel_is_refused() -> None:
    table = rows()
    with pytest.raises(InvalidInput, match=r"'(north|south)' has no row for 1 date"):
        read_geos(Checks("", ""), table.slice(1), MAPPING)
    with pytest.raises(InvalidInput, match="must be the same in all geos"):
        read_geos(Checks("", ""), rows(promo=["yes", "no"] * WEEKS), MAPPING)
    with pytest.raises(InvalidInput, match="above 0"):
        read_geos(Checks("", ""), rows(people=[0.0, 1.0] * WEEKS), MAPPING)
    twice = pa.concat_tables([table, table.slice(0, 1)])
    with pytest.raises(InvalidInput, match="occurs more than once"):
        read_geos(Checks("", ""), twice, MAPPING)


def test_a_geo_excludes_a_market_and_is_needed_for_a_population() -> None:
    fields = MAPPING.model_dump()
    with pytest.raises(ValueError, match="not both"):
        Mapping.model_validate({**fields, "market": "country"})
    with pytest.raises(ValueError, match="needs the column of the geos"):
        Mapping.model_validate({**fields, "geo": None})
