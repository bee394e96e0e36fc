"""A search of very many candidates lists the kept models and a sample, with the numbers of a search
that lists all.
"""

from __future__ import annotations

import numpy as np
import pytest

from mmm.engines.base import Problem
from mmm.engines.ridge import diagnostics, pipeline
from mmm.engines.ridge.settings import RidgeSettings

SETTINGS = RidgeSettings(method="exact", trials=2, iterations=150, min_candidates=12)


def trained(problem: Problem) -> tuple[dict[str, object], str]:
    found, recommended, _ = pipeline.train(problem, SETTINGS, lambda progress: None)
    return {name: table.to_pylist() for name, table in found.items()}, recommended


def test_kept_models_are_the_same_and_the_rest_is_a_sample(
    demo_problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything, recommended = trained(demo_problem)
    monkeypatch.setattr(pipeline, "MOST_LISTED", 200)
    for module in (pipeline, diagnostics):
        monkeypatch.setattr(module, "LISTED_OF_MANY", 30)
    listed, again = trained(demo_problem)
    assert again == recommended
    for name in ("channels", "contributions", "fit", "curves"):
        assert listed[name] == everything[name], name
    by_id = {row["model_id"]: row for row in everything["models"]}  # type: ignore[attr-defined]
    rows = listed["models"]
    assert all(row == by_id[row["model_id"]] for row in rows)  # type: ignore[attr-defined]
    kept = {row["model_id"] for row in by_id.values() if row["front"] is not None}
    sample = {row["model_id"] for i, row in enumerate(everything["models"]) if i % 10 == 0}  # type: ignore[arg-type]
    assert {row["model_id"] for row in rows} == kept | sample  # type: ignore[attr-defined]
    notes = {row["name"]: row["text"] for row in listed["diagnostics"]}  # type: ignore[attr-defined]
    assert notes["candidates"].startswith(
        "300 candidates were evaluated. Listed, and exported as all, are the 12 kept"
    )
    settled = [row for row in everything["diagnostics"] if row["name"] == "convergence"]  # type: ignore[attr-defined]
    assert [row for row in listed["diagnostics"] if row["name"] == "convergence"] == settled  # type: ignore[attr-defined]


def test_results_do_not_depend_on_the_number_of_cores(
    demo_problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmm.engines.ridge import candidates

    found = []
    for cores in (1, 2, 3):
        for module in (pipeline, candidates):
            monkeypatch.setattr(module, "usable_cores", lambda cores=cores: cores)
        found.append(trained(demo_problem))
    assert found[0] == found[1] == found[2]
    assert np.isfinite([row["nrmse"] for row in found[0][0]["models"]]).all()  # type: ignore[attr-defined]
