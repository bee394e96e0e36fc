"""Spend and exposure of one channel are paired by name, by overlapping names, and by content."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mmm.data.proposal import propose

WEEKS = 104


def table(**columns: np.ndarray) -> pa.Table:
    days = np.datetime64("2022-01-03") + 7 * np.arange(WEEKS)
    kpi = np.random.default_rng(9).uniform(1000, 2000, WEEKS)
    return pa.table({"date": pa.array(days, pa.date32()), "revenue": kpi, **columns})


def spend(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.uniform(size=WEEKS) < 0.8, rng.uniform(100, 900, WEEKS).round(), 0.0)


def seen(money: np.ndarray, seed: int) -> np.ndarray:
    """What was seen for the money: dearer in some weeks than in others."""
    return (money * np.random.default_rng(seed).uniform(45, 55, WEEKS)).round()


TV, SEARCH = spend(1), spend(2)


@pytest.mark.parametrize(
    ("spends", "exposures"),
    [
        (("spend_tv_ads", "spend_search_ads"), ("impressions_tv", "clicks_search")),
        (("media_spend_0", "media_spend_1"), ("media_0", "media_1")),
        (("tv_brand_cost", "search_generic_cost"), ("impressions_tv", "clicks_search")),
        (("fb_spend", "google_spend"), ("facebook_impressions", "adwords_clicks")),
        (("tv_spend", "search_spend"), ("tv", "search")),
        (("cost_a", "cost_b"), ("first_impressions", "second_impressions")),
    ],
)
def test_exposures_find_their_spend(spends: tuple[str, str], exposures: tuple[str, str]) -> None:
    given = {
        spends[0]: TV,
        spends[1]: SEARCH,
        exposures[0]: seen(TV, 3),
        exposures[1]: seen(SEARCH, 4),
    }
    found = propose(table(**given))
    assert found.mapping is not None
    assert [(item.spend, item.exposure) for item in found.mapping.paid] == [
        (spends[0], exposures[0]),
        (spends[1], exposures[1]),
    ]
    assert found.mapping.organic == ()


def test_an_exposure_of_nothing_stays_organic() -> None:
    found = propose(table(tv_spend=TV, search_spend=SEARCH, video_views=spend(7)))
    assert found.column("video_views").role == "organic"


def test_what_two_spends_fit_alike_is_left_to_the_person() -> None:
    found = propose(table(cost_a=TV, cost_b=TV * 2, some_impressions=seen(TV, 3)))
    item = found.column("some_impressions")
    assert (item.role, item.confidence) == ("unused", 0.4)
    assert item.reason == "the exposure of 'cost_a' and 'cost_b' alike; choose whose"


def test_link_clicks_of_the_only_spend_are_a_second_exposure() -> None:
    rng = np.random.default_rng(5)
    spend = rng.uniform(10, 900, 60)
    table = pa.table({
        "Day": pa.array(np.datetime64("2024-01-01") + np.arange(60), pa.date32()),
        "Amount spent (EUR)": spend,
        "Link clicks": rng.uniform(1, 500, 60).round(),
        "Impressions": rng.uniform(999, 40_000, 60).round(),
        "Purchases conversion value": spend * 3 + rng.uniform(0, 9, 60),
    })  # fmt: skip
    found = propose(table)
    assert found.column("Impressions").role == "exposure"
    assert found.column("Link clicks").role == "unused"
