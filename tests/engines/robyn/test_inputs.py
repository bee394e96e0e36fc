"""What is refused before R starts, and what R is given."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm.engines.base import Factor, Holiday, LiftTest, PaidMedium, PreviousModel, Problem, Variable
from mmm.engines.robyn.inputs import check, hyperparameters, write_inputs
from mmm.engines.robyn.settings import RobynSettings

ROWS = 160
RNG = np.random.default_rng(1)
DATES = np.datetime64("2021-01-04") + 7 * np.arange(ROWS)
PROBLEM = Problem(
    dates=DATES,
    step_days=7,
    kpi_name="sales",
    kpi=100 + RNG.random(ROWS),
    kpi_kind="revenue",
    paid=(
        PaidMedium("tv", RNG.random(ROWS)),
        PaidMedium("search", RNG.random(ROWS), 10 * RNG.random(ROWS), "clicks"),
    ),
    window=(4, ROWS - 1),
    organic=(Variable("mail", RNG.random(ROWS), "positive"),),
    context=(
        Variable("price", RNG.random(ROWS), "negative"),
        Factor("event", tuple("NA" if i % 9 else "x" for i in range(ROWS))),
    ),
    holidays=(Holiday(date(2021, 12, 25), 'Christmas, "first" day'),),
    country="DE",
)


def errors(problem: Problem = PROBLEM, **settings: Any) -> list[str]:
    return [
        str(finding)
        for finding in check(problem, RobynSettings(**settings))
        if finding.level == "error"
    ]


def written(folder: Path, problem: Problem = PROBLEM, **settings: Any) -> dict[str, Any]:
    write_inputs(problem, RobynSettings(**settings), 3, folder)
    document: dict[str, Any] = json.loads((folder / "inputs.json").read_text())
    return document


def test_a_sound_problem_is_fine() -> None:
    assert errors() == []


def test_ranges_follow_their_medium_whichever_of_its_names_is_used() -> None:
    """Robyn renames spends to exposures by position in a sorted list, so that ranges land on other
    media.
    """
    for name in ("search", "clicks"):
        found = hyperparameters(
            PROBLEM, RobynSettings(hyperparameters={f"{name}_thetas": [0.1, 0.2], "tv_alphas": 2})
        )
        assert found["clicks_thetas"] == [0.1, 0.2]
        assert found["tv_alphas"] == [2.0]
        assert found["tv_thetas"] == [0.0, 0.8]
        assert list(found) == sorted(found)
        assert not [key for key in found if key.startswith("search")]
        assert len(found) == 9


def test_a_weibull_adstock_has_shapes_and_scales() -> None:
    found = hyperparameters(PROBLEM, RobynSettings(adstock="weibull_pdf"))
    assert found["mail_shapes"] == [0.0, 10.0]
    assert found["mail_scales"] == [0.0, 0.1]
    assert "mail_thetas" not in found


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hyperparameters": {"radio_alphas": [1, 2]}}, "hyperparameters.radio_alphas: unknown medium 'radio'."),
        ({"hyperparameters": {"tv_shapes": [1, 2]}}, "geometric adstock has no shapes."),
        ({"hyperparameters": {"search_alphas": [1, 2], "clicks_alphas": [1, 2]}}, "by the spend's name and by the"),
        ({"iterations": 20, "trials": 1, "min_candidates": 10}, "20 candidates are too few for 100 models."),
        ({"iterations": 150, "trials": 1, "min_candidates": 130}, "150 candidates are too few for 130 models."),
        ({"objective_weights": [1, 1, 1]}, "3 weights are given; without lift tests there are 2."),
        ({"prophet_vars": []}, "settings.prophet_vars: factor variables need at least one Prophet part."),
        ({"ts_validation": True, "hyperparameters": {"train_size": [0.5, 0.99]}}, "the validation part would"),
    ],
)  # fmt: skip
def test_what_would_stop_robyn_is_told_before(settings: dict[str, Any], message: str) -> None:
    (found,) = errors(**settings)
    assert message in found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tv spend", "begin with a letter"),
        ("Überschuss", "begin with a letter"),
        ("2tv", "begin"),
        ("trend", "itself"),
    ],
)
def test_a_name_that_robyn_cannot_take_is_refused(name: str, message: str) -> None:
    problem = replace(PROBLEM, paid=(replace(PROBLEM.paid[0], name=name), PROBLEM.paid[1]))
    (found,) = errors(problem)
    assert found.startswith(f"column {name!r}: ")
    assert message in found


def test_lift_tests_need_enough_candidates_and_more_than_one_period() -> None:
    test = LiftTest(("tv",), date(2022, 1, 3), date(2022, 1, 8), 5.0, 1.0)
    problem = replace(PROBLEM, lift_tests=(test,))
    (found,) = errors(problem, iterations=500, trials=1)
    assert found.startswith("settings.iterations: lift tests leave about 50 of 500 candidates")
    found, *_ = [item for item in check(problem, RobynSettings()) if "one period" in item.what]
    assert (found.level, found.where) == ("warning", "lift_tests.1")


def test_a_refresh_is_refused_in_words() -> None:
    (found,) = errors(replace(PROBLEM, previous=PreviousModel("1_1_1", 4, {}, {}, {})))
    assert found.startswith(
        "refresh: Robyn's models are not refreshed here: robyn_refresh of 3.12.1 stops in R before 4.3"
    )


def test_the_data_reach_r_with_every_digit(tmp_path: Path) -> None:
    document = written(tmp_path)
    with (tmp_path / "data.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["DATE", "sales", "tv", "search", "clicks", "mail", "price", "event"]
    assert [row["DATE"] for row in rows[:2]] == ["2021-01-04", "2021-01-11"]
    assert [float(row["clicks"]) for row in rows] == PROBLEM.paid[1].exposure.tolist()  # type: ignore[union-attr]
    assert rows[1]["event"] == "NA"
    assert document["types"] == {"DATE": "Date", "event": "character"} | dict.fromkeys(
        ("sales", "tv", "search", "clicks", "mail", "price"), "numeric"
    )
    with (tmp_path / "holidays.csv").open() as lines:
        assert list(csv.reader(lines)) == [
            ["ds", "holiday", "country", "year"],
            ["2021-12-25", 'Christmas, "first" day', "DE", "2021"],
        ]


def test_without_a_country_there_are_no_holidays(tmp_path: Path) -> None:
    document = written(tmp_path, replace(PROBLEM, holidays=(), country=None))
    assert document["inputs"]["prophet_vars"] == ["trend", "season"]
    assert "prophet_country" not in document["inputs"]
    assert not (tmp_path / "holidays.csv").exists()


def test_studies_and_validation_are_passed_on(tmp_path: Path) -> None:
    test = LiftTest(("tv", "search"), date(2022, 1, 3), date(2022, 1, 30), 5.0, 1.5, 0.9, "total")
    document = written(
        tmp_path,
        replace(PROBLEM, lift_tests=(test,)),
        ts_validation=True,
        objective_weights=[1, 2, 3],
        hyperparameters={"train_size": [0.6, 0.7]},
    )
    assert document["calibration"] == [
        {
            "channel": "tv+search", "liftStartDate": "2022-01-03", "liftEndDate": "2022-01-30", "liftAbs": 5.0,
            "spend": 1.5, "confidence": 0.9, "metric": "sales", "calibration_scope": "total",
        }
    ]  # fmt: skip
    assert document["inputs"]["hyperparameters"]["train_size"] == [0.6, 0.7]
    assert document["run"]["objective_weights"] == [1, 2, 3]
    assert document["run"]["ts_validation"] is True
    assert document["run"]["cores"] == 3
    assert document["run"]["quiet"] is False
