"""`mmm recover`: how well an engine finds the truth of simulated data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmm.cli import show
from mmm.engines import DEFAULT_ENGINE
from mmm.errors import UserError
from mmm.plain_json import read_json

if TYPE_CHECKING:
    from mmm.recovery.loop import Held, Step
    from mmm.recovery.summary import CaseScore, GroupScore, WordScore

_CASE = ("roi_error", "marginal_error", "misplaced", "total", "ranked", "covered", "width")
_ADVICE = ("regret", "regret_today", "uplift", "best_uplift")


def recover_command(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders with data.csv, truth.json and maybe experiments.csv."),
    ],
    engine: Annotated[str, typer.Option(help="The engine to train.")] = DEFAULT_ENGINE,
    country: Annotated[
        str | None,
        typer.Option(
            help="Country whose holidays are modelled, for example US; default the folder's "
            "experiment.json's."
        ),
    ] = None,
    settings: Annotated[str, typer.Option(help="The engine's settings as JSON.")] = "{}",
    mapping: Annotated[
        Path | None,
        typer.Option(help="JSON file with the mapping, where columns are named otherwise."),
    ] = None,
    lift_tests: Annotated[
        str, typer.Option(help="The file of lift tests in each folder.")
    ] = "experiments.csv",
    tests: Annotated[
        int,
        typer.Option(
            "--with-tests",
            min=0,
            max=20,
            help="Then hold so many tests, each the one that `mmm next-test` puts first; the truth "
            "and their error give the results, and each is trained with.",
        ),
    ] = 0,
    precision: Annotated[
        float,
        typer.Option(
            min=0.0001,
            max=1.0,
            help="Standard error of these tests, as a share of the tested geos' KPI.",
        ),
    ] = 0.02,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train on data with known truth and score the recommended model against it.

    Example: `mmm recover cases/easy1 cases/easy2`, `mmm recover cases/easy1 --with-tests 2`.
    """
    # The engine, which other commands don't load.
    from mmm.recovery.folder import CaseOptions, read_case
    from mmm.recovery.loop import with_tests

    options = CaseOptions(engine, _settings(settings), country, mapping, lift_tests)
    steps = []
    for folder in folders:
        case = read_case(folder, options)
        steps.append(list(with_tests(case, tests, precision=precision)))
    if as_json:
        typer.echo(json.dumps(_document(steps), indent=2))
        return
    _print([made[-1].scored for made in steps])
    if tests:
        typer.echo("\nTest by test:")
        show.table(HEADINGS, loop_rows(steps))


def _settings(text: str) -> dict[str, Any]:
    found = read_json(text, where="--settings")
    if not isinstance(found, dict):
        raise UserError("must be an object, {...}.", where="--settings")
    return found


def _document(steps: list[list[Step]]) -> dict[str, Any]:
    """By case: every score, the advice's, the channels', and the model they are of, after the last
    test; with tests what each step found.
    """
    found = {}
    for made in steps:
        last = made[-1]
        name = last.scored.name
        scores = {**asdict(last.scored.recovery), **asdict(last.scored.advice)}
        found[name] = {**scores, "model": last.result.recommended}
        if len(made) > 1:
            found[name]["tests"] = [_step(step) for step in made]
    return found


def _step(step: Step) -> dict[str, Any]:
    advice, held = step.scored.advice, step.held
    found: dict[str, Any] = {"roi_error": step.scored.recovery.roi_error, "regret": advice.regret}
    if held is not None:
        found |= {
            "channel": held.test.channel,
            "net": held.test.net,
            "truth": held.truth,
            "measured": held.measured,
            "standard_error": held.error,
        }
    return found


HEADINGS = ("CASE", "TEST", "TRUE EFFECT", "MEASURED", "STANDARD ERROR", "ROI ERROR", "REGRET")


def loop_rows(steps: list[list[Step]]) -> list[tuple[str, ...]]:
    """A row a step: the case as it is, then after each test."""
    rows: list[tuple[str, ...]] = []
    for made in steps:
        for step in made:
            scored, told = step.scored, _held(step.held)
            found = (f"{scored.recovery.roi_error:.3f}", f"{scored.advice.regret:.3f}")
            rows.append((scored.name, *told, *found))
    return rows


def _held(held: Held | None) -> tuple[str, ...]:
    if held is None:
        return ("none", "-", "-", "-")
    numbers = (f"{value:,.4g}" for value in (held.truth, held.measured, held.error))
    return (held.test.channel, *numbers)


def _print(scores: list[CaseScore]) -> None:
    from mmm.engines.words import Confidence
    from mmm.recovery.summary import by_generator, by_word

    head = [name.replace("_", " ").upper() for name in (*_CASE, *_ADVICE)]
    show.table(["CASE", *head], [_case_row(scored) for scored in scores])
    if len(scores) == 1:
        return
    for title, rows in (
        ("By generator", by_generator(scores)),
        ("By confidence", by_word(scores, tuple(Confidence))),
    ):
        if rows:
            typer.echo(f"\n{title}:")
            print_rows(rows)


def _case_row(scored: CaseScore) -> list[str]:
    values = [getattr(scored.recovery, name) for name in _CASE]
    values += [getattr(scored.advice, name) for name in _ADVICE]
    return [scored.name, *(f"{value:.3f}" for value in values)]


def print_rows(rows: list[GroupScore] | list[WordScore]) -> None:
    """Print frozen rows of scores with their fields' names as headings."""
    fields = list(vars(rows[0]))
    headings = [name.replace("_", " ").upper() for name in fields]
    show.table(headings, [_cells(row) for row in rows])


def _cells(row: GroupScore | WordScore) -> list[str]:
    return [_cell(value) for value in vars(row).values()]


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
