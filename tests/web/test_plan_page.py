"""The plan page in its states, and the studies and lift tests on the results page, without a
browser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mmm.access import Role, User
from mmm.experiments.config import Experiment, LiftTestConfig
from mmm.models.plans import ALL_KEPT, model_to_plan, plan_run, save_plan, saved_plan
from mmm.planning.request import PlanRequest
from mmm.platforms.local.user import local_user
from mmm.runs.stability import StabilityStudy
from mmm.runs.task import run_task
from mmm.web.kit.text import plain
from mmm.web.plan.form import draft_name
from mmm.web.shell import links, session
from mmm.workspace.models import RunState

Open = Callable[..., AppTest]
CHANNEL = "=cmd|<b>tv</b>_S"


def words(app: AppTest) -> str:
    kinds: list[Any] = [
        app.title,
        app.subheader,
        app.markdown,
        app.caption,
        app.error,
        app.info,
        app.warning,
    ]
    return "\n".join(element.value for kind in kinds for element in kind)


def field(app: AppTest, kind: str, label: str) -> Any:
    return next(element for element in getattr(app, kind) if element.label.startswith(label))


@pytest.fixture
def run_id(stored: Any) -> str:
    found: str = stored.of_state(RunState.SUCCEEDED)
    return found


@pytest.mark.usefixtures("empty")
def test_a_new_workspace_is_sent_to_the_sample(open_page: Open) -> None:
    app = open_page(links.PLAN)
    assert "no run has succeeded in this workspace yet" in words(app)
    assert not app.error


def test_the_plan_is_that_of_the_command_line(open_page: Open, stored: Any, run_id: str) -> None:
    app = open_page(links.PLAN)
    plan = plan_run(stored.workspace, run_id, PlanRequest())
    assert app.query_params == {"run": run_id, "model": ALL_KEPT}
    text = words(app)
    for sentence in plan.findings:
        assert plain(sentence) in text
    pictures = [chart.proto.alt for chart in app.get("vega_lite_chart")]
    assert pictures == ["Spend", "Response", "Marginal ROAS", "Response curves"]
    shown = app.dataframe[-2].value
    cents = {"rel": 1e-9, "abs": 0.006}  # money is shown with two decimals
    assert shown["spend_plan"].tolist() == pytest.approx(
        plan.channels["spend"].to_pylist(), **cents
    )
    assert shown["response_low"].tolist() == pytest.approx(
        plan.channels["response_low"].to_pylist(), **cents
    )
    (tie_out,) = [box.label for box in app.expander if box.label.startswith("Today's spend")]
    assert "is that of the books, to the cent" in tie_out
    assert "None of this run yet" in text


def test_what_is_typed_is_kept_as_a_draft_and_comes_back(
    open_page: Open, stored: Any, run_id: str
) -> None:
    app = open_page(links.PLAN, run=run_id)
    field(app, "number_input", "Budget").set_value(11_000_000.0).run()
    field(app, "number_input", "Every channel at most").set_value(1.5).run()
    field(app, "selectbox", "Carryover").set_value("follows").run()
    request = PlanRequest(budget=11_000_000.0, high=1.5, carryover="follows")
    first = plain(plan_run(stored.workspace, run_id, request).findings[0])
    assert first in words(app)
    assert stored.workspace.draft_names(local_user()) == [draft_name(run_id)]
    again = open_page(links.PLAN, run=run_id)
    assert first in words(again)
    next(button for button in again.button if button.label == "Start afresh").click().run()
    assert field(again, "number_input", "Budget").value is None
    assert stored.workspace.draft_names(local_user()) == []


def test_bounds_of_channels_and_sums_reach_the_plan(
    open_page: Open, stored: Any, run_id: str
) -> None:
    """The tables are typed into in the browser's test; here they come back from a draft."""
    limits = {CHANNEL: {"low": 0.9, "high": 1.1}, f"print_S+{CHANNEL}": {"most": 22_000.0}}
    fields = {
        "channels": {CHANNEL: limits[CHANNEL]},
        "groups": [{"channels": ["print_S", CHANNEL], "most": 22_000.0}],
        "at_most": True,
    }
    stored.workspace.save_draft(local_user(), draft_name(run_id), fields)
    app = open_page(links.PLAN, run=run_id)
    request = PlanRequest.model_validate({"limits": limits, "budget_rule": "at_most"})
    assert plain(plan_run(stored.workspace, run_id, request).findings[0]) in words(app)
    assert app.dataframe[0].value.set_index("channel").loc[CHANNEL, "low"] == 0.9


def test_a_margin_of_a_channel_reaches_the_plan(open_page: Open, stored: Any, run_id: str) -> None:
    fields = {"goal": "profit", "unit_value": 0.4, "channel_values": {CHANNEL: 0.8}}
    stored.workspace.save_draft(local_user(), draft_name(run_id), fields)
    app = open_page(links.PLAN, run=run_id)
    shown = app.dataframe[0].value.set_index("channel")["value"]
    assert shown[CHANNEL] == 0.8
    assert shown.drop(CHANNEL).isna().all()
    request = PlanRequest.model_validate(fields)
    own = plan_run(stored.workspace, run_id, request)
    assert plain(own.findings[0]) in words(app)
    common = request.model_copy(update={"channel_values": {}})
    assert own.findings[0] != plan_run(stored.workspace, run_id, common).findings[0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"budget": 5.0}, "the nearest reachable budget is"),
        (
            {"goal": "target", "target": 9999.0},
            "is out of reach within the bounds: the best ROAS they allow is",
        ),
        (
            {"channels": {CHANNEL: {"low": 1.0, "least": 5.0}}},
            "a bound is either a factor or money, not both",
        ),
        ({"channels": {CHANNEL: {"low": 3.0}}}, "is above the upper bound"),
        ({"low": 3.0}, "the lower bound 3 is above the upper bound 2"),
        ({"periods": 0}, "periods: must be more than 0; got 0."),
        ({"period": "2010-01-01:2010-02-01"}, "2010-01-01 lies outside the data."),
        ({"groups": [{"channels": [], "most": 5.0}]}, "a group without channels"),
    ],
)
def test_what_is_wrong_is_told_at_the_field_and_nothing_is_lost(
    open_page: Open, stored: Any, run_id: str, fields: dict[str, Any], message: str
) -> None:
    stored.workspace.save_draft(local_user(), draft_name(run_id), fields)
    app = open_page(links.PLAN, run=run_id)
    (error,) = app.error
    assert plain(message) in error.value or plain(message.capitalize()) in error.value
    assert "Nothing you have typed is lost." in app.info[0].value
    draft = stored.workspace.draft(local_user(), draft_name(run_id))
    assert all(draft[name] == value for name, value in fields.items())


def test_scenarios_are_saved_linked_and_compared(open_page: Open, stored: Any, run_id: str) -> None:
    app = open_page(links.PLAN, run=run_id)
    save = next(button for button in app.button if button.label == "Save as scenario")
    save.click().run()
    assert "Give the scenario a name first." in app.error[0].value
    for name, budget in (("lean", 10_000_000.0), ("*rich*", 15_000_000.0)):
        field(app, "number_input", "Budget").set_value(budget).run()
        app.text_input[0].set_value(name).run()
        next(button for button in app.button if button.label == "Save as scenario").click().run()
    assert not app.error
    rich, lean = stored.workspace.plan_ids()
    assert saved_plan(stored.workspace, rich).name == "*rich*"
    assert field(app, "multiselect", "Side by side").value == [lean, rich]
    text = words(app)
    assert "has the largest response" in text
    assert "**rich**" not in text
    assert app.get("vega_lite_chart")[-1].proto.alt == "Scenarios side by side"
    opened = open_page(links.PLAN, run=run_id, plan=lean)
    assert "Saved as **lean** by" in words(opened)
    assert field(opened, "number_input", "Budget").value == 10_000_000.0
    field(opened, "number_input", "Budget").set_value(11_000_000.0).run()
    assert "plan" not in opened.query_params


def test_a_plan_of_the_command_line_opens_with_all_it_asked(
    open_page: Open, stored: Any, run_id: str
) -> None:
    request = PlanRequest.model_validate(
        {
            "budget_per_period": 90_000.0, "budget_rule": "at_most", "period": "last_10", "periods": 8,
            "limits": {"print_S": {"most": 9_000.0}, f"print_S+{CHANNEL}": {"high": 1.2}}, "keep_zero_effect": True,
        }
    )  # fmt: skip
    plan = plan_run(stored.workspace, run_id, request)
    plan_id = save_plan(stored.workspace, run_id, plan, User("ann", role=Role.ANALYST), name="q1")
    app = open_page(links.PLAN, plan=plan_id)
    assert app.query_params["run"] == run_id
    assert plain(plan.findings[0]) in words(app)
    assert field(app, "selectbox", "Today's spend").value == "last_10"


def test_a_viewer_plans_and_saves_nothing(
    open_page: Open, stored: Any, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "local_user", lambda: User("vic"))
    app = open_page(links.PLAN, run=run_id)
    assert "may plan but not save plans" in words(app)
    assert not [button for button in app.button if button.label == "Save as scenario"]
    results = open_page(links.RESULTS, run=run_id, part="Stability")
    assert "may look at studies and start none" in words(results)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"run": "20200101T000000-00000000"},
            "run 20200101T000000-00000000 has no results to plan with.",
        ),
        ({"model": "9_9"}, "this run has kept no model '9_9'."),
        ({"plan": "../x"}, "'../x' is not a plan id."),
    ],
)
def test_an_address_that_leads_nowhere_is_a_message(
    open_page: Open, stored: Any, query: dict[str, str], message: str
) -> None:
    app = open_page(links.PLAN, **query)
    assert plain(message) in app.error[0].value


def test_a_study_is_started_followed_and_shown(open_page: Open, stored: Any, run_id: str) -> None:
    app = open_page(links.RESULTS, run=run_id, part="Stability")
    assert "A study trains this run's experiment 9 more times" in words(app)
    next(button for button in app.button if button.label == "Start the study").click().run()
    (study_id,) = stored.workspace.study_ids(run_id)
    assert "How the study goes" in [link.proto.label for link in app.get("page_link")]
    stored.service.cancel(study_id, local_user())
    app = open_page(links.RESULTS, run=run_id, part="Stability")
    assert "The last study cancelled" in app.error[0].value

    asked = StabilityStudy(seeds=1, shifts=(), holdouts=())
    second = stored.workspace.create_study(run_id, asked)
    history = type(stored.start(stored.experiment("other"))).begin(
        stored.workspace, second, "ann", details={}
    )
    history.add(RunState.STARTING, "ann")
    assert run_task(stored.workspace.run_uri(second), stored.settings) == 0
    app = open_page(links.RESULTS, run=run_id, part="Stability")
    assert plain("1 other seed: ") in words(app)
    assert "Study again" in [button.label for button in app.button]
    page = open_page(links.RUN, run=second)
    assert page.title[0].value.startswith("Study of ")
    next(button for button in page.button if button.label == "Look at the results").click().run()
    assert page.query_params == {"run": run_id, "part": "Stability"}


def test_lift_tests_have_a_part_of_their_own_where_there_are_any(
    open_page: Open, stored: Any, run_id: str
) -> None:
    given = stored.experiment("With a lift test").model_dump()
    test = LiftTestConfig(
        channels=("print_S",),
        start="2018-01-01",
        end="2018-03-04",
        lift=1e5,
        spend=5e4,
        confidence=0.9,
    )
    calibrated = stored.train(
        Experiment.model_validate({**given, "lift_tests": (test.model_dump(),)})
    )
    app = open_page(links.RESULTS, run=calibrated, part="Calibration")
    assert plain("The model says what was measured, within the test's interval, in ") in words(app)
    assert app.get("vega_lite_chart")[0].proto.alt.startswith("What the lift tests moved. ")
    without = open_page(links.RESULTS, run=run_id, part="Calibration")
    assert "What the lift tests moved" not in words(without)


def test_a_question_is_worked_out_once_while_the_page_is_open(stored: Any) -> None:
    model = model_to_plan(stored.workspace, stored.of_state(RunState.SUCCEEDED))
    first = model.plan(PlanRequest())
    assert model.plan(PlanRequest()) is first
    assert model.curves(first) is model.curves(first)
    other = model.plan(PlanRequest(low=0.9, high=1.1))
    assert other is not first
    assert other.request.low == 0.9
    for number in range(70):
        model.once("drawn", PlanRequest(budget=float(number + 1)), lambda: "chart")
    assert len(model.made) <= 60
    again = model.plan(PlanRequest())
    assert again is not first
    assert again.channels == first.channels
