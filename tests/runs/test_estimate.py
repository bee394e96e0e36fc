"""What a run will take: the formula, this workspace's own runs, the price."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmm.engines import settings_model
from mmm.errors import UserError
from mmm.experiments.config import Experiment, presets, with_preset
from mmm.experiments.prices import MACHINES, cost, price
from mmm.runs.estimate import Size, estimate, formula, size_of

DEMO = Size("ridge", 10_000, 157, 12, "geometric")
Make = Callable[..., Experiment]


def test_the_formula_gives_the_measured_demo() -> None:
    """benchmarks/README.md: 12.3 s beside the search, 1.9 s of search."""
    assert formula(DEMO) == pytest.approx(12.3 + 1.63 + 0.27)


def test_time_grows_with_candidates_rows_and_columns() -> None:
    more = Size("ridge", 20_000, 314, 24, "geometric")
    assert formula(more) == pytest.approx(12.3 + 2 * 1.63 + 8 * 0.27)
    assert (formula(Size("ridge", 10_000, 157, 12, "weibull")) or 0) > (formula(DEMO) or 0)


def test_earlier_runs_here_scale_the_estimate_by_their_median() -> None:
    alone = estimate(DEMO, [], "local")
    assert alone.basis == "from measured rates, no run has ended here yet"
    took = formula(DEMO) or 0.0
    here = estimate(
        DEMO, [(DEMO, 2 * took, 700e6), (DEMO, 3 * took, None), (DEMO, 50 * took, None)], "local"
    )
    assert here.seconds == pytest.approx(3 * took)
    assert here.memory_bytes == 700e6
    assert here.basis == "from 3 earlier runs here and measured rates"


def test_an_engine_nobody_measured_is_estimated_from_its_own_runs_or_not_at_all() -> None:
    size = Size("other", 100, 10, 10, "geometric")
    assert estimate(size, [], "local").seconds is None
    assert "not known yet" in estimate(size, [], "local").sentence()
    assert estimate(
        size, [(Size("other", 50, 10, 10, "geometric"), 20.0, None)], "local"
    ).seconds == pytest.approx(40)


def test_money_is_the_machines_list_price() -> None:
    machine = MACHINES["aws"]
    hour = machine.vcpus * 0.04048 + machine.gigabytes * 0.004445
    assert cost("aws", 7200) == pytest.approx(2 * hour)
    assert cost("local", 7200) == 0
    assert [price(value) for value in (None, 0, 0.001, 1.234)] == [
        "-",
        "no cost",
        "less than USD 0.01",
        "USD 1.23",
    ]
    assert MACHINES["gcp"].per_hour > 0


def test_the_size_is_read_from_the_experiment(experiment: Make) -> None:
    assert size_of(experiment(trials=2, iterations=500, adstock="weibull_pdf"), 208) == Size(
        "ridge", 1000, 208, 12, "weibull"
    )


def test_a_preset_takes_the_place_of_the_settings_it_names(experiment: Make) -> None:
    quick = with_preset(experiment(trials=9, seed=7), "fast")
    assert quick.settings == {"trials": 2, "iterations": 500, "seed": 7}
    with pytest.raises(UserError, match="no preset 'slow'") as caught:
        with_preset(experiment(), "slow")
    assert caught.value.fix == "Choose one of: fast, standard, thorough."


def test_every_preset_is_valid_and_standard_is_what_holds_without_one() -> None:
    model = settings_model("ridge")
    for values in presets("ridge").values():
        model.model_validate(values)
    assert model.model_validate(presets("ridge")["standard"]) == model()
