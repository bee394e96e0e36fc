"""`mmm test analyse-time` and `phase-year`: what a test in time found, and a year's spend that tells more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmm.cli import show
from mmm.cli.geo_designs import read_bytes
from mmm.cli.runs import Run

if TYPE_CHECKING:
    from mmm.models.time_analysis import TimeAnalysis
    from mmm.testing.designed import TimeDesign
    from mmm.workspace import Workspace


def analyse_time_(
    run: Run = "latest",
    design: Annotated[
        Path | None, typer.Option(help="The design as JSON, from mmm test design-time --save.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Or a test of the registry; its result is kept there.")
    ] = None,
) -> None:
    """Say what a test in time found: by the run's model with and without the test's periods, and by
    interrupted time series.

    The run's data hold the test. The model without it is trained now, as the run was.

    Example: `mmm test analyse-time latest --test spring-tv`.
    """
    from mmm.format import fixed
    from mmm.models.plans import ALL_KEPT, model_to_plan
    from mmm.models.time_analysis import analyse_time_test
    from mmm.settings import load_settings
    from mmm.testing.time_analysis import HEADINGS, shown
    from mmm.workspace import Workspace

    workspace = Workspace.open(load_settings().settings)
    held = _design(workspace, design, test)
    chosen = model_to_plan(workspace, workspace.find_run(run), ALL_KEPT)
    found = analyse_time_test(workspace, chosen, held)
    typer.echo(f"{found.verdict}\n")
    show.table(HEADINGS, shown(found.opinions))
    typer.echo(f"\nThe test moved {fixed(found.money.moved, 0)} of spend (below 0: held back).")
    if test is not None:
        _keep(workspace, test, held, found)


def phase_year_(
    run: Run = "latest",
    strength: Annotated[
        float,
        typer.Option(min=0.01, max=1.0, help="How far a period's spend may differ: 0.3 is 30 %."),
    ] = 0.3,
    periods: Annotated[
        int | None, typer.Option(min=2, max=520, help="How many periods ahead; default a year.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the spend by period here as CSV.")
    ] = None,
) -> None:
    """Phase next year's spend so that channels come apart: last year's money, more or less of it in
    blocks of periods, in patterns that follow no other channel, the trend or the season.

    Example: `mmm test phase-year latest --strength 0.3 --save spend.csv`.
    """
    from mmm.models.plans import ALL_KEPT, model_to_plan
    from mmm.models.time_tests import year_ahead
    from mmm.results.tables_out import write_csv
    from mmm.settings import load_settings
    from mmm.testing.phasing import HEADINGS, finding, shown
    from mmm.workspace import Workspace

    workspace = Workspace.open(load_settings().settings)
    chosen = model_to_plan(workspace, workspace.find_run(run), ALL_KEPT)
    found = year_ahead(chosen, strength, periods)
    typer.echo(f"{finding(found.phased)}\n")
    show.table(HEADINGS, shown(found.channels, found.phased))
    if save is not None:
        write_csv(found.table, save)
        typer.echo(f"\nWrote {save}.")


def _design(workspace: Workspace, path: Path | None, name: str | None) -> TimeDesign:
    from mmm.errors import UserError
    from mmm.experiments.registered import find_test
    from mmm.testing.designed import TimeDesign, read_design

    if (path is None) == (name is None):
        raise UserError("name the design or the test of the registry.", where="--design, --test")
    if path is not None:
        found = read_design(read_bytes(path), str(path))
    else:
        kept = find_test(workspace, name or "")[2].design
        if kept is None:
            raise UserError("it has no design.", where=f"test {name!r}")
        found = kept
    if not isinstance(found, TimeDesign):
        fix = "Use mmm test analyse."
        raise UserError("it is a test by geo.", where="the design", fix=fix)
    return found


def _keep(workspace: Workspace, name: str, design: TimeDesign, found: TimeAnalysis) -> None:
    from mmm.models.tests_kept import record
    from mmm.models.time_analysis import as_found
    from mmm.platforms.local.user import local_user

    record(
        workspace,
        name,
        local_user(),
        as_found(found),
        channels=(design.channel,),
        start=design.start,
        end=design.end,
        source="test in time, interrupted time series",
    )
    typer.echo(
        f"{name} is analysed. A run on these data knows it already and does not take it twice."
    )
