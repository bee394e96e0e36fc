"""Scores by hand, and a folder from the simulator through to its score."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mmm.errors import UserError
from mmm.planning.history import History
from mmm.recovery.folder import CaseOptions, read_case
from mmm.recovery.loop import by_net, with_tests
from mmm.recovery.recover import recover
from mmm.recovery.summary import CaseScore, by_generator, by_word
from mmm.recovery.truth import read_truths
from mmm.scoring.advice import Advice, judge
from mmm.scoring.score import ChannelEstimate, ChannelTruth, Recovery, score
from mmm.simulation.export import write_world
from mmm.simulation.generator import simulate
from mmm.testing.next_test import TestValue


def truth(name: str, spend: float, effect: float, top: float = 1.0) -> ChannelTruth:
    grid = np.linspace(0.0, 10.0, 101)
    return ChannelTruth(name, spend, effect, grid, top * np.sqrt(grid))


TRUTHS = [truth("tv", 60.0, 120.0), truth("web", 40.0, 40.0)]  # ROI 2 and 1


def test_the_truth_itself_scores_perfectly() -> None:
    found = score(
        TRUTHS,
        [ChannelEstimate("web", 40.0, 1.0, 0.5, 1.5), ChannelEstimate("tv", 120.0, 2.0, 1.9, 2.1)],
    )
    assert (found.roi_error, found.misplaced, found.total, found.ranked, found.covered) == (
        0.0,
        0.0,
        1.0,
        1.0,
        1.0,
    )


def test_scores_by_hand() -> None:
    found = score(
        TRUTHS, [ChannelEstimate("tv", 60.0, 1.0, 0.5, 1.5), ChannelEstimate("web", 80.0, 2.0)]
    )
    # sum(share x |error|) = 0.6 x 1 + 0.4 x 1 = 1; sum(share x true ROI) = 0.6 x 2 + 0.4 x 1 = 1.6
    assert found.roi_error == pytest.approx(1.0 / 1.6)
    # true shares 0.75 and 0.25, estimated 3/7 and 4/7
    assert found.misplaced == pytest.approx(0.75 - 3 / 7)
    assert found.total == pytest.approx(140 / 160)
    assert found.ranked == 0.0
    assert found.covered == 0.0  # of the one interval given


def test_a_channel_without_estimate_is_an_error() -> None:
    with pytest.raises(ValueError, match="web"):
        score(TRUTHS, [ChannelEstimate("tv", 1.0, 1.0)])


def test_marginal_error_and_width_are_weighted_by_spend() -> None:
    given = [
        ChannelTruth("tv", 60.0, 120.0, np.array([0.0, 1.0]), np.array([0.0, 1.0]), 1.0, 1.0),
        ChannelTruth("web", 40.0, 40.0, np.array([0.0, 1.0]), np.array([0.0, 1.0]), 1.0, 0.5),
    ]
    found = score(
        given,
        [
            ChannelEstimate("tv", 120.0, 2.0, 1.0, 3.0, 1.5, "high"),
            ChannelEstimate("web", 40.0, 1.0, 0.5, 0.9, 0.5, "medium"),
        ],
    )
    # 0.6 x 0.5 over 0.6 x 1 + 0.4 x 0.5; widths 0.6 x 2 + 0.4 x 0.4 over true 1.6
    assert found.marginal_error == pytest.approx(0.3 / 0.8)
    assert found.width == pytest.approx(1.36 / 1.6)
    assert [channel.held for channel in found.channels] == [True, False]
    assert [channel.word for channel in found.channels] == ["high", "medium"]


def test_marginal_roi_is_the_slope_of_the_curve_where_it_is_not_given() -> None:
    grid = np.linspace(0.0, 10.0, 1001)
    item = ChannelTruth("tv", 1.0, 1.0, grid, np.sqrt(grid), today=4.0)
    assert item.marginal_roi == pytest.approx(0.25, rel=1e-4)


def test_advice_of_the_best_and_of_a_poor_budget() -> None:
    """Two equal channels with square-root responses: half and half is best."""
    channels = [truth("tv", 1.0, 1.0), truth("web", 1.0, 1.0)]
    bounds = {"tv": (0.0, 8.0), "web": (0.0, 8.0)}
    poor = {"tv": 8.0, "web": 0.0}
    even = {"tv": 4.0, "web": 4.0}
    lost = 1 - np.sqrt(8.0) / (2 * np.sqrt(4.0))
    best = judge(channels, poor, even, bounds)
    assert best.regret == pytest.approx(0.0, abs=1e-3)
    assert best.regret_today == pytest.approx(lost, abs=1e-3)
    assert best.uplift == pytest.approx(1 / (1 - lost) - 1, abs=1e-3)
    assert best.best_uplift == pytest.approx(best.uplift, abs=1e-3)
    assert not best.harmful
    worst = judge(channels, even, poor, bounds)
    assert worst.uplift == pytest.approx(-lost, abs=1e-3)
    assert worst.harmful
    held = judge(channels, poor, poor, {"tv": (8.0, 8.0), "web": (0.0, 0.0)})
    assert held.regret == held.regret_today == pytest.approx(0.0)


def test_both_forms_of_a_curve_are_the_same_truth(tmp_path: Path) -> None:
    """Points per period, and total response by multiples of today's spend (10 of 4 periods)."""
    points = [{"spend": 0.0, "response": 0.0}, {"spend": 5.0, "response": 3.0}]
    points.append({"spend": 10.0, "response": 4.0})
    multiples = {"0.0": 0.0, "1.0": 16.0, "0.5": 12.0}
    lists = {"spend": [0.0, 5.0, 10.0], "response": [0.0, 3.0, 4.0]}
    base = {"spend": 40.0, "incremental_revenue": 16.0}
    channels = {
        "points": {**base, "response_curve": points},
        "lists": {**base, "response_curve": lists},
        "multiples": {**base, "response_curve": multiples},
        "beside": {**base, "response_by_multiplier": multiples},
    }
    (tmp_path / "truth.json").write_text(json.dumps({"channels": channels}))
    found = read_truths(tmp_path / "truth.json", periods=4)
    for item in found:
        assert item.curve_spend.tolist() == [0.0, 5.0, 10.0], item.name
        assert item.curve_response.tolist() == [0.0, 3.0, 4.0], item.name
        assert item.marginal_roi == found[0].marginal_roi
        assert item.roi == 0.4


def case_score(name: str, error: float, uplift: float, **channel: float | str) -> CaseScore:
    estimate = ChannelEstimate(
        "tv", 1.0, 2.0 * (1 + error), 1.0, float(channel["high"]), 1.0, str(channel["word"])
    )
    recovery: Recovery = score([truth("tv", 60.0, 120.0)], [estimate])
    return CaseScore(name, recovery, Advice(0.0, 0.0, uplift, 0.04))


def test_means_by_generator_and_word_leave_special_cases_out() -> None:
    cases = [
        case_score("mf-a", 0.2, 0.02, high=3.0, word="high"),
        case_score("mf-b", 0.4, -0.02, high=1.5, word="medium"),
        case_score("pl-a", 0.1, 0.04, high=3.0, word="high"),
        case_score("pl-small-raw-a", 9.0, -0.5, high=1.5, word="high"),
        case_score("mf-negative-a", 9.0, -0.5, high=1.5, word="high"),
    ]
    rows = {row.name: row for row in by_generator(cases)}
    assert list(rows) == ["mf", "pl", "all"]
    assert rows["mf"].roi_error == pytest.approx(0.3)
    assert rows["all"].median_roi_error == pytest.approx(0.2)
    assert rows["all"].covered == pytest.approx(2 / 3)
    assert rows["mf"].harmful == 1
    assert rows["all"].uplift_share == pytest.approx((0.02 - 0.02 + 0.04) / 3 / 0.04)
    words = {row.word: row for row in by_word(cases, ("high", "medium", "inconclusive"))}
    assert list(words) == ["high", "medium"]
    assert (words["high"].channels, words["high"].covered) == (2, 1.0)
    assert words["medium"].covered == 0.0


def test_a_simulated_folder_from_data_to_score(tmp_path: Path) -> None:
    write_world(simulate(1, "easy"), tmp_path / "world")
    settings = {"trials": 1, "iterations": 300, "min_candidates": 20}
    case = read_case(tmp_path / "world", CaseOptions("ridge", settings))
    assert case.experiment.country == "US"  # from its experiment.json
    assert case.experiment.mapping.date == "date"
    assert case.experiment.mapping.kpi == "revenue"
    assert len(case.experiment.lift_tests) == 2
    mapped = {paid.spend.removesuffix("_spend") for paid in case.experiment.mapping.paid}
    assert mapped == {item.name for item in case.truths}
    scored, result, problem = recover(case)
    found, advice = scored.recovery, scored.advice
    # 0.19, 0.81 and 1 here; with another platform's rounding the search goes elsewhere
    assert found.roi_error < 0.35
    assert 0.7 < found.total < 1.3
    assert found.covered >= 0.75
    assert found.width > 0.0
    assert found.marginal_error > 0.0
    assert result.recommended
    assert 0.0 <= advice.regret < advice.regret_today  # the advised budget is better than today's
    assert [medium.name for medium in problem.paid] == [
        f"{item.name}_spend" for item in case.truths
    ]


def test_command_prints_scores_and_names_bad_folders(tmp_path: Path) -> None:
    import typer

    from mmm.cli.recover import recover_command

    app = typer.Typer()
    app.command()(recover_command)
    write_world(simulate(2, "easy"), tmp_path / "world")
    settings = json.dumps({"trials": 1, "iterations": 60, "min_candidates": 10})
    done = CliRunner().invoke(
        app, [str(tmp_path / "world"), "--engine", "ridge", "--settings", settings, "--json"]
    )
    assert done.exit_code == 0, done.output
    assert set(json.loads(done.output)["world"]) >= {"roi_error", "misplaced", "model"}
    assert "tests" not in json.loads(done.output)["world"]
    (tmp_path / "world" / "truth.json").write_text("{}x")
    with pytest.raises(UserError, match=r"truth\.json"):
        read_case(tmp_path / "world")


def test_the_loop_holds_tests_whose_results_are_the_truth_and_their_error(tmp_path: Path) -> None:
    write_world(simulate(3, "easy", weeks=80, channels=3, lift_tests=0), tmp_path / "world")
    settings = {"trials": 1, "iterations": 60, "min_candidates": 10, "bootstrap": 100}
    case = read_case(tmp_path / "world", CaseOptions("ridge", settings))
    assert case.experiment.lift_tests == (), "the file of tests has its headings alone"
    offered: list[list[str]] = []

    def once(tests: list[TestValue], history: History) -> TestValue | None:
        offered.append([test.channel for test in tests])
        return by_net(tests, history) if len(offered) == 1 else None

    before, after = with_tests(case, 2, precision=0.002, choose=once)
    assert before.held is None
    held = after.held
    assert held is not None
    assert set(offered[0]) - set(offered[1]) == {held.test.channel}, "no channel twice"
    (truth,) = (item for item in case.truths if case.columns[item.name] == held.test.channel)
    assert held.truth == truth.effect
    assert 0 < abs(held.measured - held.truth) < 4 * held.error
    assert held.error == pytest.approx(held.test.error * truth.spend / held.test.moved)
    off = []
    for step in (before, after):
        off += [one.off for one in step.scored.recovery.channels if one.name == truth.name]
    assert off[1] < off[0], "what was tested is known better"


def write_case(folder: Path, columns: dict[str, list[float]], channels: dict[str, float]) -> None:
    """A folder of four weeks with the given columns and a truth of channels by their spend."""
    folder.mkdir()
    dates = ["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22"]
    rows = len(next(iter(columns.values())))
    names = ["date", "revenue", *columns]
    lines = [",".join(names)]
    for row in range(rows):
        values = [100.0 + row, *(column[row] for column in columns.values())]
        lines.append(",".join([dates[row % 4], *map(str, values)]))
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    curve = {"0": 0.0, "1": 10.0}
    truth = {
        name: {"spend": spend, "incremental_revenue": 10.0, "response_curve": curve}
        for name, spend in channels.items()
    }
    (folder / "truth.json").write_text(json.dumps({"channels": truth}))


def test_columns_with_other_names_are_found(tmp_path: Path) -> None:
    columns = {
        "Cost TV": [1.0, 2.0, 3.0, 4.0],
        "fb_impressions": [1.0, 2.0, 5.0, 4.0],
        "medium_7": [2.0, 2.0, 2.0, 1.0],
        "price": [9.0, 8.0, 9.0, 9.0],
    }
    write_case(tmp_path / "case", columns, {"tv": 10.0, "fb": 7.0})
    case = read_case(tmp_path / "case")
    assert case.columns == {"tv": "Cost TV", "fb": "medium_7"}  # by name, by total
    assert [item.column for item in case.experiment.mapping.context] == ["price"]
    mapping = {
        "date": "date",
        "kpi": "revenue",
        "paid": [{"spend": "medium_7"}, {"spend": "Cost TV", "exposure": "fb_impressions"}],
    }
    (tmp_path / "mapping.json").write_text(json.dumps(mapping))
    mapped = read_case(tmp_path / "case", CaseOptions(mapping=tmp_path / "mapping.json"))
    assert mapped.columns == {"tv": "Cost TV", "fb": "medium_7"}
    assert mapped.experiment.mapping.paid[1].exposure == "fb_impressions"


def test_a_channel_without_a_column_is_named(tmp_path: Path) -> None:
    write_case(tmp_path / "case", {"tv_spend": [1.0, 2.0, 3.0, 4.0]}, {"tv": 10.0, "radio": 3.0})
    with pytest.raises(UserError, match="radio_spend"):
        read_case(tmp_path / "case")


def test_a_panel_is_mapped_by_its_columns(tmp_path: Path) -> None:
    columns = {
        "geo": [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0],
        "population": [10.0] * 8,
        "tv_spend": [1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0],
        "control_price": [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0],
    }
    write_case(tmp_path / "case", columns, {"tv": 110.0})
    case = read_case(tmp_path / "case")
    mapping = case.experiment.mapping
    assert (mapping.geo, mapping.population) == ("geo", "population")
    assert [item.column for item in mapping.context] == ["control_price"]
    assert case.truths[0].today == pytest.approx(110.0 / 4)  # per period, not per row


def test_lift_tests_are_read_from_the_named_file(tmp_path: Path) -> None:
    write_case(tmp_path / "case", {"tv_spend": [1.0, 2.0, 3.0, 4.0]}, {"tv": 10.0})
    tests = "channel,start,end,lift,spend,confidence,scope,note\n"
    tests += "tv,2024-01-01,2024-01-14,5.5,3,0.95,total,abc\n"
    (tmp_path / "case" / "experiments.precise.csv").write_text(tests)
    assert read_case(tmp_path / "case").experiment.lift_tests == ()
    options = CaseOptions(lift_tests="experiments.precise.csv")
    found = read_case(tmp_path / "case", options).experiment.lift_tests
    assert [(test.channels, test.lift, test.scope) for test in found] == [
        (("tv_spend",), 5.5, "total")
    ]
