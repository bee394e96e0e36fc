"""How far to trust a model: a traffic light with its reasons, the strongest first.

Red: something is wrong that could turn the answer round. Amber: the answer may be off by much, or
nobody has measured by how much. Green: measured, and small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mmm.certificate.certificate import Certificate, certificate_of
from mmm.certificate.checks.base import Outcome
from mmm.engines.words import Confidence
from mmm.format import Labels, count, percent
from mmm.results.summary import Tables, channels

#: Spend-weighted ROI error on simulated worlds from which the light is amber, and red.
AMBER_ERROR, RED_ERROR = 0.25, 0.5
#: Share of worlds in which the advised budget loses more than 1 %, from which the light is red.
RED_HARMFUL = 0.1
#: Intervals that hold the truth so much less often than they claim are too narrow.
COVERAGE_GAP = 0.1
#: Share of the spend in inconclusive channels from which the light is amber.
AMBER_INCONCLUSIVE = 0.5
_STRONGEST = 2


class Light(StrEnum):
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True)
class Trust:
    """The light and all reasons, the strongest first."""

    light: Light
    reasons: tuple[str, ...]

    @property
    def strongest(self) -> tuple[str, ...]:
        return self.reasons[:_STRONGEST]

    @property
    def verdict(self) -> str:
        return VERDICTS[self.light]


VERDICTS = {
    Light.GREEN: "Good enough to act on",
    Light.AMBER: "Act in small steps, and test",
    Light.RED: "Do not act on it before the red points are settled",
}


def trust(tables: Tables, summary: Mapping[str, Any], labels: Labels) -> Trust:
    """The light of the summary's model."""
    found: list[tuple[Light, str]] = [(Light.RED, text) for text in summary["plausibility"]]
    certificate = certificate_of(tables)
    if certificate is not None and certificate.model_id == summary["model"]["id"]:
        found += _certified(certificate)
    else:
        found.append(
            (Light.AMBER, "Nobody has measured how wrong numbers on these data are: not certified.")
        )
    found += _confidence(tables, summary, labels)
    warnings = [text for text in summary["warnings"] if text]
    if warnings:
        more = ""
        if len(warnings) > 1:
            more = f" and {count(len(warnings) - 1, 'more warning')}"
        found.append((Light.AMBER, f"{warnings[0]}{more}"))
    order = list(reversed(Light))
    found.sort(key=lambda item: order.index(item[0]))
    light = found[0][0] if found else Light.GREEN
    return Trust(light, tuple(text for _, text in found))


def _certified(certificate: Certificate) -> Iterator[tuple[Light, str]]:
    total = certificate.total
    worlds = count(total.worlds, "simulated world")
    error = f"On {worlds} like these data the ROI error is {percent(total.error)}."
    if total.error >= RED_ERROR:
        yield Light.RED, error
    elif total.error >= AMBER_ERROR:
        yield Light.AMBER, error
    else:
        yield Light.GREEN, error
    if total.harmful is not None and total.harmful >= RED_HARMFUL:
        yield (
            Light.RED,
            f"In {percent(total.harmful)} of the simulated worlds the advised budget is worse than "
            "today's.",
        )
    held, claimed = total.covered, certificate.interval_level
    if held is not None and held < claimed - COVERAGE_GAP:
        yield (
            Light.AMBER,
            f"Intervals that claim {percent(claimed)} hold the truth in {percent(held)} of the "
            "simulated worlds.",
        )
    concerns = [item for item in certificate.checks if item.outcome is Outcome.CONCERN]
    if concerns:
        yield (
            Light.AMBER,
            f"{count(len(concerns), 'stress check')} of {len(certificate.checks)} "
            f"{'raises' if len(concerns) == 1 else 'raise'} a concern: {concerns[0].finding}",
        )


def _confidence(
    tables: Tables, summary: Mapping[str, Any], labels: Labels
) -> Iterator[tuple[Light, str]]:
    rows = channels(tables, summary["model"]["id"], labels).to_pylist()
    vague = [row for row in rows if row["confidence"] == Confidence.INCONCLUSIVE]
    share = sum(row["spend_share"] or 0.0 for row in vague)
    text = (
        f"{len(vague)} of {count(len(rows), 'channel')} with {percent(share)} of the spend are "
        "inconclusive."
    )
    if rows and len(vague) == len(rows):
        yield Light.RED, "All channels are inconclusive: these data do not tell them apart."
    elif share >= AMBER_INCONCLUSIVE:
        yield Light.AMBER, text
    elif vague:
        yield Light.GREEN, text
    elif rows:
        yield Light.GREEN, "The effect of every channel is told by the data."


def warning_line(found: Trust) -> str:
    """What plans, slides and exports of a model that is not to be trusted say in their headline;
    empty where nothing is red.
    """
    if found.light is not Light.RED:
        return ""
    return f"Open red warning: {found.reasons[0]}"
