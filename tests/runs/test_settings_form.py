"""A form's fields are the settings model's, with its limits; what is under construction is checked
as if submitted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mmm.access import NotAllowed, Role, User
from mmm.engines import ENGINES, settings_model
from mmm.engines.adstock_hill.preview import ENDS, channel_ranges, decay, in_words, saturation
from mmm.engines.ridge.settings import RidgeSettings
from mmm.errors import InvalidInput, NotFound
from mmm.experiments.config import DatasetRef, Experiment
from mmm.experiments.review import review
from mmm.experiments.settings_form import form_fields
from mmm.experiments.templates import load_template, save_template
from mmm.runs.search import RunFilter
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.workspace import Workspace

ANN = User("ann", role=Role.ANALYST)
Make = Callable[..., Experiment]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_setting_is_a_field_by_the_name_it_has_in_a_file(engine: str) -> None:
    model = settings_model(engine)
    names = [field.alias or name for name, field in model.model_fields.items()]
    assert [field.name for field in form_fields(engine)] == names


@pytest.mark.parametrize("engine", ENGINES)
def test_every_default_can_be_written_into_a_file(engine: str) -> None:
    given = {
        field.name: field.default for field in form_fields(engine) if field.kind != "by_medium"
    }
    assert settings_model(engine).model_validate(given) == settings_model(engine)()


def test_kinds_and_limits_are_the_declared_ones() -> None:
    fields = {field.name: field for field in form_fields("ridge")}
    kinds = {name: field.kind for name, field in fields.items()}
    assert {
        name: kinds[name]
        for name in ("trials", "theta", "adstock", "prophet", "intercept", "threshold")
    } == {
        "trials": "integer",
        "theta": "range",
        "adstock": "choice",
        "prophet": "choices",
        "intercept": "flag",
        "threshold": "number",
    }
    assert (kinds["media"], kinds["validation"], kinds["objective_weights"]) == (
        "by_medium",
        "group",
        "numbers",
    )
    assert [fields[name].limits for name in ("trials", "theta", "alpha")] == [
        "[1, 100]",
        "[0, 1)",
        "(0, 10)",
    ]
    assert (fields["clusters"].optional, fields["trials"].optional) == (True, False)
    assert fields["theta"].title == "Carryover (theta)"
    assert [part.name for part in fields["media"].parts] == [
        "adstock",
        "theta",
        "shape",
        "scale",
        "alpha",
        "gamma",
    ]


def test_a_preview_is_the_engines_own_curve_at_the_ends_and_the_middle() -> None:
    rows = decay("geometric", {"theta": (0.0, 0.8)}, 104)
    second = {row["end"]: row["weight"] for row in rows if row["lag"] == 1}
    assert second == pytest.approx(dict(zip(ENDS, (0.0, 0.4, 0.8), strict=True)))
    half = {
        row["end"]: row["effect"]
        for row in saturation((2.0, 2.0), (0.5, 0.5))
        if row["pressure"] == 0.5
    }
    assert half == pytest.approx(dict.fromkeys(ENDS, 0.5))
    weibull = [
        row["weight"]
        for row in decay("weibull_cdf", {"shape": (2, 2), "scale": (0.1, 0.1)}, 104)
        if row["end"] == "middle"
    ]
    assert weibull[0] == 1.0
    assert weibull == sorted(weibull, reverse=True)


def test_ranges_in_words() -> None:
    said = in_words(
        "geometric", {"theta": (0.0, 0.5), "alpha": (0.5, 1.0), "gamma": (0.3, 1.0)}, "week"
    )
    assert said == [
        "Of an effect 0% to 50% lasts into the next week; half of it is gone after 0 to 1.0 weeks.",
        "Saturation may be concave; half of the ceiling is reached at 30% to 100% of the largest pressure.",
    ]


def test_a_channels_own_range_comes_before_the_general_one() -> None:
    settings = RidgeSettings.model_validate({"media": {"tv": {"theta": [0.3, 0.9]}}})
    assert channel_ranges(settings, "tv")[1]["theta"] == (0.3, 0.9)
    assert channel_ranges(settings, "radio")[1]["theta"] == (0.0, 0.8)


@pytest.fixture
def content(experiment: Make) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(experiment().to_json())
    return found


def test_a_review_finds_what_a_submission_would(
    content: dict[str, Any], workspace: Workspace, settings: Settings, dataset: DatasetRef
) -> None:
    service = RunService.open(settings)
    good = review(content, workspace.read_dataset)
    assert good.problem is not None
    assert good.errors == []
    for change in (
        {"settings": {"trials": 0}},
        {"country": "XX"},
        {"window": {"start": "2030-01-07"}},
    ):
        found = review({**content, **change}, workspace.read_dataset)
        assert found.problem is None
        with pytest.raises(InvalidInput) as caught:
            service.check(
                Experiment.model_validate({**content, **change})
            ) if found.experiment else _parse(content | change)
        assert tuple(found.errors) == caught.value.findings
        (path,) = {finding.where for finding in found.errors}
        assert found.at(path) == found.errors
        assert found.elsewhere([path]) == []
        assert found.elsewhere([]) == found.errors


def _parse(content: dict[str, Any]) -> None:
    from mmm.experiments.config import parse_experiment

    parse_experiment(json.dumps(content))


def test_a_template_is_an_experiment_without_its_dataset_in_versions(
    content: dict[str, Any], workspace: Workspace
) -> None:
    assert save_template(workspace, "weekly", content, ANN) == 1
    assert save_template(workspace, "weekly", {**content, "name": "two"}, ANN) == 2
    assert load_template(workspace, "weekly@1").experiment == {
        k: v for k, v in content.items() if k not in ("dataset", "refresh", "retrains")
    }
    assert load_template(workspace, "weekly").experiment["name"] == "two"
    with pytest.raises(NotFound, match="there is no template 'daily'") as caught:
        load_template(workspace, "daily")
    assert caught.value.fix == "Known templates: weekly."


def test_a_template_must_be_valid_and_a_viewer_saves_none(
    content: dict[str, Any], workspace: Workspace
) -> None:
    with pytest.raises(InvalidInput):
        save_template(workspace, "bad", {**content, "currency": "euro"}, ANN)
    with pytest.raises(NotAllowed):
        save_template(workspace, "mine", content, User("eve"))
    assert workspace.template_names() == []


def test_a_filter_looks_at_state_market_engine_and_every_word(
    content: dict[str, Any], workspace: Workspace, settings: Settings
) -> None:
    from mmm.runs.events import History

    service = RunService.open(settings)
    for name, market in (("Spring test", "DE"), ("Autumn test", "FR")):
        run_id = workspace.create_run(Experiment.model_validate(content))
        History.begin(
            workspace, run_id, "ann", details={"name": name, "market": market, "engine": "ridge"}
        )

    def names(**wanted: Any) -> list[str]:
        return sorted(status.name for status in service.find(RunFilter(**wanted)))

    assert names() == ["Autumn test", "Spring test"]
    assert names(markets=frozenset({"FR"})) == ["Autumn test"]
    assert names(states=frozenset({"succeeded"})) == []
    assert names(states=frozenset({"queued"}), text="TEST spring") == ["Spring test"]
    assert names(text="ann winter") == []
    assert names(engines=frozenset({"robyn"})) == []
    assert not RunFilter()
