"""Two names of one country in a market column: doubted, and taken for one when a person says so."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from mmm.data.country_names import country_of, same_country
from mmm.data.mapping import Mapping, PaidColumns
from mmm.data.prepare import Recipe, prepare
from mmm.data.prepare.compare import Figures, before_after
from mmm.data.prepare.recipe import ColumnRule, MarketRule
from mmm.data.quality import Light, review
from mmm.errors import UserError

WEEKS = [dt.date(2022, 1, 3) + dt.timedelta(days=7 * i) for i in range(8)]


def test_names_of_a_country() -> None:
    assert [country_of(name) for name in ("de", " Deutschland ", "GER", "Bayern")] == [
        *("DE", "DE", "DE", None)
    ]
    names = ["UK", "FR", "Great  Britain", "GB", "North"]
    assert same_country(names) == [("UK", "Great  Britain", "GB")]
    assert same_country(["DE", "AT", "CH", "North"]) == []


def table() -> pa.Table:
    """Germany is called DE in the first five weeks and "Germany " after them."""
    names = ["DE"] * 5 + ["Germany "] * 3
    columns = {"week": WEEKS * 2, "geo": [*names, *["FR"] * 8], "tv": [2.0] * 8 + [1.0] * 8}
    return pa.table(columns | {"sales": [float(10 + i % 3 + i // 8) for i in range(16)]})


def recipe(join: str, **same: str) -> Recipe:
    rules = tuple(ColumnRule(column=name, aggregate="sum") for name in ("tv", "sales"))
    market = MarketRule.model_validate({"column": "geo", "join": join, "same": same})
    return Recipe(date="week", period="week", columns=rules, market=market)


def test_two_names_of_a_country_are_a_warning_with_the_fix() -> None:
    mapping = Mapping(date="week", kpi="sales", market="geo", paid=(PaidColumns(spend="tv"),))
    places = review(table(), mapping).check("types").places
    (place,) = [place for place in places if place.light is Light.ORANGE]
    assert place.what == "'DE', 'Germany' name one country, and are 2 markets here"
    assert '"same": {"Germany": "DE"}' in place.fix


def test_they_are_one_market_when_the_recipe_says_so() -> None:
    with pytest.raises(UserError, match="no period in common") as refused:
        prepare(table(), recipe("combine"))
    assert '"same": {"Germany": "DE"}' in refused.value.fix

    (made,) = prepare(table(), recipe("combine", Germany="DE"))
    assert made.table["tv"].to_pylist() == [3.0] * 8
    assert "'Germany' was taken for the market 'DE'." in made.notes
    assert not any("name one country" in note for note in made.notes)

    split = recipe("split", Germany="DE")
    german, french = prepare(table(), split)
    assert (german.market, french.market) == ("DE", "FR")
    assert german.table.num_rows == 8
    assert before_after(table(), split, german)[0].before == Figures(8, 16.0, 2.0, 2.0, 2.0)
    with pytest.raises(UserError, match="there is no market 'Spain'"):
        prepare(table(), recipe("combine", Spain="DE"))
