"""Runs side by side: agreement by one rule, what is missing said, what cannot be compared refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from mmm.engines.base import EngineResult, Problem
from mmm.errors import UserError
from mmm.results import RunInfo
from mmm.results.charts import svg
from mmm.results.compare import Comparison, Side, compare
from mmm.results.compare_charts import efficiency, shares
from mmm.results.model_summary import summarise
from mmm.simulation.generator import World


@pytest.fixture(scope="module")
def summary(
    world: World, result: EngineResult, make_problem: Callable[..., Problem]
) -> dict[str, Any]:
    info = RunInfo(
        "run",
        settings={"trials": 5, "media": {}},
        provenance={"cpus": 2, "market": "DE", "dataset_id": "d"},
    )
    found: dict[str, Any] = json.loads(
        json.dumps(summarise(info, make_problem(world), result), default=str)
    )
    return found


def side(letter: str, summary: dict[str, Any], **more: Any) -> Side:
    return Side(letter, f"run-{letter}", f"name {letter}", summary, **more)


def changed(summary: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    found = copy.deepcopy(summary)
    change(found)
    return found


def paid(summary: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in summary["channels"] if row["kind"] == "paid"]


def of(first: dict[str, Any], second: dict[str, Any]) -> Comparison:
    return compare([side("A", first, seconds=12.0), side("B", second)])


def test_the_same_run_twice_agrees_on_every_channel(summary: dict[str, Any]) -> None:
    found = of(summary, summary)
    names = [row["channel"] for row in paid(summary)]
    assert set(found.verdicts.values()) == {"agree"}
    assert found.findings[0] == f"The runs agree on the ROAS of all {len(names)} paid channels."
    assert (found.limits, found.settings()) == ((), [])
    best = max(paid(summary), key=lambda row: row["roi"])["channel"]
    assert found.findings[1] == f"All put {best} first by ROAS."


def test_intervals_without_a_common_value_differ_and_touching_ones_agree(
    summary: dict[str, Any],
) -> None:
    first, second = (row["channel"] for row in paid(summary)[:2])

    def change(s: dict[str, Any]) -> None:
        rows = {row["channel"]: row for row in s["channels"]}
        high = rows[first]["roi_high"]
        rows[first] |= {"roi": high + 2, "roi_low": high + 1, "roi_high": high + 3}
        rows[second]["roi_low"] = rows[second]["roi_high"]

    found = of(summary, changed(summary, change))
    assert found.verdicts[first] == "differ"
    assert found.verdicts[second] == "agree"
    assert any(sentence.startswith(f"They differ on {first}: A ") for sentence in found.findings)


def test_a_cpa_interval_without_an_upper_end_is_judged_and_drawn(summary: dict[str, Any]) -> None:
    def cpa(low: float, value: float, high: float | None) -> Callable[[dict[str, Any]], None]:
        def change(s: dict[str, Any]) -> None:
            s["kpi"]["kind"] = "conversion"
            for row in paid(s):
                row |= {"cpa_low": low, "cpa": value, "cpa_high": high}

        return change

    open_end, above = changed(summary, cpa(3.0, 5.0, None)), changed(summary, cpa(6.0, 8.0, 9.0))
    found, below = of(open_end, above), changed(summary, cpa(1.0, 1.5, 2.0))
    assert set(found.verdicts.values()) == {"agree"}
    assert set(of(open_end, below).verdicts.values()) == {"differ"}
    assert {item.text for item in found.channels if item.letter == "A"} == {
        "EUR 5.00 (3.00 or more)"
    }
    assert "None" not in svg(efficiency(found))


def test_what_an_engine_does_not_give_is_said_and_not_judged(summary: dict[str, Any]) -> None:
    def change(s: dict[str, Any]) -> None:
        for row in s["channels"]:
            row |= {"roi_low": None, "roi_high": None}
        paid(s)[0]["roi"] = None

    found = of(summary, changed(summary, change))
    assert set(found.verdicts.values()) == {"not judged"}
    row = next(row for row in found.channel_rows() if row[0] == paid(summary)[0]["channel"])
    assert row[2] == "not given"
    assert {fact[0]: fact[1:] for fact in found.facts()}["Took"] == ("12 s", "not given")


def test_a_channel_of_one_run_only_is_named(summary: dict[str, Any]) -> None:
    gone = paid(summary)[-1]["channel"]
    found = of(
        summary,
        changed(
            summary, lambda s: s.update(channels=[r for r in s["channels"] if r["channel"] != gone])
        ),
    )
    assert found.verdicts[gone] == "one run only"
    assert found.findings[-1] == f"B does not model {gone}."
    assert next(row for row in found.channel_rows() if row[0] == gone)[2] == "not modelled"


def test_revenue_and_conversions_are_not_judged_against_each_other(summary: dict[str, Any]) -> None:
    found = of(summary, changed(summary, lambda s: s["kpi"].update(kind="conversion")))
    assert not found.one_measure
    assert found.efficiency == "ROAS or CPA"
    assert "no common measure" in found.limits[0]
    assert set(found.verdicts.values()) == {"not judged"}
    assert not any("agree" in sentence for sentence in found.findings)
    assert [found.channel_headings()[i] for i in (1, 2)] == ["A ROAS", "B CPA"]


def test_a_roas_compares_across_currencies_and_a_cpa_does_not(summary: dict[str, Any]) -> None:
    dollars = changed(summary, lambda s: s["kpi"].update(currency="USD"))
    assert set(of(summary, dollars).verdicts.values()) == {"agree"}
    assert "can." in of(summary, dollars).limits[0]
    conversions = [
        changed(s, lambda s: s["kpi"].update(kind="conversion")) for s in (summary, dollars)
    ]
    found = of(*conversions)
    assert set(found.verdicts.values()) == {"not judged"}
    assert "CPAs are shown, not judged" in found.limits[0]


def test_settings_that_differ_are_listed_and_no_others(summary: dict[str, Any]) -> None:
    def change(s: dict[str, Any]) -> None:
        s["settings"] = {"trials": 9, "media": {"tv": {"theta": [0.1, 0.5]}}, "draws": 100}
        s["engine"]["name"] = "other"

    assert of(summary, changed(summary, change)).settings() == [
        ("engine", "ridge 1", "other 1"),
        ("trials", "5", "9"),
        ("media", "none", "not given"),
        ("media.tv.theta", "not given", "0.1, 0.5"),
        ("draws", "not given", "100"),
    ]


def test_shares_are_alike_within_five_points(summary: dict[str, Any]) -> None:
    def change(s: dict[str, Any]) -> None:
        s["totals"]["effect"]["baseline"] += 0.06 * s["totals"]["fitted"]

    assert "is alike" in " ".join(of(summary, summary).findings)
    assert "is not alike" in " ".join(of(summary, changed(summary, change)).findings)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_two_to_four_runs_can_be_compared(summary: dict[str, Any], count: int) -> None:
    with pytest.raises(UserError, match="2 to 4 runs can be compared"):
        compare([side("ABCDE"[i], summary) for i in range(count)])
    with pytest.raises(UserError, match="named twice"):
        compare([side("A", summary), side("A", summary)])


def test_the_charts_are_valid_and_hold_every_run(summary: dict[str, Any]) -> None:
    found = of(summary, summary)
    assert len(found.channels) == 2 * len(paid(summary))
    for chart in (efficiency(found), shares(found)):
        text = json.dumps(chart.to_dict())
        assert all(side.title in text for side in found.sides)
