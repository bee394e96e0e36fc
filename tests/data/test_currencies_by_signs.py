"""Currencies that only the signs in the cells say go with a column through all that is made of it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.data.mapping import Mapping, PaidColumns
from mmm.data.prepare import parse_recipe, prepare_dataset
from mmm.data.prepare.join_stored import join_datasets, propose_join
from mmm.data.proposal import propose
from mmm.data.quality import Light, review
from mmm.data.references import dataset_name
from mmm.errors import UserError
from mmm.sources.files import FileSource
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.tables import currencies_of

ANA = User("ana", role=Role.ANALYST)
WEEKS = [dt.date(2024, 1, 1) + dt.timedelta(7 * week) for week in range(6)]
MAPPING = Mapping(
    date="week", kpi="revenue", paid=(PaidColumns(spend="tv"), PaidColumns(spend="search"))
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace((tmp_path / "workspace").as_uri())


def store(
    workspace: Workspace, path: Path, header: str, line: str, **given: str
) -> DatasetManifest:
    """A dataset of six weeks; `line` is a row's values with the row's number as {n}."""
    lines = [f"{week}{line.format(n=n + 1)}" for n, week in enumerate(WEEKS)]
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    source = FileSource(path, **given)
    return ingest(source, market="DE", origin=path.name, workspace=workspace, by=ANA)


def test_two_signs_are_red_before_and_after_a_preparation(
    tmp_path: Path, workspace: Workspace
) -> None:
    path = tmp_path / "two.csv"
    stored = store(workspace, path, "week;revenue;tv;search", ";€{n}00.5;€{n}0.5;${n}.5")
    table = workspace.read_dataset("DE", stored.dataset_id)
    assert review(table, MAPPING).check("currency").light is Light.RED
    assert any("two currencies" in str(finding) for finding in propose(table).findings)
    rules = [{"column": name, "aggregate": "sum"} for name in ("revenue", "tv", "search")]
    content = {"date": "week", "period": "week", "columns": rules}
    recipe = parse_recipe(json.dumps(content))
    (same,) = prepare_dataset(workspace, "DE", stored.dataset_id, recipe, ANA)
    assert same.dataset_id == stored.dataset_id
    said = "Columns are in two currencies: 'revenue' is in EUR, 'tv' is in EUR, 'search' is in USD."
    assert any(note.startswith(said) for note in same.notes)
    assert same.notes[: len(stored.notes)] == stored.notes
    four = recipe.model_copy(update={"end": WEEKS[3]})
    (shorter,) = prepare_dataset(workspace, "DE", stored.dataset_id, four, ANA)
    prepared = workspace.read_dataset("DE", shorter.dataset_id)
    assert currencies_of(prepared) == {"revenue": "EUR", "tv": "EUR", "search": "USD"}
    assert review(prepared, MAPPING).check("currency").light is Light.RED
    added = {"kind": "sum", "name": "media", "columns": ["tv", "search"]}
    summed = parse_recipe(json.dumps(content | {"derived": [added]}))
    with pytest.raises(UserError, match="two currencies: 'tv' is in EUR, 'search' is in USD"):
        prepare_dataset(workspace, "DE", stored.dataset_id, summed, ANA)


def test_files_in_two_currencies_that_are_joined_are_red(
    tmp_path: Path, workspace: Workspace
) -> None:
    kpi = store(workspace, tmp_path / "kpi.csv", "week;revenue", ";{n}00.5", currency="PLN")
    spend = store(workspace, tmp_path / "spend.csv", "week;tv;search", ";€{n}0.5;€{n}.5")
    recipe = propose_join(workspace, [dataset_name(kpi), dataset_name(spend)])
    joined = join_datasets(workspace, "DE", recipe, ANA)
    assert joined.currencies == {"revenue": "PLN", "tv": "EUR", "search": "EUR"}
    assert any("revenue (PLN)" in note for note in joined.notes)
    table = workspace.read_dataset("DE", joined.dataset_id)
    assert review(table, MAPPING).check("currency").light is Light.RED


def test_one_sign_is_green_and_dollars_may_be_said_to_be_others(
    tmp_path: Path, workspace: Workspace
) -> None:
    header, line = "week;revenue;tv;search", ";${n}00.5;${n}0.5;{n}.5"
    stored = store(workspace, tmp_path / "aud.csv", header, line, currency="AUD")
    assert stored.currencies == {"revenue": "AUD", "tv": "AUD", "search": "AUD"}
    found = review(workspace.read_dataset("DE", stored.dataset_id), MAPPING).check("currency")
    assert (found.light, found.finding) == (Light.GREEN, "The money is in AUD.")
