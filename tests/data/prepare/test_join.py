"""Datasets become one by date and market, and what did not match is said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from mmm.data.prepare.join import JoinPart, JoinRecipe, join
from mmm.errors import UserError

MONDAYS = [dt.date(2024, 1, 1) + dt.timedelta(weeks=i) for i in range(5)]
SPEND = pa.table({"week": MONDAYS[:4], "tv": [1.0, 2.0, 3.0, 4.0]})
KPI = pa.table({"date": MONDAYS[1:], "revenue": [20.0, 30.0, 40.0, 50.0]})
TEMPERATURE = pa.table({"day": MONDAYS, "degrees": [5, 6, 7, 8, 9]})
PARTS = (
    JoinPart(dataset="de/spend", date="week"),
    JoinPart(dataset="de/kpi", date="date"),
    JoinPart(dataset="de/weather", date="day"),
)


def test_three_tables_meet_by_date() -> None:
    found = join(JoinRecipe(parts=PARTS), [SPEND, KPI, TEMPERATURE])
    assert found.table.to_pydict() == {
        "week": MONDAYS,
        "tv": [1.0, 2.0, 3.0, 4.0, None],
        "revenue": [None, 20.0, 30.0, 40.0, 50.0],
        "degrees": [5, 6, 7, 8, 9],
    }
    assert found.notes == (
        "de/spend has no row for 1 period that others have: 2024-01-29.",
        "de/kpi has no row for 1 period that others have: 2024-01-01.",
    )
    shared = join(JoinRecipe(parts=PARTS, keep="shared"), [SPEND, KPI, TEMPERATURE])
    assert shared.table["week"].to_pylist() == MONDAYS[1:4]
    assert shared.notes[-1] == "Left out: 2 rows that not all have."


def test_markets_meet_however_they_are_spelt_and_a_table_without_one_goes_to_all() -> None:
    spend = pa.table(
        {"d": [*MONDAYS[:2], *MONDAYS[:2]], "geo": ["DE", "DE", "AT", "AT"], "tv": [1, 2, 3, 4]}
    )
    kpi = pa.table(
        {"d": [*MONDAYS[:2], MONDAYS[0]], "land": ["at", "at ", "De"], "revenue": [30, 40, 10]}
    )
    weather = pa.table({"d": MONDAYS[:2], "degrees": [5, 6]})
    recipe = JoinRecipe(
        parts=(
            JoinPart(dataset="x/spend", date="d", market="geo"),
            JoinPart(dataset="x/kpi", date="d", market="land"),
            JoinPart(dataset="x/weather", date="d"),
        )
    )
    found = join(recipe, [spend, kpi, weather])
    assert found.table.to_pydict() == {
        "d": MONDAYS[:2] * 2,
        "geo": ["DE", "DE", "AT", "AT"],
        "tv": [1, 2, 3, 4],
        "revenue": [10, None, 30, 40],
        "degrees": [5, 6, 5, 6],
    }
    assert found.notes == ("x/kpi has no row for 1 period that others have: 2024-01-08 in 'DE'.",)


def test_amounts_without_a_market_are_said_to_count_in_each_and_names_of_a_country_are_doubted() -> (
    None
):
    """National spend on the rows of two regions is twice the money once they are added up."""
    spend = pa.table({"date": MONDAYS, "tv_spend": [1.5, 2.0, 3.0, 4.0, 5.0]})
    kpi = {
        "date": MONDAYS * 2,
        "geo": ["DE"] * 5 + ["Germany"] * 5,
        "revenue": [float(i) for i in range(10)],
    }
    parts = (
        JoinPart(dataset="x/spend", date="date"),
        JoinPart(dataset="x/kpi", date="date", market="geo"),
    )
    notes = " ".join(join(JoinRecipe(parts=parts), [spend, pa.table(kpi)]).notes)
    assert "x/spend has no market: 'tv_spend' stand in each of the 2 markets, and count 2" in notes
    assert "'DE', 'Germany' name one country, and are 2 markets here." in notes


def test_months_meet_whatever_day_they_are_written_on() -> None:
    firsts = [dt.date(2024, month, 1) for month in (1, 2, 3, 4)]
    ends = [dt.date(2024, 1, 31), dt.date(2024, 2, 29), dt.date(2024, 3, 31), dt.date(2024, 4, 30)]
    one, other = pa.table({"m": firsts, "tv": [1, 2, 3, 4]}), pa.table({"m": ends, "kpi": range(4)})
    parts = (JoinPart(dataset="a/1", date="m"), JoinPart(dataset="a/2", date="m"))
    assert join(JoinRecipe(parts=parts), [one, other]).notes == ()


SUNDAYS = [day - dt.timedelta(days=1) for day in MONDAYS]
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(20)]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"date": SUNDAYS, "kpi": range(5)}, "their weeks begin on monday and on sunday"),
        (
            {"date": DAYS, "kpi": range(20)},
            "have different steps: de/spend is weekly, de/kpi is daily",
        ),
        ({"date": [MONDAYS[0], *MONDAYS[:4]], "kpi": range(5)}, "row 2 repeat the date"),
        ({"date": ["soon"] * 2, "kpi": range(2)}, "holds no dates"),
        ({"date": MONDAYS, "tv": range(5)}, "the column 'tv' is in two datasets"),
    ],
)
def test_what_cannot_be_joined_is_named(other: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        join(JoinRecipe(parts=PARTS[:2]), [SPEND, pa.table(other)])


def test_a_monthly_level_stands_in_all_weeks_of_its_month_when_it_is_to_be_repeated() -> None:
    weeks = [dt.date(2024, 1, 1) + dt.timedelta(weeks=i) for i in range(13)]
    spend = pa.table({"week": weeks, "tv": [float(i) for i in range(13)]})
    months = [dt.date(2024, month, 15) for month in (1, 2, 3)]
    index = pa.table({"month": months, "cpi": [101.0, 102.0, 103.0]})
    parts = (JoinPart(dataset="a/b", date="week"), JoinPart(dataset="a/c", date="month"))
    with pytest.raises(UserError, match='"repeat": true'):
        join(JoinRecipe(parts=parts), [spend, index])
    repeated = (parts[0], parts[1].model_copy(update={"repeat": True}))
    found = join(JoinRecipe(parts=repeated), [spend, index])
    assert found.table["cpi"].to_pylist() == [101.0] * 5 + [102.0] * 4 + [103.0] * 4
    assert found.table["tv"].to_pylist() == spend["tv"].to_pylist()
    assert "a/c is monthly" in found.notes[0]


def test_markets_by_other_names_are_said_and_can_be_told() -> None:
    spend = pa.table({"date": MONDAYS, "country": ["Germany"] * 5, "tv": range(5)})
    kpi = pa.table({"date": MONDAYS, "geo": ["DE"] * 5, "revenue": range(5)})
    one = JoinPart(dataset="x/kpi", date="date", market="geo")
    other = JoinPart(dataset="x/spend", date="date", market="country")
    with pytest.raises(UserError, match="x/kpi has 'DE'; x/spend has 'Germany'"):
        join(JoinRecipe(parts=(one, other)), [kpi, spend])
    named = other.model_copy(update={"same": {"germany": "DE"}})
    found = join(JoinRecipe(parts=(one, named)), [kpi, spend])
    assert found.table["geo"].to_pylist() == ["DE"] * 5
    assert found.table["tv"].to_pylist() == [0, 1, 2, 3, 4]
    assert found.notes == ()
    unknown = other.model_copy(update={"same": {"France": "FR"}})
    with pytest.raises(UserError, match="there is no market 'France'"):
        join(JoinRecipe(parts=(one, unknown)), [kpi, spend])
