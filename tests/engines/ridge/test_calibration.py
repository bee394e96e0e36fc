"""What the models say over the days of a lift test, with the tests and without."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType

import pyarrow.compute as pc
import pytest

from mmm.engines.base import LiftTest, Problem
from mmm.engines.ridge.candidates import evaluate
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.engine import RidgeEngine
from mmm.engines.ridge.settings import RidgeSettings

QUICK = {"trials": 1, "iterations": 60, "min_candidates": 12, "bootstrap": 100}
WEEKS = (date(2018, 1, 1), date(2018, 3, 4))
TESTS = (
    LiftTest(("tv_S",), *WEEKS, 60_000.0, 0.0, 0.95, "total"),
    LiftTest(("facebook_S", "search_S"), *WEEKS, 90_000.0, 0.0, 0.8, "total"),
)


@pytest.mark.parametrize("name", ["c11_geo_calib_imm", "c12_geo_calib_tot"])
def test_effects_over_a_test_are_robyns(golden: Path, run_cases: ModuleType, name: str) -> None:
    folder = golden / "refit" / name
    case = json.loads((folder / "case.json").read_text())
    frame, tests = run_cases.load_frame(folder, case), run_cases.load_lift_tests(folder)
    design = build_design(frame, run_cases.load_settings(case, "robyn"), tests)
    studied = evaluate(design, run_cases.load_candidate(frame, case), cores=1).studied[0]
    recorded = run_cases.read_csv(folder / "lift.csv")
    names = dict(zip(frame.media_names, frame.selected, strict=True))
    ours = {
        "+".join(names.get(part, part) for part in test.channels): row
        for test, row in zip(tests, studied, strict=True)
    }
    assert ours.keys() == set(recorded["rn"])
    for i, rn in enumerate(recorded["rn"]):
        assert ours[rn][0] == pytest.approx(float(recorded["decompAbsScaled"][i]), rel=1e-9)
        assert ours[rn][1] == pytest.approx(float(recorded["decompAbsTotalScaled"][i]), rel=1e-9)


def test_uncalibrated_is_what_the_same_run_says_without_any_test(demo_problem: Problem) -> None:
    settings = RidgeSettings.model_validate(QUICK)
    plain = RidgeEngine().train(demo_problem, settings, lambda progress: None)
    result = RidgeEngine().train(
        replace(demo_problem, lift_tests=TESTS), settings, lambda progress: None
    )
    kept = (
        result.tables["models"]
        .filter(pc.is_valid(result.tables["models"]["front"]))["model_id"]
        .to_pylist()
    )
    table = result.tables["lift_tests"]
    assert table["model_id"].to_pylist() == [name for name in kept for _ in TESTS]
    assert table["test"].to_pylist() == [1, 2] * len(kept)
    assert set(table["channels"].to_pylist()) == {"tv_S", "facebook_S + search_S"}

    def summed(tables: object, model: str, test: LiftTest) -> float:
        rows = tables["contributions"].to_pylist()  # type: ignore[index]
        own = [
            row for row in rows if row["model_id"] == model and row["component"] in test.channels
        ]
        return sum(row["effect"] for row in own if test.start <= row["date"] <= test.end)

    for row in table.to_pylist():
        test = TESTS[row["test"] - 1]
        assert (row["lift"], row["start"], row["scope"]) == (test.lift, test.start, "total")
        assert row["uncalibrated"] == pytest.approx(
            summed(plain.tables, plain.recommended, test), rel=1e-9
        )
        if row["model_id"] == result.recommended:
            assert row["effect"] == pytest.approx(
                summed(result.tables, result.recommended, test), rel=1e-9
            )


def test_without_lift_tests_there_is_nothing_to_compare(demo_problem: Problem) -> None:
    result = RidgeEngine().train(
        demo_problem, RidgeSettings.model_validate(QUICK), lambda progress: None
    )
    assert result.tables["lift_tests"].num_rows == 0
