"""What every engine must give, and what every room must do with it: the native engines and one that
leaves out all it may go the whole way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mmm import engines
from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.engines.base import Engine, EngineResult
from mmm.engines.capabilities import (
    Exports,
    Refreshes,
    Responds,
    Varies,
    asked,
    offered,
)
from mmm.engines.result_check import InvalidResult, check_result
from mmm.engines.schemas import SCHEMAS, complete, kept_ids, kept_weights
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef, Experiment, Window, parse_experiment
from mmm.models.artifacts import export_run
from mmm.models.plans import plan_run
from mmm.models.refresh import refresh_experiment
from mmm.planning.request import PlanRequest
from mmm.results import RunResults, draw_report, read_results
from mmm.results.branding import Look
from mmm.results.bridge import bridge, default_of
from mmm.results.model_summary import labels_of
from mmm.results.narrowed import narrowed
from mmm.results.onepager import onepager
from mmm.results.report import content, report_of
from mmm.results.spans import Comparison, Span, window_dates
from mmm.results.store import REPORT
from mmm.results.summary import channels
from mmm.results.views import VIEWS, present_views
from mmm.runs import training
from mmm.runs.comparison import compare_runs
from mmm.runs.estimate import estimate_of
from mmm.runs.events import History
from mmm.runs.service import RunService
from mmm.runs.stability import StabilityStudy, newest_study
from mmm.runs.task import EXIT_DONE, run_task
from mmm.settings import Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

REAL = tuple(engines.ENGINES)
#: What other tests' tasks leave out.
DRAW_AFTER_TRAINING = training.draw
ANA = User("ana", role=Role.ANALYST)
ENGINES = {
    "ridge": {"trials": 2, "iterations": 60, "min_candidates": 12, "bootstrap": 100},
    "bayes": {
        "chains": 2,
        "warm_up": 60,
        "sweeps": 80,
        "longest": 1,
        "draws": 40,
        "holdout": 0.1,
    },
    "log": {},
}


class NoLauncher:
    """Starts nothing: the test runs the task itself."""

    def submit(self, run_uri: str, name: str) -> str:
        return "handle"


@dataclass(frozen=True)
class Trained:
    """A run of one engine that has succeeded."""

    engine: Engine
    workspace: Workspace
    settings: Settings
    run_id: str
    dataset: DatasetRef

    @property
    def results(self) -> RunResults:
        return read_results(self.workspace, self.run_id)

    @property
    def service(self) -> RunService:
        return RunService(self.workspace, NoLauncher(), self.settings)  # type: ignore[arg-type]

    @property
    def as_result(self) -> EngineResult:
        tables = {name: self.results[name] for name in SCHEMAS}
        return EngineResult(
            self.engine.name, "0", tables, self.results.summary["model"]["id"], "test"
        )


@pytest.fixture(scope="module", params=list(ENGINES))
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trained]:
    """Each engine once, through the training task, on the sample without its exposures."""
    name = request.param
    with pytest.MonkeyPatch.context() as patch:
        fake = engines.Registered("log_engine:LogEngine", "log_engine:LogSettings")
        patch.setitem(engines.ENGINES, "log", fake)
        patch.setattr(training, "draw", DRAW_AFTER_TRAINING)
        settings = Settings(workspace=str(tmp_path_factory.mktemp(name)), heartbeat_seconds=0.5)
        workspace = Workspace.open(settings)
        stored = ingest(
            FileSource(sample.PATH), market="DE", origin="sample", workspace=workspace, by=ANA
        )
        dataset = DatasetRef(market=stored.market, dataset_id=stored.dataset_id)
        start, end = sample.WINDOW
        experiment = Experiment(
            name=f"with {name}",
            dataset=dataset,
            mapping=sample.sample_mapping(),
            window=Window(start=start, end=end),
            country=sample.COUNTRY,
            currency=sample.CURRENCY,
            engine=name,
            settings=ENGINES[name],
        )
        run_id = workspace.create_run(experiment)
        History.begin(workspace, run_id, "ana").add(RunState.STARTING, "ana")
        assert run_task(workspace.run_uri(run_id), settings) == EXIT_DONE
        assert workspace.last_event(run_id).state is RunState.SUCCEEDED
        yield Trained(engines.load_engine(name), workspace, settings, run_id, dataset)


def test_the_result_holds_together(trained: Trained) -> None:
    check_result(trained.as_result)


def test_every_view_report_and_page_works_with_what_there_is(trained: Trained) -> None:
    results, workspace = trained.results, trained.workspace
    manifest = workspace.results_manifest(trained.run_id)
    assert workspace.derived_file(trained.run_id, REPORT, manifest) is not None
    report = content(results, results.summary)
    assert [section.key for section in report.sections] == [
        view.key for view in present_views(results)
    ]
    assert all(section.picture for section in report.sections)
    assert not any("cannot be drawn" in warning for warning in report.warnings)
    assert "<svg" in results.report
    assert report_of(results, None, Look(), "pdf").startswith(b"%PDF")
    has_fronts = results["models"]["front"].null_count < results["models"].num_rows
    assert ("DECOMP.RSSD" in onepager(results, results.summary)) == has_fronts
    shown = {view.key for view in present_views(results)}
    without = {"pareto", "clusters", "adstock", "carryover"}
    without |= {"stability", "calibration", "certificate", "checks", "forecast", "learnt", "bends"}
    without |= {"geos", "frequency"}
    if trained.engine.name == "log":
        assert {view.key for view in VIEWS} - shown == without


def test_the_bridge_adds_up_to_the_recorded_difference(trained: Trained) -> None:
    results = trained.results
    labels, model_id = labels_of(results.summary), results.summary["model"]["id"]
    dates = window_dates(results, model_id)
    fit = results["fit"].filter(pc.equal(results["fit"]["model_id"], model_id)).sort_by("date")
    recorded = dict(zip(dates, fit["actual"].to_pylist(), strict=True))
    own = Comparison(Span(dates[3], dates[9]), Span(dates[40], dates[60]))
    for wanted in (default_of(results, model_id, labels), own):
        rows = bridge(results, model_id, labels, wanted).to_pylist()
        ranges = (wanted.before, wanted.after)
        before, after = (
            math.fsum(kpi for day, kpi in recorded.items() if span.first <= day <= span.last)
            for span in ranges
        )
        total = math.fsum(row["difference"] for row in rows)
        assert abs(total - (after - before)) <= 1e-9 * abs(after)
        for row in rows:
            if row["kind"] != "paid":
                continue
            parts = row["spend_effect"] + row["efficiency_effect"]
            assert parts == pytest.approx(row["difference"], abs=1e-9 * abs(after))
            has_draws = trained.engine.name != "log"
            assert (row["difference_low"] is not None) == has_draws
            if has_draws:
                assert row["difference_low"] <= row["difference"] <= row["difference_high"]
                assert row["spend_effect_low"] <= row["spend_effect"] <= row["spend_effect_high"]


def test_a_range_of_the_whole_window_has_the_window_s_numbers(trained: Trained) -> None:
    results = trained.results
    labels, model_id = labels_of(results.summary), results.summary["model"]["id"]
    dates = window_dates(results, model_id)
    whole = channels(narrowed(results, model_id, Span(dates[0], dates[-1])), model_id, labels)
    stored = channels(results, model_id, labels)
    for name in ("spend", "contribution", "spend_share", "effect_share", "value"):
        assert whole[name].to_pylist() == pytest.approx(stored[name].to_pylist(), rel=1e-6), name
    first = narrowed(results, model_id, Span(dates[0], dates[25]))
    rest = narrowed(results, model_id, Span(dates[26], dates[-1]))
    parts = [channels(part, model_id, labels)["spend"].to_pylist() for part in (first, rest)]
    together = [sum(pair) for pair in zip(*map(sorted, parts), strict=True)]
    assert sum(together) == pytest.approx(sum(stored["spend"].to_pylist()))


def test_plans_are_made_with_its_response_or_refused(trained: Trained) -> None:
    if offered(trained.engine, Responds) is None:
        with pytest.raises(UserError, match="are not planned with"):
            plan_run(trained.workspace, trained.run_id, PlanRequest())
        return
    plan = plan_run(trained.workspace, trained.run_id, PlanRequest(low=0.8, high=1.2))
    spend = np.array(plan.channels["spend"].to_pylist())
    today = np.array(plan.channels["initial_spend"].to_pylist())
    assert spend.sum() == pytest.approx(today.sum())
    assert ((spend >= 0.8 * today - 1e-6) & (spend <= 1.2 * today + 1e-6)).all()
    assert plan.totals.band is not None
    engine = asked(trained.engine, Responds, "are not planned with")
    model = engine.response_model(trained.results)
    assert model.weights.sum() == pytest.approx(1.0)
    count, grid = len(model.weights), np.vstack([today, 1.1 * today])
    assert model.response(today).shape == (count, len(today))
    assert model.response(grid).shape == model.marginal(grid).shape == (count, 2, len(today))
    assert model.response(grid)[:, 0] == pytest.approx(model.response(today))
    step = 1e-3 * today.max()
    moved = model.response(today + step) - model.response(today - step)
    assert moved / (2 * step) == pytest.approx(model.marginal(today), rel=1e-3, abs=1e-9)


def test_runs_are_compared_and_estimated(trained: Trained) -> None:
    again = trained.workspace.create_run(
        parse_experiment(trained.workspace.job_config(trained.run_id))
    )
    History.begin(trained.workspace, again, "ana").add(RunState.STARTING, "ana")
    assert run_task(trained.workspace.run_uri(again), trained.settings) == EXIT_DONE
    found = compare_runs(trained.service, [trained.run_id, again])
    assert found.findings
    experiment = parse_experiment(trained.workspace.job_config(trained.run_id))
    assert estimate_of(trained.service, experiment).sentence()


def test_it_is_exported_or_says_why_not(trained: Trained, tmp_path: Path) -> None:
    def exported() -> list[Path]:
        return export_run(trained.workspace, trained.run_id, tmp_path / "export")

    if offered(trained.engine, Exports) is None:
        with pytest.raises(
            UserError, match=f"models of the engine {trained.engine.name} are not exported"
        ):
            exported()
    else:
        assert exported()


def test_it_is_studied(trained: Trained) -> None:
    assert offered(trained.engine, Varies) is not None
    asked_for = StabilityStudy(seeds=1, shifts=(4,), holdouts=(0.8,))
    study_id = trained.service.submit_study(trained.run_id, asked_for, ANA)
    assert run_task(trained.workspace.run_uri(study_id), trained.settings) == EXIT_DONE
    study = newest_study(trained.workspace, trained.run_id)
    assert study is not None
    told = study.variants.to_pylist()
    assert [row["source"] for row in told] == ["seeds", "windows", "holdouts"]
    assert all(row["model_id"] for row in told), [row["note"] for row in told]


def test_it_is_refreshed_or_says_why_not(trained: Trained) -> None:
    def refreshed() -> Any:
        return refresh_experiment(trained.workspace, trained.run_id, trained.dataset)

    if offered(trained.engine, Refreshes) is None:
        with pytest.raises(
            UserError, match=f"models of the engine {trained.engine.name} are not refreshed"
        ):
            refreshed()
    else:
        experiment, _ = refreshed()
        assert experiment.refresh.steps >= 1


@pytest.mark.parametrize("trained", ["log"], indirect=True)  # no engine's own matter
def test_a_view_that_cannot_be_drawn_takes_nothing_with_it(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = trained.results
    first = present_views(results)[1]

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("no such chart")

    monkeypatch.setattr(
        "mmm.results.report.present_views",
        lambda tables: [
            replace(view, chart=broken) if view.key == first.key else view
            for view in present_views(tables)
        ],
    )
    report = content(results, results.summary)
    section = next(section for section in report.sections if section.key == first.key)
    assert section.finding.startswith("This view cannot be drawn from these results")
    assert any("cannot be drawn" in warning for warning in report.warnings)
    assert "This view cannot be drawn" in draw_report(results)
    assert report_of(results, None, Look(), "pdf").startswith(b"%PDF")
    monkeypatch.undo()
    assert "This view cannot be drawn" not in draw_report(results)


@pytest.mark.parametrize(
    ("table", "column", "value", "message"),
    [
        ("channels", "kind", "bought", "channels.kind has bought; legal are paid, organic."),
        ("fit", "split", "rest", "fit.split has rest; legal are train, val, test."),
        ("contributions", "effect", 1.0, "components do not add up to the fit"),
        ("models", "recommended", False, "models.recommended marks"),
        ("fit", "model_id", "other", "fit has models that are not kept: other."),
    ],
)
def test_a_result_that_contradicts_itself_is_refused(
    trained: Trained, table: str, column: str, value: Any, message: str
) -> None:
    result = trained.as_result
    broken = result.tables[table]
    place = broken.column_names.index(column)
    values = pa.array([value] * broken.num_rows, broken.schema.field(column).type)
    changed = {**result.tables, table: broken.set_column(place, column, values)}
    with pytest.raises(InvalidResult, match=message.replace(".", r"\.")):
        check_result(replace(result, tables=changed))


def test_a_recommended_model_that_does_not_exist_is_refused(trained: Trained) -> None:
    with pytest.raises(InvalidResult, match="'9_9' is not among the kept ones"):
        check_result(replace(trained.as_result, recommended="9_9"))


def test_weights_of_kept_models_sum_to_one(trained: Trained) -> None:
    weights = kept_weights(trained.results)
    assert list(weights) == kept_ids(trained.results)
    assert sum(weights.values()) == pytest.approx(1.0)


def test_results_of_earlier_versions_are_read_with_the_names_of_today(trained: Trained) -> None:
    models, channels = trained.results["models"], trained.results["channels"]
    old_models = models.rename_columns(
        ["business_distance" if name == "decomp_rssd" else name for name in models.column_names]
    ).drop_columns(["weight"])
    assert (
        complete("models", old_models)
        .drop_columns(["weight"])
        .equals(models.drop_columns(["weight"]))
    )
    words = {"high": "firm", "medium": "uncertain", "inconclusive": "unknown", None: None}
    old = [words[word] for word in channels["confidence"].to_pylist()]
    firm = channels.drop_columns(["confidence"]).append_column(
        "firmness", pa.array(old, pa.string())
    )
    assert complete("channels", firm).equals(channels)


def test_no_room_asks_which_engine_it_is() -> None:
    """`mmm demo` shows two engines and so names them; elsewhere an engine's name is a value."""
    root = Path(engines.__file__).parents[1]
    rooms = [path for path in root.rglob("*.py") if "engines" not in path.relative_to(root).parts]
    rooms.remove(root / "cli" / "demo.py")
    for path in rooms:
        code = path.read_text(encoding="utf-8")
        for name in REAL:
            assert f'"{name}"' not in code, path


def test_no_engine_imports_another() -> None:
    root = Path(engines.__file__).parent
    for name in REAL:
        others = [other for other in REAL if other != name]
        for path in (root / name).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            for other in others:
                assert f"mmm.engines.{other}" not in code, path


def test_the_fake_engine_is_as_bare_as_the_contract_allows(trained: Trained) -> None:
    if trained.engine.name != "log":
        return
    models = trained.results["models"]
    assert models["front"].null_count == models["decomp_rssd"].null_count == models.num_rows
    assert pc.all(pc.is_null(trained.results["channels"]["adstock"])).as_py()
    assert json.loads(trained.results.summary_text)["interval_level"] == 0.8
