"""The simulator's promises: it adds up, its truth is counterfactual, and a seed makes the same
world.
"""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from mmm.access import Role, User
from mmm.data.holidays import holidays
from mmm.data.ingest import ingest
from mmm.errors import AlreadyExists, UserError
from mmm.experiments.config import parse_experiment
from mmm.simulation.export import write_world
from mmm.simulation.generator import _black_friday, simulate, true_lift_of
from mmm.simulation.presets import DIFFICULTIES
from mmm.simulation.response import Adstock
from mmm.sources.files import FileSource
from mmm.workspace import Workspace

PRESETS = sorted(DIFFICULTIES)


@pytest.mark.parametrize("difficulty", PRESETS)
def test_components_and_noise_add_up_to_the_kpi(difficulty: str) -> None:
    world = simulate(7, difficulty)
    total = sum(world.baseline.values()) + sum(world.effects.values()) + world.noise
    np.testing.assert_allclose(total, world.kpi, rtol=0, atol=1e-9 * world.kpi.max())
    assert world.kpi.min() > 0


@pytest.mark.parametrize("difficulty", PRESETS)
def test_a_channels_effect_is_the_kpi_with_minus_without_its_spend(difficulty: str) -> None:
    world = simulate(7, difficulty)
    for channel in world.channels:
        without = {**world.spend, channel.name: np.zeros_like(world.kpi)}
        difference = (world.kpi - world.kpi_with(without)).sum()
        assert difference == pytest.approx(world.effects[channel.name].sum(), rel=1e-9, abs=1e-5)


def test_presets_keep_what_they_declare() -> None:
    for difficulty, preset in DIFFICULTIES.items():
        world = simulate(3, difficulty)
        roi = [world.effects[c.name].sum() / world.spend[c.name].sum() for c in world.channels]
        assert (len(world.dates), len(world.channels)) == (preset.weeks, preset.channels)
        assert sum(value == 0 for value in roi) == preset.zero_effect_channels
        assert all(
            preset.roi[0] - 1e-9 <= value <= preset.roi[1] + 1e-9 for value in roi if value > 0
        )
        assert len(world.lift_tests) == preset.lift_tests


def test_an_immediate_lift_is_less_than_the_total_in_the_same_weeks() -> None:
    world = simulate(7, "standard")
    rows = slice(60, 64)
    immediate = true_lift_of(world, "tv", rows, "immediate")
    total = true_lift_of(world, "tv", rows, "total")
    assert 0 < immediate < total
    assert total == pytest.approx(world.effects["tv"][rows].sum(), rel=1e-9)


def test_lift_tests_lie_in_the_data_and_name_the_spend_of_their_weeks() -> None:
    world = simulate(7, "standard")
    for test in world.lift_tests:
        rows = slice(
            world.dates.index(test.start), world.dates.index(test.end - timedelta(days=6)) + 1
        )
        assert rows.stop - rows.start == 4
        assert test.spend == pytest.approx(world.spend[test.channel][rows].sum())
        assert test.true_lift == true_lift_of(world, test.channel, rows, test.scope)
        assert test.lift > 0


@pytest.mark.parametrize(
    "adstock", [Adstock("geometric", theta=0.6), Adstock("weibull", shape=2.0, scale=3.0)]
)
def test_adstock_weights_sum_to_one_and_a_steady_spend_is_its_own_adstock(adstock: Adstock) -> None:
    assert adstock.weights(200).sum() == pytest.approx(1.0, abs=1e-12)
    assert adstock.apply(np.full(200, 5.0))[-1] == pytest.approx(5.0, abs=1e-9)


def test_weibull_effects_peak_later_than_geometric_ones() -> None:
    assert Adstock("geometric", theta=0.6).weights(10).argmax() == 0
    assert Adstock("weibull", shape=2.0, scale=3.0).weights(10).argmax() == 2


def test_the_curve_is_what_a_long_steady_spend_brings() -> None:
    channel = simulate(7, "standard").channel("tv")
    steady = channel.effect(np.full(300, 40_000.0))[-1]
    assert steady == pytest.approx(float(channel.steady_response(np.array(40_000.0))), rel=1e-9)


def test_black_friday_follows_the_tables_thanksgiving() -> None:
    for year in range(2019, 2027):
        names = {name: day for day, name in holidays("US", date(year, 11, 1), date(year, 11, 30))}
        thanksgiving = next(day for name, day in names.items() if name.startswith("Thanksgiving"))
        assert (_black_friday(year) - thanksgiving).days == 1


def test_a_channel_stays_the_same_when_others_are_added() -> None:
    few, many = simulate(7, "easy", channels=3), simulate(7, "easy", channels=6)
    assert few.channel("search").alpha == many.channel("search").alpha
    assert few.channel("search").adstock == many.channel("search").adstock


def test_the_folder_holds_four_files_that_agree(tmp_path: Path) -> None:
    world = simulate(7, "standard")
    write_world(world, tmp_path / "market")
    with (tmp_path / "market/data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    truth = json.loads((tmp_path / "market/truth.json").read_text())
    experiment = parse_experiment((tmp_path / "market/experiment.json").read_text())
    source, workspace = FileSource(tmp_path / "market/data.csv"), Workspace("memory://")
    manifest = ingest(
        source,
        market="simulated",
        origin="any",
        workspace=workspace,
        by=User("test", role=Role.ANALYST),
    )
    assert experiment.dataset.dataset_id == manifest.dataset_id
    assert len(rows) == truth["weeks"] == 156
    assert set(experiment.mapping.columns()) <= set(rows[0])
    assert set(truth["channels"]) == {c.name for c in world.channels}
    for name, channel in truth["channels"].items():
        assert channel["spend"] == pytest.approx(sum(float(row[f"{name}_spend"]) for row in rows))
        assert channel["roi"] == pytest.approx(channel["incremental_revenue"] / channel["spend"])
        assert channel["response_curve"][0] == {"spend": 0.0, "response": 0.0}
    kpi = [sum(values) for values in zip(*truth["weekly"].values(), strict=True)]
    np.testing.assert_allclose(kpi, [float(row["revenue"]) for row in rows], rtol=1e-9)
    with (tmp_path / "market/experiments.csv").open(newline="") as file:
        lifts = list(csv.DictReader(file))
    assert [float(lift["lift"]) for lift in lifts] == [test.lift for test in experiment.lift_tests]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["market"]


def test_a_seed_makes_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    digests = []
    for number, seed in enumerate((7, 7, 8)):
        paths = write_world(simulate(seed, "hard"), tmp_path / str(number))
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert digests[0] == digests[1]
    assert all(one != other for one, other in zip(digests[0], digests[2], strict=True))


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(AlreadyExists, match="is not empty"):
        write_world(simulate(7), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"difficulty": "brutal"},
            "difficulty: 'brutal' is not known. Choose one of easy, standard, hard.",
        ),
        ({"weeks": 20}, "weeks: 20 is out of range. Choose 52 to 1040."),
        ({"channels": 1}, "channels: 1 is out of range. Choose 2 to 20."),
        ({"lift_tests": -1}, "lift_tests: -1 is out of range. Choose 0 to 20."),
    ],
)
def test_values_out_of_range_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        simulate(**arguments)
    assert str(caught.value) == message
