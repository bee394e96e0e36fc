"""`mmm test keep`, `begin`, `discard`, `list`, `history` and `import`: the registry of tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmm.cli import show
from mmm.cli.data import ColumnAs
from mmm.cli.geo_designs import names, read_bytes, read_table
from mmm.platforms.local.user import local_user
from mmm.settings import load_settings
from mmm.workspace import Workspace

if TYPE_CHECKING:
    from mmm.testing.analysis import Analysis
    from mmm.testing.panel import GeoTest

Name = Annotated[str, typer.Argument(help="The test's name in the registry.")]
Day = ["%Y-%m-%d"]


def keep_(
    name: Name, design: Annotated[Path, typer.Argument(help="A design as JSON, with its channel.")]
) -> None:
    """Keep a design in the registry as a planned test.

    Example: `mmm test keep spring-tv design.json`.
    """
    from mmm.models.tests_kept import register
    from mmm.testing.designed import read_design

    made = read_design(read_bytes(design), str(design))
    test = register(_workspace(), name, local_user(), design=made)
    typer.echo(f"{name} is {test.state}: {test.start} to {test.end}.")


def begin_(name: Name) -> None:
    """Say that a planned test now runs.

    Example: `mmm test begin spring-tv`.
    """
    _move(name, "running")


def discard_(name: Name) -> None:
    """Say that a test is not to be used; it stays in the registry.

    Example: `mmm test discard spring-tv`.
    """
    _move(name, "discarded")


def list_() -> None:
    """List the registry: each test's state and result, and tests that contradict each other.

    Example: `mmm test list`.
    """
    from mmm.models.tests_kept import registry
    from mmm.testing.registered import contradictions
    from mmm.testing.registry_words import HEADINGS, row

    tests = registry(_workspace())
    if not tests:
        typer.echo("There is no test yet: mmm test design, mmm test analyse --keep.")
        return
    show.table(HEADINGS, [row(name, test) for name, test in tests.items()])
    for first, second, said in contradictions(tests):
        typer.echo(f"\n{first} and {second} contradict each other: {said}.")


def history_(name: Name) -> None:
    """Show a test: its gate, all its versions, and the runs that used it with what it moved.

    Example: `mmm test history spring-tv`.
    """
    from mmm.models.tests_kept import history, uses
    from mmm.testing.registered import discounted_error, quality
    from mmm.testing.registry_words import CHECKS, HEADINGS, check_rows, row
    from mmm.workspace.names import utc_now

    workspace, today = _workspace(), utc_now().date()
    versions = history(workspace, name)
    show.table(HEADINGS, [row(f"{name}@{place}", one) for place, one in enumerate(versions, 1)])
    typer.echo("")
    show.table(CHECKS, check_rows(quality(versions[-1], today)))
    if versions[-1].found is not None:
        error = discounted_error(versions[-1], today)
        typer.echo(f"\nToday its standard error counts as {error:,.4g}.")
    for one in uses(workspace, name):
        said = f": {one.sentence}" if one.sentence else ""
        typer.echo(f"Used by run {one.run_id} (version {one.version}){said}.")


def import_(
    file: Annotated[Path, typer.Argument(help="GeoLift's, GeoX's, CausalPy's, Meta's, Google's.")],
    name: Annotated[str, typer.Option(help="The test's name; further rows get -2, -3.")],
    channel: Annotated[str, typer.Option(help="The tested channel; several with commas.")],
    start: Annotated[
        datetime | None, typer.Option(formats=Day, help="First date, if the file has none.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option(formats=Day, help="Last date, if the file has none.")
    ] = None,
    spend: Annotated[
        float | None, typer.Option(help="Money that the test moved, if the file has none.")
    ] = None,
    level: Annotated[
        float | None, typer.Option(min=0.5, max=0.999, help="Level of the intervals: 0.9.")
    ] = None,
    column: ColumnAs = None,
) -> None:
    """Bring result files of other tools into the registry; each row that is refused is told why.

    Example: `mmm test import lift.csv --name autumn-meta --channel facebook_S --spend 20000`.
    """
    from mmm.errors import UserError
    from mmm.models.tests_kept import record
    from mmm.testing.imports import read_results_file

    found, refused = read_results_file(
        read_table(file, column),
        start=None if start is None else start.date(),
        end=None if end is None else end.date(),
        spend=spend,
        level=level,
    )
    workspace = _workspace()
    for place, one in enumerate(found, start=1):
        own = name if place == 1 else f"{name}-{place}"
        about: dict[str, Any] = {"start": one.start, "end": one.end, "source": one.found.method}
        record(workspace, own, local_user(), one.found, channels=tuple(names(channel)), **about)
        typer.echo(f"Kept {own}: {one.found.lift:,.6g} ± {one.found.standard_error:,.4g}.")
    for bad in refused:
        typer.echo(f"Row {bad.row} is refused: {bad.reason}.", err=True)
    if not found:
        raise UserError("no row of it is a test.", where=str(file))


def keep_result(name: str, channel: str | None, test: GeoTest, found: Analysis) -> None:
    """Keep an analysis in the registry."""
    from mmm.errors import UserError
    from mmm.models.tests_kept import record
    from mmm.testing.words import as_found

    if channel is None:
        raise UserError("name the tested channel.", where="--channel")
    days = [test.dates[place].astype(object) for place in (test.first, test.last)]
    record(
        _workspace(),
        name,
        local_user(),
        as_found(test, found),
        channels=(channel,),
        start=days[0],
        end=days[1],
        source=f"geo test, {found.estimates[0].method}",
    )


def _move(name: str, state: str) -> None:
    from mmm.models.tests_kept import move
    from mmm.testing.registered import State

    test = move(_workspace(), name, local_user(), State(state))
    typer.echo(f"{name} is {test.state}.")


def _workspace() -> Workspace:
    return Workspace.open(load_settings().settings)


KEPT_COMMANDS: dict[str, Callable[..., None]] = {
    "keep": keep_,
    "begin": begin_,
    "discard": discard_,
    "list": list_,
    "history": history_,
    "import": import_,
}
