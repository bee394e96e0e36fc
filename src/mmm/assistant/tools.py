"""The tools: each calls operations of `mmm.services` and says what they gave."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

from pydantic import Field

from mmm.assistant import figures
from mmm.assistant.effects import EFFECTS
from mmm.runs.events import FINAL
from mmm.services import operations
from mmm.services.context import Context
from mmm.services.datasets import DatasetsAsked, OfDataset
from mmm.services.designs import DesignBody, TimeTestAsked
from mmm.services.geo_tests import NextTestAsked, TestBody
from mmm.services.glossary import TermAsked
from mmm.services.once import call_once, plain_answer
from mmm.services.operation import Fields, Nothing
from mmm.services.plans import PlanBody
from mmm.services.registry import KeepBody, OfTest, ResultBody, StateBody, TestName
from mmm.services.results import BridgeAsked, ChannelAsked, CompareAsked, CurvesAsked, OfModel
from mmm.services.runs import ExperimentBody, OfRun, RunName, RunsAsked
from mmm.workspace.tokens import Scope

_POLL_SECONDS = 1.0
Handler = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Tool:
    """`asked` are its arguments."""

    name: str
    what: str
    asked: type[Fields]
    handle: Handler

    @property
    def effect(self) -> Scope:
        return EFFECTS[self.name]


class RunsOf(RunsAsked):
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class SubmitAsked(ExperimentBody):
    """`key`: the same call under the same key starts one run, however often it is made."""

    key: Annotated[str, Field(min_length=1, max_length=100)]


class PlanAsked(PlanBody):
    run: RunName = "latest"


class AnswerAsked(OfModel):
    run: RunName = "latest"


class StatusAsked(Fields):
    run: RunName = "latest"


class WaitAsked(StatusAsked):
    """With `wait_seconds` the answer comes when the run has ended, or so many seconds have passed."""

    wait_seconds: Annotated[float, Field(ge=0, le=50)] = 0


class KeepAsked(KeepBody):
    """`design` as design_test or design_time_test gives it, with its channel."""

    name: TestName


class MoveAsked(StateBody):
    """The test's new state: running or discarded."""

    name: TestName


class RecordAsked(ResultBody):
    name: TestName


def list_datasets(context: Context, asked: DatasetsAsked) -> dict[str, Any]:
    """List stored datasets: market, id, rows, columns, newest first."""
    return _call(context, "list_datasets", asked.model_dump())


def describe_dataset(context: Context, asked: OfDataset) -> dict[str, Any]:
    """Describe a dataset: its columns with types and ranges, notes on how it was read."""
    found = _call(context, "describe_dataset", asked.model_dump())
    return {name: value for name, value in found.items() if name not in ("reading", "recipe")}


def propose_mapping(context: Context, asked: OfDataset) -> dict[str, Any]:
    """Propose which column of a dataset plays which role, with confidence and reason."""
    return _call(context, "propose_mapping", asked.model_dump())


def validate_experiment(context: Context, asked: ExperimentBody) -> dict[str, Any]:
    """Check an experiment against its data and say what a run would take. Starts nothing.

    An experiment needs {"dataset": {"market", "dataset_id"}, "mapping": ...}; `dataset` MARKET/ID
    and propose_mapping give both.
    """
    body = asked.model_dump()
    estimate = _call(context, "estimate_experiment", {}, body)
    return {"valid": True, **estimate}


def submit_run(context: Context, asked: SubmitAsked) -> dict[str, Any]:
    """Start a run of an experiment or a template. Costs compute: validate first."""
    body = asked.model_dump()
    key = body.pop("key")
    return call_once(context, operations()["submit_run"], {}, body, key)


def run_status(context: Context, asked: WaitAsked) -> dict[str, Any]:
    """Say how a run stands: state, stage, seconds left, why it failed; at once, or when it has ended
    within `wait_seconds`.
    """
    until = time.monotonic() + asked.wait_seconds
    while True:
        context.runs.start_waiting()
        found = _call(context, "get_run", {"run": asked.run})
        if found["state"] in FINAL or time.monotonic() >= until:
            return found
        time.sleep(min(_POLL_SECONDS, asked.wait_seconds))


def cancel_run(context: Context, asked: OfRun) -> dict[str, Any]:
    """Stop a run that has not ended."""
    return _call(context, "cancel_run", asked.model_dump())


def list_runs(context: Context, asked: RunsOf) -> dict[str, Any]:
    """List runs, newest first, by state, market, engine or words."""
    return _call(context, "list_runs", asked.model_dump())


def get_answer(context: Context, asked: AnswerAsked) -> dict[str, Any]:
    """Give a run's answer: what media earned, which channels are certain, what to change, what moved,
    how far to trust it; and every channel's figures.
    """
    found = _call(context, "get_answer", asked.model_dump())
    return {**found, "channels": None, "figures": figures.of_channels(found["channels"])}


def get_channel(context: Context, asked: ChannelAsked) -> dict[str, Any]:
    """Give a channel's figures: ROAS or CPA, marginal ROAS, contribution, spend, shares."""
    found = _call(context, "get_channel", asked.model_dump())
    return {"channel": found["channel"], "figures": found["figures"]}


def get_curves(context: Context, asked: CurvesAsked) -> dict[str, Any]:
    """Give response curves: what a channel brings per period at a steady spend."""
    return _call(context, "get_curves", asked.model_dump())


def get_bridge(context: Context, asked: BridgeAsked) -> dict[str, Any]:
    """Say why the KPI moved between two ranges of dates."""
    found = _call(context, "get_bridge", asked.model_dump())
    words = _words(context, asked.run, asked.model)
    said = {"title": found["title"], "finding": found["finding"]}
    return {**said, "run_id": found["run_id"], "figures": figures.of_bridge(found, words)}


def compare_runs(context: Context, asked: CompareAsked) -> dict[str, Any]:
    """Put two to four runs side by side: what each says and where they agree."""
    found = _call(context, "compare", asked.model_dump())
    shown = []
    for run_id in found["run_ids"]:
        channels = _call(context, "list_channels", {"run": run_id})["channels"]
        for item in figures.of_channels(channels):
            if item["what"] in ("ROAS", "CPA", "contribution"):
                shown.append(item)
    return {"findings": found["findings"], "limits": found["limits"], "figures": shown}


def get_certificate(context: Context, asked: StatusAsked) -> dict[str, Any]:
    """Say how wrong a run's numbers could be, from worlds with known truth simulated on its data."""
    found = _call(context, "get_certificate", asked.model_dump())
    return {"run_id": found["run_id"], "figures": figures.of_certificate(found)}


def plan_budget(context: Context, asked: PlanAsked) -> dict[str, Any]:
    """Split a budget over the paid channels, or find the budget for a target; keeps nothing."""
    body = asked.model_dump(mode="json")
    run = body.pop("run")
    found = _call(context, "plan_budget", {"run": run}, body)
    plan = found["plan"]
    words = _words(context, run, body["model"] if body["model"] != "all" else "")
    return {
        "warning": found["warning"],
        "findings": plan["findings"],
        "channels_to_test": plan["tests"],
        "today": f"{plan['first']} to {plan['last']}",
        "figures": figures.of_plan(plan, words),
    }


def recommend_next_test(context: Context, asked: NextTestAsked) -> dict[str, Any]:
    """Say which experiment is worth more than it costs."""
    found = _call(context, "recommend_next_test", asked.model_dump())
    words = _words(context, asked.run, "")
    said = {"finding": found["finding"], "note": found["note"]}
    return {**said, "figures": figures.of_next_test(found, words)}


def analyse_test(context: Context, asked: TestBody) -> dict[str, Any]:
    """Say what a geo test in a stored dataset did to the KPI, by three methods."""
    found = _call(context, "analyse_test", {}, asked.model_dump(mode="json"))
    said = {"verdict": found["verdict"], "remarks": found["remarks"]}
    return {**said, "lift_test": found["lift_test"], "figures": figures.of_test(found)}


def design_test(context: Context, asked: DesignBody) -> dict[str, Any]:
    """Choose geos for a test on a stored history, and say what effect it would show."""
    found = _call(context, "design_test", {}, asked.model_dump(mode="json"))
    best = found["design"]
    said = {"finding": found["finding"], "start": best["start"], "end": best["end"]}
    said["design"] = best
    return {**said, "figures": figures.of_designs(found["designs"])}


def design_time_test(context: Context, asked: TimeTestAsked) -> dict[str, Any]:
    """Design a test in time for a market without geos: when the channel's spend is changed."""
    found = _call(context, "design_time_test", asked.model_dump(mode="json"))
    best = found["designs"][0]
    changed = "".join("X" if one else "." for one in best["on"])
    said = {"finding": found["finding"], "start": best["start"], "changed_in_periods": changed}
    said["design"] = best
    return {**said, "figures": figures.of_time_designs(found)}


def list_tests(context: Context, asked: Nothing) -> dict[str, Any]:
    """List the registry of tests: states, results, and tests that contradict each other."""
    found = _call(context, "list_tests", {})
    kept = ("state", "channels", "start", "end", "source")
    tests = {}
    for name, test in found["tests"].items():
        tests[name] = {field: test[field] for field in kept}
    said = {"tests": tests, "contradictions": found["contradictions"]}
    return {**said, "figures": figures.of_registry(found["tests"])}


def get_test(context: Context, asked: OfTest) -> dict[str, Any]:
    """Give a test of the registry: its gate, its states, and what it moved in runs that used it."""
    found = _call(context, "get_test", asked.model_dump())
    newest = found["versions"][-1]
    kept = ("state", "channels", "start", "end", "source")
    states = [one["state"] for one in found["versions"]]
    said = {field: newest[field] for field in kept} | {"states": states, "gate": found["gate"]}
    return {**said, "figures": figures.of_kept_test(asked.name, newest, found)}


def keep_test(context: Context, asked: KeepAsked) -> dict[str, Any]:
    """Keep a design in the registry as a planned test."""
    return _kept(_call(context, "keep_test", *_named(asked)))


def move_test(context: Context, asked: MoveAsked) -> dict[str, Any]:
    """Say that a test of the registry runs, or is discarded."""
    return _kept(_call(context, "move_test", *_named(asked)))


def record_test(context: Context, asked: RecordAsked) -> dict[str, Any]:
    """Keep a test's result in the registry."""
    return _kept(_call(context, "record_test", *_named(asked)))


def _named(asked: Fields) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the test's name, the rest)."""
    body = asked.model_dump(mode="json")
    return {"name": body.pop("name")}, body


def _kept(test: dict[str, Any]) -> dict[str, Any]:
    return {field: test[field] for field in ("state", "channels", "start", "end")}


def explain_term(context: Context, asked: TermAsked) -> dict[str, Any]:
    """Say what a word means in this product."""
    return _call(context, "explain_term", asked.model_dump())


def _call(context: Context, name: str, fields: dict[str, Any], body: Any = None) -> dict[str, Any]:
    return plain_answer(operations()[name].call(context, fields, body))


def _words(context: Context, run: str, model: str) -> dict[str, str]:
    """The word of confidence of each paid channel."""
    found = _call(context, "list_channels", {"run": run, "model": model})["channels"]
    return {channel["channel"]: channel["confidence"] for channel in found}


_HANDLERS: tuple[Handler, ...] = (
    list_datasets,
    describe_dataset,
    propose_mapping,
    validate_experiment,
    submit_run,
    run_status,
    cancel_run,
    list_runs,
    get_answer,
    get_channel,
    get_curves,
    get_bridge,
    compare_runs,
    get_certificate,
    plan_budget,
    recommend_next_test,
    analyse_test,
    design_test,
    design_time_test,
    list_tests,
    get_test,
    keep_test,
    move_test,
    record_test,
    explain_term,
)


def tools() -> dict[str, Tool]:
    """All tools by name."""
    found = {}
    for handle in _HANDLERS:
        name = handle.__name__
        what = " ".join((inspect.getdoc(handle) or "").split())
        found[name] = Tool(name, what, get_type_hints(handle)["asked"], handle)
    return found
