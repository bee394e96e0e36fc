"""Models without a paid channel: organic media alone through the native engines and all views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmm.engines import load_engine
from mmm.engines.base import Problem, Variable
from mmm.engines.capabilities import ExportRequest, Exports
from mmm.engines.result_check import check_result
from mmm.experiments.config import settings_model
from mmm.format import Labels
from mmm.results import charts, findings, summary
from mmm.results.views import present_views

PERIODS = 110
LABELS = Labels("revenue", "revenue", "EUR")


def problem() -> Problem:
    random = np.random.default_rng(1)
    news = random.uniform(0, 100, PERIODS) * (random.random(PERIODS) > 0.3)
    push = random.uniform(0, 50, PERIODS)
    season = 100 * np.sin(np.arange(PERIODS) / 52 * 2 * np.pi)
    weeks = np.timedelta64(7, "D") * np.arange(PERIODS)
    return Problem(
        dates=np.datetime64("2022-01-03") + weeks,
        step_days=7,
        kpi_name="revenue",
        kpi=1000 + 3 * news + 4 * push + random.normal(0, 30, PERIODS) + season,
        kpi_kind="revenue",
        paid=(),
        window=(0, PERIODS - 1),
        organic=(Variable("news", news, "positive"), Variable("push", push, "positive")),
        context=(),
        currency="EUR",
        country=None,
    )


@pytest.mark.parametrize(
    ("engine", "quick"),
    [
        ("bayes", {"warm_up": 60, "sweeps": 60, "longest": 1, "chains": 2, "draws": 40}),
        ("ridge", {"trials": 1, "iterations": 30, "min_candidates": 10, "bootstrap": 100}),
    ],
)
def test_organic_media_alone_are_modelled_and_shown(engine: str, quick: dict[str, Any]) -> None:
    given = problem()
    settings = settings_model(engine).model_validate(quick)
    loaded = load_engine(engine)
    assert [item for item in loaded.check(given, settings) if item.level == "error"] == []
    result = loaded.train(given, settings, lambda *_: None)
    check_result(result)
    parts = summary.waterfall(result.tables, result.recommended, LABELS)
    shares = {row["component"]: row["share"] for row in parts.to_pylist()}
    assert shares["news"] + shares["push"] == pytest.approx(0.15, abs=0.1)
    assert findings.waterfall(parts, LABELS).startswith("Organic media bring")
    keys = [view.key for view in present_views(result.tables)]
    assert not {"share_of_spend", "efficiency", "response_curves", "stability"} & set(keys)
    for view in present_views(result.tables):
        numbers = view.numbers(result.tables, result.recommended, LABELS)
        assert view.finding(numbers, LABELS)
        assert "viewBox" in charts.svg(view.chart(numbers, LABELS))
    if isinstance(loaded, Exports):
        dumped = settings.model_dump(mode="json")
        names = [result.recommended]
        request = ExportRequest(
            "run", given, dumped, result.tables, "1", {}, "date", None, names, everything=True
        )
        written = {name: make() for name, make in loaded.export(request).tables.items()}
        assert "pareto_clusters_ci" not in written
        assert all(table.num_rows for table in written.values())


def test_robyn_says_that_it_needs_a_paid_channel() -> None:
    settings = settings_model("robyn").model_validate({})
    (found,) = load_engine("robyn").check(problem(), settings)
    assert found.what == "Robyn needs a paid channel."
