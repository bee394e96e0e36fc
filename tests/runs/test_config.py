"""Every field of an experiment refuses a wrong value: the finding names its path and what came,
without jargon.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types as at
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mmm.engines.adstock_hill.settings import Within
from mmm.engines.ridge.settings import RidgeSettings
from mmm.errors import InvalidInput, UserError
from mmm.experiments.config import Experiment, parse_experiment

Path = tuple[str | int, ...]
Case = tuple[Path, Any]

#: An experiment with something in every field that may hold more.
FULL: dict[str, Any] = {
    "dataset": {"market": "DE", "dataset_id": "0123456789abcdef"},
    "mapping": {
        "date": "date",
        "kpi": "sales",
        "paid": [{"spend": "tv"}, {"spend": "search", "exposure": "clicks"}],
        "organic": [{"column": "mail"}],
        "context": [{"column": "price"}],
        "factors": [{"column": "event"}],
    },
    "window": {"start": "2022-01-03", "end": "2024-01-01"},
    "country": "DE",
    "accept": ["vif"],
    "more_holidays": ["DE-BY"],
    "events": [{"name": "fair", "start": "2023-05-01", "end": "2023-05-03"}],
    "lift_tests": [
        {"channels": ["tv"], "start": "2023-01-02", "end": "2023-01-29", "lift": 5.0, "spend": 10.0}
    ],
    "engine": "ridge",
    "settings": {
        "media": {"tv": {"theta": [0.1, 0.5]}},
        "validation": {"train_size": [0.5, 0.8]},
        "prophet": ["trend"],
    },
}
JARGON = re.compile(
    r"Input|valid (tuple|dict|int|string|list)|instance|Extra|NoneType|pydantic|_type|Decimal|str\b"
)


def model_cases(model: type[BaseModel], path: Path) -> Iterator[Case]:
    """Wrong values for every field of a model and of the models within it, and an unknown field."""
    yield path, 7
    yield (*path, "no_such_field"), 7
    for name, field in model.model_fields.items():
        here = (*path, field.alias or name)
        if here == ("settings",):
            yield from model_cases(RidgeSettings, here)
            continue
        yield from type_cases(field.annotation, field.metadata, here)


def type_cases(kind: Any, limits: list[Any], path: Path) -> Iterator[Case]:
    """Wrong values for one field by its declared type and limits."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (option for option in get_args(kind) if option is not type(None))
    if hasattr(kind, "__metadata__"):
        kind, limits = get_args(kind)[0], [*limits, *kind.__metadata__]
    limits = [
        inner
        for limit in limits
        for inner in (limit.metadata if isinstance(limit, FieldInfo) else [limit])
    ]
    within = [limit for limit in limits if isinstance(limit, Within)]
    if within:
        yield from interval_cases(within[0], path)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from model_cases(kind, path)
    elif get_origin(kind) is tuple:
        yield from list_cases(kind, limits, path)
    elif get_origin(kind) is dict:
        yield path, [1]
        yield from type_cases(get_args(kind)[1], [], (*path, "tv"))
    elif get_origin(kind) is Literal:
        yield from ((path, value) for value in ("nonsense", 99, None))
    else:
        yield from ((path, value) for value in WRONG_TYPES[kind])
        yield from limit_cases(limits, path)


WRONG_TYPES: dict[Any, list[Any]] = {
    str: [7, ["x"], {"x": 1}],
    int: ["many", 1.5, True, [1]],
    float: ["much", "1", True, [1], float("nan"), float("inf")],
    bool: ["maybe", "true", 1, []],
    dt.date: ["31.12.2024", "2024-13-01", 20240101, 1.5, {}],
}


def limit_cases(limits: list[Any], path: Path) -> Iterator[Case]:
    for limit in limits:
        if isinstance(limit, at.Ge):
            yield path, limit.ge - 1
        elif isinstance(limit, at.Gt):
            yield path, limit.gt
        elif isinstance(limit, at.Le):
            yield path, limit.le + 1
        elif isinstance(limit, at.Lt):
            yield path, limit.lt
        elif isinstance(limit, at.MinLen):
            yield path, ""
        elif isinstance(limit, at.MaxLen):
            yield path, "x" * (limit.max_length + 1)
        elif getattr(limit, "pattern", None):
            yield from ((path, text) for text in ("de", "Germany", "", "D1"))
        else:
            assert type(limit).__name__ in ("Strict", "_PydanticGeneralMetadata"), limit


def list_cases(kind: Any, limits: list[Any], path: Path) -> Iterator[Case]:
    item, *more = get_args(kind)
    yield from ((path, value) for value in ("x", 7, {"a": 1}))
    if any(isinstance(limit, at.MinLen) for limit in limits):
        yield path, []
    if more != [...]:
        yield path, [1.0] * (len(more) + 2)
    if path == ("settings", "objective_weights"):
        for value in ("x", -1, 10.5, True):
            yield path, [value, 1, 1]
        return
    yield from type_cases(item, [], (*path, 0))


def interval_cases(limit: Within, path: Path) -> Iterator[Case]:
    middle = (limit.low + min(limit.high, 1)) / 2
    yield from (
        (path, value)
        for value in ("x", "12", True, None, {}, [], [middle], [middle] * 3, [middle, "x"])
    )
    yield from (
        (path, [limit.low - 0.1, middle]),
        (path, [middle, limit.high + 0.1]),
        (path, limit.high + 1),
    )
    yield from (
        (path, [float("nan"), middle]),
        (path, [middle, 10**400]),
        (path, [middle, middle / 2]),
    )
    if limit.low_open:
        yield path, [limit.low, middle]
    if limit.high_open:
        yield path, [middle, limit.high]


def may_be_none(path: Path) -> bool:
    if path == ("settings", "intercept_sign"):
        return True
    return path[-1] in {"theta", "shape", "scale", "alpha", "gamma", "adstock"} and path[:2] == (
        "settings",
        "media",
    )


CASES = [
    case
    for case in model_cases(Experiment, ())
    if case[0] and not (case[1] is None and may_be_none(case[0]))
]


def changed(path: Path, value: Any) -> dict[str, Any]:
    content = copy.deepcopy(FULL)
    place: Any = content
    for step in path[:-1]:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    place[path[-1]] = value
    return content


def findings(content: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        parse_experiment(json.dumps(content), where="e.json")
    assert caught.value.what == "e.json is not valid:"
    return [(finding.where, finding.what) for finding in caught.value.findings]


def test_the_full_experiment_is_valid() -> None:
    assert parse_experiment(json.dumps(FULL)).mapping.kpi == "sales"


def test_every_field_is_covered() -> None:
    paths = {".".join(map(str, path)) for path, _ in CASES}
    for field in (
        "name",
        "mapping.paid.0.exposure",
        "lift_tests.0.confidence",
        "settings.lambda",
        "settings.clusters",
    ):
        assert field in paths
    assert {
        f"settings.{field.alias or name}" for name, field in RidgeSettings.model_fields.items()
    } <= paths
    assert len(CASES) > 300


@pytest.mark.parametrize(("path", "value"), CASES, ids=lambda part: repr(part)[:50])
def test_a_wrong_value_is_named(path: Path, value: Any) -> None:
    # An optional part that FULL leaves out is made for the one value; what else it would need is
    # not at issue here.
    found = [finding for finding in findings(changed(path, value)) if finding[1] != "is required."]
    where = ".".join(str(step + 1) if isinstance(step, int) else step for step in path)
    assert found
    for place, what in found:
        # A list of the wrong length or with a wrong entry is named by the entry.
        assert place == where or (isinstance(value, list | dict) and place.startswith(f"{where}."))
        assert "got " in what
        assert not JARGON.search(what), what
        assert what.endswith(".")
    if len(repr(value)) < 60 and not isinstance(value, list | dict):
        assert f"got {value!r}." in found[0][1]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("settings", "trials"), 0, "settings.trials: must be at least 1; got 0."),
        (("settings", "trials"), 2.5, "settings.trials: must be a whole number; got 2.5."),
        (("settings", "theta"), [0.2, 1], "settings.theta: must lie within [0, 1); got [0.2, 1]."),
        (
            ("settings", "theta"),
            "0.2, 1",
            "settings.theta: must be one number or two [low, high] within [0, 1); got '0.2, 1'.",
        ),
        (
            ("settings", "media", "tv", "gamma"),
            [0.9, 0.5],
            "settings.media.tv.gamma: the lower end must not exceed the upper one; got [0.9, 0.5].",
        ),
        (
            ("settings", "adstock"),
            "weibull",
            "settings.adstock: must be 'geometric', 'weibull_cdf' or 'weibull_pdf'; got 'weibull'.",
        ),
        (("settings", "iteration"), 500, "settings.iteration: is not known here; got 500."),
        (("mapping", "paid", 1, "spend"), "", "mapping.paid.2.spend: must not be empty; got ''."),
        (
            ("window", "start"),
            "soon",
            "window.start: must be a date such as 2024-12-31; got 'soon'.",
        ),
        (
            ("country",),
            "Germany",
            "country: must be two capital letters such as DE; got 'Germany'.",
        ),
        (("currency",), "euro", "currency: must be three capital letters such as EUR; got 'euro'."),
        (("name",), "x" * 201, f"name: must have at most 200 characters; got '{'x' * 59}...."),
        (("engine",), "robin", "engine: choose one of: bayes, ridge, robyn; got 'robin'."),
        (
            ("window",),
            {"start": "2023-01-02", "end": "2023-01-01"},
            "window: the end must lie after the start.",
        ),
        (
            ("lift_tests", 0, "end"),
            "2023-01-01",
            "lift_tests.1: the end must not lie before the start.",
        ),
        (("lift_tests", 0, "channels"), ["tv", "tv"], "lift_tests.1: a channel is named twice."),
        (
            ("mapping", "kpi"),
            "tv",
            "mapping: each column can have one role only; used twice: 'tv'.",
        ),
        (
            ("settings", "objective_weights"),
            [0, 0, 1],
            "settings: objective_weights must not both be 0 for NRMSE and business distance.",
        ),
        (("settings", "objective_weights"), [1, 1], "settings.objective_weights.3: is required."),
        (("settings", "prophet"), ["trend", "trend"], "settings: prophet names a part twice."),
    ],
    ids=str,
)
def test_messages(path: Path, value: Any, message: str) -> None:
    assert [f"{where}: {what}" for where, what in findings(changed(path, value))] == [message]


def test_what_is_missing_and_all_that_is_wrong_is_named_at_once() -> None:
    content = {
        "dataset": {"market": "DE"},
        "country": "de",
        "engine": "ridge",
        "settings": {"trials": 0, "theta": 3},
    }
    assert [f"{where}: {what}" for where, what in findings(content)] == [
        "dataset.dataset_id: is required.",
        "mapping: is required.",
        "country: must be two capital letters such as DE; got 'de'.",
        "settings.theta: must lie within [0, 1); got 3.",
        "settings.trials: must be at least 1; got 0.",
    ]


@pytest.mark.parametrize("content", [[1], "text", 5, None])
def test_another_json_value_than_an_object(content: Any) -> None:
    assert findings(content) == [("the whole", f"must be an object, {{...}}; got {content!r}.")]


@pytest.mark.parametrize(
    "text",
    ["", "{", "date,sales\n", b"\xff\xfe\x00", "[" * 100_000, "1" * 5000],
    ids=lambda text: repr(text)[:12],
)
def test_what_is_not_json(text: str | bytes) -> None:
    with pytest.raises(UserError, match=r"^e\.json: is not JSON \("):
        parse_experiment(text, where="e.json")
