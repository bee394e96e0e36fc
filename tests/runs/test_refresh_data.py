"""A refresh says which old periods changed, and which new column of spend it leaves out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mmm.data.mapping import Mapping, PaidColumns
from mmm.models.refresh_data import data_changes

MAPPING = Mapping(date="date", kpi="revenue", paid=(PaidColumns(spend="tv_spend"),))


def table(weeks: int, **columns: np.ndarray) -> pa.Table:
    days = np.datetime64("2024-01-01") + 7 * np.arange(weeks)
    own = {"revenue": np.arange(weeks) + 100.0, "tv_spend": np.arange(weeks) % 5 + 1.0}
    return pa.table({"date": pa.array(days, pa.date32()), **own, **columns})


def test_new_periods_alone_are_nothing_to_say() -> None:
    narrow = table(20).set_column(1, "revenue", pa.array(np.arange(20) + 100, pa.int16()))
    assert data_changes(narrow, table(24), MAPPING) == []


def test_old_periods_that_changed_are_named_with_their_amounts() -> None:
    revenue = np.arange(24) + 100.0
    revenue[[3, 7]] += [10.0, -3.0]
    found = data_changes(table(20), table(24, revenue=revenue), MAPPING)
    assert [str(item) for item in found] == [
        "column 'revenue': 2 old periods changed since the previous model, first 2024-01-22: together "
        "210 before, 217 now (+7, +3.3 %). The refresh learns from the new numbers; find out why they "
        "changed."
    ]


def test_a_new_column_of_spend_is_named_and_other_new_columns_are_not() -> None:
    tiktok = np.where(np.arange(24) >= 20, 3000.0, 0.0)
    new = table(24, tiktok_spend=tiktok, note=np.array(["x"] * 24))
    (found,) = data_changes(table(20), new, MAPPING)
    assert (found.where, found.check) == ("column 'tiktok_spend'", "new_spend")
    assert found.what == (
        "the data have this new column, named like spend (12,000 in 4 periods); the model has no part "
        "for it."
    )
    assert data_changes(new, new, MAPPING) == []
    once = np.where(np.arange(24) == 23, 500.0, np.nan)
    (found,) = data_changes(table(20), table(24, tiktok_spend=once), MAPPING)
    assert "named like spend (500 in 1 period)" in found.what
