"""The platforms' own export names, a table of each: what every column is taken for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mmm.data.proposal import propose

DAYS = 90
_DATES = pa.array(np.datetime64("2024-01-01") + np.arange(DAYS), pa.date32())


def numbers(seed: int, size: float) -> pa.Array:
    return pa.array(np.random.default_rng(seed).uniform(1, size, DAYS).round(2))


#: Column names as the exports have them, with the role each should be given.
PLATFORMS: dict[str, dict[str, str]] = {
    "Google Ads": {
        "Day": "date",
        "Campaign": "factor",
        "Currency code": "unused",
        "Cost": "spend",
        "Impr.": "exposure",
        "Avg. CPC": "unused",
        "CTR": "unused",
        "Conversions": "kpi",
        "Cost / conv.": "unused",
        "Conv. rate": "unused",
        "Search impr. share": "unused",
    },
    "Meta": {
        "Reporting starts": "date",
        "Campaign name": "unused",
        "Amount spent (EUR)": "spend",
        "Impressions": "exposure",
        "Frequency": "unused",
        "CPM (cost per 1,000 impressions)": "unused",
        "Cost per result": "unused",
        "Purchases conversion value": "kpi",
        "Purchase ROAS (return on ad spend)": "unused",
    },
    "TikTok": {
        "By Day": "date",
        "Ad group name": "unused",
        "Cost": "spend",
        "Impressions": "exposure",
        "CPC (destination)": "unused",
        "CTR (destination)": "unused",
        "Conversions": "kpi",
        "Cost per conversion": "unused",
    },
    "LinkedIn": {
        "Start Date (in UTC)": "date",
        "Account Name": "unused",
        "Total Spent": "spend",
        "Impressions": "exposure",
        "Average CPM": "unused",
        "Leads": "kpi",
        "Cost per Lead": "unused",
        "Engagement Rate": "unused",
    },
    "Microsoft Advertising": {
        "Gregorian date": "date",
        "Account number": "unused",
        "Spend": "spend",
        "Impressions": "exposure",
        "Avg. CPC": "unused",
        "Revenue": "kpi",
    },
    "Amazon Ads": {
        "Date": "date",
        "Portfolio name": "unused",
        "Campaign Name": "unused",
        "Impressions": "exposure",
        "Click-Thru Rate (CTR)": "unused",
        "Cost Per Click (CPC)": "unused",
        "Spend": "spend",
        "14 Day Total Sales (€)": "kpi",
        "Total Advertising Cost of Sales (ACOS)": "unused",
        "Total Return on Advertising Spend (ROAS)": "unused",
    },
    "dbt ad_reporting": {
        "date_day": "date",
        "account_name": "unused",
        "campaign_id": "unused",
        "campaign_name": "unused",
        "spend": "spend",
        "impressions": "exposure",
        "conversions_value": "kpi",
    },
    "Google Ads in German": {
        "Tag": "date",
        "Kosten": "spend",
        "Impressionen": "exposure",
        "Kosten/Conv.": "unused",
        "Umsatz": "kpi",
    },
}
TEXTS = {"Campaign", "Campaign name", "Campaign Name", "Currency code", "Ad group name"}
TEXTS |= {"Account Name", "Portfolio name", "account_name", "campaign_name"}


def export(platform: str) -> pa.Table:
    columns: dict[str, Any] = {}
    for seed, (name, role) in enumerate(PLATFORMS[platform].items()):
        if role == "date":
            columns[name] = _DATES
        elif name in TEXTS:
            columns[name] = pa.array([f"{name} {i % 3}" for i in range(DAYS)])
        else:
            columns[name] = numbers(seed, 1000 if role == "spend" else 100_000)
    return pa.table(columns)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_column_of_an_export_has_its_role(platform: str) -> None:
    found = propose(export(platform))
    roles = {item.column: item.role for item in found.columns}
    assert roles == PLATFORMS[platform]
    assert found.mapping is not None


def test_a_platforms_own_sales_are_no_companys_kpi() -> None:
    reason = propose(export("Amazon Ads")).column("14 Day Total Sales (€)").reason
    assert reason.endswith("the KPI should be the company's own figure")
