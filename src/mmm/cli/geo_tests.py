"""`mmm test`: what a geo test found; its other commands lie beside it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mmm.cli import show
from mmm.cli.data import ColumnAs
from mmm.cli.geo_designs import design_, design_time_, names, read_table, show_
from mmm.cli.tests_kept import KEPT_COMMANDS, keep_result
from mmm.cli.time_tests import analyse_time_, phase_year_

test_command = typer.Typer(
    name="test", help="Tests: designed on your history, analysed, kept.", no_args_is_help=True
)
Day = ["%Y-%m-%d"]
test_command.command("design")(design_)
test_command.command("design-time")(design_time_)
test_command.command("analyse-time")(analyse_time_)
test_command.command("phase-year")(phase_year_)
test_command.command("show")(show_)
for name, command in KEPT_COMMANDS.items():
    test_command.command(name)(command)


@test_command.command("analyse")
def analyse_(
    file: Annotated[Path, typer.Argument(help="A row for every geo and date: KPI, spend.")],
    treated: Annotated[str, typer.Option(help="The treated geos, with commas between.")],
    start: Annotated[datetime, typer.Option(formats=Day, help="The test's first date.")],
    end: Annotated[datetime, typer.Option(formats=Day, help="The test's last date.")],
    location: Annotated[str, typer.Option(help="The column of geos.")] = "location",
    date: Annotated[str, typer.Option(help="The column of dates.")] = "date",
    kpi: Annotated[str, typer.Option(help="The column of the KPI.")] = "Y",
    exclude: Annotated[
        str, typer.Option(help="Geos that are no controls: other cells, or disturbed.")
    ] = "",
    cooldown: Annotated[
        int, typer.Option(min=0, help="Dates after the end in which carryover still counts.")
    ] = 0,
    spend: Annotated[
        float | None, typer.Option(help="Money that the test added; below 0 where held back.")
    ] = None,
    spend_column: Annotated[str | None, typer.Option(help="The column of the spend.")] = None,
    column: ColumnAs = None,
    channel: Annotated[
        str | None, typer.Option(help="Print the test as an experiment's lift test of it, as JSON.")
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="Keep the result in the registry under this name; needs --channel."),
    ] = None,
) -> None:
    """Say what a geo test did to the KPI, by three methods, and how far to trust it.

    The test may have been designed anywhere. docs/testing.md explains the methods.

    Example: `mmm test analyse geo.csv --treated chicago,portland --start 2021-04-01 --end
    2021-04-15 --spend 64564`.
    """
    from mmm.testing.analysis import analyse
    from mmm.testing.panel import Columns, read_geo_test
    from mmm.testing.words import HEADINGS, as_lift_test, remarks, shown

    columns = Columns(location, date, kpi, spend_column)
    test = read_geo_test(
        read_table(file, column),
        columns,
        names(treated),
        start.date(),
        end.date(),
        cooldown=cooldown,
        excluded=names(exclude),
        spend=spend,
    )
    found = analyse(test)
    if keep is not None:
        keep_result(keep, channel, test, found)
    if channel is not None:
        show.as_json(as_lift_test(test, found, channel))
        return
    typer.echo(found.verdict)
    typer.echo("")
    show.table(HEADINGS, shown(found))
    typer.echo("")
    for remark in remarks(found):
        typer.echo(remark)
