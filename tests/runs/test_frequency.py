"""A channel's frequency from the table to the problem: proposed, mapped, checked, or made impressions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from mmm.data.mapping import Mapping, PaidColumns
from mmm.data.profile import profile
from mmm.data.proposal import propose
from mmm.data.roles import check_roles, mapping_of, roles_of_mapping, roles_of_proposal
from mmm.engines.base import Problem
from mmm.errors import InvalidInput
from mmm.experiments.config import Experiment
from mmm.experiments.problem import build_problem

WEEKS = 120
VIDEO = {"spend": "video_spend", "exposure": "video_reach", "frequency": "video_frequency"}


def columns() -> dict[str, Any]:
    """Sales, video by impressions, reach and frequency, search by its spend."""
    rng = np.random.default_rng(3)
    reach = rng.integers(1_000, 9_000, WEEKS).astype(float)
    reach[5] = 0.0
    frequency = np.where(reach > 0.0, rng.uniform(1.5, 6.0, WEEKS).round(2), 0.0)
    return {
        "week": [dt.date(2022, 1, 3) + dt.timedelta(weeks=i) for i in range(WEEKS)],
        "revenue": rng.uniform(9e4, 2e5, WEEKS).round(2),
        "video_spend": (0.3 * reach * frequency).round(2),
        "video_impressions": (reach * frequency).round(),
        "video_reach": reach,
        "video_frequency": frequency,
        "search_spend": rng.uniform(500.0, 900.0, WEEKS).round(2),
    }


def build(data: dict[str, Any], engine: str = "bayes", **mapping: Any) -> tuple[Problem, list[str]]:
    given = {
        "dataset": {"market": "DE", "dataset_id": "0" * 16},
        "mapping": {
            "date": "week",
            "kpi": "revenue",
            "paid": [VIDEO, {"spend": "search_spend"}],
            **mapping,
        },
        "engine": engine,
        "currency": "EUR",
    }
    problem, findings = build_problem(Experiment.model_validate(given), pa.table(data))
    return problem, [str(finding) for finding in findings]


def without(*names: str) -> pa.Table:
    """The table without some columns."""
    return pa.table({name: values for name, values in columns().items() if name not in names})


def test_reach_and_frequency_are_proposed_and_edited() -> None:
    table = without("video_impressions")
    proposal = propose(table)
    assert proposal.mapping is not None
    assert proposal.mapping.paid == (PaidColumns(**VIDEO), PaidColumns(spend="search_spend"))
    roles = roles_of_proposal(proposal)
    found = check_roles(roles, profile(table))
    assert not [finding for finding in found if finding.level == "error"]
    assert mapping_of(roles) == proposal.mapping
    assert roles_of_mapping(proposal.mapping, table.column_names) == roles
    reach = next(item for item in roles.columns if item.column == "video_reach")
    found = check_roles(roles.with_column(reach.as_role("unused")), profile(table))
    assert [finding.what for finding in found if finding.where == "video_frequency"] == [
        "'video_spend' has no reach: a frequency says nothing without the people reached."
    ]


@pytest.mark.parametrize(
    ("table", "exposure", "reason"),
    [
        (without(), "video_impressions", "'video_impressions' is proposed"),
        (without("video_reach", "video_impressions"), None, "people reached"),
    ],
)
def test_a_frequency_beside_impressions_or_alone_is_not_used(
    table: pa.Table, exposure: str | None, reason: str
) -> None:
    proposal = propose(table)
    assert proposal.mapping is not None
    video = proposal.mapping.paid[0]
    assert (video.exposure, video.frequency) == (exposure, None)
    assert proposal.column("video_frequency").role == "unused"
    assert reason in proposal.column("video_frequency").reason


def test_a_mapped_frequency_needs_a_reach_and_a_column_of_its_own() -> None:
    with pytest.raises(ValidationError, match="people reached"):
        PaidColumns(spend="video_spend", frequency="video_frequency")
    with pytest.raises(ValidationError, match="one role only"):
        Mapping(
            date="week",
            kpi="revenue",
            paid=(PaidColumns(spend="a", exposure="b", frequency="revenue"),),
        )


def test_the_problem_holds_both_for_bayes_and_impressions_for_other_engines() -> None:
    data = columns()
    problem, said = build(data)
    video = problem.paid[0]
    assert video.exposure is not None
    assert video.frequency is not None
    assert video.exposure.tolist() == data["video_reach"].tolist()
    assert video.frequency.tolist() == data["video_frequency"].tolist()
    assert not [text for text in said if "frequency" in text]
    problem, said = build(data, engine="ridge")
    video = problem.paid[0]
    assert video.exposure is not None
    assert video.frequency is None
    np.testing.assert_allclose(video.exposure, data["video_reach"] * data["video_frequency"])
    assert [text for text in said if "not modelled by ridge: reach times frequency is" in text]


def test_a_panel_models_impressions() -> None:
    parts = []
    for geo, size in (("north", 1.0), ("south", 2.0)):
        data = columns()
        for name in ("revenue", "video_spend", "video_reach", "search_spend"):
            data[name] = data[name] * size + np.arange(WEEKS)
        data["video_frequency"] = np.maximum(data["video_frequency"], 1.0)
        parts.append(pa.table({**data, "geo": [geo] * WEEKS}))
    table = pa.concat_tables(parts)
    problem, said = build({name: table[name] for name in table.column_names}, geo="geo")
    assert problem.panel is not None
    assert problem.paid[0].frequency is None
    reach, frequency = (
        table[name].to_numpy().reshape(2, WEEKS) for name in ("video_reach", "video_frequency")
    )
    np.testing.assert_allclose(problem.panel.exposure["video_spend"], reach * frequency)
    assert [text for text in said if "not modelled in a panel" in text]


def test_a_missing_or_impossible_frequency_is_told() -> None:
    data = columns()
    data["video_frequency"][7] = 0.0
    with pytest.raises(InvalidInput, match=r"above 0 in 1 period .* first on 2022-02-21"):
        build(data)
    data = columns()
    data["video_frequency"] = data["video_frequency"] / 10.0
    _, said = build(data)
    assert [text for text in said if "below 1 in 100% of the periods with reach" in text]
