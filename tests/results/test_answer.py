"""The answer's cards say what the tables say, the traffic light follows its rule, and no card speaks of
models or measures of fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from mmm.certificate.certificate import Certificate, TotalCertificate
from mmm.certificate.checks.base import CheckResult, Outcome
from mmm.certificate.identify import Identifiability
from mmm.engines.base import EngineResult, Problem
from mmm.format import Labels
from mmm.results import certified
from mmm.results.advice import Advice, Move, headline, read_advice, sentences
from mmm.results.answer import answer, certain_channels
from mmm.results.findings import efficiency
from mmm.results.model_summary import RunInfo, summarise
from mmm.results.trust import Light, trust, warning_line
from mmm.results.views import VIEWS
from mmm.simulation.generator import World

LABELS = Labels("revenue", "revenue", "EUR")
NOTHING = Identifiability({}, {}, (), ())
ADVICE = Advice(
    periods=13,
    moves=(Move("tv", 100.0, 130.0), Move("search", 100.0, 70.0), Move("print", 50.0, 50.0)),
    worth_making=True,
    gain=0.04,
    gain_low=0.01,
    gain_high=0.07,
    response=10_000.0,
)


class Stored(dict[str, pa.Table]):
    """Tables with what a run has beside them."""

    certificate: Certificate | None = None
    advice: Advice | None = None


@pytest.fixture(scope="module")
def summary(
    world: World, result: EngineResult, make_problem: Callable[..., Problem]
) -> Mapping[str, Any]:
    found = summarise(RunInfo("run-1"), make_problem(world), result)
    return {**found, "warnings": [], "plausibility": []}


@pytest.fixture
def stored(result: EngineResult) -> Stored:
    return Stored(result.tables)


def certificate(model_id: str, **total: Any) -> Certificate:
    figures: dict[str, Any] = dict.fromkeys(TotalCertificate.__dataclass_fields__)
    figures |= {"worlds": 100, "error": 0.1, "covered": 0.9, "harmful": 0.0, **total}
    return Certificate(
        model_id,
        "ridge",
        "1",
        "short",
        1,
        0.9,
        TotalCertificate(**figures),
        (),
        (),
        NOTHING,
        NOTHING,
    )


def test_five_cards_answer_without_models_and_measures_of_fit(
    stored: Stored, summary: Mapping[str, Any], world: World
) -> None:
    stored.advice = ADVICE
    found = answer(stored, summary, LABELS)
    assert [card.key for card in found.cards] == [
        "earned",
        "channels",
        "change",
        "moved",
        "trust",
    ]
    text = " ".join(
        part for card in found.cards for part in (card.question, card.headline, *card.sentences)
    )
    assert summary["model"]["id"] not in text
    assert "NRMSE" not in text
    assert "R²" not in text
    paid = sum(effects.sum() for effects in world.effects.values())
    assert found.card("earned").headline.startswith(LABELS.effect(paid))
    best = max(world.effects, key=lambda name: world.effects[name].sum() / world.spend[name].sum())
    assert found.card("channels").headline.startswith(f"Best {best}, weakest")
    recorded = world.kpi[-13:].sum() - world.kpi[-65:-52].sum()
    assert LABELS.effect(abs(recorded)) in found.card("moved").headline


def test_without_a_paid_channel_the_answer_is_of_organic_media(
    stored: Stored, summary: Mapping[str, Any]
) -> None:
    channels = stored["channels"]
    kinds = pa.array(["organic"] * channels.num_rows)
    place = channels.column_names.index("kind")
    stored["channels"] = channels.set_column(place, "kind", kinds)
    organic = summary["totals"]["effect"]["paid"]
    effect = {**summary["totals"]["effect"], "paid": 0.0, "organic": organic}
    totals = {**summary["totals"], "effect": effect, "spend": 0.0}
    data = {**summary["data"], "paid": [], "organic": summary["data"]["paid"]}
    found = answer(stored, {**summary, "totals": totals, "data": data}, LABELS)
    earned = found.card("earned")
    assert earned.question == "What did organic media bring?"
    assert earned.headline.startswith(LABELS.effect(organic))
    assert found.card("channels").headline == "No paid channel"


def test_conversions_of_known_worth_have_a_roas_and_a_profit_in_the_answer(
    stored: Stored, summary: Mapping[str, Any]
) -> None:
    totals = summary["totals"]
    labels = Labels("orders", "conversion", "EUR", value=2.0, margin=0.25)
    text = " ".join(answer(stored, summary, labels).card("earned").sentences)
    revenue = 2.0 * totals["effect"]["paid"]
    assert f"At EUR 2.00 per conversion that is a ROAS of {revenue / totals['spend']:.2f}." in text
    left = 0.25 * revenue - totals["spend"]
    word = "profit" if left >= 0 else "loss"
    assert f"At a margin of 25.0 % it is a {word} of {labels.money(abs(left))}." in text


def test_channels_without_an_effect_are_counted_and_their_spend_is_a_loss() -> None:
    def row(name: str, value: float | None, profit: float) -> dict[str, Any]:
        ends = {"low": value, "high": value, "confidence": "high"}
        return {"channel": name, "value": value, "profit": profit, **ends}

    rows = [row("tv", 20.0, 50.0), row("radio", None, -80.0)]
    labels = Labels("orders", False, "EUR", margin=0.5)
    text = efficiency(pa.Table.from_pylist(rows), labels)
    assert "No effect found for radio." in text
    assert "a loss of EUR 30.0; at a loss: radio" in text


def test_advice_names_moves_with_median_and_range_and_reads_back() -> None:
    assert read_advice(ADVICE.to_json()) == ADVICE
    assert headline(ADVICE, LABELS) == "+4.0 % more from the same money"
    moves, gain = sentences(ADVICE, LABELS)
    assert moves == "Per week: more for tv (+EUR 30.0); less for search (-EUR 30.0)."
    assert "Median gain +4.0 % over 13 weeks, +1.0 % to +7.0 % in 80 % of the models" in gain
    assert "(EUR 100 to EUR 700)" in gain
    small = replace(ADVICE, worth_making=False)
    assert headline(small, LABELS) == "Keep today's split"
    none = replace(small, gain=0.0, gain_low=0.0, gain_high=0.0)
    assert sentences(none, LABELS) == ["No change of the split is worth making."]
    refused = Advice(refused="No plan can be made.")
    assert sentences(refused, LABELS) == ["No plan can be made."]


def test_certain_channels_are_high_ones_and_medium_ones_only_where_high_ones_are_few() -> None:
    words = ["high", "inconclusive", "medium", "high"]
    rows = [{"channel": str(number), "confidence": word} for number, word in enumerate(words)]
    assert [row["channel"] for row in certain_channels(rows)] == ["0", "3"]
    assert [row["channel"] for row in certain_channels(rows[:3])] == ["0", "2"]
    assert certain_channels(rows[1:2]) == []


@pytest.mark.parametrize(
    ("total", "light"),
    [
        ({"error": 0.1}, Light.GREEN),
        ({"error": 0.3}, Light.AMBER),
        ({"error": 0.6}, Light.RED),
        ({"harmful": 0.2}, Light.RED),
        ({"covered": 0.7}, Light.AMBER),
    ],
)
def test_the_light_follows_the_certificate(
    stored: Stored, summary: Mapping[str, Any], total: dict[str, float], light: Light
) -> None:
    stored.certificate = certificate(summary["model"]["id"], **total)
    assert trust(stored, summary, LABELS).light is light


def test_figures_of_channels_cite_the_certificate_of_their_model(
    stored: Stored, summary: Mapping[str, Any]
) -> None:
    model_id = summary["model"]["id"]
    for found, cited in (
        (None, False),
        (certificate("another model"), False),
        (certificate(model_id, error=0.21), True),
    ):
        stored.certificate = found
        for shown in VIEWS:
            text = shown.explained(LABELS, stored, model_id)
            assert text.startswith(shown.how_to_read(LABELS))
            said = "spend-weighted ROI error is 21" in text
            assert said == (cited and shown.certifiable)


def test_the_error_to_expect_comes_first_and_says_what_it_rests_on() -> None:
    said = partial(certificate, "a", error_high=0.3, total_error=0.1, claimed_error=0.19)
    held = certified.sentences(said(expected_error=0.19), LABELS)
    assert held[0].startswith("Expect a spend-weighted ROI error of about 19.0 %")
    assert "own intervals means" in held[0]
    failed = certified.sentences(said(expected_error=0.4), LABELS)
    assert failed[0].startswith("Expect a spend-weighted ROI error of about 40.0 %")
    assert "19.0 %, but" in failed[0]
    older = certified.sentences(said(claimed_error=None), LABELS)
    assert older[0].startswith("In 100 simulated worlds")


def test_what_is_not_certified_is_never_green(stored: Stored, summary: Mapping[str, Any]) -> None:
    found = trust(stored, summary, LABELS)
    assert found.light is Light.AMBER
    assert "not certified" in found.reasons[0]
    stored.certificate = certificate("another model")
    assert "not certified" in trust(stored, summary, LABELS).reasons[0]


def test_the_strongest_reasons_come_first_and_red_ones_stand_in_headlines(
    stored: Stored, summary: Mapping[str, Any]
) -> None:
    concern = CheckResult(
        check="placebo",
        about="tv",
        outcome=Outcome.CONCERN,
        value=1.0,
        threshold=0.1,
        finding="A placebo gets an effect.",
        recommendation="",
        decision="",
    )
    stored.certificate = replace(certificate(summary["model"]["id"]), checks=(concern,))
    odd = {**summary, "plausibility": ["The baseline is negative."], "warnings": ["Few rows."]}
    found = trust(stored, odd, LABELS)
    assert found.strongest[0] == "The baseline is negative."
    assert "A placebo gets an effect." in found.strongest[1]
    assert "Few rows." in found.reasons
    assert warning_line(found) == "Open red warning: The baseline is negative."
    assert warning_line(trust(stored, summary, LABELS)) == ""
