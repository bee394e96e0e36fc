"""The command line: what it prints, its exit codes, and that nobody ever sees a stack trace."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import mmm
from mmm import cli
from mmm.sources import sample

Run = Callable[..., tuple[int, str, str]]


def test_every_command_loads_and_is_in_the_help(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for name in cli.COMMANDS:
        assert f" {name} " in out
        assert run(name, "--help")[0] == 0


def test_version(run: Run) -> None:
    assert run("version") == (0, f"mmm-app {mmm.__version__}\n", "")


def test_settings_show_value_and_origin(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SERVICE_NAME", "mmm-test")
    monkeypatch.setenv("AUTH_CLIENT_SECRET", "hush")
    code, out, _ = run("settings")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["SERVICE_NAME", "mmm-test", "environment"] in lines
    assert ["CLOUD_PROVIDER", "local", "default"] in lines
    assert ["AUTH_CLIENT_SECRET", "**********", "environment"] in lines
    assert lines[-1] == ["Workspace:", (tmp_path / "workspace").as_uri()]


def test_a_wrong_setting_stops_every_command(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLOUD_PROVIDER", "azure")
    for command in (("settings",), ("runs",), ("submit", "x.json"), ("train", "file:///x/runs/y")):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert err.startswith(
            "Error: The settings are not valid:\n  - CLOUD_PROVIDER (environment)"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_becomes_a_dataset_once(run: Run) -> None:
    code, out, err = run("ingest", sample.PATH, "--market", "DE")
    assert (code, err.splitlines()[0].split(",")[0]) == (0, "208 rows")
    assert run("ingest", sample.PATH, "--market", "DE")[1] == out
    code, listed, _ = run("datasets")
    assert [line.split()[:3] for line in listed.splitlines()[1:]] == [["DE", out.strip(), "208"]]
    assert len(run("datasets", "--market", "FR")[1].splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("ingest", "none.csv", "--market", "DE"), "none.csv: there is no such file."),
        (("status",), "run: there is no run yet."),
        (("status", "2026"), "run: no run's id starts with '2026'."),
        (("cancel", "latest"), "run: there is no run yet."),
        (("logs", "x"), "run: no run's id starts with 'x'."),
        (("submit", "none.json"), "none.json: cannot be read: No such file or directory."),
        (("train", "nonsense"), "nonsense: is not a run's address."),
        (
            ("train", "file:///none/runs/20260101T000000-00000000"),
            "/none: there is no such folder.",
        ),
        (("datasets", "--market", "../x"), "market: '../x' cannot be the name of a market."),
    ],
)
def test_a_users_error_is_one_sentence_and_exit_code_2(
    run: Run, command: tuple[str, ...], message: str
) -> None:
    code, out, err = run(*command)
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {message}")
    assert "Traceback" not in err


def test_an_invalid_experiment_names_every_wrong_field(run: Run, tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(json.dumps({"dataset": {"market": "DE"}, "engine": "magic"}))
    code, _, err = run("submit", "e.json")
    assert code == 2
    assert err.startswith("Error: e.json is not valid:\n")
    for field in ("dataset.dataset_id", "mapping", "engine"):
        assert f"  - {field}: " in err
    (tmp_path / "e.json").write_text("{")
    assert run("submit", "e.json")[2].startswith("Error: e.json: is not JSON")
    assert not (tmp_path / "workspace").exists() or list((tmp_path / "workspace").iterdir()) == []


def test_a_defect_leaves_its_trace_in_a_file_not_on_the_screen(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "runs", "json:no_such_function")
    code, _, err = run("runs")
    assert code == 3
    assert err.startswith("Error: unexpected AttributeError: ")
    assert "Traceback" not in err
    trace = Path(err.split()[-1])
    assert "Traceback" in trace.read_text()
    trace.unlink()


def test_no_runs_is_an_empty_list(run: Run) -> None:
    code, out, _ = run("runs")
    assert (code, out.split()[:2]) == (0, ["RUN", "STATE"])
    assert json.loads(run("runs", "--json")[1]) == []


@pytest.mark.parametrize("command", ["settings", "runs", "datasets"])
def test_looking_imports_nothing_heavy(command: str, tmp_path: Path) -> None:
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(sorted(sys.modules.keys() & {'numpy', 'pyarrow', 'pandas', 'numba', 'prophet',"
        " 'altair', 'streamlit', 'scipy'}), file=sys.stderr))\n"
        f"sys.argv = ['mmm', '{command}']\n"
        "from mmm.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_task_sets_its_number_of_threads_before_numpy_is_imported() -> None:
    code = "import sys, mmm.cli.train; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
