"""Connect, Map columns, Data quality and Prepare in their states, on stored data, without a
browser.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.data.references import dataset_name, find_mapping
from mmm.data.saved_mappings import save_mapping
from mmm.platforms.local.user import local_user
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.web.kit.text import plain
from mmm.web.shell import entrance, links, session
from mmm.workspace import DatasetManifest
from workbooks import write_workbook

Open = Callable[..., AppTest]
FILES = Path(__file__).parents[1] / "data_files"
ANN = User("ann", role=Role.ANALYST)
PAGES = (links.CONNECT, links.MAP, links.QUALITY, links.PREPARE)
HOSTILE = "=cmd|'/c calc'!A1"
HOSTILE_HEADER = "<img src=x onerror=alert(1)> **spend** [a](javascript:alert(1)) :red[x] $y$"


def words(app: AppTest) -> str:
    """All text on the page, and the labels of what folds."""
    kinds: list[Any] = [
        app.title,
        app.subheader,
        app.markdown,
        app.caption,
        app.error,
        app.success,
        app.info,
    ]
    texts = [element.value for kind in kinds for element in kind]
    return "\n".join([*texts, *(found.label for found in app.expander)])


def labelled(widgets: Any, label: str) -> Any:
    return next(found for found in widgets if found.label == label)


def linked(app: AppTest) -> list[tuple[str, str]]:
    return [(link.proto.page, link.proto.query_string) for link in app.get("page_link")]


def upload(app: AppTest, name: str, content: bytes | str) -> AppTest:
    data = content.encode() if isinstance(content, str) else content
    labelled(app.file_uploader, "CSV, Parquet or Excel, up to 200 MB").set_value(
        (name, data, "")
    ).run()
    assert not app.exception
    return app


def store(app: AppTest, market: str = "DE") -> AppTest:
    labelled(app.text_input, "Market").set_value(market)
    labelled(app.button, "Store as dataset").click().run()
    assert not app.exception
    return app


def put(stored: Any, folder: Path, text: str, market: str = "FR") -> DatasetManifest:
    (folder / "t.csv").write_text(text)
    source = FileSource(folder / "t.csv")
    return ingest(source, market=market, origin="t.csv", workspace=stored.workspace, by=ANN)


def daily(days: int = 28) -> str:
    lines = [
        f"2024-01-{day + 1:02d},{100 + day},{day % 5},{1 + day % 3}.5,none" for day in range(days)
    ]
    return "\n".join(["date,revenue,tv_spend,price,promo_event", *lines, ""])


@pytest.fixture
def robyn(stored: Any) -> DatasetManifest:
    """The sample under its own column names."""
    source = FileSource(sample.PATH)
    return ingest(source, market="DE", origin="sample.csv", workspace=stored.workspace, by=ANN)


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who acts is a viewer, who may change nothing."""
    someone = User("vera", role=Role.VIEWER)
    monkeypatch.setattr(session, "local_user", lambda: someone)
    monkeypatch.setattr(entrance, "current_user", lambda: someone)


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("page", PAGES[1:])
def test_without_data_the_way_leads_to_connect(open_page: Open, page: Path) -> None:
    app = open_page(page)
    assert "No data are stored in this workspace yet." in words(app)
    assert ("connect", "") in linked(app)


@pytest.mark.usefixtures("empty")
def test_connect_of_a_new_workspace(open_page: Open) -> None:
    app = open_page(links.CONNECT)
    assert "No data are stored in this workspace yet." in words(app)
    app = open_page(links.CONNECT, **{"from": "Database"})
    assert "No connection to a database is saved yet." in words(app)
    app = open_page(links.CONNECT, **{"from": "Sample"})
    labelled(app.button, "Store the sample").click().run()
    assert "Stored as **sample" in app.success[0].value
    assert ("map", "dataset=sample%2Fbc7559ed9f5d61d4") in linked(app)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("viewer")
def test_a_viewer_looks_and_changes_nothing(open_page: Open, stored: Any, page: Path) -> None:
    app = open_page(page)
    assert not app.error
    assert not app.button
    assert not app.file_uploader
    assert all(box.disabled for box in app.selectbox if " of " in box.label)
    if page != links.QUALITY:
        assert "Your role, viewer, may" in words(app)


@pytest.mark.parametrize("page", PAGES[1:])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"dataset": "DE"}, "is not a dataset's name."),
        ({"dataset": "DE/0123456789abcdef"}, "market 'DE' has no dataset 0123456789abcdef."),
        ({"dataset": "../../<b>x/latest"}, "'../../<b>x' cannot be the name of a market."),
        ({"mapping": "weekly@x"}, "'x' is no version."),
        ({"mapping": "weekly"}, "there is no mapping 'weekly'"),
    ],
)
def test_a_wrong_address_is_a_message(
    open_page: Open, stored: Any, page: Path, query: Any, message: str
) -> None:
    (error,) = open_page(page, **query).error
    assert plain(message) in error.value


def test_a_file_is_looked_at_then_stored_and_listed(open_page: Open, stored: Any) -> None:
    app = upload(open_page(links.CONNECT), "sales 2024.csv", daily())
    assert "is a delimited text file" in words(app)
    assert "28 rows read." in words(app)
    app = store(app, "FR")
    (manifest,) = stored.workspace.datasets("FR")
    assert (manifest.rows, manifest.origin, manifest.created_by) == (
        28,
        "sales 2024.csv",
        local_user().id,
    )
    assert f"Stored as **{plain(dataset_name(manifest))}**" in app.success[0].value
    text = words(app)
    assert "2 datasets of 2 markets; the newest is" in words(open_page(links.CONNECT))
    assert "28 rows · 5 columns · 1 Jan 2024 to 28 Jan 2024 · csv" in text
    assert ("quality", f"dataset=FR%2F{manifest.dataset_id}") in linked(app)


def test_parquet_and_a_sheet_of_a_workbook(open_page: Open, stored: Any, tmp_path: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"week": ["2024-01-01"], "tv": [1.0]}), out)
    assert (
        "Stored as"
        in store(upload(open_page(links.CONNECT), "a.parquet", out.getvalue()), "P")
        .success[0]
        .value
    )

    rows = [["week", "tv"], [dt.date(2024, 1, 1), 1.5], [dt.date(2024, 1, 8), 2.5]]
    book = write_workbook(tmp_path / "b.xlsx", readme=[["hello"]], numbers=rows)
    app = upload(open_page(links.CONNECT), "b.xlsx", book.read_bytes())
    box = labelled(app.selectbox, "Sheet")
    assert box.options == ["readme", "numbers"]
    box.set_value("numbers").run()
    store(app, "X")
    (manifest,) = stored.workspace.datasets("X")
    assert stored.workspace.read_dataset("X", manifest.dataset_id)["tv"].to_pylist() == [1.5, 2.5]


def test_sheets_of_one_table_are_stored_together(
    open_page: Open, stored: Any, tmp_path: Path
) -> None:
    """Both sheets hold the same weeks: with the sheet's name in a column they are two markets."""
    rows = [["week", "sales", "tv spend"]]
    rows += [[dt.date(2024, 1, day), day, 2 * day] for day in (1, 8, 15)]
    book = write_workbook(tmp_path / "b.xlsx", DE=rows, AT=rows)
    app = upload(open_page(links.CONNECT), "b.xlsx", book.read_bytes())
    assert plain("'DE', 'AT' have the same columns; only 'DE' was read") in words(app)
    labelled(app.checkbox, "All sheets of this table, one after the other: DE, AT").check().run()
    assert "hold the same dates" in app.error[0].value
    labelled(app.text_input, "Column for the sheets' names").set_value("market").run()
    assert not app.error
    store(app, "X")
    (manifest,) = stored.workspace.datasets("X")
    assert manifest.rows == 6


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "the file is empty"),
        ("a.parquet", "a,b\n1,2\n", "not a Parquet file as its name says"),
        ("a.xlsx", b"PK\x03\x04nonsense", "is a zip archive, not an Excel workbook"),
        ("a.csv", "a,a\n1,2\n", "2 columns have this name"),
        ("a.csv", b"a,b\n\x00\x01\x02", "is not a text file"),
        ("../../<b>.csv", "", "the file is empty"),
    ],
)
def test_a_file_that_is_no_table_says_what_to_do(
    open_page: Open, stored: Any, name: str, content: Any, message: str
) -> None:
    app = upload(open_page(links.CONNECT), name, content)
    (error,) = app.error
    assert plain(message) in error.value
    assert "Stored datasets" in words(app)


def test_a_wrong_encoding_is_told_by_line_and_another_can_be_chosen(
    open_page: Open, stored: Any
) -> None:
    app = upload(open_page(links.CONNECT), "a.csv", "name,value\nKöln,1\n".encode("latin-1"))
    labelled(app.selectbox, "Encoding").set_value("utf-8").run()
    (error,) = app.error
    assert plain("line 2") in error.value
    labelled(app.selectbox, "Encoding").set_value("windows-1252").run()
    assert not app.error
    assert app.dataframe[0].value["name"].tolist() == ["Köln"]


@pytest.mark.parametrize("market", ["", "../x", "a/b", "x" * 101])
def test_a_market_that_is_no_name_is_a_message(open_page: Open, stored: Any, market: str) -> None:
    app = store(upload(open_page(links.CONNECT), "a.csv", daily()), market)
    assert plain("cannot be the name of a market.") in app.error[0].value
    assert len(stored.workspace.datasets()) == 1


@pytest.mark.parametrize("page", [links.QUALITY, links.PREPARE])
def test_without_a_proposal_the_way_leads_to_the_mapping(
    open_page: Open, stored: Any, tmp_path: Path, page: Path
) -> None:
    name = dataset_name(put(stored, tmp_path, "revenue\n1\n2\n3\n"))
    app = open_page(page, dataset=name)
    assert plain("role date: no column holds dates.") in app.error[0].value
    assert ("map", f"dataset={name.replace('/', '%2F')}") in linked(app)


def test_what_is_just_stored_counts_in_the_first_sentence(open_page: Open, stored: Any) -> None:
    app = store(upload(open_page(links.CONNECT), "a.csv", daily()), "NEW")
    (manifest,) = stored.workspace.datasets("NEW")
    assert f"the newest is {plain(dataset_name(manifest))}, 28 rows" in app.markdown[0].value


def test_hostile_headers_and_cells_are_shown_as_they_are(open_page: Open, stored: Any) -> None:
    text = daily().replace("tv_spend", HOSTILE_HEADER).replace("none", HOSTILE)
    app = store(upload(open_page(links.CONNECT), "a.csv", text), "HX")
    assert not app.error
    (manifest,) = stored.workspace.datasets("HX")
    for page in PAGES[1:]:
        app = open_page(page, dataset=dataset_name(manifest))
        assert not app.error
        assert not any(element.allow_html for element in app.markdown)
        assert HOSTILE_HEADER not in words(app)
    app = open_page(links.MAP, dataset=dataset_name(manifest))
    assert f"**{plain(HOSTILE_HEADER)}**" in words(app)


def test_the_proposal_is_shown_with_its_reasons(open_page: Open, robyn: DatasetManifest) -> None:
    app = open_page(links.MAP, dataset=dataset_name(robyn))
    text = words(app)
    assert "12 of 12 columns have a role, nothing is missing." in text
    assert labelled(app.selectbox, f"Role of {plain('facebook_I')}").value == "exposure"
    assert labelled(app.selectbox, f"Spend of {plain('facebook_I')}").value == "facebook_S"
    assert (
        plain("the name has 's'; paired with 'facebook_I', on or off together in 100% of rows")
        in text
    )
    assert not labelled(app.button, "Save the mapping").disabled


def test_a_frequency_is_given_its_spend(open_page: Open, stored: Any, tmp_path: Path) -> None:
    """A name that no rule knows: the frequency is chosen by hand, and saved with its reach."""
    lines = ["week,revenue,tv_spend,tv_reach,tv_contacts"]
    for week in range(30):
        day = dt.date(2024, 1, 1) + dt.timedelta(weeks=week)
        lines.append(f"{day},{900 + week},{10 + week % 7},{500 + 9 * week},{2 + week % 5}")
    manifest = put(stored, tmp_path, "\n".join(lines))
    app = open_page(links.MAP, dataset=dataset_name(manifest))
    name = plain("tv_contacts")
    labelled(app.selectbox, f"Role of {name}").set_value("frequency").run()
    assert "it is the frequency of no spend" in words(app)
    labelled(app.selectbox, f"Spend of {name}").set_value("tv_spend").run()
    assert plain("with tv_reach, tv_contacts") in words(app)
    labelled(app.text_input, "Name").set_value("reach")
    labelled(app.button, "Save the mapping").click().run()
    (paid,) = find_mapping(stored.workspace, "reach@1")[1].mapping.paid
    assert (paid.spend, paid.exposure, paid.frequency) == ("tv_spend", "tv_reach", "tv_contacts")


def test_editing_says_at_once_what_is_missing_and_loses_nothing(
    open_page: Open, stored: Any, robyn: DatasetManifest
) -> None:
    app = open_page(links.MAP, dataset=dataset_name(robyn))
    labelled(app.selectbox, "Role of revenue").set_value("context").run()
    assert "No column is the KPI" in app.error[0].value
    assert labelled(app.button, "Save the mapping").disabled
    labelled(app.selectbox, "Role of events").set_value("kpi").run()
    assert plain("'events': the role kpi needs numbers, it holds texts.") in app.error[0].value
    assert any("the role kpi needs numbers" in found.value for found in app.markdown)

    again = open_page(links.MAP, dataset=dataset_name(robyn))  # another browser: the draft is there
    assert labelled(again.selectbox, "Role of revenue").value == "context"
    assert "They are kept as your draft" in again.info[0].value
    labelled(again.button, "Start again").click().run()
    assert labelled(again.selectbox, "Role of revenue").value == "kpi"
    assert stored.workspace.draft_names(local_user()) == []


def test_a_mapping_is_saved_in_versions_that_say_what_changed(
    open_page: Open, stored: Any, robyn: DatasetManifest
) -> None:
    app = open_page(links.MAP, dataset=dataset_name(robyn))
    labelled(app.selectbox, f"Sign of {plain('competitor_sales_B')}").set_value("negative").run()
    assert "1 change against the proposal" in words(app)
    labelled(app.text_input, "Name").set_value("weekly")
    labelled(app.button, "Save the mapping").click().run()
    assert not app.exception
    assert "Saved as **weekly\\@1**" in app.success[0].value
    assert app.query_params["mapping"] == "weekly@1"
    assert stored.workspace.draft_names(local_user()) == []

    labelled(app.selectbox, "Role of newsletter").set_value("unused").run()
    labelled(app.button, "Save the mapping").click().run()
    assert "Saved as **weekly\\@2**" in app.success[0].value
    assert plain("'newsletter' was organic and is unused.") in words(app)
    saved = find_mapping(stored.workspace, "weekly@2")[1].mapping
    assert saved.organic == ()
    assert saved.context[0].sign == "negative"
    first = open_page(links.MAP, dataset=dataset_name(robyn), mapping="weekly@1")
    assert labelled(first.selectbox, "Role of newsletter").value == "organic"


def test_a_saved_mapping_on_other_data_says_what_is_other(
    open_page: Open, stored: Any, robyn: DatasetManifest, tmp_path: Path
) -> None:
    save_mapping(stored.workspace, "weekly", sample.sample_mapping(), robyn, ANN)
    other = put(stored, tmp_path, sample.PATH.read_text().replace("tv_S", "tele_S", 1))
    app = open_page(links.MAP, dataset=dataset_name(other), mapping="weekly@1")
    assert plain("column 'tv_S': the column is gone.") in words(app)
    assert plain("column 'tele_S': the column is new and not mapped.") in words(app)
    for page in (links.QUALITY, links.PREPARE):
        (error,) = open_page(page, dataset=dataset_name(other), mapping="weekly").error
        assert plain("column 'tv_S': the column is gone.") in error.value


def test_eighty_columns_are_searched_and_set_together(open_page: Open, stored: Any) -> None:
    source = FileSource(FILES / "mmm_stan_weekly.csv")
    wide = ingest(source, market="US", origin="stan.csv", workspace=stored.workspace, by=ANN)
    app = open_page(links.MAP, dataset=dataset_name(wide))
    assert sum(box.label.startswith("Role of ") for box in app.selectbox) == 20
    labelled(app.text_input, "Find a column").set_value("hldy").run()
    assert sum(box.label.startswith("Role of hldy") for box in app.selectbox) == 20
    labelled(app.selectbox, "Role").set_value("unused")
    labelled(app.button, "Set it for all of them").click().run()
    assert not app.exception
    assert all(
        box.value == "unused" for box in app.selectbox if box.label.startswith("Role of hldy")
    )


def test_quality_begins_with_the_finding_and_says_why_and_what_to_do(
    open_page: Open, robyn: DatasetManifest
) -> None:
    app = open_page(links.QUALITY, dataset=dataset_name(robyn))
    text = words(app)
    assert (
        "##### These data can be modelled; some things are worth knowing: of 20 checks, 4 yellow, 16 green."
        in text
    )
    assert "First: **Zeros.**" in text
    assert ":yellow-badge[:material/info: yellow] **Leakage**" in text
    assert "**Why it matters.** A column made from the KPI explains it perfectly" in text
    assert "Of 5 paid channels, 5 can be told apart without reservation." in text
    (chart,) = app.get("vega_lite_chart")
    assert chart.proto.alt == "KPI and media over time"
    assert "**How to read it.** Each panel has its own scale" in text
    assert [found.label for found in app.get("download_button")] == [
        "All checks as CSV",
        "Download as CSV",
        "Download as CSV",
    ]


def test_quality_of_broken_data_is_red_and_names_the_dates(
    open_page: Open, stored: Any, tmp_path: Path
) -> None:
    broken = put(stored, tmp_path, daily() + "2024-01-05,1,1,1,none\n")
    app = open_page(links.QUALITY, dataset=dataset_name(broken))
    assert "##### Training refuses these data" in words(app)
    assert "2024-01-05" in str(app.dataframe[0].value)
    assert plain("There is nothing to draw: dates occur more than once") in app.error[0].value


def test_quality_of_one_market_of_several(open_page: Open, stored: Any) -> None:
    source = FileSource(FILES / "meridian_geo.csv")
    geo = ingest(source, market="EU", origin="geo.csv", workspace=stored.workspace, by=ANN)
    app = open_page(links.QUALITY, dataset=dataset_name(geo))
    box = labelled(app.selectbox, "Market")
    assert box.value is None
    box.set_value(box.options[0]).run()
    assert not app.error


def test_prepare_shows_before_and_after_and_freezes(
    open_page: Open, stored: Any, tmp_path: Path
) -> None:
    source = put(stored, tmp_path, daily())
    app = open_page(links.PREPARE, dataset=dataset_name(source))
    assert "**28 rows become 4 weeks**, 1 Jan 2024 to 22 Jan 2024, 4 columns." in words(app)
    revenue = app.dataframe[0].value.iloc[0].tolist()
    assert revenue[:6] == ["revenue", "sum", "28", "4", "3.18k", "3.18k"]
    labelled(app.selectbox, "Rule of price").set_value("max").run()
    labelled(app.button, "Freeze as dataset").click().run()
    assert not app.exception
    made = next(item for item in stored.workspace.datasets("FR") if item.parent)
    assert made.parent == dataset_name(source)
    assert {rule["column"]: rule["aggregate"] for rule in made.recipe["columns"]}["price"] == "max"
    table = stored.workspace.read_dataset("FR", made.dataset_id)
    assert table["revenue"].to_pylist() == [721.0, 770.0, 819.0, 868.0]
    assert f"Frozen as **{plain(dataset_name(made))}**" in app.success[0].value
    assert stored.workspace.draft_names(local_user()) == []


def test_a_recipe_that_cannot_be_applied_says_why_and_is_kept(
    open_page: Open, stored: Any, tmp_path: Path
) -> None:
    source = put(stored, tmp_path, daily().replace("2024-01-05,104,4", "2024-01-05,104,"))
    app = open_page(links.PREPARE, dataset=dataset_name(source))
    assert plain("tv_spend") in app.error[0].value
    labelled(app.selectbox, f"Gaps of {plain('tv_spend')}").set_value("zero").run()
    assert not app.error
    assert "**28 rows become 4 weeks**" in words(app)
    again = open_page(links.PREPARE, dataset=dataset_name(source))
    assert labelled(again.selectbox, f"Gaps of {plain('tv_spend')}").value == "zero"


def test_derived_columns_and_flags(open_page: Open, stored: Any, tmp_path: Path) -> None:
    source = put(stored, tmp_path, daily().replace("1.5,none", "1.5,sale", 3))
    app = open_page(links.PREPARE, dataset=dataset_name(source))
    labelled(app.text_input, "Name of the flag").set_value("sale")
    labelled(app.selectbox, "Text column").set_value("promo_event")
    labelled(app.text_input, "Texts that count as 1").set_value("sale")
    labelled(app.button, "Add the flag").click().run()
    assert not app.error
    labelled(app.text_input, "Name of the new column").set_value("both")
    labelled(app.multiselect, "Columns").set_value(["tv_spend", "price"])
    labelled(app.button, "Add the column").click().run()
    assert [found.value for found in app.error] == []
    assert f"**both** {plain('tv_spend + price')}" in words(app)
    rows = {row[0]: row for row in app.dataframe[0].value.to_numpy().tolist()}
    assert rows["sale"][1:4] == ["max", "–", "4"]
    labelled(app.text_input, "Name of the new column").set_value("both")
    labelled(app.multiselect, "Columns").set_value(["tv_spend", "price"])
    labelled(app.button, "Add the column").click().run()
    assert plain("the name 'both' is used twice") in app.error[0].value
    labelled(app.text_input, "Name of the new column").set_value("alone")
    labelled(app.multiselect, "Columns").set_value(["price"])
    labelled(app.button, "Add the column").click().run()
    assert plain("choose at least two columns.") in app.error[0].value
    labelled(app.button, "Remove").click().run()
    assert [name for name in ("sale", "both") if f"**{name}** " in words(app)] == ["both"]


def test_a_recipe_goes_out_and_in_as_a_file(open_page: Open, stored: Any, tmp_path: Path) -> None:
    source = put(stored, tmp_path, daily())
    app = open_page(links.PREPARE, dataset=dataset_name(source))
    recipe = {
        "date": "date",
        "period": "week",
        "columns": [{"column": "revenue", "aggregate": "mean"}],
    }
    for content, wrong in (
        ("{", "is not JSON"),
        ('{"period": "year"}', "is not valid"),
        (json.dumps(recipe), None),
    ):
        labelled(app.file_uploader, "Use a recipe (JSON)").set_value(
            ("r.json", content.encode(), "")
        ).run()
        labelled(app.button, "Use it").click().run()
        assert not app.exception
        if wrong:
            assert plain(wrong) in app.error[0].value
    assert not app.error
    assert "4 weeks**, 1 Jan 2024 to 22 Jan 2024, 2 columns." in words(app)


def test_markets_are_split_into_datasets_of_their_own(open_page: Open, stored: Any) -> None:
    source = FileSource(FILES / "meridian_geo.csv")
    geo = ingest(source, market="EU", origin="geo.csv", workspace=stored.workspace, by=ANN)
    app = open_page(links.PREPARE, dataset=dataset_name(geo))
    labelled(app.selectbox, "Several markets are").set_value("split").run()
    names = labelled(app.selectbox, "Market shown").options
    assert f"one of {len(names)} datasets." in words(app)
    labelled(app.button, "Freeze as dataset").click().run()
    assert len(app.success) == len(names)
    assert {item.market for item in stored.workspace.datasets()} == {"DE", "EU", *names}


def test_fixes_are_done_by_one_click_shown_in_the_checks_and_taken_back(
    open_page: Open, stored: Any, tmp_path: Path
) -> None:
    text = daily().replace(",3,1.5,none", ",,1.5,none", 1).replace(",4,2.5,none", ",,2.5,none")
    manifest = put(stored, tmp_path, text)
    name = dataset_name(manifest)
    app = open_page(links.QUALITY, dataset=name)
    assert "Training refuses these data" in words(app)
    fix = f"{plain(repr('tv_spend'))}\\: empty \\= 0 spent"
    labelled(app.button, fix).click().run()
    assert not app.exception
    assert "The checks below are of the data with your fixes, by week" in words(app)
    assert "Empty cells" not in words(app)
    labelled(app.button, f"Undo: {fix}").click().run()
    assert "Empty cells" in words(app)
    labelled(app.button, fix).click().run()
    prepared = open_page(links.PREPARE, dataset=name)
    assert labelled(prepared.selectbox, f"Gaps of {plain('tv_spend')}").value == "zero"


def test_the_mapping_saved_for_a_dataset_is_carried_along(
    open_page: Open, stored: Any, robyn: DatasetManifest
) -> None:
    mapping = sample.sample_mapping().model_copy(update={"organic": ()})
    save_mapping(stored.workspace, "mine", mapping, robyn, ANN)
    for page in (links.QUALITY, links.PREPARE):
        app = open_page(page, dataset=dataset_name(robyn))
        assert labelled(app.selectbox, "Mapping").value == "mine@1"
        assert app.query_params["mapping"] == "mine@1"


def test_a_long_file_is_spread_into_columns(open_page: Open, stored: Any) -> None:
    lines = ["date,channel,spend,revenue"]
    for week in range(30):
        day = dt.date(2024, 1, 1) + dt.timedelta(weeks=week)
        lines += [
            f"{day},{name},{week % 7 + at},{900 + week}" for at, name in enumerate(("tv", "search"))
        ]
    app = upload(open_page(links.CONNECT), "long.csv", "\n".join([*lines, ""]))
    assert "This is a long table" in app.warning[0].value
    app = store(app, "LONG")
    wide = next(item for item in stored.workspace.datasets("LONG") if item.parent)
    table = stored.workspace.read_dataset("LONG", wide.dataset_id)
    assert table.num_rows == 30
    assert sum(table["revenue"].to_pylist()) == sum(900 + week for week in range(30))
    assert {"tv", "search"} <= {name.split("_")[0] for name in table.column_names}


def test_what_can_be_read_in_two_ways_is_asked_and_answered_in_place(
    open_page: Open, stored: Any
) -> None:
    text = "day\tkpi\n" + "".join(f"0{i}/0{i + 1}/2024\t{i}.5\n" for i in (1, 3, 7))
    app = upload(open_page(links.CONNECT), "asked.tsv", text)
    assert any("question" in element.value for element in app.markdown)
    assert not [button for button in app.button if button.label == "Store as dataset"]
    labelled(app.button, "Date, day first").click().run()
    assert app.dataframe[0].value["day"].astype(str).tolist()[0] == "2024-02-01"
    store(app, "ASKED")
    (manifest,) = stored.workspace.datasets("ASKED")
    table = stored.workspace.read_dataset("ASKED", manifest.dataset_id)
    assert table["day"].to_pylist()[0] == dt.date(2024, 2, 1)


def test_two_datasets_are_joined_with_what_did_not_match(
    open_page: Open, stored: Any, tmp_path: Path
) -> None:
    kpi = "\n".join(f"2024-01-{d:02d},{100 + d}" for d in range(1, 15))
    spend = "\n".join(f"2024-01-{d:02d},{d}" for d in range(3, 17))
    one = put(stored, tmp_path, f"date,revenue\n{kpi}\n", "J")
    other = put(stored, tmp_path, f"date,tv_spend\n{spend}\n", "J")
    app = open_page(links.CONNECT, **{"from": "Join"})
    names = [dataset_name(one), dataset_name(other)]
    labelled(app.multiselect, "Datasets to join").set_value(names).run()
    assert not app.exception
    assert plain(f"{names[1]} has no row for 2 periods that others have") in words(app)
    labelled(app.radio, "Rows that are kept").set_value("shared").run()
    labelled(app.button, "Store the join").click().run()
    made = stored.workspace.datasets("J")[0]
    table = stored.workspace.read_dataset("J", made.dataset_id)
    assert (made.source, table.num_rows) == ("joined", 12)
    assert table.to_pydict()["tv_spend"][0] == 3


def test_a_dataset_is_named_and_archived_in_the_list(
    stored: Any, robyn: DatasetManifest, open_page: Open
) -> None:
    app = open_page(links.CONNECT)
    name = dataset_name(robyn)
    labelled(app.text_input, "Name").set_value("Weekly sales")
    labelled(app.button, "Save").click().run()
    assert not app.exception
    assert stored.workspace.dataset(robyn.market, robyn.dataset_id).name == "Weekly sales"
    assert f"**{plain(name)}** · Weekly sales" in words(app)
    app.button(f"archive-{name}").click().run()
    assert plain(f"**{name}**") not in words(app)
    assert stored.workspace.dataset(robyn.market, robyn.dataset_id).archived
    assert robyn.dataset_id not in [item.dataset_id for item in stored.workspace.datasets()]


@pytest.mark.usefixtures("viewer")
def test_a_viewer_names_no_dataset(robyn: DatasetManifest, open_page: Open) -> None:
    app = open_page(links.CONNECT)
    assert dataset_name(robyn) in words(app).replace("\\", "")
    assert "Save" not in [button.label for button in app.button]


def test_a_table_without_spend_is_prepared_to_be_joined(
    stored: Any, tmp_path: Path, open_page: Open
) -> None:
    lines = [f"2024-01-{day + 1:02d},{100 + day}" for day in range(28)]
    kpi = put(stored, tmp_path, "\n".join(["day,revenue", *lines, ""]))
    app = open_page(links.PREPARE, dataset=dataset_name(kpi))
    assert not app.error
    assert any(plain("no column is named like spend.") in info.value for info in app.info)
    labelled(app.button, "Freeze as dataset").click().run()
    assert not app.exception
    made = stored.workspace.datasets("FR")[0]
    table = stored.workspace.read_dataset("FR", made.dataset_id)
    assert table["revenue"].to_pylist() == [sum(range(100 + w, 107 + w)) for w in (0, 7, 14, 21)]


def test_a_stored_long_table_is_spread_on_the_page(
    stored: Any, tmp_path: Path, open_page: Open
) -> None:
    lines = [f"2024-01-{d + 1:02d},{c},{d + k}.5,{100 + d}" for d in range(28)
             for k, c in enumerate(("tv", "search"))]  # fmt: skip
    text = "\n".join(["day,channel,spend,revenue", *lines, ""])
    app = open_page(links.PREPARE, dataset=dataset_name(put(stored, tmp_path, text)))
    assert not app.error
    labelled(app.button, "Freeze as dataset").click().run()
    assert not app.exception
    made = stored.workspace.datasets("FR")[0]
    table = stored.workspace.read_dataset("FR", made.dataset_id)
    assert table.column_names == ["day", "revenue", "tv_spend", "search_spend"]
    assert sum(table["revenue"].to_pylist()) == sum(100 + day for day in range(28))
