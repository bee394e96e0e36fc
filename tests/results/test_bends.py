"""What is said of saturation and drift, and the rule of confidence words in sight."""

from __future__ import annotations

import json

from mmm.certificate.saturation import Bend, SaturationTold
from mmm.engines import confidence
from mmm.format import Labels
from mmm.results import bends
from mmm.results.certified import confidence_rule
from mmm.results.views import view

ROAS = Labels("revenue", "revenue", "EUR")
TOLD = (
    SaturationTold("tv", Bend.TOLD, 4.0, 3.0, None),
    SaturationTold("radio", Bend.DRIFT, 2.5, 1.2, 12, (0.5, 1.0, 2.0)),
    SaturationTold("print", Bend.UNTOLD, 0.4, 0.3, None),
)


def test_it_says_what_is_told_and_which_pulse_would_settle_the_rest() -> None:
    said = " ".join(bends.sentences(TOLD))
    assert "The data tell the saturation of tv, also where" in said
    assert "Saturation and a drift of the effect of radio cannot be told apart" in said
    assert "do not tell the saturation of print" in said
    pulse = "12 weeks at 0.5, 1 and 2 times today's spend, 2 weeks each"
    assert f"A pulse of radio would settle it: {pulse}." in said
    table = bends.table_of(TOLD)
    assert table["pulse"].to_pylist() == [
        "",
        pulse,
        "none of 48 weeks or less: its effect is too small beside the noise",
    ]
    assert bends.finding(table, ROAS).startswith("The data tell the saturation of tv;")
    drawn = json.dumps(bends.chart(table, ROAS).to_dict())
    for channel in ("tv", "radio", "print"):
        assert channel in drawn


def test_the_rule_of_confidence_is_in_sight_with_its_figures() -> None:
    rule = confidence_rule()
    for figure in (
        confidence.HIGH_WIDTH,
        confidence.HIGH_GAIN,
        confidence.HIGH_ERROR,
        confidence.MEDIUM_WIDTH,
    ):
        assert f"{100 * figure:.0f} %" in rule
    assert rule in view("certificate").how_to_read(ROAS)
