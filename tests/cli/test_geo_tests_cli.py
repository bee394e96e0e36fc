"""`mmm test analyse` and `mmm next-test`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmm.errors import UserError
from mmm.experiments.registered import with_registered
from mmm.settings import load_settings
from mmm.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]


def geo_table(folder: Path) -> Path:
    """8 geos, 40 days before and 10 of a test that adds 20 % in two of them."""
    rng = np.random.default_rng(2)
    lines = ["location,date,Y"]
    shared = 1.0 + np.cumsum(rng.normal(0.0, 0.02, 50))
    for geo in range(8):
        values = 100.0 * (geo + 1) * (shared + rng.normal(0.0, 0.01, 50))
        values[40:] *= 1.2 if geo < 2 else 1.0
        days = np.datetime64("2026-01-01") + np.arange(50)
        lines += [f"geo {geo},{day},{value:.3f}" for day, value in zip(days, values, strict=True)]
    path = folder / "geo.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_geo_test_is_analysed_and_becomes_a_lift_test(run: Run, tmp_path: Path) -> None:
    dates = ("--start", "2026-02-10", "--end", "2026-02-19")
    asked = ("test", "analyse", geo_table(tmp_path), "--treated", "geo 0,geo 1", *dates)
    code, _, err = run(*asked)
    assert (code, '--column "Y=decimal-point"' in err) == (2, True)
    asked = (*asked, "--column", "Y=decimal-point")
    code, out, _ = run(*asked, "--spend", 200)
    assert code == 0
    assert out.startswith("The test raised the KPI: incremental KPI ")
    assert "augmented synthetic control" in out
    code, out, _ = run(*asked, "--spend", 200, "--channel", "tv_S")
    entry = json.loads(out)
    assert (entry["channels"], entry["spend"]) == (["tv_S"], 200.0)
    assert entry["standard_error"] > 0
    code, _, err = run(*asked, "--channel", "tv_S")
    assert (code, "its spend is not known" in err) == (2, True)


def test_the_next_test_is_named_with_its_worth_and_cost(here: Run) -> None:
    code, out, _ = here("next-test", "latest", "--precision", 0.01)
    assert code == 0
    finding, _, table = out.partition("\n\n")
    assert finding.startswith(("Test next: ", "No test "))
    assert len([line for line in table.splitlines() if "of the market" in line]) == 10
    assert "give the experiment's margin" in out


def test_a_design_is_written_read_back_and_shown(run: Run, tmp_path: Path) -> None:
    design, page = tmp_path / "design.json", tmp_path / "design.md"
    asked = ("test", "design", geo_table(tmp_path), "--column", "Y=decimal-point", "--sizes", "2")
    asked = (*asked, "--periods", "5", "--unit-cost", 3, "--effect", 0.3, "--never", "geo 0,geo 1")
    code, out, _ = run(*asked, "--save", design, "--page", page)
    assert code == 0
    assert out.startswith("Raise the channel's spend in geo ")
    assert f"Wrote {page}." in out
    assert not {"geo 0", "geo 1"} & set(json.loads(design.read_text())["treated"])
    assert run("test", "show", design) == (0, page.read_text(), "")
    code, _, err = run(*asked, "--kind", "louder")
    assert (code, "Use: go_dark, holdback, heavy_up." in err) == (2, True)
    code, _, err = run("test", "show", page)
    assert (code, "design.md" in err) == (2, True)


def test_a_test_in_time_is_designed_from_a_run(here: Run, tmp_path: Path) -> None:
    design = tmp_path / "time.json"
    asked = ("test", "design-time", "latest", "--channel", "tv_S", "--periods", 12)
    code, out, _ = here(*asked, "--save", design)
    assert code == 0
    assert "on and off in turn" in out
    assert len(json.loads(design.read_text())["on"]) == 12
    code, _, err = here("test", "design-time", "latest", "--channel", "moon")
    assert (code, "'moon' is no channel" in err) == (2, True)


def test_a_test_in_time_is_analysed_by_the_model_with_and_without_it(
    here: Run, tmp_path: Path
) -> None:
    """Television of the sample comes and goes; some of its weeks as if they had been a test."""
    design = tmp_path / "time.json"
    asked = ("test", "design-time", "latest", "--channel", "tv_S", "--periods", 6)
    assert here(*asked, "--start", "2018-06-04", "--save", design)[0] == 0
    assert here("test", "keep", "summer-tv", design)[0] == 0
    code, out, err = here("test", "analyse-time", "latest", "--test", "summer-tv")
    assert code == 0, err
    assert out.startswith("KPI per unit of money moved from ")
    for how in ("model without its periods", "model with its periods", "interrupted time series"):
        assert f"\n{how}  " in out
    assert "summer-tv is analysed." in out
    workspace = Workspace.open(load_settings().settings)
    with pytest.raises(UserError, match="it is a test in time"):
        with_registered(workspace, ["test:summer-tv"])
    code, _, err = here("test", "analyse-time", "latest")
    assert (code, "name the design or the test" in err) == (2, True)


def test_next_years_spend_is_phased(here: Run, tmp_path: Path) -> None:
    saved = tmp_path / "spend.csv"
    code, out, _ = here("test", "phase-year", "latest", "--save", saved)
    assert code == 0
    assert out.startswith("After the year the returns are known to ")
    first, *rest = saved.read_text().splitlines()
    assert first.startswith('"date","tv_S"')
    assert (len(rest), rest[0][:10]) == (52, "2019-11-18")


def test_the_registry_keeps_designs_results_and_files(here: Run, tmp_path: Path) -> None:
    design = tmp_path / "time.json"
    asked = ("--channel", "tv_S", "--periods", 12, "--save", design)
    assert here("test", "design-time", "latest", *asked)[0] == 0
    assert here("test", "keep", "spring-tv", design)[1].startswith("spring-tv is planned: ")
    assert here("test", "begin", "spring-tv")[1] == "spring-tv is running.\n"
    geo = ("test", "analyse", geo_table(tmp_path), "--treated", "geo 0,geo 1", "--start")
    geo = (*geo, "2026-02-10", "--end", "2026-02-19", "--column", "Y=decimal-point")
    code, _, err = here(*geo, "--spend", 200, "--keep", "spring-tv", "--channel", "radio_S")
    assert (code, "it is a test of tv_S, not of radio_S" in err) == (2, True)
    assert here(*geo, "--spend", 200, "--keep", "spring-tv", "--channel", "tv_S")[0] == 0
    lifts = tmp_path / "lift.csv"
    lifts.write_text(
        "start,end,att,incremental,lower,upper,spend\n"
        "2026-01-05,2026-02-01,1,10,5,30,7\n2026-01-05,2026-02-01,1,,5,30,7\n"
    )
    said = here("test", "import", lifts, "--name", "other", "--channel", "tv_S")
    assert (said[0], said[1]) == (0, "Kept other: 10 ± 7.599.\n")
    assert "Row 2 is refused: it has no incremental KPI" in said[2]
    code, out, _ = here("test", "list")
    assert [line.split()[1] for line in out.splitlines()[1:3]] == ["analysed", "analysed"]
    code, out, _ = here("test", "history", "spring-tv")
    assert (code, "spring-tv@3" in out, "pre-fit" in out) == (0, True, True)
    assert here("test", "discard", "other")[1] == "other is discarded.\n"
