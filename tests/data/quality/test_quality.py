"""Quality: each check's light, sentence, columns and dates; unknown where it could not run, never a
pass.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from mmm.data.mapping import Mapping, OrganicColumn, PaidColumns, SignedColumn
from mmm.data.quality import CHECKS, Light, review
from mmm.data.quality.relations import exact_sets, inflation
from mmm.data.quality.series import TOTAL_SPEND, over_time
from mmm.errors import InvalidInput, UserError
from mmm.sources import sample

WEEKS = 160
MONDAYS = [dt.date(2022, 1, 3) + dt.timedelta(weeks=i) for i in range(WEEKS)]
MAPPING = Mapping(
    date="date",
    kpi="revenue",
    paid=(PaidColumns(spend="tv"), PaidColumns(spend="search", exposure="clicks")),
    organic=(OrganicColumn(column="mails"),),
    context=(SignedColumn(column="price"),),
    factors=(SignedColumn(column="event"),),
)
Columns = dict[str, Any]


def columns() -> Columns:
    """Three years of weekly data without a flaw: every check is green."""
    random = np.random.default_rng(7)
    search = random.uniform(20, 120, WEEKS)
    return {
        "date": list(MONDAYS),
        "revenue": random.uniform(900, 1100, WEEKS),
        "tv": random.uniform(10, 100, WEEKS),
        "search": search,
        "clicks": search * random.uniform(1, 3, WEEKS),
        "mails": random.uniform(5, 9, WEEKS),
        "price": random.uniform(1, 2, WEEKS),
        "event": ["a", "b"] * (WEEKS // 2),
    }


def flawed(change: Callable[[Columns], None]) -> pa.Table:
    made = columns()
    change(made)
    return pa.table(made)


def put(column: str, at: int | slice, value: Any) -> Callable[[Columns], None]:
    def change(made: Columns) -> None:
        made[column] = list(made[column])
        if isinstance(at, slice):
            places = range(*at.indices(len(made[column])))
            for place in places:
                made[column][place] = value
        else:
            made[column][at] = value

    return change


def test_flawless_data_are_green_everywhere() -> None:
    report = review(pa.table(columns()), MAPPING)
    assert [(r.check, r.light, r.places) for r in report.checks] == [
        (c.name, Light.GREEN, ()) for c in CHECKS
    ]
    assert report.light is Light.GREEN
    assert [(c.channel, c.light, c.active, c.periods) for c in report.channels] == [
        ("tv", Light.GREEN, WEEKS, WEEKS),
        ("search", Light.GREEN, WEEKS, WEEKS),
    ]
    assert report.check("cadence").finding == (
        "The rows are weekly without a gap, 2022-01-03 to 2025-01-20, 160 periods."
    )
    assert report.check("length").finding == "The data cover 1,120 days (3.1 years, 160 periods)."
    assert (
        report.check("observations").finding == "160 periods for about 9 coefficients: 17.8 each."
    )


def test_every_check_says_why_and_what_to_do() -> None:
    for check in CHECKS:
        assert check.why.endswith(".")
        assert check.fix.endswith(".")


@pytest.mark.parametrize(
    ("change", "check", "light", "column", "what"),
    [
        (put("tv", 3, None), "missing", Light.RED, "tv", "no value in row 4"),
        (
            put("event", 3, None),
            "missing",
            Light.ORANGE,
            "event",
            "no value in row 4; empty cells count as a level of their own",
        ),
        (put("date", 3, None), "missing", Light.RED, "date", "no date in row 4"),
        (put("tv", 3, -2.5), "negative", Light.RED, "tv", "a negative value in row 4, first -2.5"),
        (
            put("revenue", 3, -2.0),
            "negative",
            Light.ORANGE,
            "revenue",
            "a negative value in row 4, first -2",
        ),
        (
            put("tv", slice(0, None), 5.0),
            "constant",
            Light.RED,
            "tv",
            "is 5 everywhere in the data",
        ),
        (
            put("event", slice(0, None), "a"),
            "constant",
            Light.RED,
            "event",
            "has one level only in the data, 'a'",
        ),
        (
            put("tv", slice(0, 100), 0.0),
            "zeros",
            Light.YELLOW,
            "tv",
            "is 0 in 100 of 160 periods (62%)",
        ),
        (
            put("tv", slice(0, 150), 0.0),
            "zeros",
            Light.ORANGE,
            "tv",
            "is 0 in 150 of 160 periods (94%)",
        ),
        (put("revenue", 9, 0.0), "zeros", Light.YELLOW, "revenue", "is 0 in 1 of 160 periods (1%)"),
        (
            put("clicks", 3, 0.0),
            "exposure",
            Light.ORANGE,
            "search",
            "1 period in the data with spend but no 'clicks', first 2022-01-24 (1% of those it is on)",
        ),
        (
            put("search", slice(0, 40), 0.0),
            "exposure",
            Light.ORANGE,
            "clicks",
            "40 periods in the data with exposure but no 'search', first 2022-01-03 "
            "(25% of those it is on)",
        ),
    ],
)
def test_a_flaw_is_found_with_its_column(
    change: Callable[[Columns], None], check: str, light: Light, column: str, what: str
) -> None:
    found = review(flawed(change), MAPPING).check(check)
    assert (found.light, [(p.column, p.what) for p in found.places]) == (light, [(column, what)])


def test_places_carry_the_first_dates() -> None:
    place = review(flawed(put("tv", slice(4, 12), None)), MAPPING).check("missing").places[0]
    assert (place.dates, place.count) == (tuple(MONDAYS[4:9]), 8)


def test_gaps_and_odd_dates() -> None:
    table = pa.table(columns())
    gap = review(pa.concat_tables([table.slice(0, 10), table.slice(12)]), MAPPING).check("cadence")
    assert gap.light is Light.RED
    assert (
        gap.finding
        == "The rows are weekly, but not evenly: 2 periods missing, first 2022-03-14 (after row 10)."
    )
    assert gap.places[0].dates == (MONDAYS[10], MONDAYS[11])
    odd = review(flawed(put("date", 5, MONDAYS[5] + dt.timedelta(days=1))), MAPPING).check(
        "cadence"
    )
    assert [place.what for place in odd.places] == [
        "1 period missing, first 2022-02-07 (after row 5)",
        "1 date out of step, first 2022-02-08 (row 6)",
    ]
    third = flawed(
        lambda made: made.update(
            date=[dt.date(2022, 1, 1) + dt.timedelta(days=3 * i) for i in range(WEEKS)]
        )
    )
    assert (
        review(third, MAPPING).check("cadence").finding
        == "The rows come every 3 days, not by day, week, month or quarter."
    )


def test_months_are_even_although_their_days_differ() -> None:
    months = [dt.date(2012 + i // 12, 1 + i % 12, 1) for i in range(WEEKS)]
    found = review(flawed(lambda made: made.update(date=months)), MAPPING).check("cadence")
    assert (
        found.finding
        == "The rows are monthly without a gap, 2012-01-01 to 2025-04-01, 160 periods."
    )


def test_repeated_dates_stop_what_needs_a_series_and_nothing_passes() -> None:
    report = review(flawed(put("date", 5, MONDAYS[4])), MAPPING)
    found = report.check("duplicates")
    assert (found.light, found.finding) == (Light.RED, "1 date more than once, first 2022-01-31.")
    assert found.places[0].what == "1 date occurs more than once, first 2022-01-31 in rows 5, 6"
    unknown = {result.check for result in report.checks if result.light is Light.UNKNOWN}
    assert unknown == {
        "observations", "units", "zeros", "exposure", "outliers", "edges", "breaks", "correlation", "vif",
        "leakage",
    }  # fmt: skip
    assert report.check("vif").finding == (
        "Could not run: dates occur more than once, so there is no series to look at."
    )
    assert {channel.light for channel in report.channels} == {Light.UNKNOWN}


def test_mixed_types_are_named_and_what_needs_them_is_unknown() -> None:
    texts = [str(value) for value in columns()["tv"]]
    texts[6] = "a lot"
    report = review(flawed(lambda made: made.update(tv=texts)), MAPPING)
    found = report.check("types")
    assert (found.light, found.finding) == (Light.RED, "Not what the role needs is in 'tv'.")
    assert found.places[0].what == "no finite number (first 'a lot') in row 7"
    assert found.places[0].dates == (MONDAYS[6],)
    assert report.check("vif").light is Light.UNKNOWN
    assert report.check("length").light is Light.GREEN


def test_a_date_column_without_dates() -> None:
    times = [dt.time(i % 24) for i in range(WEEKS)]
    report = review(flawed(lambda made: made.update(date=times)), MAPPING)
    assert report.check("types").places[0].what == "holds times of day, not dates"
    assert {report.check(name).light for name in ("cadence", "duplicates", "leakage")} == {
        Light.UNKNOWN
    }


@pytest.mark.parametrize(
    ("weeks", "light"),
    [
        (2, Light.RED),
        (51, Light.ORANGE),
        (103, Light.ORANGE),
        (104, Light.GREEN),
        (105, Light.GREEN),
    ],
)
def test_length(weeks: int, light: Light) -> None:
    assert review(pa.table(columns()).slice(0, weeks), MAPPING).check("length").light is light


@pytest.mark.parametrize(
    ("weeks", "light"), [(10, Light.RED), (11, Light.ORANGE), (89, Light.ORANGE), (90, Light.GREEN)]
)
def test_observations_per_parameter(weeks: int, light: Light) -> None:
    assert review(pa.table(columns()).slice(0, weeks), MAPPING).check("observations").light is light


def test_outliers() -> None:
    found = review(flawed(put("revenue", 40, 2000.0)), MAPPING).check("outliers")
    assert [(p.column, p.light, p.dates) for p in found.places] == [
        ("revenue", Light.YELLOW, (MONDAYS[40],))
    ]
    assert found.places[0].what.startswith("2,000 on 2022-10-10 lies ")
    lost_point = review(flawed(put("tv", 40, 50_000.0)), MAPPING).check("outliers")
    assert [(p.column, p.light) for p in lost_point.places] == [("tv", Light.ORANGE)]


def test_level_breaks() -> None:
    def doubled(made: Columns) -> None:
        made["revenue"] = np.where(np.arange(WEEKS) >= 90, 2.5, 1) * made["revenue"]

    found = review(flawed(doubled), MAPPING).check("breaks")
    assert [(p.column, p.light, p.dates) for p in found.places] == [
        ("revenue", Light.YELLOW, (MONDAYS[90],))
    ]

    def season(made: Columns) -> None:  # a high season of ten weeks each year is no break
        made["revenue"] = np.where(np.arange(WEEKS) % 52 >= 42, 2.5, 1) * made["revenue"]

    assert review(flawed(season), MAPPING).check("breaks").light is Light.GREEN

    def cents(made: Columns) -> None:
        made["tv"] = np.where(np.arange(WEEKS) >= 80, 100, 1) * made["tv"]

    assert [p.column for p in review(flawed(cents), MAPPING).check("breaks").places] == ["tv"]
    short = review(pa.table(columns()).slice(0, 40), MAPPING).check("breaks")
    assert (short.light, short.finding) == (
        Light.UNKNOWN,
        "Could not run: a break is looked for in 364 days of data or more.",
    )


def test_correlation_and_inflation() -> None:
    def twins(made: Columns) -> None:
        made["mails"] = 2 * made["tv"] + 1

    report = review(flawed(twins), MAPPING)
    found = report.check("correlation")
    assert found.finding == "1 pair of columns with |r| from 0.8 on."
    assert [(p.column, p.light, p.what) for p in found.places] == [
        ("tv", Light.ORANGE, "moves with 'mails' (r = 1.00)")
    ]
    assert [(p.column, p.what) for p in report.check("vif").places] == [
        ("tv", "is 'mails' but for its scale"),
        ("mails", "is 'tv' but for its scale"),
    ]
    tv = report.channels[0]
    assert (tv.light, tv.closest, round(tv.closest_r or 0, 6)) == (Light.RED, "mails", 1.0)
    assert (
        tv.sentences[0].text
        == "Always moves with 'mails' (r = 1.00): their effects cannot be separated."
    )


def test_an_exact_sum_is_named_as_a_set_and_its_channels_are_red() -> None:
    def add(made: Columns) -> None:
        made["search"] = np.array(made["tv"]) + np.array(made["radio"])
        made["clicks"] = made["search"]

    mapping = MAPPING.model_copy(
        update={
            "paid": (
                PaidColumns(spend="tv"),
                PaidColumns(spend="search"),
                PaidColumns(spend="radio"),
                PaidColumns(spend="free"),
            )
        }
    )
    rng = np.random.default_rng(7)

    def change(made: Columns) -> None:
        made["radio"] = rng.uniform(1, 100, WEEKS)
        made["free"] = rng.uniform(1, 100, WEEKS)
        add(made)

    report = review(flawed(change), mapping)
    lights = {channel.channel: channel.light for channel in report.channels}
    assert lights == {
        "tv": Light.RED,
        "search": Light.RED,
        "radio": Light.RED,
        "free": Light.GREEN,
    }
    said = {item.channel: item.sentences[-1].text for item in report.channels}
    assert said["tv"] == (
        "It is an exact sum of 'search', 'radio': their effects cannot be told apart at all."
    )
    named = {place.column: place.what for place in report.check("vif").places}
    assert set(named) == {"tv", "search", "radio"}
    assert named["search"] == "is a sum of others exactly: 'tv', 'radio'"


def test_two_exact_sums_are_two_sets() -> None:
    rng = np.random.default_rng(3)
    a, b, c, d = rng.normal(size=(4, 200))
    names = ["a", "b", "c", "d", "a+b", "c-2d"]
    matrix = np.corrcoef([a, b, c, d, a + b, c - 2 * d])
    sets = exact_sets(names, matrix)
    assert {name: set(members) for name, members in sets.items()} == {
        "a": {"a", "b", "a+b"},
        "b": {"a", "b", "a+b"},
        "a+b": {"a", "b", "a+b"},
        "c": {"c", "d", "c-2d"},
        "d": {"c", "d", "c-2d"},
        "c-2d": {"c", "d", "c-2d"},
    }


def test_month_ends_are_one_date_per_month() -> None:
    firsts = np.arange(np.datetime64("2012-02"), np.datetime64("2012-02") + WEEKS)
    ends = (firsts.astype("datetime64[D]") - np.timedelta64(1, "D")).tolist()
    found = review(flawed(lambda made: made.update(date=ends)), MAPPING).check("cadence")
    assert found.light is Light.GREEN
    assert found.finding.startswith("The rows are monthly without a gap, 2012-01-31 to ")


def test_markets_in_other_spellings_are_one() -> None:
    table = pa.table(columns())
    names = pa.array(["DE", "De", "de "] * 53 + ["DE"])
    table = table.append_column("geo", names)
    report = review(table, MAPPING.model_copy(update={"market": "geo"}))
    assert report.check("duplicates").light is Light.GREEN
    assert report.check("cadence").light is Light.GREEN
    (place,) = report.check("types").places
    assert (place.column, place.light) == ("geo", Light.YELLOW)
    assert place.what == "'DE', 'De', 'de ' are taken for one market, 'DE'"
    assert review(table, MAPPING.model_copy(update={"market": "geo"}), market="dE").light


def test_inflation_equals_its_definition() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=(200, 4))
    x[:, 3] += 2 * x[:, 0] - x[:, 1]
    found = inflation(np.corrcoef(x, rowvar=False))
    for i in range(4):
        others = np.column_stack([np.ones(200), np.delete(x, i, axis=1)])
        residual = x[:, i] - others @ np.linalg.lstsq(others, x[:, i], rcond=None)[0]
        r2 = 1 - residual.var() / x[:, i].var()
        assert found[i] == pytest.approx(1 / (1 - r2), rel=1e-9)


@pytest.mark.parametrize(
    ("lag", "when"),
    [(0, ""), (-1, ", 1 period before it"), (2, ", 2 periods later")],
    ids=["same", "leads", "follows"],
)
def test_leakage(lag: int, when: str) -> None:
    def leak(made: Columns) -> None:
        made["price"] = np.roll(made["revenue"], lag) * 0.2 + 3

    found = review(flawed(leak), MAPPING).check("leakage")
    assert [(p.column, p.light, p.what) for p in found.places] == [
        ("price", Light.RED, f"follows the KPI{when} (r = 1.00, of changes 1.00)")
    ]


def test_a_common_trend_is_yellow_not_red() -> None:
    def trend(made: Columns) -> None:
        made["revenue"] = made["revenue"] + 50 * np.arange(WEEKS)
        made["price"] = made["price"] + 50 * np.arange(WEEKS)

    assert [
        (p.column, p.light) for p in review(flawed(trend), MAPPING).check("leakage").places
    ] == [("price", Light.YELLOW)]


@pytest.mark.parametrize(
    ("change", "light", "text"),
    [
        (
            put("tv", slice(0, 154), 0.0),
            Light.RED,
            "On in 6 of 160 periods: its effect rests on too few of them.",
        ),
        (
            put("tv", slice(0, 148), 0.0),
            Light.YELLOW,
            "On in 12 of 160 periods: carryover and saturation rest on few of them.",
        ),
        (put("tv", slice(0, None), 0.0), Light.RED, "Never on: nothing can be told."),
        (
            lambda made: made.update(tv=50 + np.arange(WEEKS) % 3),
            Light.RED,
            "Always on and hardly changing (50 to 52): its effect cannot be told from the base, nor its saturation.",
        ),
        (
            lambda made: made.update(tv=(50 + np.arange(WEEKS) % 3) * (np.arange(WEEKS) % 2)),
            Light.YELLOW,
            "Spend varies little where it is on (50 to 52): saturation cannot be told.",
        ),
        (
            lambda made: made.update(tv=made["tv"] / 1000),
            Light.YELLOW,
            "It has 0.1% of the spend: its effect drowns in the noise unless it is large.",
        ),
    ],
)
def test_what_a_channels_data_cannot_tell(
    change: Callable[[Columns], None], light: Light, text: str
) -> None:
    tv = review(flawed(change), MAPPING).channels[0]
    assert (tv.light, text) == (
        light,
        next((s.text for s in tv.sentences if s.text == text), tv.sentences),
    )


@pytest.mark.parametrize(("weeks", "light"), [(8, Light.YELLOW), (40, Light.RED)])
def test_a_channel_whose_spend_lacks_exposure_is_not_green(weeks: int, light: Light) -> None:
    search = review(flawed(put("clicks", slice(0, weeks), 0.0)), MAPPING).channels[1]
    text = f"In {weeks} of the 160 periods it is on there is no 'clicks': what was spent then earns nothing."
    assert (search.light, [s.text for s in search.sentences if s.light is light]) == (light, [text])


def markets(short: int = 0) -> pa.Table:
    south = columns()
    south["revenue"] = [value + 1.0 for value in south["revenue"]]
    one, other = pa.table(columns()), pa.table(south).slice(0, WEEKS - short)
    geo = pa.array(["N"] * WEEKS + ["S"] * (WEEKS - short))
    return pa.concat_tables([one, other]).append_column("geo", geo)


def test_markets_are_checked_by_themselves_and_summed() -> None:
    mapping = MAPPING.model_copy(update={"market": "geo"})
    report = review(markets(), mapping)
    assert report.check("duplicates").finding == "There is one row per date and market."
    assert report.light is Light.GREEN
    report = review(markets(short=10), mapping)
    assert [place.what for place in report.check("cadence").places] == [
        "market 'S' covers 2022-01-03 to 2024-11-11 only"
    ]
    assert (
        review(markets(short=10), mapping, market="S")
        .check("length")
        .finding.startswith("The data cover 1,050 days")
    )
    with pytest.raises(UserError, match=r"there is no market 'W'\. It has: 'N', 'S'"):
        review(markets(), mapping, market="W")
    assert review(markets(), MAPPING).check("duplicates").light is Light.RED


def test_a_hole_in_one_market_is_found() -> None:
    table = markets()
    table = pa.concat_tables([table.slice(0, 170), table.slice(171)])
    found = review(table, MAPPING.model_copy(update={"market": "geo"})).check("cadence")
    assert [(p.light, p.what) for p in found.places] == [
        (Light.RED, "1 period missing in 'S', first 2022-03-14 (after row 170)")
    ]


def test_changed_schemas_and_empty_tables_are_refused() -> None:
    table = pa.table(columns())
    with pytest.raises(
        InvalidInput, match=r"column 'clicks': the table has no such column\. Did you mean 'click'"
    ):
        review(
            table.rename_columns([{"clicks": "click"}.get(n, n) for n in table.column_names]),
            MAPPING,
        )
    with pytest.raises(InvalidInput, match="the table has no rows"):
        review(table.slice(0, 0), MAPPING)
    twice = pa.table([*table.columns, table["tv"]], names=[*table.column_names, "tv"])
    with pytest.raises(InvalidInput, match="column 'tv': the table has two columns of this name"):
        review(twice, MAPPING)


def test_decimals_and_times_with_zones() -> None:
    def typed(made: Columns) -> None:
        made["tv"] = pa.array([Decimal(f"{value:.2f}") for value in made["tv"]])
        stamps = [dt.datetime(d.year, d.month, d.day, tzinfo=dt.UTC) for d in MONDAYS]
        made["date"] = pa.array(stamps, pa.timestamp("us", "UTC"))

    assert review(flawed(typed), MAPPING).light is Light.GREEN


def test_5000_columns_are_unknown_where_that_is_too_many() -> None:
    random = np.random.default_rng(1)
    names = [f"m{i}" for i in range(5000)]
    table = pa.table({**columns(), **{name: random.uniform(1, 9, WEEKS) for name in names}}).slice(
        0, 30
    )
    mapping = MAPPING.model_copy(update={"paid": tuple(PaidColumns(spend=name) for name in names)})
    report = review(table, mapping)
    assert report.check("observations").light is Light.RED
    assert report.check("vif").finding == (
        "Could not run: 5,002 columns are more than the 1,000 this is computed for."
    )
    assert report.check("correlation").light is Light.UNKNOWN


def test_the_sample() -> None:
    report = review(pyarrow.csv.read_csv(sample.PATH), sample.sample_mapping())
    lights = {
        result.check: result.light.value
        for result in report.checks
        if result.light is not Light.GREEN
    }
    assert lights == {
        "zeros": "yellow",
        "exposure": "yellow",
        "outliers": "yellow",
        "leakage": "yellow",
    }
    plain = json.loads(json.dumps(report.as_json()))
    assert plain["light"] == "yellow"
    assert [check["check"] for check in plain["checks"]] == [check.name for check in CHECKS]
    exposure = next(check for check in plain["checks"] if check["check"] == "exposure")
    assert exposure["places"] == [
        {
            "column": "facebook_I",
            "light": "yellow",
            "what": "1 period in the data with exposure but no 'facebook_S', first 2019-02-25 "
            "(1% of those it is on)",
            "dates": ["2019-02-25"],
            "count": 1,
            "fix": "",
            "absent": False,
        }
    ]


def test_the_series_that_are_drawn_are_those_that_are_checked() -> None:
    found = over_time(pa.table(columns()), MAPPING, ["clicks"])
    assert found.column_names == ["date", "revenue", TOTAL_SPEND, "clicks"]
    made = columns()
    assert found[TOTAL_SPEND].to_pylist() == pytest.approx(list(made["tv"] + made["search"]))
    assert found["date"].to_pylist() == MONDAYS
    with pytest.raises(UserError, match="dates occur more than once"):
        over_time(flawed(put("date", 1, MONDAYS[0])), MAPPING, [])


@pytest.mark.parametrize("value", [-1e308, 1e200])
def test_numbers_whose_squares_are_infinite_are_compared_all_the_same(value: float) -> None:
    report = review(flawed(put("tv", 3, value)), MAPPING)
    assert "Could not run" not in report.check("correlation").finding
    assert "Could not run" not in report.check("vif").finding


def test_a_market_column_that_repeats_the_kpi_is_red() -> None:
    """Channels mapped as markets by hand: the KPI would be counted once for each."""
    days = [dt.date(2022, 1, 3) + dt.timedelta(weeks=i // 2) for i in range(120)]
    made = {
        "date": days,
        "channel": ["tv", "search"] * 60,
        "revenue": [1000.0 + 7 * (i // 2 % 11) for i in range(120)],
        "spend": [10.0 + (i * 7) % 13 for i in range(120)],
    }
    mapping = Mapping.model_validate(
        {"date": "date", "kpi": "revenue", "paid": [{"spend": "spend"}], "market": "channel"}
    )
    found = review(pa.table(made), mapping).check("repeated_kpi")
    assert found.light is Light.RED
    assert found.finding == "The KPI is repeated in all 2 markets."
    made["revenue"][1] += 1.0
    assert review(pa.table(made), mapping).check("repeated_kpi").light is Light.GREEN


def test_a_market_that_is_the_sum_of_the_others_is_red() -> None:
    """A row "All" beside the countries: everything would be counted twice."""
    days = [dt.date(2022, 1, 3) + dt.timedelta(weeks=i) for i in range(60)]
    values = {"DE": [100.0 + 7 * (i % 11) for i in range(60)]}
    values["FR"] = [40.0 + 3 * (i % 7) for i in range(60)]
    values["All"] = [round(de + fr, 2) for de, fr in zip(values["DE"], values["FR"], strict=True)]
    made = {
        "date": days * 3,
        "geo": [name for name in values for _ in days],
        "revenue": [value for column in values.values() for value in column],
        "spend": [10.0 + (i * 7) % 13 for i in range(180)],
    }
    mapping = Mapping.model_validate(
        {"date": "date", "kpi": "revenue", "paid": [{"spend": "spend"}], "market": "geo"}
    )
    found = review(pa.table(made), mapping).check("repeated_kpi")
    assert (found.light, found.finding) == (Light.RED, "One market is the sum of the others.")
    (place,) = found.places
    assert place.what == "'All' is the sum of the other 2 markets on every date"
    made["revenue"][130] += 1.0
    assert review(pa.table(made), mapping).check("repeated_kpi").light is Light.GREEN


def test_a_last_week_that_is_not_over_is_told() -> None:
    """An export made on a Wednesday: three days of KPI and spend."""
    count = 60
    made = {
        "date": [dt.date(2022, 1, 3) + dt.timedelta(weeks=i) for i in range(count)],
        "revenue": [1000.0 + 50 * (i % 7) for i in range(count)],
        "spend": [100.0 + (i * 7) % 13 for i in range(count)],
    }
    mapping = Mapping.model_validate(
        {"date": "date", "kpi": "revenue", "paid": [{"spend": "spend"}]}
    )
    whole = review(pa.table(made), mapping).check("edges")
    assert (whole.light, whole.places) == (Light.GREEN, ())
    made["revenue"][-1], made["spend"][-1] = 480.0, 44.0
    found = review(pa.table(made), mapping).check("edges")
    (place,) = found.places
    assert (found.light, place.column, place.dates) == (
        Light.ORANGE,
        "revenue",
        (made["date"][-1],),
    )
    assert place.what.startswith("43% of the usual KPI in the last period, with as little spend")
    # A bad week with the usual spend is no half week.
    made["spend"][-1] = 105.0
    assert review(pa.table(made), mapping).check("edges").light is Light.GREEN
