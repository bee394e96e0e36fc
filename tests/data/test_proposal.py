"""Proposals: exact mappings for the public tables of the field, and nothing invalid handed out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from mmm.data.mapping import Mapping, OrganicColumn, PaidColumns, SignedColumn
from mmm.data.naming import (
    DEFAULT_RULES,
    NamingRule,
    NamingRules,
    naming_rules,
    parse_naming_rules,
    words_of,
)
from mmm.data.proposal import propose
from mmm.errors import InvalidInput, UserError
from mmm.sources import sample
from mmm.workspace import Workspace

FILES = Path(__file__).parents[1] / "data_files"
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(weeks=i) for i in range(4)]


def read(name: str) -> pa.Table:
    return pyarrow.csv.read_csv(FILES / name)


def table(**columns: list) -> pa.Table:
    return pa.table(
        {"date": DAYS, "revenue": [5.0, 6, 7, 8], "tv_spend": [1.0, 0, 3, 4], **columns}
    )


def pairs(names: list[str], spend: str, exposure: str) -> tuple[PaidColumns, ...]:
    return tuple(
        PaidColumns(spend=spend.format(name), exposure=exposure.format(name)) for name in names
    )


def test_robyns_table() -> None:
    found = propose(pyarrow.csv.read_csv(sample.PATH))
    assert found.findings == ()
    wanted = sample.sample_mapping().model_dump()
    wanted["paid"] = [wanted["paid"][i] for i in (0, 1, 2, 4, 3)]  # in the table's order of spends
    assert found.mapping is not None
    assert found.mapping.model_dump() == {**wanted, "paid": tuple(wanted["paid"])}
    facebook = found.column("facebook_S")
    assert (facebook.role, facebook.partner, facebook.confidence) == ("spend", "facebook_I", 0.8)
    assert (
        facebook.reason
        == "the name has 's'; paired with 'facebook_I', on or off together in 100% of rows"
    )


def test_the_retail_table_with_80_columns() -> None:
    data = read("mmm_stan_weekly.csv")
    found = propose(data)
    channels = ["dm", "inst", "nsp", "auddig", "audtr", "vidtr", "viddig", "so", "on", "sem"]
    context = [
        n for n in data.column_names if n.startswith(("me_", "st_ct", "mrkdn_", "va_pub", "hldy_"))
    ]
    never_on = {"va_pub_0.3", "hldy_Green Monday"}  # in these 60 weeks
    copies = {
        "hldy_Christmas Eve": "hldy_Christmas Day",
        "hldy_Day after Christmas": "hldy_Christmas Day",
        "hldy_New Year's Day": "hldy_NYE",
        "hldy_Pre Thanksgiving": "hldy_Black Friday",
        "hldy_Thanksgiving": "hldy_Black Friday",
    }
    assert len(context) == 31
    assert found.mapping == Mapping(
        date="wk_strt_dt",
        kpi="sales",
        paid=pairs(channels, "mdsp_{}", "mdip_{}"),
        organic=tuple(OrganicColumn(column=name) for name in ("mdip_em", "mdip_sms", "mdip_aff")),
        context=tuple(
            SignedColumn(column=name) for name in context if name not in {*never_on, *copies}
        ),
    )
    unused = [item.column for item in found.columns if item.role == "unused"]
    assert unused[:5] == ["yr_nbr", "qtr_nbr", "prd", "wk_nbr", "wk_in_yr_nbr"]
    assert all(name.startswith("seas_") or name in {*never_on, *copies} for name in unused[5:])
    for name, first in copies.items():
        why = f"the same as {first!r} in every row, so their effects cannot be told apart"
        assert found.column(name).reason == why


@pytest.mark.parametrize(
    ("file", "market"), [("meridian_national.csv", None), ("meridian_geo.csv", "geo")]
)
def test_meridians_tables(file: str, market: str | None) -> None:
    found = propose(read(file))
    context = ("competitor_sales_control", "sentiment_score_control", "Promo")
    assert found.mapping == Mapping(
        date="time",
        kpi="conversions",
        kpi_kind="conversion",
        paid=pairs(["0", "1", "2", "3", "4"], "Channel{}_spend", "Channel{}_impression"),
        organic=(OrganicColumn(column="Organic_channel0_impression"),),
        context=tuple(SignedColumn(column=name) for name in context),
        market=market,
    )
    ratio = found.column("revenue_per_conversion")
    assert (ratio.role, ratio.confidence) == ("unused", 0.8)
    assert "a ratio of other columns" in ratio.reason


def test_spends_find_the_exposures_of_their_channel() -> None:
    found = propose(
        table(
            Google_Cost=[1.0, 2, 0, 4],
            Google_Clicks=[9, 8, 0, 3],
            Google_Impressions=[99, 88, 0, 33],
        )
    )
    assert found.mapping is not None
    assert found.mapping.paid == (
        PaidColumns(spend="tv_spend"),
        PaidColumns(spend="Google_Cost", exposure="Google_Impressions"),
    )
    clicks = found.column("Google_Clicks")
    assert clicks.role == "unused"
    assert clicks.reason == "a second exposure of 'Google_Cost'; 'Google_Impressions' is proposed"


def test_a_pair_that_is_not_on_together_is_doubtful() -> None:
    found = propose(table(radio_spend=[1.0, 2, 0, 0], radio_impressions=[0, 0, 5, 9]))
    spend = found.column("radio_spend")
    assert (spend.partner, spend.confidence) == ("radio_impressions", 0.47)
    assert spend.reason.endswith("on or off together in 0% of rows")


def test_bare_channel_names_are_spend_with_low_confidence() -> None:
    found = propose(
        pa.table(
            {"date": DAYS, "sales": [1.0, 2, 3, 4], "TV": [1.0, 2, 3, 5], "radio": [2.0, 1, 0, 1]}
        )
    )
    assert [(item.column, item.role, item.confidence) for item in found.columns[2:]] == [
        ("TV", "spend", 0.5),
        ("radio", "spend", 0.5),
    ]


def test_a_market_is_found_by_content_too() -> None:
    data = pa.table(
        {
            "date": DAYS * 2,
            "shop": ["a"] * 4 + ["b"] * 4,
            "revenue": [float(i) for i in range(1, 9)],
            "tv_spend": [float(i % 3) for i in range(8)],
        }
    )
    shop = propose(data).column("shop")
    assert (shop.role, shop.reason) == ("market", "each date comes once for each of its values")
    assert propose(table(country=["de"] * 4)).mapping.market is None  # type: ignore[union-attr]


def test_what_a_mapping_lacks_is_said_and_no_mapping_made() -> None:
    found = propose(pa.table({"a": [1.0, 2.5], "b": ["x", "y"]}))
    assert found.mapping is None
    assert [(f.level, f.where) for f in found.findings] == [
        ("error", "role date"),
        ("error", "role kpi"),
        ("error", "role spend"),
    ]
    assert {item.role for item in found.columns} == {"unused"}


def test_money_in_two_currencies_by_name_is_told() -> None:
    data = {"date": DAYS, "revenue_eur": [5.0, 6.0, 7.0, 9.0], "tv_spend_usd": [1.0, 2.0, 0.0, 4.0]}
    (found,) = propose(pa.table(data)).findings
    assert found.level == "warning"
    assert "'revenue_eur' is in EUR, 'tv_spend_usd' is in USD" in found.what
    data["tv_spend_eur"] = data.pop("tv_spend_usd")
    assert propose(pa.table(data)).findings == ()


def test_a_table_on_its_side_is_to_be_turned() -> None:
    days = {day.isoformat(): [5.0, 2.5] for day in DAYS}
    findings = propose(pa.table({"name": ["revenue", "tv"], **days})).findings
    (found,) = [item for item in findings if item.where == "role date"]
    assert "4 columns are named by one, first" in found.what
    assert found.fix is not None
    assert "turn it" in found.fix


def test_columns_no_engine_takes_are_not_proposed() -> None:
    found = propose(
        table(
            radio_spend=[0.0, 0, 0, 0],
            events=["none"] * 4,
            ooh_spend=pa.nulls(4, pa.float64()),
            print_spend=[1.0, -2, 3, None],
            orders=[1, 2, 3, 5],
            note=["a", "b", "c", "d"],
        )
    )
    reasons = {item.column: item.reason for item in found.columns if item.role == "unused"}
    assert reasons == {
        "radio_spend": "named like spend ('spend'), but it is 0 everywhere",
        "events": "named like factor ('events'), but it has one value only",
        "ooh_spend": "it has no value at all",
        "orders": "another KPI; 'revenue' is proposed, and as a driver this one would leak",
        "note": "text with 4 values that no naming rule knows",
    }
    assert [str(finding).split(":")[0] for finding in found.findings] == [
        "column 'print_spend'"
    ] * 2
    assert found.column("print_spend").confidence == 0.47  # halved, by its negative values


def test_decimals_times_with_zones_and_numbers_in_texts_are_read() -> None:
    stamps = pa.array(
        [dt.datetime(2024, 1, i, tzinfo=dt.UTC) for i in range(1, 5)], pa.timestamp("us", "UTC")
    )
    data = pa.table(
        {
            "time": stamps,
            "revenue": pa.array(
                [Decimal("1.50"), Decimal("2.25"), Decimal("3.00"), Decimal("4.00")]
            ),
            "tv_spend": ["1.5", "2", "0", "7"],
            "radio_spend": ["1.5", "a lot", "0", "7"],
        }
    )
    found = propose(data)
    assert [item.role for item in found.columns] == ["date", "kpi", "spend", "unused"]


def test_repeated_and_missing_names_are_refused() -> None:
    one = pa.array([1.0])
    with pytest.raises(InvalidInput, match=r"column 'a': 2 columns have this name \(1, 2\)"):
        propose(pa.table([one, one], names=["a", "a"]))
    with pytest.raises(InvalidInput, match="the column has no name"):
        propose(pa.table([one, one], names=["", "a"]))


def test_an_empty_table_gives_no_mapping() -> None:
    found = propose(table().slice(0, 0))
    assert found.mapping is None
    assert {item.reason for item in found.columns} == {"it has no value at all"}


def test_5000_columns() -> None:
    wide = {f"m{i}_spend": [float(i), 1.0, 0.0, 2.0] for i in range(2500)}
    wide |= {f"m{i}_impressions": [float(i), 1.0, 0.0, 2.0] for i in range(2500)}
    found = propose(table(**wide))
    assert found.mapping is not None
    assert found.mapping.paid[2500] == PaidColumns(
        spend="m2499_spend", exposure="m2499_impressions"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tvSpend_DE", ("tv", "spend", "de")),
        ("facebook_I", ("facebook", "i")),
        ("va_pub_0.15", ("va", "pub", "0", "15")),
        ("Umsätze Gesamt", ("umsätze", "gesamt")),
        ("TVSpend", ("tv", "spend")),
        ("TV_GRPs", ("tv", "grps")),
        ("Mediakosten Radio", ("media", "kosten", "radio")),
        ("facebookclicks", ("facebook", "clicks")),
    ],
)
def test_words_of_a_name(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("kpi", "spends"),
    [
        ("Przychód", ("Wydatki TV", "Koszt radio")),
        ("Omsättning", ("Kostnad TV", "Kostnad sök")),
        ("Receita", ("Investimento TV", "Custo busca")),
        ("Fatturato", ("Spesa TV", "Costi radio")),
        ("Ventas", ("Inversión TV", "Gasto radio")),
        ("Umsätze", ("Mediakosten TV", "Fernsehausgaben")),
        ("OrderValue", ("TVSpend", "radiospend")),
    ],
)
def test_names_of_other_languages(kpi: str, spends: tuple[str, str]) -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(7 * week) for week in range(10)]
    numbers = {name: [float(i * (k + 3) % 7) for i in range(10)] for k, name in enumerate(spends)}
    found = propose(pa.table({"x": days, kpi: [100.0 + i for i in range(10)], **numbers}))
    assert found.mapping is not None
    assert found.mapping.kpi == kpi
    assert tuple(paid.spend for paid in found.mapping.paid) == spends


def test_text_that_is_mostly_numbers_is_never_dropped_without_a_word() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(7 * week) for week in range(20)]
    rest = {"x": days, "revenue": [100.0 + i for i in range(20)], "radio_cost": [1.0, 2.0] * 10}
    cells = [f"{i}.5" if i % 5 else "closed" for i in range(20)]
    for name, level in (("TV", "error"), ("tv_cost", "error"), ("flyers", "warning")):
        (said,) = propose(pa.table({**rest, name: cells})).findings
        assert (said.level, said.where) == (level, f"column {name!r}")
        assert "4 cells are no number, 'closed' (row 1)" in said.what
    money = [f"${i}.5" if i % 2 else f"€{i}.5" for i in range(20)]
    (said,) = propose(pa.table({**rest, "tv_cost": money})).findings
    assert said.level == "error"
    assert "its amounts are in '$', '€'" in said.what


def test_a_date_that_is_none_is_named() -> None:
    found = propose(pa.table({"week": ["Period #1", "Period #2"], "revenue": [1.0, 2.0]}))
    assert "column 'week' holds 'Period #1'" in str(found.findings[0])


def test_a_workspaces_own_rules_go_before_the_defaults(tmp_path: Path) -> None:
    workspace = Workspace((tmp_path / "w").as_uri())
    assert naming_rules(workspace) == DEFAULT_RULES
    own = NamingRule(role="spend", words=("kosten",), confidence=1)
    rules = NamingRules(rules=(own,), mean_words=("quote",))
    assert [workspace.save_naming_rules(DEFAULT_RULES), workspace.save_naming_rules(rules)] == [
        1,
        2,
    ]
    assert naming_rules(workspace).rules == (own, *DEFAULT_RULES.rules)
    assert naming_rules(workspace).mean_words == ("quote", *DEFAULT_RULES.mean_words)
    found = propose(table(zeitung_kosten=[1.0, 2, 3, 5]), naming_rules(workspace))
    assert found.column("zeitung_kosten").confidence == 1.0


def test_wrong_rules_are_named() -> None:
    with pytest.raises(InvalidInput, match=r"rules\.0\.confidence: Input should be less than"):
        parse_naming_rules('{"rules": [{"role": "kpi", "words": ["x"], "confidence": 2}]}')
    with pytest.raises(UserError, match="is not JSON"):
        parse_naming_rules("{")
