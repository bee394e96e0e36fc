"""`mmm report`, `mmm export`, `mmm recreate`, `mmm onepager`: a run's models as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmm.cli import show
from mmm.cli.runs import Run, read_file
from mmm.errors import UserError
from mmm.settings import load_settings
from mmm.workspace import Workspace

Model = Annotated[str | None, typer.Option(help="A kept model's id; default the recommended one.")]


def report_command(
    run: Run = "latest",
    model: Model = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .html or .pdf file, or a folder.")
    ] = None,
    title: Annotated[str, typer.Option(help="The report's title; default the run's name.")] = "",
    logo: Annotated[Path | None, typer.Option(help="A PNG, JPEG or SVG file.")] = None,
    currency: Annotated[str, typer.Option(help="What money is called; no number changes.")] = "",
    dates: Annotated[
        str,
        typer.Option(help="Decomposition and ROAS of these dates only: 2018-01-01:2018-03-26."),
    ] = "",
) -> None:
    """Write a model's report, one HTML file that works offline, or PDF, into the current folder;
    print where it is.

    Title, logo and currency that are not given are those saved for the workspace, else the run's.

    Example: `mmm report latest -o review.pdf --title "Spring review" --logo logo.svg`.
    """
    from mmm.models.advice import ensure_advice
    from mmm.results import read_results
    from mmm.results.branding import look_of, saved_look
    from mmm.results.report import report_of

    workspace = Workspace.open(load_settings().settings)
    run_id = workspace.find_run(run)
    name = f"{run_id}-report.html"
    target = output / name if output and output.is_dir() else output or Path(name)
    look = look_of(title, currency, None if logo is None else read_file(logo)).over(
        saved_look(workspace)
    )
    kind = target.suffix[1:].lower()
    results = read_results(workspace, run_id)
    ensure_advice(workspace, run_id, results)
    _write(target, report_of(results, model, look, kind, dates))


def _write(file: Path, data: bytes) -> None:
    """Write the file and say where it is."""
    try:
        file.write_bytes(data)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}.", where=str(file)) from None
    typer.echo(str(file.resolve()))


def export_command(
    run: Run = "latest",
    folder: Annotated[
        Path | None,
        typer.Argument(help="A new or empty folder; default RUN-export in the current one."),
    ] = None,
    table_format: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    everything: Annotated[
        bool, typer.Option("--all", help="Write all candidates too, not only the kept.")
    ] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A model to write as JSON; may be repeated; default the recommended one."
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Of slides and workbook; default the run's.")] = "",
    logo: Annotated[Path | None, typer.Option(help="On slides: a PNG, JPEG or SVG.")] = None,
    colour: Annotated[str, typer.Option(help="Of slides: #0b66a8.")] = "",
) -> None:
    """Write a run's models as Robyn's export does: its tables by name and column, and models as
    JSON. A name that ends in .pptx gives the answer as slides with charts that can be edited, one
    that ends in .xlsx an Excel workbook of all tables, both with the workspace's title and logo.

    Example: `mmm export latest exported --format parquet`, or `mmm export latest answer.pptx`.
    """
    if folder is not None and folder.suffix.lower() in (".pptx", ".xlsx"):
        _office(run, folder, model or [], title, logo, colour)
        return
    from mmm.models.artifacts import export_run

    workspace = Workspace.open(load_settings().settings)
    run_id = workspace.find_run(run)
    target = folder or Path(f"{run_id}-export")
    for path in export_run(
        workspace,
        run_id,
        target,
        table_format=table_format,
        everything=everything,
        models=model or (),
    ):
        typer.echo(str(path))


def _office(
    run: str, target: Path, models: list[str], title: str, logo: Path | None, colour: str
) -> None:
    """Slides or a workbook on one model."""
    from mmm.models.advice import ensure_advice
    from mmm.results import read_results
    from mmm.results.branding import look_of, saved_look
    from mmm.results.report import report_of

    if len(models) > 1:
        raise UserError("has one model at a time.", where=target.name, fix="Give one --model.")
    workspace = Workspace.open(load_settings().settings)
    run_id = workspace.find_run(run)
    results = read_results(workspace, run_id)
    ensure_advice(workspace, run_id, results)
    picture = None if logo is None else read_file(logo)
    look = look_of(title, "", picture, colour).over(saved_look(workspace))
    kind = target.suffix[1:].lower()
    _write(target, report_of(results, models[0] if models else None, look, kind))


def recreate_command(
    model: Annotated[Path, typer.Argument(help="A RobynModel-<id>.json that `mmm export` wrote.")],
    data: Annotated[
        Path | None, typer.Option(help="A file to use in place of the data in the JSON.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="A dataset to use, MARKET/ID.")] = None,
) -> None:
    """Make a model again from its JSON and say how far its numbers are from the stored ones.

    Example: `mmm recreate exported/RobynModel-1_1934.json`.
    """
    import pyarrow as pa

    from mmm.data.references import find_dataset
    from mmm.models.artifacts import recreate_model
    from mmm.sources.guarded import GuardedFile

    if data is not None and dataset is not None:
        raise UserError(
            "cannot go together.", where="--data and --dataset", fix="Give one of them."
        )
    table = None
    if data is not None:
        with GuardedFile(data).batches() as batches:
            table = pa.Table.from_batches(batches, batches.schema)
    if dataset is not None:
        workspace = Workspace.open(load_settings().settings)
        found = find_dataset(workspace, dataset)
        table = workspace.read_dataset(found.market, found.dataset_id)
    model_id, deviations = recreate_model(model, table)
    rows = [
        (item.quantity, f"{item.largest:.1e}" if item.largest else "0", item.where)
        for item in deviations
    ]
    show.table(("QUANTITY", "LARGEST RELATIVE DEVIATION", "WHERE"), rows)
    largest = max(item.largest for item in deviations)
    if largest == 0:
        typer.echo(f"\nModel {model_id} is the same, bit for bit.")
    else:
        typer.echo(f"\nThe largest deviation of model {model_id} is {largest:.1e}.")


def onepager_command(
    run: Run = "latest",
    model: Model = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .pdf, .png, .svg or .html file.")
    ] = None,
) -> None:
    """Write the page of a model: its eight plots and its fit on one sheet.

    Example: `mmm onepager latest -o model.pdf`.
    """
    from mmm.results import read_results
    from mmm.results.onepager import onepager, rendered

    workspace = Workspace.open(load_settings().settings)
    run_id = workspace.find_run(run)
    results = read_results(workspace, run_id)
    chosen = results.require_kept(model or results.summary["model"]["id"])
    target = output or Path(f"{run_id}-{chosen}.pdf")
    title = f"{results.summary['title']} – model {chosen}"
    _write(
        target,
        rendered(onepager(results, results.summary, chosen), target.suffix[1:].lower(), title),
    )
