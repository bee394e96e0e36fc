"""`mmm test design`, `design-time` and `show`: tests before they are held."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmm.cli import show
from mmm.cli.data import ColumnAs
from mmm.cli.runs import Run
from mmm.sources.guarded import GuardedFile

if TYPE_CHECKING:
    import pyarrow as pa

    from mmm.testing.designed import Design

Day = ["%Y-%m-%d"]
Json = Annotated[Path | None, typer.Option(help="Write the best design here as JSON.")]
Page = Annotated[Path | None, typer.Option(help="Write its page here, Markdown.")]
Start = Annotated[
    datetime | None,
    typer.Option(formats=Day, help="The test's first date; default: after the history."),
]
Effect = Annotated[
    float | None,
    typer.Option(min=0.0001, max=10.0, help="Expected effect, a share of the KPI: 0.1."),
]


def design_(
    file: Annotated[Path, typer.Argument(help="The history: a row for every geo and date.")],
    kind: Annotated[
        str, typer.Option(help="go_dark (stop), holdback (keep out) or heavy_up (raise).")
    ] = "heavy_up",
    periods: Annotated[str, typer.Option(help="Lengths to try, with commas between.")] = "15",
    sizes: Annotated[str, typer.Option(help="Numbers of treated geos to try.")] = "2,3,4",
    must: Annotated[str, typer.Option(help="Geos that are treated.")] = "",
    never: Annotated[
        str, typer.Option(help="Geos that are not treated, yet may be controls.")
    ] = "",
    exclude: Annotated[str, typer.Option(help="Geos that are neither.")] = "",
    effect: Effect = None,
    unit_cost: Annotated[
        float | None, typer.Option(min=0.0, help="Spend for one more unit of the KPI.")
    ] = None,
    spend_column: Annotated[
        str | None,
        typer.Option(help="The channel's spend by geo and date: the cost comes from it."),
    ] = None,
    factor: Annotated[
        float, typer.Option(min=1.01, help="heavy_up: what it makes of the usual spend.")
    ] = 2.0,
    budget: Annotated[float | None, typer.Option(min=0.0, help="The most a test may cost.")] = None,
    most_share: Annotated[
        float, typer.Option(min=0.01, max=0.95, help="Most of the KPI in treated geos.")
    ] = 0.5,
    cooldown: Annotated[
        int, typer.Option(min=0, help="Periods after the end in which carryover still counts.")
    ] = 0,
    cells: Annotated[int, typer.Option(min=1, max=6, help="Tests side by side.")] = 1,
    start: Start = None,
    channel: Annotated[str, typer.Option(help="The channel that is tested.")] = "",
    location: Annotated[str, typer.Option(help="The column of geos.")] = "location",
    date: Annotated[str, typer.Option(help="The column of dates.")] = "date",
    kpi: Annotated[str, typer.Option(help="The column of the KPI.")] = "Y",
    column: ColumnAs = None,
    save: Json = None,
    page: Page = None,
) -> None:
    """Choose geos for a test on your own history, and say what effect it would show.

    Power is replayed on windows of the history that have not chosen the design. docs/testing.md
    explains it. With several cells the second is written beside the first as NAME-2.

    Example: `mmm test design geo.csv --kind heavy_up --periods 10,15 --must chicago --unit-cost 7.5
    --budget 100000 --save design.json`.
    """
    from mmm.testing.design import Wanted, cells_of
    from mmm.testing.designed import HEADINGS, finding, geo_design, shown
    from mmm.testing.panel import Columns, read_panel

    columns = Columns(location, date, kpi, spend_column)
    panel = read_panel(read_table(file, column), columns)
    wanted = Wanted(
        kind=_kind(kind),
        periods=_numbers(periods, "periods"),
        sizes=_numbers(sizes, "sizes"),
        must=tuple(names(must)),
        never=tuple(names(never)),
        excluded=tuple(names(exclude)),
        cooldown=cooldown,
        effect=effect,
        unit_cost=unit_cost,
        factor=factor,
        budget=budget,
        most_share=most_share,
    )
    for number, found in enumerate(cells_of(panel, wanted, cells), start=1):
        best = geo_design(found[0], panel, wanted, columns, start=_day(start), channel=channel)
        typer.echo(f"{'' if cells == 1 else f'Cell {number}. '}{finding(best)}\n")
        show.table(HEADINGS, shown(found))
        typer.echo("")
        _write(best, save, page, number)


def design_time_(
    run: Run = "latest",
    channel: Annotated[str, typer.Option(help="The channel that is tested.")] = "",
    periods: Annotated[int, typer.Option(min=2, max=520, help="The test's length.")] = 12,
    effect: Effect = None,
    start: Start = None,
    save: Json = None,
    page: Page = None,
) -> None:
    """Design a test in time, for a market without geos: a pulse, or on and off in turn.

    Power comes from what the run's model leaves unexplained and from the channel's carryover.

    Example: `mmm test design-time latest --channel tv_S --periods 16 --save design.json`.
    """
    from mmm.format import percent
    from mmm.models.plans import ALL_KEPT, model_to_plan
    from mmm.models.time_tests import time_designs_of
    from mmm.settings import load_settings
    from mmm.testing.designed import finding
    from mmm.workspace import Workspace

    workspace = Workspace.open(load_settings().settings)
    chosen = model_to_plan(workspace, workspace.find_run(run), ALL_KEPT)
    found = time_designs_of(chosen, channel, periods, effect=effect, start=_day(start))
    typer.echo(f"{finding(found[0])}\n")
    rows = []
    for one in found:
        periods_on = "".join("X" if on else "." for on in one.on)
        rows.append((one.pattern.value, periods_on, percent(one.detectable), percent(one.power)))
    show.table(("PATTERN", "PERIODS", "DETECTABLE", "POWER"), rows)
    _write(found[0], save, page, 1)


def show_(file: Annotated[Path, typer.Argument(help="A design as JSON.")]) -> None:
    """Print the page of a design that was written as JSON.

    Example: `mmm test show design.json`.
    """
    from mmm.testing.designed import page, read_design

    typer.echo(page(read_design(read_bytes(file), str(file))), nl=False)


def read_table(file: Path, column: list[str] | None) -> pa.Table:
    """A file as a table, its columns read as said."""
    import pyarrow as pa

    from mmm.sources.reading import parse_columns

    read_as: dict[str, Any] = {} if column is None else {"columns": parse_columns(column)}
    with GuardedFile(file, **read_as).batches() as batches:
        return pa.Table.from_batches(list(batches), batches.schema)


def read_bytes(file: Path) -> bytes:
    from mmm.errors import UserError

    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}.", where=str(file)) from None


def names(text: str) -> list[str]:
    """Names with commas between."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(text: str, where: str) -> tuple[int, ...]:
    from mmm.errors import UserError

    parts = names(text)
    if not parts or not all(part.isdecimal() and 0 < int(part) <= 1000 for part in parts):
        raise UserError(f"{text!r} is no list of whole numbers.", where=where, fix="Write 10,15.")
    return tuple(int(part) for part in parts)


def _kind(text: str) -> Any:
    from mmm.errors import UserError
    from mmm.testing.design import Kind

    if text not in list(Kind):
        raise UserError(f"{text!r} is not known.", where="kind", fix=f"Use: {', '.join(Kind)}.")
    return Kind(text)


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _write(design: Design, save: Path | None, page: Path | None, cell: int) -> None:
    from mmm.testing.designed import page as page_of

    for file, text in ((save, design.model_dump_json(indent=2)), (page, page_of(design))):
        if file is None:
            continue
        place = file if cell == 1 else file.with_name(f"{file.stem}-{cell}{file.suffix}")
        place.write_text(text, encoding="utf-8")
        typer.echo(f"Wrote {place}.")
