"""Settings refuse what Robyn would, by the names of its documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mmm.engines import load_engine
from mmm.errors import InvalidInput
from mmm.experiments.config import parse_experiment

EXPERIMENT = {
    "dataset": {"market": "DE", "dataset_id": "0123456789abcdef"},
    "mapping": {"date": "week", "kpi": "sales", "paid": [{"spend": "tv"}]},
    "engine": "robyn",
}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trials": 0}, "settings.trials: must be at least 1; got 0."),
        ({"theta": [0, 0.5]}, "settings.theta: is not known here; got [0, 0.5]."),
        ({"nevergrad_algo": "Best"}, "settings.nevergrad_algo: must be 'DE', "),
        ({"hyperparameters": {"tv_thetas": [0.2, 1]}}, "tv_thetas must lie within [0, 1); got [0.2, 1]."),
        ({"hyperparameters": {"tv_alphas": [2, 1]}}, "tv_alphas the lower end must not exceed the upper"),
        ({"hyperparameters": {"tv_theta": [0, 0.5]}}, "'tv_theta' is no hyperparameter: lambda, train_size,"),
        ({"hyperparameters": {"lambda": 0.5}}, "lambda must be a range of two numbers"),
        ({"hyperparameters": {"train_size": [0.5, 0.8]}}, "train_size needs ts_validation"),
        ({"objective_weights": [1]}, "settings.objective_weights: must have at least 2 entry"),
        ({"clusters": 20, "min_candidates": 20}, "20 clusters need more models"),
        ({"clusters": 2}, "settings.clusters: must be at least 3; got 2."),
        ({"seed": 2**31}, "settings.seed: must be at most 2000000000"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_experiment(json.dumps({**EXPERIMENT, "settings": settings}))
    assert message in str(caught.value)


def test_defaults_are_robyns() -> None:
    settings = parse_experiment(json.dumps(EXPERIMENT)).engine_settings().model_dump()
    assert (settings["trials"], settings["iterations"], settings["seed"]) == (5, 2000, 123)
    assert (settings["nevergrad_algo"], settings["min_candidates"]) == ("TwoPointsDE", 100)


def test_a_training_of_a_study_holds_periods_out_and_draws_nothing() -> None:
    settings = parse_experiment(json.dumps(EXPERIMENT)).engine_settings()
    found = load_engine("robyn").variant(settings, seed=1, holdout=0.8)
    assert found.ts_validation
    assert found.hyperparameters["train_size"] == (0.8, 0.8)
    assert found.seed == settings.seed + 1000
    assert (found.one_pagers, found.allocator, found.rds) == (False, False, False)
