"""`mmm propose`, `mmm quality`, `mmm prepare` as a person uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mmm.sources import sample

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def dataset(run: Run) -> str:
    return "DE/" + run("ingest", sample.PATH, "--market", "DE")[1].strip()


def test_propose_shows_roles_and_saves_the_mapping(run: Run, dataset: str) -> None:
    code, out, err = run("propose", dataset, "--save", "robyn")
    assert (code, err) == (0, "Saved as mapping 'robyn', version 1.\n")
    lines = [line.split()[:4] for line in out.splitlines()]
    assert lines[0] == ["COLUMN", "ROLE", "WITH", "CONFIDENCE"]
    assert ["facebook_S", "spend", "facebook_I", "80%"] in lines
    assert (
        run("propose", "DE/latest", "--save", "robyn")[2]
        == "Saved as mapping 'robyn', version 2.\n"
    )
    shown = json.loads(run("propose", dataset, "--json")[1])
    assert (shown["mapping"]["kpi"], shown["findings"]) == ("revenue", [])


def test_a_table_without_a_kpi_gets_no_mapping(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("date,tv_spend\n2024-01-01,1\n2024-01-08,2\n")
    run("ingest", "t.csv", "--market", "FR")
    code, _, err = run("propose", "FR/latest")
    assert (code, err.splitlines()[0]) == (
        0,
        "Error: role kpi: no column is named like a KPI. Choose the number the media are to explain, such as revenue.",
    )
    code, _, err = run("quality", "FR/latest")
    assert (code, err.splitlines()[0]) == (2, "Error: no mapping can be proposed:")


def test_quality_shows_every_check_and_channel(run: Run, dataset: str) -> None:
    run("propose", dataset, "--save", "robyn")
    code, out, _ = run("quality", dataset, "--mapping", "robyn@1")
    assert code == 0
    assert (
        "yellow  Leakage                         The KPI is followed closely by 'competitor_sales_B'."
        in out
    )
    assert (
        "  yellow  facebook_I: 1 period in the data with exposure but no 'facebook_S', first 2019-02-25"
        in out
    )
    assert out.splitlines()[-5].split()[:2] == ["tv_S", "green"]
    report = json.loads(run("quality", dataset, "--json")[1])
    assert report["light"] == "yellow"
    assert len(report["channels"]) == 5


def test_red_quality_is_exit_code_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "date,revenue,tv_spend\n2024-01-01,3,1\n2024-01-08,,2\n2024-01-15,4,1\n"
    )
    run("ingest", "t.csv", "--market", "FR")
    code, out, _ = run("quality", "FR/latest")
    assert code == 1
    assert "red      Missing values" in out


def test_a_saved_mapping_that_does_not_fit_is_refused(
    run: Run, dataset: str, tmp_path: Path
) -> None:
    run("propose", dataset, "--save", "robyn")
    (tmp_path / "t.csv").write_text(sample.PATH.read_text().replace("newsletter", "letters", 1))
    run("ingest", "t.csv", "--market", "FR")
    code, out, err = run("quality", "FR/latest", "--mapping", "robyn")
    assert (code, out) == (2, "")
    assert (
        err.splitlines()[1]
        == "  - column 'newsletter': the column is gone. Perhaps it is now 'letters'; map it anew."
    )


def test_prepare_makes_the_same_dataset_again(run: Run, dataset: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(run("propose", dataset, "--recipe", "month")[1])
    code, out, err = run("prepare", dataset, "r.json")
    assert (code, err.splitlines()[:2]) == (
        0,
        ["47 rows, 12 columns", "Note: Weeks that lie in two months were divided by days."],
    )
    assert run("prepare", dataset, "r.json")[1] == out
    assert len(run("datasets")[1].splitlines()) == 3


def test_own_naming_rules_become_the_workspaces(run: Run, dataset: str, tmp_path: Path) -> None:
    rules = {"rules": [{"role": "unused", "words": ["newsletter"], "confidence": 1}]}
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    assert run("propose", dataset, "--rules", "rules.json")[0] == 0
    mapping = json.loads(run("propose", dataset, "--json")[1])["mapping"]
    assert mapping["organic"] == []
    assert mapping["kpi"] == "revenue"  # by a built-in rule


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("propose", "abc"), "abc: is not a dataset's name."),
        (("propose", "DE/latest"), "dataset: market 'DE' has no dataset yet."),
        (
            ("quality", "DE/0123456789abcdef"),
            "dataset: market 'DE' has no dataset 0123456789abcdef.",
        ),
        (("prepare", "DE/xyz", "r.json"), "dataset id: 'xyz' is not a dataset id."),
    ],
)
def test_a_users_error_is_one_sentence(run: Run, command: tuple[str, ...], message: str) -> None:
    code, out, err = run(*command)
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {message}")


def test_a_wrong_recipe_or_mapping_is_named(run: Run, dataset: str, tmp_path: Path) -> None:
    assert run("prepare", dataset, "none.json")[2].startswith(
        "Error: none.json: cannot be read: No such file"
    )
    (tmp_path / "r.json").write_text('{"date": "DATE", "period": "year", "columns": []}')
    err = run("prepare", dataset, "r.json")[2]
    assert err.startswith("Error: r.json is not valid:\n  - period: ")
    assert run("quality", dataset, "--mapping", "none")[2].startswith(
        "Error: there is no mapping 'none'."
    )
    assert run("propose", dataset, "--recipe", "year")[2].startswith(
        "Error: --recipe: 'year' is no period."
    )


def test_preview_shows_how_a_file_is_read_and_stores_nothing(run: Run, tmp_path: Path) -> None:
    lines = ["Woche;Umsatz €;TV Ausgaben", "03.01.2022;1.234,50;-", "10.01.2022;2.000,00;12,5"]
    (tmp_path / "g.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    code, out, err = run("preview", "g.csv", "--rows", "1")
    assert (code, err) == (0, "")
    table = {line.split("  ")[0]: line for line in out.splitlines()}
    assert "decimal comma, point for thousands" in table["Umsatz €"]
    assert "'1.234,50' in line 2" in table["Umsatz €"]
    assert "kpi" in table["Umsatz €"]
    assert "empty: 1 x '-'" in table["TV Ausgaben"]
    assert run("datasets")[1].count("\n") <= 1
    told = json.loads(run("preview", "g.csv", "--json")[1])
    assert [item["type"] for item in told["columns"]] == ["date", "number", "number"]


def test_preview_asks_what_can_be_read_in_two_ways_and_takes_the_answer(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "q.tsv").write_text("id\tx\nr1\t1.234\nr2\t5.678\n")
    code, _, err = run("preview", "q.tsv")
    assert code == 1
    assert 'Answer --column "x=' in err
    code, out, _ = run("preview", "q.tsv", "--column", "x=decimal-point")
    assert code == 0
    assert "1.234" in out


def test_the_zone_says_whose_days_count(run: Run, tmp_path: Path) -> None:
    hours = [f"2024-01-0{day}T{hour:02d}:00:00+00:00,{hour}" for day in (1, 2) for hour in (0, 23)]
    (tmp_path / "z.csv").write_text("\n".join(["time,x", *hours, ""]))
    code, out, _ = run("preview", "z.csv", "--rows", "4", "--zone", "Asia/Tokyo")
    assert code == 0
    assert "2024-01-01 09:00:00" in out
    assert "2024-01-03 08:00:00" in out
    code, _, err = run("preview", "z.csv", "--zone", "Mars/Base")
    assert code == 2
    assert "zone" in err


def test_a_dataset_is_named_archived_and_restored(run: Run, dataset: str, tmp_path: Path) -> None:
    label = ("label", dataset, "--name", "Weekly sales", "--description", "From the shop")
    assert run(*label)[0] == 0
    assert "Weekly sales" in run("datasets")[1]
    assert run("label", dataset, "--archive")[0] == 0
    assert dataset.partition("/")[2] not in run("datasets")[1]
    assert "Weekly sales (archived)" in run("datasets", "--archived")[1]
    assert "market 'DE' has no dataset yet." in run("propose", "DE/latest")[2]
    assert run("propose", dataset)[0] == 0
    assert run("label", dataset, "--restore")[0] == 0
    assert run("propose", "DE/latest")[0] == 0
    code, _, err = run("label", dataset)
    assert (code, "nothing to change." in err) == (2, True)
    assert run("label", dataset, "--archive")[0] == 0
    assert run("ingest", sample.PATH, "--market", "DE")[0] == 0  # what comes in anew is wanted
    assert "Weekly sales" in run("datasets")[1]
