"""What a run's certificate says, as numbers and sentences: how wrong each channel's number may be,
which cannot be told apart, what would help.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from mmm.certificate.before import before
from mmm.certificate.certificate import (
    Certificate,
    ChannelCertificate,
    TotalCertificate,
    certificate_of,
)
from mmm.certificate.checks.base import Outcome
from mmm.certificate.identify import Help, Identifiability
from mmm.engines.base import Problem
from mmm.engines.confidence import HIGH_ERROR, HIGH_GAIN, HIGH_WIDTH, MEDIUM_ERROR, MEDIUM_WIDTH
from mmm.format import Labels, count, listed, percent
from mmm.results import bends
from mmm.results.summary import Tables, cost, efficiency_ends

_f8, _s = pa.float64(), pa.string()
CHANNELS = pa.schema(
    [
        ("channel", _s),
        ("value", _f8),
        ("low", _f8),
        ("high", _f8),
        ("recalibrated_low", _f8),
        ("recalibrated_high", _f8),
        ("expected_error", _f8),
        ("covered", _f8),
        ("direction", _f8),
        ("own_movement", _f8),
        ("confidence", _s),
    ]
)
#: One row per result of a check.
CHECKED = pa.schema(
    [
        ("check", _s),
        ("about", _s),
        ("outcome", _s),
        ("check_value", _f8),
        ("threshold", _f8),
        ("finding", _s),
        ("recommendation", _s),
        ("decision", _s),
    ]
)
_NARROW = 1.05
#: Helps that bring less than this are not worth naming.
_WORTH_NAMING = 0.005
_HELPS = 3
FAMILIES = {
    "posterior": "as the model says",
    "wide": "wide priors",
    "delayed": "delayed effect",
    "convex": "convex response",
    "hidden_demand": "hidden demand that spend follows",
    "growing_season": "growing season",
    "level_break": "break in the level",
    "drifting": "effects that drift",
    "no_effect": "a channel without effect",
    "harmful": "a harmful channel",
}


def certified(tables: Tables) -> bool:
    return certificate_of(tables) is not None


def channels(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """One row per channel: the certified model's number with the interval as reported and as
    recalibrated, and what the simulated worlds say. No rows for another model than the certified.
    """
    found = certificate_of(tables)
    if found is None or found.model_id != model_id:
        return CHANNELS.empty_table()
    return pa.Table.from_pylist([_row(item, found, labels) for item in found.channels], CHANNELS)


def _row(item: ChannelCertificate, found: Certificate, labels: Labels) -> dict[str, Any]:
    low, high = efficiency_ends(item.low, item.high, labels)
    wide_low, wide_high = efficiency_ends(item.recalibrated_low, item.recalibrated_high, labels)
    return {
        "channel": item.channel,
        "value": item.roi if labels.revenue else cost(item.roi),
        "low": low,
        "high": high,
        "recalibrated_low": wide_low,
        "recalibrated_high": wide_high,
        "expected_error": item.error,
        "covered": item.covered,
        "direction": item.direction,
        "own_movement": found.before.own_movement.get(item.channel),
        "confidence": item.confidence,
    }


def finding(numbers: pa.Table, labels: Labels) -> str:
    """What to bear in mind when the numbers are read."""
    rows = [row for row in numbers.to_pylist() if row["expected_error"] is not None]
    if not rows:
        return "The certificate is of another model of this run."
    rows.sort(key=lambda row: row["expected_error"])
    best, worst = rows[0], rows[-1]
    text = (
        f"On simulated data like yours {best['channel']} is off by {percent(best['expected_error'])} "
        f"on average"
    )
    if len(rows) > 1:
        text += f", {worst['channel']} by {percent(worst['expected_error'])}"
    held = [row["covered"] for row in rows if row["covered"] is not None]
    if held:
        text += f"; {percent(sum(held) / len(held))} of the 90 % intervals hold the truth"
    return f"{text}."


def citation(tables: Tables, model_id: str) -> str:
    """What the certificate says of a model's figures of channels, in a sentence; empty without one."""
    found = certificate_of(tables)
    if found is None or found.model_id != model_id:
        return ""
    held = ""
    if found.total.covered is not None:
        held = f", and {percent(found.total.covered)} of the 90 % intervals hold the truth"
    return f"{error_said(found)}{held}."


def error_said(found: Certificate) -> str:
    """The error that the simulated worlds show, as the beginning of a sentence."""
    total = found.total
    return (
        f"Certificate: in {count(total.worlds, 'simulated world')} on these data the spend-weighted "
        f"ROI error is {percent(total.error)}"
    )


def sentences(found: Certificate, labels: Labels) -> list[str]:
    """The certificate in sentences, the most important first."""
    total = found.total
    said = [
        *_expected(total),
        f"In {count(total.worlds, 'simulated world')} on your data the spend-weighted ROI error is "
        f"{percent(total.error)}; in nine of ten it is below {percent(total.error_high)}.",
        f"The effect of all media together is off by {percent(total.total_error)}.",
    ]
    if total.covered is not None:
        said.append(_coverage(found))
    if total.ranked is not None:
        said.append(f"{percent(total.ranked)} of the pairs of channels are ranked right.")
    said += _advice(found)
    said += _apart(found.after)
    said += bends.sentences(found.saturation)
    said += _help(found.after.helps)
    if found.failed:
        said.append(f"{count(len(found.failed), 'world')} could not be trained.")
    return said


def _expected(total: TotalCertificate) -> list[str]:
    """The error to expect, where the certificate says it."""
    if total.expected_error is None or total.claimed_error is None:
        return []
    expected = f"Expect a spend-weighted ROI error of about {percent(total.expected_error)}"
    if total.expected_error == total.claimed_error:
        return [f"{expected}: that is what the width of this run's own intervals means."]
    return [
        f"{expected}. The width of this run's own intervals means {percent(total.claimed_error)}, but "
        "in the simulated worlds too few of them hold."
    ]


def confidence_rule() -> str:
    """The one rule of confidence words, see `mmm.engines.confidence`."""
    return (
        f"Confidence is high where the recalibrated interval lies within {100 * HIGH_WIDTH:.0f} % of its middle, the data "
        f"took away {100 * HIGH_GAIN:.0f} % of the width before them, the channel can be told from others, and an error of "
        f"{100 * HIGH_ERROR:.0f} % at most is expected; medium within {100 * MEDIUM_WIDTH:.0f} % and with {100 * MEDIUM_ERROR:.0f} % at most; "
        "else, and where the interval reaches down to no effect, inconclusive."
    )


def _coverage(found: Certificate) -> str:
    level, held = percent(found.interval_level), percent(found.total.covered)
    text = f"Intervals that claim {level} hold the truth in {held}."
    if any(item.stretch > _NARROW for item in found.channels):
        return f"{text} They are too narrow: the recalibrated ones are shown beside them."
    return text


def _advice(found: Certificate) -> list[str]:
    total = found.total
    if total.uplift_share is None or total.harmful is None:
        return []
    direction, number = "", "" if total.advised is None else f"{total.advised} "
    if total.direction is not None:
        direction = f" {percent(total.direction)} of its moves go the right way."
    return [
        f"The advised budget (each channel within 30 % of today's) brings "
        f"{percent(total.uplift_share)} of what the best one would; in {percent(total.harmful)} of "
        f"the {number}worlds in which one was advised it is more than 1 % worse than today's.{direction}"
    ]


def _apart(known: Identifiability) -> list[str]:
    return [
        f"{first} and {second} cannot be told apart: what one is given the other loses."
        for first, second, _ in known.pairs
    ]


def _help(helps: tuple[Help, ...]) -> list[str]:
    """What would lower the error most, in points of ROI error."""
    worth = [item for item in helps if item.gain >= _WORTH_NAMING][:_HELPS]
    if not worth:
        return ["Nothing that was looked at (a test, more weeks, phased spend) would help much."]
    return [f"What would help most: {listed([_helping(item) for item in worth])}."]


def _helping(item: Help) -> str:
    points = f"{100 * item.gain:.0f} points"
    if item.kind == "weeks":
        return f"another 52 weeks of data ({points} less error)"
    if item.kind == "test":
        return f"a lift test of {item.channel} ({points})"
    return f"phasing {item.channel}, four weeks on and four off for half a year ({points})"


def before_sentences(known: Identifiability) -> list[str]:
    """What the data alone tell, before any training."""
    order = sorted(known.expected_error, key=lambda name: known.expected_error[name])
    said = []
    if len(order) > 1:
        said.append(
            f"Even with the right model {order[-1]} would be off by about "
            f"{percent(known.expected_error[order[-1]])}, {order[0]} by "
            f"{percent(known.expected_error[order[0]])}."
        )
    return [*said, *_apart(known), *_help(known.helps)]


def before_of(problem: Problem) -> list[str]:
    """What an experiment's data alone tell, before anything is trained on them; nothing of data that
    tell nothing of the kind.
    """
    if len(problem.paid) == 0 or problem.kpi[problem.window_rows].mean() <= 0:
        return []
    try:
        found = before(problem)
    except np.linalg.LinAlgError:
        return []
    return [*before_sentences(found.known), *bends.sentences(found.saturation)]


def families(found: Certificate) -> pa.Table:
    """One row per family of truth."""
    rows = []
    for item in found.families:
        rows.append(
            {
                "family": FAMILIES.get(item.family, item.family),
                "worlds": item.worlds,
                "expected_error": item.error,
                "covered": item.covered,
            }
        )
    schema = pa.schema(
        [("family", _s), ("worlds", pa.int32()), ("expected_error", _f8), ("covered", _f8)]
    )
    return pa.Table.from_pylist(rows, schema)


def checks(found: Certificate) -> pa.Table:
    """One row per result of a check, concerns first, then what could not run."""
    order = (Outcome.CONCERN, Outcome.COULD_NOT_RUN, Outcome.PASSED)
    rows = []
    for item in sorted(found.checks, key=lambda item: order.index(item.outcome)):
        rows.append(
            {
                "check": CHECKS.get(item.check, item.check),
                "about": item.about,
                "outcome": str(item.outcome),
                "check_value": item.value,
                "threshold": item.threshold,
                "finding": item.finding,
                "recommendation": item.recommendation,
                "decision": item.decision,
            }
        )
    return pa.Table.from_pylist(rows, CHECKED)


def checks_of(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """The checks of the certified model, see `checks`; no rows for another model."""
    found = certificate_of(tables)
    if found is None or found.model_id != model_id:
        return CHECKED.empty_table()
    return checks(found)


def checked(tables: Tables) -> bool:
    """Whether the run's certificate has checks."""
    found = certificate_of(tables)
    return found is not None and bool(found.checks)


def checks_said(numbers: pa.Table, labels: Labels) -> str:
    """`checks_finding` of the rows of `checks_of`."""
    return _outcomes_said([Outcome(word) for word in numbers["outcome"].to_pylist()])


def checks_finding(found: Certificate) -> str:
    """How the checks came out, and what a concern means."""
    return _outcomes_said([item.outcome for item in found.checks])


def _outcomes_said(outcomes: list[Outcome]) -> str:
    if not outcomes:
        return "No checks were run."
    concerns, silent = (outcomes.count(word) for word in (Outcome.CONCERN, Outcome.COULD_NOT_RUN))
    text = f"Of {count(len(outcomes), 'check')} {concerns} raise a concern"
    if silent:
        text += f" and {silent} could not run"
    return f"{text}. A concern is a reason to test, never a verdict by itself."


#: What the checks are called.
CHECKS = {
    "placebo": "Placebo channel",
    "leave_one_control_out": "Leave one control out",
    "baseline_variants": "Other baselines",
    "data_perturbation": "Slightly other data",
    "holdout": "Periods held out",
    "prior_against_posterior": "Prior against posterior",
    "hidden_confounder": "Hidden confounder",
}
