"""From a run to its refresh: files, a model made again, what moved, and its coming into use."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
import pytest
from pypdf import PdfReader

from mmm.access import NotAllowed, Role, User
from mmm.data.ingest import ingest
from mmm.errors import InvalidInput, NotFound, UserError
from mmm.experiments.config import DatasetRef, Experiment, LiftTestConfig
from mmm.experiments.problem import build_problem
from mmm.models.artifacts import export_run, recreate_model
from mmm.models.forecast_score import scores_of_chain
from mmm.models.plan_of_record import commit, steps_of, variance_to_plan
from mmm.models.plans import ahead_fields, model_to_plan, parse_request, save_plan
from mmm.models.refresh import accept, chain_of, in_use, previous_of, refresh_experiment
from mmm.results import read_results
from mmm.results.branding import Look
from mmm.results.forecast_score import score_table, sentence
from mmm.results.model_summary import labels_of
from mmm.results.moves import finding, moves, shown
from mmm.results.onepager import onepager, rendered
from mmm.results.report import report_of
from mmm.runs.events import History
from mmm.runs.sample import sample_experiment
from mmm.runs.training import train
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

GOLDEN = Path(__file__).parents[1] / "golden/robyn/artifacts/columns.json"
OLD_ROWS = 164
QUICK = {"trials": 2, "iterations": 60, "min_candidates": 12, "bootstrap": 100}
ANA = User("ana", role=Role.ANALYST)
#: What Robyn's files have and ours leave out: row numbers, seconds per candidate, a helper for its
#: plot.
LEFT_OUT = {"", "Elapsed", "ElapsedAccum", "dist100"}


@dataclass(frozen=True)
class Chain:
    workspace: Workspace
    first: str
    second: str
    new_data: DatasetRef
    old_table: pa.Table


def store(workspace: Workspace, table: pa.Table, folder: Path, name: str) -> DatasetRef:
    path = folder / f"{name}.csv"
    pa.csv.write_csv(table, path)
    kept = ingest(
        FileSource(path),
        market="DE",
        origin=path.name,
        workspace=workspace,
        by=User("test", role=Role.ANALYST),
    )
    return DatasetRef(market=kept.market, dataset_id=kept.dataset_id)


def run(workspace: Workspace, experiment: Experiment) -> str:
    run_id = workspace.create_run(experiment)
    history = History.begin(workspace, run_id, "test", warnings=(), details={})
    history.add(RunState.STARTING, "test")
    train(workspace, history, "test")
    return run_id


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    folder = tmp_path_factory.mktemp("chain")
    workspace = Workspace((folder / "workspace").as_uri())
    table = pa.csv.read_csv(sample.PATH)
    old = store(workspace, table.slice(0, OLD_ROWS), folder, "old")
    new = store(workspace, table.slice(0, OLD_ROWS + 3), folder, "new")
    tests = (
        LiftTestConfig(
            channels=("tv_S",),
            start=date(2016, 1, 4),
            end=date(2016, 2, 7),
            lift=5e5,
            spend=5e4,
            confidence=0.9,
        ),
        LiftTestConfig(
            channels=("ooh_S",),
            start=date(2018, 2, 5),
            end=date(2018, 3, 18),
            lift=4e5,
            spend=2e5,
            confidence=0.9,
        ),
    )
    changes = {"dataset": old, "settings": QUICK, "lift_tests": tests}
    first = run(workspace, sample_experiment("-", "ridge").model_copy(update=changes))
    experiment, _ = refresh_experiment(workspace, first, new, changes=QUICK)
    return Chain(workspace, first, run(workspace, experiment), new, table.slice(0, OLD_ROWS))


def header(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return next(csv.reader(file))


def test_a_refresh_keeps_how_well_the_model_before_forecast_its_periods(chain: Chain) -> None:
    workspace = chain.workspace
    results = read_results(workspace, chain.second)
    kept = results.forecast_score
    assert kept is not None
    # The sample's window ends a week before the old data do.
    assert (kept.run, kept.periods) == (chain.first, 4)
    table = pa.csv.read_csv(sample.PATH).slice(OLD_ROWS - 1, 4)
    assert kept.actual == pytest.approx(sum(table["revenue"].to_pylist()))
    assert kept.first == table["DATE"].to_pylist()[0]
    before = pa.csv.read_csv(sample.PATH).slice(OLD_ROWS - 53, 4)["revenue"].to_pylist()
    gaps = [abs(a - b) for a, b in zip(before, table["revenue"].to_pylist(), strict=True)]
    assert kept.naive_error == pytest.approx(sum(gaps) / kept.actual)
    assert abs(kept.forecast - kept.actual) / kept.actual <= kept.error + 1e-12
    assert kept.in_range in (0.0, 0.25, 0.5, 0.75, 1.0)
    assert kept.plan_error is None
    assert scores_of_chain(workspace, chain.second) == [(chain.second, kept)]
    assert read_results(workspace, chain.first).forecast_score is None
    labels = labels_of(results.summary)
    assert "The model before forecast the 4 weeks from" in sentence(kept, labels)
    page = report_of(results, None, Look(), "html").decode()
    assert "The model before forecast the 4 weeks from" in page
    assert score_table(scores_of_chain(workspace, chain.second)).num_rows == 1


def test_a_refreshed_model_tells_the_variance_to_the_plan_of_record(chain: Chain) -> None:
    workspace = chain.workspace
    chosen = model_to_plan(workspace, chain.first)
    plan = chosen.plan(parse_request(ahead_fields(chosen.history, {"hold": "none"})))
    forecast = chosen.forecast(plan)
    plan_id = save_plan(workspace, chain.first, plan, ANA, name="q", ahead=forecast)
    commit(workspace, plan_id, ANA)
    told = variance_to_plan(workspace, chain.second)
    found = told.found
    assert (told.plan_id, told.periods, told.planned_periods) == (plan_id, 4, 13)
    parts = found.by_spend + found.by_response + found.by_baseline
    assert abs(found.planned + parts - found.actual) <= 1e-9 * found.actual
    assert found.planned == pytest.approx(sum(row["kpi"] for row in forecast.kpi[:4]))
    for row in found.channels.to_pylist():
        moved = row["response_planned"] + row["by_spend"] + row["by_response"]
        assert moved == pytest.approx(row["response_now"])
    assert steps_of(found)["end"].to_pylist()[-2] == pytest.approx(found.actual)


def test_export_has_robyns_files_and_columns(chain: Chain, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    written = export_run(chain.workspace, chain.first, folder, everything=True)
    recommended = read_results(chain.workspace, chain.first).summary["model"]["id"]
    wanted = json.loads(GOLDEN.read_text())
    tables = [name for name in wanted if name.startswith("pareto")]
    names = {
        f"{name}.csv"
        for name in (
            *tables,
            "pareto_calibration",
            "raw_data",
            "all_hyperparameters",
            "all_aggregated",
        )
    }
    assert {path.name for path in written} == names | {f"RobynModel-{recommended}.json"}
    for name in tables:
        expected = [column for column in wanted[name] if column not in LEFT_OUT]
        assert header(folder / f"{name}.csv") == expected, name
    lift = GOLDEN.parents[1] / "refit" / "c11_geo_calib_imm" / "lift.csv"
    assert header(folder / "pareto_calibration.csv") == [*header(lift), "solID"]
    everything = pa.csv.read_csv(folder / "all_hyperparameters.csv")
    models = read_results(chain.workspace, chain.first)["models"]
    assert everything.num_rows == models.num_rows == 120
    assert everything["solID"].to_pylist() == models["model_id"].to_pylist()
    assert everything["nrmse"].to_pylist() == models["nrmse"].to_pylist()
    assert everything["decomp.rssd"].to_pylist() == models["decomp_rssd"].to_pylist()
    assert pa.csv.read_csv(folder / "all_aggregated.csv").num_rows == 120 * 12
    document = json.loads((folder / f"RobynModel-{recommended}.json").read_text())
    for section, keys in wanted["RobynModel"].items():
        ours = set(document[section])
        missing = set(keys) - ours
        assert missing <= {
            "cores", "export_timestamp", "nevergrad_algo", "outputs_time", "plot_folder", "run_time", "total_time",
            "train_timestamp",
        }, section  # fmt: skip


def test_exported_tables_tie_to_the_results(chain: Chain, tmp_path: Path) -> None:
    export_run(chain.workspace, chain.first, tmp_path / "export", table_format="parquet")
    results = read_results(chain.workspace, chain.first)
    read = {
        path.stem: pa.parquet.read_table(path) for path in (tmp_path / "export").glob("*.parquet")
    }
    selected = {"facebook_S": "facebook_I", "search_S": "search_clicks_P"}
    found = {(row["solID"], row["rn"]): row for row in read["pareto_aggregated"].to_pylist()}
    for row in results["channels"].to_pylist():
        ours = found[row["model_id"], selected.get(row["channel"], row["channel"])]
        assert ours["coef"] == row["coefficient"]
        assert ours["xDecompAgg"] == pytest.approx(row["contribution"], rel=1e-12)
        if row["kind"] == "paid":
            assert ours["roi_total"] == pytest.approx(row["roi"], rel=1e-12)
            assert ours["spend_share"] == pytest.approx(row["spend_share"], rel=1e-12)
    for row in read["pareto_alldecomp_matrix"].slice(0, 200).to_pylist():
        parts = set(row) - {"ds", "dep_var", "depVarHat", "solID", "cluster", "top_sol"}
        assert sum(row[name] for name in parts) == pytest.approx(row["depVarHat"], rel=1e-12)
    assert read["raw_data"].num_rows == OLD_ROWS
    stored = {
        (row["model_id"], row["channels"]): row["effect"]
        for row in results["lift_tests"].to_pylist()
    }
    lifts = {
        (row["solID"], row["rn"]): row["decompAbsScaled"]
        for row in read["pareto_calibration"].to_pylist()
    }
    assert lifts == pytest.approx(stored, rel=1e-12)


def test_export_needs_a_new_folder_and_kept_models(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="not an empty folder"):
        export_run(chain.workspace, chain.first, tmp_path / "full")
    with pytest.raises(NotFound, match="has kept no model '9_9'"):
        export_run(chain.workspace, chain.first, tmp_path / "none", models=["9_9"])
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


@pytest.fixture(scope="module")
def documents(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model JSON of the first run and of the refresh."""
    found = {}
    for name, run_id in (("first", chain.first), ("second", chain.second)):
        folder = tmp_path_factory.mktemp(name) / "export"
        export_run(chain.workspace, run_id, folder)
        found[name] = next(folder.glob("*.json"))
    return found


@pytest.mark.parametrize("name", ["first", "second"])
def test_a_model_is_made_again_bit_for_bit(
    chain: Chain, documents: dict[str, Path], name: str
) -> None:
    """From its own data; coefficients and errors are also those the training wrote."""
    model, deviations = recreate_model(documents[name])
    assert {item.quantity: item.largest for item in deviations} == dict.fromkeys(
        (
            "coefficients", "intercept", "effects over the window", "carryover over the window", "fitted per date",
            "errors",
        ), 0.0,
    )  # fmt: skip
    results = read_results(chain.workspace, chain.first if name == "first" else chain.second)
    said = json.loads(documents[name].read_text())["mmm"]["said"]
    channels = [row for row in results["channels"].to_pylist() if row["model_id"] == model]
    assert {row["channel"]: row["coefficient"] for row in channels}.items() <= said[
        "coefficients"
    ].items()
    stored = next(row for row in results["models"].to_pylist() if row["model_id"] == model)
    for error in ("nrmse", "nrmse_train", "rsq_train", "decomp_rssd", "calibration_error"):
        assert said["errors"][error] == stored[error]


def test_a_model_is_made_again_from_a_table(chain: Chain, documents: dict[str, Path]) -> None:
    _, deviations = recreate_model(documents["first"], chain.old_table)
    assert max(item.largest for item in deviations) == 0.0
    place = chain.old_table.column_names.index("tv_S")
    doubled = chain.old_table.set_column(
        place, "tv_S", pa.compute.multiply(chain.old_table["tv_S"], 2.0)
    )
    _, deviations = recreate_model(documents["first"], doubled)
    assert max(item.largest for item in deviations) > 1e-3
    with pytest.raises(UserError, match="has 163 periods"):
        recreate_model(documents["first"], chain.old_table.slice(0, 163))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(UserError, match="does not hold a model"):
        recreate_model(tmp_path / "other.json")
    with pytest.raises(UserError, match="cannot be read"):
        recreate_model(tmp_path / "missing.json")


def test_a_refresh_moves_the_window_and_leaves_out_tests_that_fall_out_of_it(chain: Chain) -> None:
    experiment, findings = refresh_experiment(
        chain.workspace, chain.first, chain.new_data, changes=QUICK
    )
    assert (experiment.window.start, experiment.window.end) == (date(2016, 2, 1), date(2019, 1, 28))
    assert experiment.refresh is not None
    assert (experiment.refresh.run, experiment.refresh.steps) == (chain.first, 4)
    assert [test.channels for test in experiment.lift_tests] == [("ooh_S",)]
    assert any("1 lift tests lie outside" in str(item) for item in findings)
    one, _ = refresh_experiment(chain.workspace, chain.first, chain.new_data, steps=1)
    assert (one.settings["trials"], one.settings["iterations"], one.settings["min_candidates"]) == (
        3,
        1000,
        12,
    )
    assert one.window.end == date(2019, 1, 7)


def test_robyns_method_weighs_the_distance_alone(chain: Chain) -> None:
    experiment, _ = refresh_experiment(chain.workspace, chain.first, chain.new_data)
    assert experiment.settings["objective_weights"] == [1.0, 1.0, 1.0]
    parent = json.loads(chain.workspace.job_config(chain.first))
    parent["settings"] |= {"method": "robyn"}
    robyn = run(chain.workspace, Experiment.model_validate(parent))
    experiment, _ = refresh_experiment(chain.workspace, robyn, chain.new_data)
    assert experiment.settings["objective_weights"] == [0.0, 1.0, 1.0]


def test_data_that_do_not_fit_are_refused(chain: Chain, tmp_path: Path) -> None:
    old = json.loads(chain.workspace.job_config(chain.first))["dataset"]
    with pytest.raises(UserError, match="9 are asked for, the data hold 1 new periods"):
        refresh_experiment(chain.workspace, chain.first, DatasetRef(**old), steps=9)
    table = pa.csv.read_csv(sample.PATH)
    short = store(chain.workspace, table.slice(20, 150), tmp_path, "short")
    with pytest.raises(UserError, match="has no period 2016-01-04"):
        refresh_experiment(chain.workspace, chain.first, short)
    ended = store(chain.workspace, table.slice(0, 163), tmp_path, "ended")
    with pytest.raises(UserError, match="ends on 2018-12-31"):
        refresh_experiment(chain.workspace, chain.first, ended)
    with pytest.raises(NotFound, match="has kept no model '9_9'"):
        refresh_experiment(chain.workspace, chain.first, chain.new_data, model="9_9")


def test_what_moved_is_told_in_numbers_and_words(chain: Chain) -> None:
    results = read_results(chain.workspace, chain.second)
    labels, model = labels_of(results.summary), results.summary["model"]["id"]
    numbers = moves(results, model, labels)
    rows = {(row["variable"], row["measure"]): row for row in numbers.to_pylist()}
    first = read_results(chain.workspace, chain.first)
    old = {row["channel"]: row for row in first.summary["channels"]}
    new = {row["channel"]: row for row in results.summary["channels"]}
    for name in ("tv_S", "ooh_S", "facebook_S"):
        row = rows[name, "roi"]
        assert row["old"] == pytest.approx(old[name]["roi"], rel=1e-9)
        assert row["new"] == pytest.approx(new[name]["roi"], rel=1e-9)
        assert row["by_data"] + row["by_parameters"] == pytest.approx(row["new"] - row["old"])
    assert results.summary["refresh"] == {
        "run": chain.first,
        "model": first.summary["model"]["id"],
        "steps": 4,
    }
    assert "moved most" in finding(numbers, labels)
    assert "What moved since the previous model" in results.report
    assert shown(numbers, labels)[0][2] in results.report
    assert "What moved since the previous model" not in first.report


def test_nothing_is_replaced_until_accepted(chain: Chain) -> None:
    workspace = chain.workspace
    assert chain_of(workspace, chain.second) == [chain.second, chain.first]
    assert in_use(workspace, chain.second) is None
    with pytest.raises(NotAllowed):
        accept(workspace, chain.first, User("vera", role=Role.VIEWER))
    other = read_results(workspace, chain.first)["channels"]["model_id"][0].as_py()
    before = accept(workspace, chain.first, ANA, other)
    assert (before.run_id, before.model_id, before.replaces, before.actor) == (
        chain.first,
        other,
        None,
        "ana",
    )
    experiment, _ = refresh_experiment(workspace, chain.first, chain.new_data)
    assert experiment.refresh is not None
    assert experiment.refresh.model == other
    after = accept(workspace, chain.second, ANA)
    assert after.replaces == (chain.first, other)
    assert in_use(workspace, chain.first) == in_use(workspace, chain.second) == after
    with pytest.raises(UserError, match="in use already"):
        accept(workspace, chain.second, ANA)
    with pytest.raises(NotFound, match="has kept no model"):
        accept(workspace, chain.second, ANA, "9_9")
    entries = [
        item for item in workspace.audit(datetime.now(UTC).date()) if item.action == "run.accept"
    ]
    assert [item.subject for item in entries] == [chain.first, chain.second]


def test_one_page_holds_the_eight_plots_and_the_fit(chain: Chain) -> None:
    results = read_results(chain.workspace, chain.first)
    page = onepager(results, results.summary)
    summary: dict[str, Any] = results.summary
    for text in (
        "KPI decomposition", "Actual against fitted", "Share of spend and share of effect", "ROAS per channel",
        "Response curves", "Adstock decay", "Immediate and carryover effect", "What is left unexplained",
        f"Model {summary['model']['id']}", "4 Jan 2016 to 31 Dec 2018", "seed 123", "engine ridge",
        f"DECOMP.RSSD {summary['model']['fit']['decomp_rssd']:.4f}", "MAPE of lift tests",
    ):  # fmt: skip
        assert text in page, text
    assert rendered(page, "pdf", "").startswith(b"%PDF")
    assert b"/MediaBox [0 0 595.28 841.7" in rendered(page, "pdf", "")
    assert rendered(page, "png", "").startswith(b"\x89PNG")
    assert rendered(page, "html", "a < b").startswith(b"<!doctype html>")
    other = next(
        name
        for name in results["channels"]["model_id"].to_pylist()
        if name != summary["model"]["id"]
    )
    assert f"Model {other}" in onepager(results, summary, other)
    with pytest.raises(UserError, match="no format"):
        rendered(page, "docx", "")


def test_a_report_is_made_on_any_kept_model_as_html_or_pdf(chain: Chain) -> None:
    results = read_results(chain.workspace, chain.second)
    recommended = results.summary["model"]["id"]
    other = next(
        name for name in results["channels"]["model_id"].to_pylist() if name != recommended
    )
    text = report_of(results, other, Look(title="Own"), "html").decode()
    assert f"Chosen by hand; the engine recommends model {recommended}." in text
    pages = PdfReader(io.BytesIO(report_of(results, None, Look(title="Own"), "pdf"))).pages
    words = " ".join(page.extract_text() for page in pages)
    assert "What moved since the previous model" in words
    assert f"Model {recommended}." in words
    with pytest.raises(UserError, match="no format of a report"):
        report_of(results, None, Look(), "docx")
    with pytest.raises(NotFound, match="has kept no model '9_9'"):
        report_of(results, "9_9", Look(), "html")


def test_a_refresh_of_other_variables_is_refused(chain: Chain) -> None:
    experiment = json.loads(chain.workspace.job_config(chain.second))
    experiment["mapping"]["organic"] = []
    changed = Experiment.model_validate(experiment)
    table = chain.workspace.read_dataset(chain.new_data.market, chain.new_data.dataset_id)
    with pytest.raises(InvalidInput, match="'newsletter' of model"):
        build_problem(changed, table, previous_of(chain.workspace, changed))
