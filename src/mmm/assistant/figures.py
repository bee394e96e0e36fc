"""Numbers of answers as figures: each with its unit, interval, word of confidence and run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmm.testing.registered import HALF_WIDTH

NOT_GIVEN = "not given"


def figure(
    what: str,
    value: float | None,
    unit: str,
    about: Mapping[str, Any],
    ends: tuple[float | None, float | None] = (None, None),
    channel: str = "",
    confidence: str = "",
) -> dict[str, Any]:
    """`about` has run_id, model_id and interval_level. An interval that the product does not have
    is null, a word that it does not have `not given`.
    """
    return {
        "what": what,
        "channel": channel,
        "value": value,
        "low": ends[0],
        "high": ends[1],
        "interval_level": about["interval_level"],
        "unit": unit,
        "confidence": confidence or NOT_GIVEN,
        "run_id": about["run_id"],
        "model_id": about["model_id"],
    }


def of_channels(channels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All figures of channels; those of the API already say everything."""
    return [item for channel in channels for item in channel["figures"]]


def of_bridge(told: Mapping[str, Any], words: Mapping[str, str]) -> list[dict[str, Any]]:
    """The bridge's parts, with their intervals."""
    found = []
    for row in told["rows"]:
        name = row["component"]
        for what in ("before", "after", "difference", "spend_effect", "efficiency_effect"):
            if row.get(what) is None:
                continue
            ends = (row.get(f"{what}_low"), row.get(f"{what}_high"))
            unit = f"{told['unit'].partition(',')[0]}, over the range"
            word = words.get(name, "")
            found.append(figure(what.replace("_", " "), row[what], unit, told, ends, name, word))
    return found


def of_certificate(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The certificate's numbers: of all channels together, and of each."""
    found, certificate = [], told["certificate"]
    about = {
        "run_id": told["run_id"],
        "model_id": certificate["model_id"],
        "interval_level": certificate["interval_level"],
    }
    share = "share of 1"
    total = certificate["total"]
    found.append(figure("simulated worlds", total["worlds"], "worlds", about))
    for what in (
        "expected_error",
        "error",
        "covered",
        "ranked",
        "total_bias",
        "uplift_share",
        "harmful",
    ):
        if what in total:
            found.append(figure(what, total[what], share, about))
    for row in certificate["channels"]:
        ends = (row["recalibrated_low"], row["recalibrated_high"])
        name, word = row["channel"], row["confidence"]
        roi = "ROI, interval recalibrated by the simulated worlds"
        unit = "units of the KPI per unit of money"
        found.append(figure(roi, row["roi"], unit, about, ends, name, word))
        for what in ("error", "covered"):
            found.append(figure(what, row[what], share, about, channel=name, confidence=word))
    return found


def of_plan(plan: Mapping[str, Any], words: Mapping[str, str]) -> list[dict[str, Any]]:
    """The plan's money and what it brings, by channel and together."""
    about = {"run_id": plan["run_id"], "model_id": plan["model_id"] or "all kept models"}
    about["interval_level"] = (plan["totals"]["band"] or {}).get("level")
    money = f"{plan['currency']} per period"
    effect = plan["kpi_name"] if plan["kpi_kind"] != "revenue" else plan["currency"]
    found = list(_totals(plan, about, money, f"{effect} per period"))
    for row in plan["channels"]:
        name = row["channel"]
        word = words.get(name, "")
        for what in ("initial_spend", "spend", "low", "high"):
            label = {"low": "lowest spend", "high": "highest spend"}.get(what, what)
            told = label.replace("_", " ")
            found.append(figure(told, row[what], money, about, channel=name, confidence=word))
        for what in ("initial_response", "response"):
            ends = (row.get(f"{what}_low"), row.get(f"{what}_high"))
            unit = f"{effect} per period"
            told = what.replace("_", " ")
            found.append(figure(told, row[what], unit, about, ends, name, word))
    return found


def _totals(
    plan: Mapping[str, Any], about: Mapping[str, Any], money: str, effect: str
) -> Iterator[dict[str, Any]]:
    totals = plan["totals"]
    band = totals.get("band") or {}
    for what in ("initial_spend", "spend"):
        yield figure(f"total {what.replace('_', ' ')}", totals[what], money, about)
    yield figure("total initial response", totals["initial_response"], effect, about)
    ends = tuple(band.get("response") or (None, None))
    yield figure("total response", totals["response"], effect, about, (ends[0], ends[1]))
    gain = tuple(band.get("even_gain") or (None, None))
    what = "gain over today's split of the same money"
    yield figure(what, totals["even_gain"], "share of 1", about, (gain[0], gain[1]))
    yield figure("number of periods", totals["periods"], "periods", about)


def of_next_test(told: Mapping[str, Any], words: Mapping[str, str]) -> list[dict[str, Any]]:
    """What each possible test is worth and costs."""
    about = {"run_id": told["run_id"], "model_id": "all kept models", "interval_level": None}
    found = []
    for row in told["tests"]:
        name = row["channel"]
        for what in ("value", "cost", "net"):
            said = f"{what} of the test: {row['design']}"
            word = words.get(name, "")
            item = figure(said, row[what], told["unit"], about, channel=name, confidence=word)
            found.append(item)
    return found


def of_test(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each method says of a geo test; a test is of no run and no model."""
    about = {"run_id": "", "model_id": "", "interval_level": told["interval_level"]}
    found = []
    for row in told["estimates"]:
        ends = (row["low"], row["high"])
        what = f"incremental KPI, {row['method']}"
        found.append(figure(what, row["incremental"], "units of the KPI", about, ends))
        if row["iroas"] is not None:
            ends = (row["iroas_low"], row["iroas_high"])
            unit = "units of the KPI per unit of money"
            found.append(figure(f"iROAS, {row['method']}", row["iroas"], unit, about, ends))
    return found


def of_designs(designs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each design would show and cost; designs are of no run and no model."""
    about = {"run_id": "", "model_id": "", "interval_level": None}
    found = []
    for row in designs:
        name = f"{', '.join(row['treated'])}, {row['periods']} periods"
        unit = "share of 1 of the treated geos' KPI"
        found.append(figure(f"detectable effect: {name}", row["detectable"], unit, about))
        found.append(figure(f"power: {name}", row["power"], "share of 1", about))
        if row["spend"] is not None:
            found.append(figure(f"spend: {name}", row["spend"], "money", about))
    return found


def of_time_designs(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each pattern in time would show."""
    about = {"run_id": told["run_id"], "model_id": "", "interval_level": None}
    found = []
    for row in told["designs"]:
        what = f"detectable effect: {row['pattern']}"
        item = figure(
            what, row["detectable"], "share of 1 of the KPI", about, channel=row["channel"]
        )
        found.append(item)
    return found


def of_registry(tests: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each analysed test found, with the 90 % interval of its standard error."""
    about = {"run_id": "", "model_id": "", "interval_level": 0.9}
    found = []
    for name, test in tests.items():
        result = test["found"]
        if result is None:
            continue
        half = HALF_WIDTH * result["standard_error"]
        ends = (result["lift"] - half, result["lift"] + half)
        channel = ", ".join(test["channels"])
        unit = "units of the KPI"
        found.append(figure(f"lift of {name}", result["lift"], unit, about, ends, channel))
        found.append(figure(f"spend of {name}", result["spend"], "money", about, channel=channel))
    return found


def of_kept_test(
    name: str, test: Mapping[str, Any], found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """A test's result, its standard error today, and what it moved in each run that used it."""
    about = {"run_id": "", "model_id": "", "interval_level": 0.9}
    shown = of_registry({name: test})
    if found["error_today"] is not None:
        what = "standard error that it counts with today"
        shown.append(figure(what, found["error_today"], "units of the KPI", about))
    for use in found["uses"]:
        of_run = {**about, "run_id": use["run_id"]}
        for field, what in (("without", "effect without the test"), ("with_it", "effect with it")):
            shown.append(figure(what, use[field], "units of the KPI", of_run))
    return shown
