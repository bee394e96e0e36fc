"""The confidence in channels over candidates, trials and retrainings."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute
import pytest

from mmm.engines.schemas import SCHEMAS
from mmm.format import Labels
from mmm.results.charts import svg
from mmm.results.stability import (
    VALUES,
    comparable,
    finding,
    less_sure_alone,
    spread,
    stability,
    values_of,
    verdicts,
)
from mmm.results.stability_charts import stability as drawn

EUR, CPA = Labels("revenue", "revenue", "EUR"), Labels("orders", "conversion", "EUR")


def values(source: str, **by_variant: dict[str, float | None]) -> list[dict[str, Any]]:
    """values("seeds", base={"tv": 2.0}, other={"tv": 1.0}); the variant `base` is what is compared
    with.
    """
    return [
        {
            "source": source,
            "variant": "" if variant == "base" else variant,
            "channel": channel,
            "roi": roi,
        }
        for variant, channels in by_variant.items()
        for channel, roi in channels.items()
    ]


def table(*rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([row for part in rows for row in part], schema=VALUES)


def of(numbers: pa.Table, channel: str, source: str = "seeds") -> dict[str, Any]:
    return next(
        row for row in numbers.to_pylist() if (row["channel"], row["source"]) == (channel, source)
    )


def test_variants_that_agree_make_no_channel_surer_than_its_own_interval() -> None:
    agree = table(
        values(
            "seeds",
            base={"tv": 2.0, "radio": 1.0, "print": 0.5},
            a={"tv": 2.01, "radio": 1.01, "print": 0.5},
            b={"tv": 1.99, "radio": 0.99, "print": 0.5},
        )
    )
    words = {"tv": "high", "radio": "inconclusive", "print": "medium"}
    own = pa.table(
        {
            "model_id": ["posterior"] * 3,
            "channel": list(words),
            "confidence": list(words.values()),
        }
    )
    numbers = spread(agree, EUR)
    assert set(verdicts(numbers).values()) == {"high"}
    assert less_sure_alone(numbers, {"channels": own}, "posterior") == (
        "By its own 90 % intervals the model's confidence is lower: inconclusive for radio and medium "
        "for print. That variants agree makes no channel surer than that."
    )
    assert less_sure_alone(numbers, {"channels": own.slice(0, 1)}, "posterior") == ""


def test_spread_order_and_missing_effects() -> None:
    found = spread(
        table(
            values(
                "seeds",
                base={"tv": 2.0, "radio": 1.0, "print": 0.5},
                a={"tv": 2.1, "radio": 2.5, "print": 0.0},
                b={"tv": 1.9, "radio": 1.1, "print": 0.4},
            )
        ),
        EUR,
    )
    tv = of(found, "tv")
    assert (tv["variants"], tv["value"], tv["mid"]) == (2, 2.0, 2.0)
    assert (tv["low"], tv["high"]) == pytest.approx((1.91, 2.09))
    # tv against radio turns round in one of two seeds, against print in none: 1 of 4 comparisons.
    assert tv["flips"] == 0.25
    assert (of(found, "radio")["flips"], of(found, "print")["flips"]) == (0.25, 0.0)
    assert of(found, "print")["no_effect"] == pytest.approx(1 / 3)
    assert [of(found, name)["confidence"] for name in ("tv", "radio", "print")] == [
        "high",
        "medium",
        "inconclusive",
    ]


def test_a_cost_per_conversion_turns_round() -> None:
    found = of(spread(table(values("seeds", base={"tv": 0.5}, a={"tv": 0.25})), CPA), "tv")
    assert found["value"] == 2.0
    assert found["low"] == pytest.approx(1 / 0.4875)
    assert found["high"] == pytest.approx(1 / 0.2625)


def test_the_worst_source_decides_and_is_said() -> None:
    steady = {"tv": 2.0, "radio": 1.0}
    found = spread(
        table(
            values("candidates", base=steady, a=steady),
            values(
                "windows", base=steady, w={"tv": 0.0, "radio": 1.02}, v={"tv": 0.0, "radio": 1.0}
            ),
        ),
        EUR,
    )
    assert verdicts(found) == {"tv": "inconclusive", "radio": "high"}
    text = finding(found, EUR)
    assert text.startswith(
        "Over 1 candidate model and 2 earlier windows: high confidence for radio; inconclusive for tv."
    )
    assert "100.0 % of its comparisons with others turn round over the earlier windows" in text
    assert "windows" in svg(drawn(found, EUR))


def test_sources_without_variants_are_left_out() -> None:
    assert spread(table(values("seeds", base={"tv": 2.0})), EUR).num_rows == 0
    assert finding(spread(table(), EUR), EUR).startswith("There is only one model")


def test_the_stored_tables_hold_candidates_and_trials() -> None:
    models = [
        {"model_id": name, "trial": trial, "score": score, "front": front}
        for name, trial, score, front in (
            ("1_1", 1, 0.2, 1), ("1_2", 1, 0.1, 1), ("2_1", 2, 0.3, 2), ("2_9", 2, 0.0, None)
        )
    ]  # fmt: skip
    channels = [
        {"model_id": name, "channel": "tv", "kind": "paid", "roi": roi}
        for name, roi in (("1_1", 1.0), ("1_2", 2.0), ("2_1", 3.0))
    ] + [{"model_id": "1_1", "channel": "newsletter", "kind": "organic"}]
    tables = {
        "models": pa.Table.from_pylist(models, schema=SCHEMAS["models"]),
        "channels": pa.Table.from_pylist(channels, schema=SCHEMAS["channels"]),
    }
    assert comparable(tables)
    found = {
        (row["source"], row["variant"]): row["roi"] for row in values_of(tables, "1_1").to_pylist()
    }
    assert found == {
        ("candidates", ""): 1.0, ("candidates", "1_2"): 2.0, ("candidates", "2_1"): 3.0,
        ("trials", ""): 1.0, ("trials", "trial 1"): 2.0, ("trials", "trial 2"): 3.0,
    }  # fmt: skip
    assert [row["variants"] for row in stability(tables, "1_1", EUR).to_pylist()] == [2, 2]
    # A trial alone agrees with itself, which says nothing.
    alone = {**tables, "channels": tables["channels"].slice(0, 2)}
    models = tables["models"].filter(pa.compute.equal(tables["models"]["trial"], 1))
    found = values_of({**alone, "models": models}, "1_1").to_pylist()
    assert {row["source"] for row in found} == {"candidates"}
