"""The sample: Robyn's public weekly demo data (MIT; see LICENSE beside it) and the mapping of its
columns.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from mmm.data.mapping import Mapping, OrganicColumn, PaidColumns, SignedColumn

#: 208 weeks from 2015-11-23; revenue, five spends, two exposures, one organic medium, a competitor
#: and events.
PATH = Path(__file__).with_name("robyn_weekly.csv")
COUNTRY = "DE"
CURRENCY = "EUR"
WINDOW = (date(2016, 1, 4), date(2018, 12, 31))


def sample_mapping() -> Mapping:
    """The column roles of Robyn's demo."""
    return Mapping(
        date="DATE",
        kpi="revenue",
        kpi_kind="revenue",
        paid=(
            PaidColumns(spend="tv_S"),
            PaidColumns(spend="ooh_S"),
            PaidColumns(spend="print_S"),
            PaidColumns(spend="facebook_S", exposure="facebook_I"),
            PaidColumns(spend="search_S", exposure="search_clicks_P"),
        ),
        organic=(OrganicColumn(column="newsletter"),),
        context=(SignedColumn(column="competitor_sales_B"),),
        factors=(SignedColumn(column="events"),),
    )
