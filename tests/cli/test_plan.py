"""`mmm plan` on a trained run: the whole way from the engine's tables to a stored plan."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from mmm.access import Role, User
from mmm.engines.adstock_hill.media import read_model
from mmm.engines.adstock_hill.range_response import history
from mmm.errors import UserError
from mmm.models.plans import plan_run, save_plan, saved_plan
from mmm.planning.request import PlanRequest
from mmm.results import read_results
from mmm.workspace import Workspace

ANN = User("ann", role=Role.ANALYST)
Run = Callable[..., tuple[int, str, str]]


def test_every_kept_model_gives_its_own_contributions_again(trained: tuple[Workspace, str]) -> None:
    """What is stored for planning is the whole curve: effects per date come back, also the carried
    part.
    """
    workspace, run_id = trained
    results = read_results(workspace, run_id)
    for model_id in set(results["channels"]["model_id"].to_pylist()):
        model = read_model(results, model_id)
        table = results["contributions"].filter(
            pc.equal(results["contributions"]["model_id"], model_id)
        )
        for medium in model.media:
            stored = table.filter(pc.equal(table["component"], medium.name)).sort_by("date")
            again = history(medium, model.dates, model.window)
            scale = np.abs(stored["effect"].to_numpy()).max() or 1.0
            for column, name in (("effect", "response"), ("carryover", "carryover")):
                assert (
                    np.abs(stored[column].to_numpy() - again[name].to_numpy()).max()
                    <= 1e-12 * scale
                )


def test_the_plan_starts_where_the_channels_stand(trained: tuple[Workspace, str]) -> None:
    """Initial spend and marginal response are those of the table `channels`, which views and
    reports show.
    """
    workspace, run_id = trained
    results = read_results(workspace, run_id)
    chosen = results.summary["model"]["id"]
    plan = plan_run(workspace, run_id, PlanRequest(carryover="held"), chosen)
    stored = {
        row["channel"]: row
        for row in results["channels"].to_pylist()
        if row["model_id"] == plan.model_id and row["kind"] == "paid"
    }
    for row in plan.channels.to_pylist():
        assert row["initial_spend_total"] == pytest.approx(
            stored[row["channel"]]["spend"], rel=1e-12
        )
        assert row["initial_marginal"] == pytest.approx(
            stored[row["channel"]]["marginal_roi"], rel=1e-6, abs=1e-9
        )
    assert all(plan.tie_out["ties"].to_pylist())


def test_a_plan_is_printed_written_and_kept(
    here: Run, trained: tuple[Workspace, str], tmp_path: Path
) -> None:
    workspace, run_id = trained
    code, out, err = here(
        "plan", "latest", "--range", "last_10", "--high", "1.5", "--csv", "plan.csv", "--name", "q1"
    )
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[2].split()[:3] == ["CHANNEL", "TODAY", "PLAN"]
    assert "Today's spend is that of the books, to the cent: EUR 792,940.19 in the range." in lines
    plan_id = lines[-1].removeprefix("Plan ")
    assert workspace.plan_ids()[0] == plan_id
    document = saved_plan(workspace, plan_id)
    assert (document.run_id, document.name, document.request.high) == (run_id, "q1", 1.5)
    with (tmp_path / "plan.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["spend"]) for row in rows] == pytest.approx(
        [row["spend"] for row in document.channels]
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.csv"]


def test_limits_reach_the_plan(here: Run) -> None:
    code, out, _ = here(
        "plan", "latest", "--low", "0.8", "--low", "tv_S=1", "--max", "tv_S+print_S=25000", "--at-most", "--no-save",
        "--json", "--periods", "8",
    )  # fmt: skip
    assert code == 0
    plan = json.loads(out)
    assert plan["request"]["limits"] == {
        "tv_S": {"low": 1.0, "high": None, "least": None, "most": None},
        "tv_S+print_S": {"low": None, "high": None, "least": None, "most": 25000.0},
    }
    spend = {row["channel"]: row["spend"] for row in plan["channels"]}
    assert spend["tv_S"] + spend["print_S"] <= 25000.0 * (1 + 1e-9)
    assert plan["totals"]["periods"] == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--low", "a"), "--low: 'a' is not a number."),
        (("--min", "5"), "--min: '5' names no channel. Write channel=amount."),
        (("--target", "x"), "--target: 'x' is not a number."),
        (
            ("--target", "1", "--budget", "5"),
            "the plan is not valid:\n  - the whole: with a target the budget is",
        ),
        (
            ("--budget", "-1"),
            "the plan is not valid:\n  - budget: must be more than 0.0; got -1.0.",
        ),
        (("--low", "nix=2"), "limits.nix: 'nix' is no paid channel of the model."),
        (
            ("--budget", "1"),
            "budget: 0.01 per period (1.00 in total) is below the least the channels' bounds allow.",
        ),
        (("--model", "9_9"), "model: run "),
        (("--csv", "none/plan.csv"), "none/plan.csv: cannot be written: "),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(
    here: Run, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = here("plan", "latest", "--no-save", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {message}")


def test_a_viewer_may_plan_but_not_keep_it(trained: tuple[Workspace, str]) -> None:
    workspace, run_id = trained
    plan = plan_run(workspace, run_id, PlanRequest())
    before = workspace.plan_ids()
    with pytest.raises(UserError, match=r"plan\.save needs the role analyst"):
        save_plan(workspace, run_id, plan, User("vic"))
    assert workspace.plan_ids() == before
