"""`mmm stability`, `mmm calibration`: how stable a run's numbers are, and what its lift tests moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mmm.cli import show
from mmm.cli.artifacts import Model
from mmm.cli.runs import Json, Run, wait_for
from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.runs.service import RunService
from mmm.settings import load_settings

if TYPE_CHECKING:
    from mmm.runs.stability import StabilityStudy


def stability_command(
    run: Run = "latest",
    train: Annotated[
        bool,
        typer.Option(
            "--train/--no-train", help="Train again; without it only what is stored is looked at."
        ),
    ] = True,
    again: Annotated[
        bool, typer.Option("--again", help="Begin a new study although there is one.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=0, max=20, help="Other seeds.")] = 3,
    shifts: Annotated[
        str, typer.Option(help="Windows that end so many periods earlier.")
    ] = "4,8,13",
    holdouts: Annotated[
        str, typer.Option(help="Shares of the window to train on, the rest held out.")
    ] = "0.9,0.8,0.7",
    iterations: Annotated[
        int | None, typer.Option(min=10, help="Candidates of a trial; default as the run.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials; default as the run.")] = None,
    as_json: Json = False,
) -> None:
    """Say how sure each channel is: over candidates, trials, other seeds, earlier windows and
    holdouts.

    The first time it trains the run's experiment again for every seed, window and holdout, as a
    task that goes on when this command is interrupted; later it shows what that study found.

    Example: `mmm stability latest --seeds 2 --shifts 4,13`.
    """
    from mmm.experiments.config import parsed
    from mmm.results import read_results
    from mmm.results.model_summary import labels_of
    from mmm.results.stability import finding, less_sure_alone, rule, spread, stability
    from mmm.runs.stability import StabilityStudy, held_out, newest_study, notes

    service = RunService.open(load_settings().settings)
    run_id = service.workspace.find_run(run)
    results = read_results(service.workspace, run_id)
    found = newest_study(service.workspace, run_id)
    if train and (again or found is None):
        asked = {
            "seeds": seeds,
            "shifts": [int(number) for number in _numbers(shifts, "--shifts", whole=True)],
            "holdouts": _numbers(holdouts, "--holdouts"),
            "iterations": iterations,
            "trials": trials,
        }
        study = parsed(StabilityStudy, asked, "the study")
        if not as_json:
            typer.echo(_cost(service, run_id, study))
        study_id = service.submit_study(run_id, study, local_user())
        wait_for(service, study_id, quiet=as_json)
        found = newest_study(service.workspace, run_id)
    labels, chosen = labels_of(results.summary), results.summary["model"]["id"]
    numbers = stability(results, chosen, labels) if found is None else spread(found.values, labels)
    lower = less_sure_alone(numbers, results, chosen)
    said = f"{finding(numbers, labels)} {lower}".rstrip()
    if as_json:
        show.as_json({"model": chosen, "finding": said, "channels": numbers.to_pylist()})
        return
    show.numbers(numbers.drop_columns(["mid"]), labels)
    typer.echo(f"\n{said}\n{rule()}")
    if found is not None:
        for line in [held_out(found.variants), *notes(found.variants)]:
            if line:
                typer.echo(line)


def _cost(service: RunService, run_id: str, study: StabilityStudy) -> str:
    """What the study will take, told before it begins."""
    from mmm.experiments.of_run import experiment_of
    from mmm.runs.estimate import estimate_of
    from mmm.runs.wording import duration

    experiment = experiment_of(service.workspace, run_id)
    effort = {"iterations": study.iterations, "trials": study.trials}
    given = {name: value for name, value in effort.items() if value is not None}
    changed = experiment.model_copy(update={"settings": {**experiment.settings, **given}})
    trainings = study.seeds + len(study.shifts) + len(study.holdouts)
    seconds = estimate_of(service, changed).seconds
    if seconds is None:
        return f"The study trains {trainings} more times; how long it takes is not known yet."
    return (
        f"The study trains {trainings} more times, about {duration(seconds)} each: "
        f"{duration(trainings * seconds)} in all."
    )


def _numbers(text: str, option: str, *, whole: bool = False) -> list[float]:
    """Numbers between commas; none for an empty text."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        number_of = int if whole else float
        numbers = [float(number_of(part)) for part in parts]
    except ValueError:
        kind = "whole numbers" if whole else "numbers"
        raise UserError(f"{text!r} are not {kind} between commas.", where=option) from None
    if not all(number > 0 and (whole or number < 1) for number in numbers):
        limits = "above 0" if whole else "above 0 and below 1"
        raise UserError(f"{text!r} must lie {limits}.", where=option)
    return numbers


def calibration_command(run: Run = "latest", model: Model = None, as_json: Json = False) -> None:
    """Say what the lift tests moved, and whether the model lies inside each test's interval.

    Example: `mmm calibration latest`.
    """
    from mmm.results import read_results
    from mmm.results.calibration import calibrated, calibration, finding
    from mmm.results.model_summary import labels_of

    service = RunService.open(load_settings().settings)
    run_id = service.workspace.find_run(run)
    results = read_results(service.workspace, run_id)
    labels, chosen = labels_of(results.summary), model or results.summary["model"]["id"]
    results.require_kept(chosen, where="--model")
    if not calibrated(results):
        fix = "Add lift_tests to the experiment and submit it again."
        raise UserError(
            "had no lift tests, or is of a version that did not compare them.",
            where=f"run {run_id}",
            fix=fix,
        )
    numbers = calibration(results, chosen, labels)
    if as_json:
        show.as_json(
            {"model": chosen, "finding": finding(numbers, labels), "tests": numbers.to_pylist()}
        )
        return
    show.numbers(numbers, labels)
    typer.echo(f"\n{finding(numbers, labels)}")
