"""Bad files and bad experiments through the command line: one message, exit code 2, and the
workspace as it was.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmm.runs.sample import sample_experiment
from mmm.sources import sample

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; it must be empty again after each command."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def refused(run: Run, tmp_path: Path, temporary: Path) -> Callable[..., str]:
    """Run a command that must fail as a user's error and change nothing; its message."""

    def call(*arguments: object) -> str:
        before = files(tmp_path)
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("Error: ")
        assert "Traceback" not in err
        assert "unexpected" not in err
        assert files(tmp_path) == before
        return err.removeprefix("Error: ").rstrip("\n")

    return call


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


SAMPLE = sample.PATH.read_bytes()
LINES = SAMPLE.decode().splitlines()
BAD_FILES: dict[str, tuple[bytes, tuple[str, ...], str]] = {
    "empty.csv": (b"", (), "empty.csv: the file is empty (0 bytes). Export the table again."),
    "header.csv": (
        LINES[0].encode(),
        (),
        "header.csv: has a header but no rows. Export the table again.",
    ),
    "report.pdf": (b"%PDF-1.7\n", (), "report.pdf: files ending in '.pdf' are not read."),
    "report.csv": (
        b"%PDF-1.7\n",
        (),
        "report.csv: is a PDF document, not a delimited text file (CSV) as its name says.",
    ),
    "book.xlsx": (
        SAMPLE,
        (),
        "book.xlsx: is a delimited text file (CSV), not an Excel workbook as its name says.",
    ),
    "cut.parquet": (b"PAR1" + b"\0" * 100, (), "cut.parquet: is a damaged Parquet file"),
    "ragged.csv": (
        "\n".join([*LINES[:100], LINES[100] + ",1", *LINES[101:]]).encode(),
        (),
        "ragged.csv, line 101: the row has 13 fields, the header has 12.",
    ),
    "quote.csv": (
        b'a,b\n1,"x\n',
        (),
        "quote.csv, line 2: a value begins with a quote that is never closed.",
    ),
    "twice.csv": (
        b"a,a\n1,2\n",
        (),
        "twice.csv: the column names cannot be used.\n  - twice.csv, column 'a': 2 columns",
    ),
    "broken.csv": (
        "a,b\né,1\né,2\né,3\n".encode() + b"\xff\xfe,4\n",
        (),
        "broken.csv, line 5, column 'a': the bytes are not valid UTF-8 text.",
    ),
    "latin.csv": (
        "a,b\n1,é\n".encode("cp1252"),
        ("--encoding", "utf-8"),
        "latin.csv, line 2, column 'b': the bytes are not valid UTF-8 text.",
    ),
    "zeros.csv": (b"a,b\n1,\0\0\0\n", (), "zeros.csv: is not a text file."),
    "encoding.csv": (
        SAMPLE,
        ("--encoding", "klingon"),
        "encoding.csv: the encoding 'klingon' is not known.",
    ),
    "separator.csv": (
        SAMPLE,
        ("--separator", "::"),
        "separator.csv: the separator '::' is not one character.",
    ),
    "decimal.csv": (SAMPLE, ("--decimal", ";"), "decimal.csv: the decimal mark ';' is not known."),
    "sheet.csv": (
        SAMPLE,
        ("--sheet", "a"),
        "sheet.csv: is a delimited text file (CSV); it has no sheet.",
    ),
    "market.csv": (b"a,a\n", ("--market", "a/b"), "market: 'a/b' cannot be the name of a market."),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_named_and_leaves_nothing(
    refused: Callable[..., str], tmp_path: Path, name: str
) -> None:
    content, options, message = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    assert refused("ingest", name, "--market", "DE", *options).startswith(message)


@pytest.fixture
def experiment(stored: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(sample_experiment(stored, "ridge").to_json())
    return content


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "e.json: is not JSON (Expecting value: line 1 column 1 (char 0))."),
        (
            b'{"name": "x"',
            "e.json: is not JSON (Expecting ',' delimiter: line 1 column 13 (char 12)).",
        ),
        (SAMPLE, "e.json: is not JSON ("),
        (b"\xff\xfe\x01", "e.json: is not JSON ("),
        (b"[1]", "e.json is not valid:\n  - the whole: must be an object, {...}; got [1]."),
        (b"{}", "e.json is not valid:\n  - dataset: is required.\n  - mapping: is required."),
    ],
)
def test_an_experiment_that_is_none(
    refused: Callable[..., str], stored: str, tmp_path: Path, text: bytes, message: str
) -> None:
    (tmp_path / "e.json").write_bytes(text)
    assert refused("submit", "e.json").startswith(message)


BAD_EXPERIMENTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "unknown dataset": (
        lambda e: e["dataset"].update(dataset_id="0" * 16),
        "dataset: market 'sample' has no dataset 0000000000000000. Its datasets are: ",
    ),
    "unknown market": (
        lambda e: e["dataset"].update(market="FR"),
        "dataset: market 'FR' has no dataset ",
    ),
    "no dataset id": (
        lambda e: e["dataset"].update(dataset_id="../../x"),
        "dataset id: '../../x' is not a dataset id. It must be 16 hexadecimal digits.",
    ),
    "no market": (
        lambda e: e["dataset"].update(market="../x"),
        "market: '../x' cannot be the name of a market.",
    ),
    "wrong setting": (
        lambda e: e["settings"].update(trials=0),
        "e.json is not valid:\n  - settings.trials: must be at least 1; got 0.",
    ),
    "unknown column": (
        lambda e: e["mapping"]["paid"][0].update(spend="tv"),
        "the data of 'sample' cannot be modelled as mapped (rows count from 1):\n"
        "  - column 'tv': the table has no such column.",
    ),
    "text as a number": (
        lambda e: (
            e["mapping"]["factors"].clear(),
            e["mapping"].update(context=[{"column": "events"}]),
        ),
        "the data of 'sample' cannot be modelled as mapped (rows count from 1):\n"
        "  - column 'events': no finite number (first 'na') in rows 1, 2, 3, 4, 5 and 203 more.",
    ),
    "window after the data": (
        lambda e: e["window"].update(start="2030-01-07", end=None),
        "the experiment cannot be run on the data of 'sample' (rows count from 1):\n"
        "  - window.start: starts on 2030-01-07, after the data's end on 2019-11-17. Choose an earlier start.",
    ),
    "unknown country": (
        lambda e: e.update(country="XX"),
        "the experiment cannot be run on the data of 'sample' (rows count from 1):\n"
        "  - country: no holidays are known for 'XX'.",
    ),
    "misspelt setting": (
        lambda e: e["settings"].update(iteration=500),
        "e.json is not valid:\n  - settings.iteration: is not known here; got 500. Did you mean 'iterations'?",
    ),
    "too short a window": (
        lambda e: e["window"].update(end="2016-03-01"),
        "the experiment cannot be run on the data of 'sample' (rows count from 1):\n"
        "  - window: 9 periods are too few for 12 c",
    ),
}


@pytest.mark.parametrize("name", BAD_EXPERIMENTS)
def test_a_bad_experiment_is_named_and_leaves_no_run(
    refused: Callable[..., str], experiment: dict[str, Any], tmp_path: Path, name: str
) -> None:
    change, message = BAD_EXPERIMENTS[name]
    change(experiment)
    (tmp_path / "e.json").write_text(json.dumps(experiment))
    assert refused("submit", "e.json").startswith(message)


def test_everything_wrong_in_a_file_is_named_at_once_and_no_run_starts(
    run: Run, experiment: dict[str, Any], tmp_path: Path, temporary: Path
) -> None:
    rows = list(csv.reader(io.StringIO(SAMPLE.decode())))
    place = {name: i for i, name in enumerate(rows[0])}
    rows[5][place["tv_S"]] = "-100"
    rows[7][place["print_S"]] = ""
    rows[9][place["revenue"]] = "n.n."
    del rows[20]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (tmp_path / "data.csv").write_text(text.getvalue())
    (tmp_path / "e.json").write_text(json.dumps(experiment))
    code, out, err = run("submit", "e.json", "--data", "data.csv")
    assert (code, out) == (2, "")
    lines = err.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("Error"))
    assert [line.partition(". ")[0] for line in lines[first:]] == [
        "Error: the data of 'sample' cannot be modelled as mapped (rows count from 1):",
        "  - column 'revenue': no finite number (first 'n.n.') in row 9",
        "  - column 'DATE': 1 period missing, first 2016-04-04 (after row 19)",
        "  - column 'print_S': no value in row 7",
        "  - column 'tv_S': a negative value in row 5, first -100",
    ]
    assert run("runs")[1].splitlines()[1:] == []
    assert list(temporary.iterdir()) == []


def test_a_bad_experiment_or_file_stores_no_dataset(
    refused: Callable[..., str], experiment: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "data.csv").write_bytes(SAMPLE)
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "e.json").write_text(json.dumps(experiment))
    (tmp_path / "bad.json").write_text(json.dumps(experiment | {"country": "de"}))
    del experiment["dataset"]
    (tmp_path / "bare.json").write_text(json.dumps(experiment))
    assert "country: must be two capital letters" in refused(
        "submit", "bad.json", "--data", "data.csv"
    )
    assert refused("submit", "e.json", "--data", "empty.csv").startswith(
        "empty.csv: the file is empty"
    )
    assert "market: is required." in refused("submit", "bare.json", "--data", "data.csv")
    assert refused("submit", "e.json", "--data", "data.csv", "--market", "../x").startswith(
        "market: '../x' cannot"
    )
    assert refused("submit", "e.json", "--market", "DE").startswith(
        "--market: is the market of --data, which is not"
    )
