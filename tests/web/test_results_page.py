"""The results page in its states: parts, models, notes, the report; on real stored runs, without a
browser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mmm.access import Role, User
from mmm.certificate.certificate import (
    Certificate,
    ChannelCertificate,
    FamilyCertificate,
    TotalCertificate,
)
from mmm.certificate.identify import Help, Identifiability
from mmm.experiments.config import Experiment
from mmm.results import bridge, candidates
from mmm.results.answer import answer
from mmm.results.branding import saved_look
from mmm.results.model_summary import labels_of
from mmm.results.notes import annotate
from mmm.results.spans import Comparison, Span
from mmm.results.store import RunResults, read_results
from mmm.results.views import VIEWS, view
from mmm.runs.certification import CertificateRequest
from mmm.runs.events import History
from mmm.web.kit.text import plain
from mmm.web.results.drawing import PARTS
from mmm.web.shell import links
from mmm.workspace.models import RunState

Open = Callable[..., AppTest]
ANN = User("ann", role=Role.ANALYST)
SVG_LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><rect width="9" height="9"/></svg>'


def words(app: AppTest) -> str:
    """All text on the page."""
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


def button(app: AppTest, label: str) -> Any:
    return next(found for found in app.button if found.label == label)


def downloads(app: AppTest) -> list[str]:
    return [found.proto.label for found in app.get("download_button")]


@pytest.fixture
def run_id(stored: Any) -> str:
    found: str = stored.of_state(RunState.SUCCEEDED)
    return found


@pytest.fixture
def results(stored: Any, run_id: str) -> RunResults:
    return read_results(stored.workspace, run_id)


def others(results: RunResults) -> list[str]:
    """Kept models that are not the recommended one."""
    kept = dict.fromkeys(results["channels"]["model_id"].to_pylist())
    return [model_id for model_id in kept if model_id != results.summary["model"]["id"]]


def test_a_run_without_results_says_so(open_page: Open, stored: Any) -> None:
    app = open_page(links.RESULTS, run=stored.of_state(RunState.FAILED))
    assert app.info[0].value.startswith("This run has no results: it is failed.")


def test_results_lead_on_to_a_plan_a_comparison_and_the_next_experiment(
    open_page: Open, run_id: str
) -> None:
    app = open_page(links.RESULTS, run=run_id)
    model_id = app.selectbox[0].value
    shown = {link.proto.page: link.proto.query_string for link in app.get("page_link")}
    assert shown["plan"] == f"run={run_id}&model={model_id}"
    assert shown["compare"] == f"runs={run_id}"
    assert shown["experiment"] == f"run={run_id}"


def test_every_view_of_the_report_is_in_one_part(
    open_page: Open, run_id: str, results: RunResults
) -> None:
    labels, model_id = labels_of(results.summary), results.summary["model"]["id"]
    seen: list[str] = []
    for part in [part for part in PARTS if part != "Calibration"]:  # the run had no lift tests
        app = open_page(links.RESULTS, run=run_id, part=part)
        text = words(app)
        assert plain(results.summary["model"]["reason"]) in text
        pictures = [chart.proto.alt for chart in app.get("vega_lite_chart")]
        keys = [key for key in PARTS[part] if view(key).present(results)]
        for key in keys:
            shown = view(key)
            finding = shown.finding(shown.numbers(results, model_id, labels), labels)
            assert plain(finding) in text
            assert plain(shown.how_to_read(labels)) in text
            assert f"{shown.title_for(labels)}. {finding}" in pictures
        assert len(app.dataframe) >= len(pictures) >= len(keys)
        seen += keys
    # The certificate's part has a state of its own, see below.
    apart = [
        "bends",
        "calibration",
        "certificate",
        "checks",
        "forecast",
        "frequency",
        "geos",
        "learnt",
    ]
    assert sorted([*seen, *apart]) == sorted(view.key for view in VIEWS)


def test_another_kept_model_can_be_chosen_and_linked(open_page: Open, run_id: str) -> None:
    app = open_page(links.RESULTS, run=run_id)
    box = app.selectbox[0]
    assert "recommended" in box.options[0]
    box.select_index(3).run()
    chosen = box.options[3].split(" ")[0]
    assert f"**Model {plain(chosen)}.** Chosen by hand" in words(app)
    linked_page = open_page(links.RESULTS, run=run_id, model=app.query_params["model"])
    assert f"**Model {plain(chosen)}.** Chosen by hand" in words(linked_page)


def test_an_unknown_model_is_a_message(open_page: Open, run_id: str) -> None:
    app = open_page(links.RESULTS, run=run_id, model="9_9")
    assert plain("this run has kept no model '9_9'.") in app.error[0].value


def test_candidates_are_filtered(open_page: Open, run_id: str, results: RunResults) -> None:
    app = open_page(links.RESULTS, run=run_id, part="Choose model")
    filters = {found.label: found for found in app.multiselect}
    filters["Front"].set_value([1]).run()
    assert not app.exception
    front = [row["front"] for row in results["models"].to_pylist()].count(1)
    assert f"Numbers ({front} rows)" in [found.label for found in app.expander]


def test_models_are_compared_side_by_side(
    open_page: Open, run_id: str, results: RunResults
) -> None:
    labels, ids = labels_of(results.summary), (results.summary["model"]["id"], *others(results)[:2])
    app = open_page(links.RESULTS, run=run_id, part="Choose model")
    compared = next(found for found in app.multiselect if found.label == "Models side by side")
    assert compared.value[0] == ids[0]
    compared.set_value(list(ids)).run()
    assert not app.exception
    numbers = candidates.side_by_side(results, ids, labels)
    assert plain(candidates.side_by_side_finding(numbers, labels)) in words(app)
    assert [len(frame.value) for frame in app.dataframe][-1] == 3
    compared.set_value([ids[0]]).run()
    assert "Choose 2 to 4 models." in words(app)


def test_curves_of_several_models_are_laid_over_each_other(
    open_page: Open, stored: Any, run_id: str, results: RunResults
) -> None:
    other = others(results)[0]
    annotate(stored.workspace, run_id, other, ANN, pinned=True)
    app = open_page(links.RESULTS, run=run_id, part="Curves")
    app.toggle[0].set_value(True).run()
    assert not app.exception
    assert set(app.multiselect[0].value) >= {results.summary["model"]["id"], other}
    assert "Response curves of several models" in [found.value for found in app.subheader]


def test_a_model_is_pinned_and_annotated_for_everybody(
    open_page: Open, stored: Any, run_id: str, results: RunResults
) -> None:
    other = others(results)[0]
    app = open_page(links.RESULTS, run=run_id, model=other, part="Choose model")
    app.text_input[0].set_value("For the *board*")
    button(app, "Pin this model").click().run()
    assert not app.exception
    (note,) = stored.workspace.notes(run_id)
    assert (note.model_id, note.text, note.pinned) == (other, "For the *board*", True)
    again = open_page(links.RESULTS, run=run_id, part="Choose model")
    assert again.selectbox[0].options[0].startswith(f"{other} · pinned")
    assert f"pinned it. {plain('For the *board*')}" in words(again)
    button(
        open_page(links.RESULTS, run=run_id, model=other, part="Choose model"), "Unpin"
    ).click().run()
    assert [note.pinned for note in stored.workspace.notes(run_id)] == [True, False]


def test_an_empty_note_is_told(open_page: Open, stored: Any, run_id: str) -> None:
    app = open_page(links.RESULTS, run=run_id, part="Choose model")
    button(app, "Add note").click().run()
    assert "note: is empty" in words(app).replace("\\", "")
    assert stored.workspace.notes(run_id) == []


def test_contributions_are_shown_as_shares_and_per_period(
    open_page: Open, run_id: str, results: RunResults
) -> None:
    app = open_page(links.RESULTS, run=run_id, part="Contribution", show="Share", per="year")
    years = {row["date"].year for row in results["fit"].select(["date"]).to_pylist()}
    waterfall, _, components = (frame.value for frame in app.dataframe)
    assert list(waterfall.columns) == ["component", "kind", "share"]
    assert len(components) == len(years)
    assert components.drop(columns="date").sum(axis=1).tolist() == pytest.approx([1.0] * len(years))


def test_the_one_pager_is_a_picture_with_downloads(open_page: Open, run_id: str) -> None:
    app = open_page(links.RESULTS, run=run_id, part="One-pager")
    assert downloads(app) == ["One-pager (PDF)", "One-pager (PNG)"]
    (picture,) = app.get("image")
    assert "its eight plots" in picture.proto.imgs[0].alt


def test_the_report_has_its_own_title_currency_and_logo(
    open_page: Open, stored: Any, run_id: str
) -> None:
    app = open_page(links.RESULTS, run=run_id, part="Report")
    assert downloads(app) == [
        "Report (HTML)",
        "Report (PDF)",
        "Slides (PPTX)",
        "Workbook (XLSX)",
        "Summary (JSON)",
    ]
    assert [found.label for found in app.button] == []
    app.text_input(key="report-title").set_value("Spring").run()
    app.text_input(key="report-currency").set_value("CHF").run()
    app.file_uploader[0].upload("logo.svg", SVG_LOGO, "image/svg+xml").run()
    assert not app.exception
    button(app, "Keep this look for all reports").click().run()
    look = saved_look(stored.workspace)
    assert (look.title, look.currency, look.logo.media_type) == ("Spring", "CHF", "image/svg+xml")
    assert (
        open_page(links.RESULTS, run=run_id, part="Report")
        .text_input(key="report-title")
        .placeholder
        == "Spring"
    )


def test_a_harmful_logo_is_told_and_makes_no_report(open_page: Open, run_id: str) -> None:
    app = open_page(links.RESULTS, run=run_id, part="Report")
    app.file_uploader[0].upload(
        "logo.svg", SVG_LOGO.replace(b"<rect", b"<script"), "image/svg+xml"
    ).run()
    assert "holds an element" in app.error[0].value
    assert downloads(app) == []


def test_conversions_show_costs_everywhere(open_page: Open, stored: Any) -> None:
    given = stored.experiment("Orders").model_dump()
    given["mapping"]["kpi_kind"] = "conversion"
    run_id = stored.train(Experiment.model_validate(given))
    texts = []
    for part in ("Choose model", "Contribution", "CPA", "Curves", "Fit"):
        app = open_page(links.RESULTS, run=run_id, part=part)
        # Nothing was held out, and nobody has certified the run.
        views = set(PARTS.get(part, ())) - {"forecast", "bends", "frequency"}
        assert len(app.get("vega_lite_chart")) >= len(views)
        texts += [words(app), *(chart.proto.spec for chart in app.get("vega_lite_chart"))]
        texts += [str(frame.proto.columns) for frame in app.dataframe]
    assert any("CPA" in text for text in texts)
    assert not [text for text in texts if "ROAS" in text]
    assert "ROAS" not in read_results(stored.workspace, run_id).report


def test_an_engines_own_files_can_be_fetched(open_page: Open, stored: Any) -> None:
    """Robyn writes files of its own; the native engine none."""
    run_id = stored.of_state(RunState.SUCCEEDED)
    assert "Files of ridge (ZIP)" not in downloads(
        open_page(links.RESULTS, run=run_id, part="Report")
    )
    found = read_results(stored.workspace, run_id)
    writer = stored.workspace.results_writer(run_id)
    for name in found:
        writer.table(name, found[name])
    writer.file("model_summary.json", found.summary_text)
    writer.artifact("1_1.png", b"drawn")
    writer.commit()
    assert "Files of ridge (ZIP)" in downloads(open_page(links.RESULTS, run=run_id, part="Report"))


def certificate_of(results: RunResults) -> Certificate:
    """A certificate by hand for the run's recommended model."""
    model_id = results.summary["model"]["id"]
    names = [
        row["channel"]
        for row in results["channels"].to_pylist()
        if row["model_id"] == model_id and row["kind"] == "paid"
    ]
    known = Identifiability(
        own_movement=dict.fromkeys(names, 0.5),
        expected_error=dict.fromkeys(names, 0.3),
        pairs=((names[0], names[1], -0.8),),
        helps=(Help("test", names[0], 0.08),),
    )
    channels = tuple(
        ChannelCertificate(name, 9, 0.25, 0.1, 0.8, 0.6, 1.5, 2.0, 1.0, 3.0, 0.5, 3.5)
        for name in names
    )
    total = TotalCertificate(
        9, 0.31, 0.33, 0.6, 0.74, 1.0, 0.7, 0.6, 0.05, 0.2, 0.4, 0.1, 0.05, 0.1
    )
    families = (FamilyCertificate("wide", 9, 0.31, 0.74, 0.05, 0.02, 1),)
    return Certificate(
        model_id, "ridge", "1", "short", 1, 0.9, total, channels, families, known, known
    )


def test_a_run_is_certified_and_its_certificate_shown(
    open_page: Open, run_id: str, results: RunResults, stored: Any
) -> None:
    app = open_page(links.RESULTS, run=run_id, part="Certificate")
    assert button(app, "Certify this run")
    assert "simulates 200 worlds" in words(app)
    study_id = stored.workspace.create_study(run_id, CertificateRequest(), "certificate")
    history = History.begin(stored.workspace, study_id, "ann", details={})
    for state in (RunState.STARTING, RunState.RUNNING):
        history.add(state, "ann")
    writer = stored.workspace.results_writer(study_id)
    writer.file("certificate.json", certificate_of(results).to_json())
    writer.commit()
    history.add(RunState.SUCCEEDED, "ann", message="9 of 9 worlds trained.")
    app = open_page(links.RESULTS, run=run_id, part="Certificate")
    text = words(app)
    assert plain("in nine of ten it is below 60.0 %") in text
    assert plain("They are too narrow: the recalibrated ones are shown beside them.") in text
    assert plain("cannot be told apart") in text
    assert plain("What would help most: a lift test of") in text
    assert button(app, "Certify again")
    assert len(app.get("vega_lite_chart")) == 1


def test_the_page_opens_with_the_answer_and_folds_the_rest_for_the_analyst(
    open_page: Open, run_id: str, results: RunResults
) -> None:
    app = open_page(links.RESULTS, run=run_id)
    summary = results.summary
    found = answer(results, summary, labels_of(summary))
    text = words(app)
    for card in found.cards:
        assert plain(card.question) in text
        for sentence in card.sentences:
            assert plain(sentence) in text
    (fold,) = [item for item in app.expander if item.label == "For the analyst"]
    assert not fold.proto.expanded
    (fold,) = [
        item
        for item in open_page(links.RESULTS, run=run_id, part="Curves").expander
        if item.label == "For the analyst"
    ]
    assert fold.proto.expanded


def test_two_ranges_of_dates_are_compared(
    open_page: Open, run_id: str, results: RunResults
) -> None:
    app = open_page(links.RESULTS, run=run_id, part="What moved")
    labels, model_id = labels_of(results.summary), results.summary["model"]["id"]
    asked = bridge.default_of(results, model_id, labels)
    assert plain(bridge.title_of(asked)) in words(app)
    before = next(item for item in app.date_input if item.label == "Compared with")
    first = results["fit"]["date"][0].as_py()
    before.set_value((first, first)).run()
    assert not app.exception
    changed = Comparison(Span(first, first), asked.after)
    numbers = bridge.bridge(results, model_id, labels, changed)
    assert plain(bridge.finding(numbers, labels)) in words(app)
    assert "The first range has 1 week, the second 13 weeks" in words(app).replace("\\", "")


def test_the_advice_is_there_before_anybody_is_told_of_success(stored: Any) -> None:
    run_id = stored.of_state(RunState.SUCCEEDED)
    number = stored.workspace.results_manifest(run_id).number
    kept = stored.folder / "runs" / run_id / "results" / f"{number:04d}" / "advice.json"
    told = stored.service.status(run_id).ended
    assert told is not None
    assert kept.stat().st_mtime <= told.timestamp()
