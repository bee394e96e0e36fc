"""`mmm demo`, `mmm report`: the product's main job on the sample, and a run's report as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmm.cli import show
from mmm.cli.runs import Run, wait_for
from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.runs.service import RunService
from mmm.settings import load_settings


def demo_command() -> None:
    """Train on the sample, Robyn's public weekly data, with Robyn's recommended 5 x 2,000 candidates."""
    from mmm.runs.sample import submit_sample  # pyarrow, which looking at runs does not need

    settings = load_settings().settings
    service = RunService.open(settings)
    run_id = submit_sample(service, local_user())
    typer.echo(f"run {run_id}")
    wait_for(service, run_id, quiet=False)
    _summary(service, run_id)
    results = f"{service.workspace.run_uri(run_id)}/results/{service.workspace.results_manifest(run_id).number:04d}"
    typer.echo(f"\nResults  {results}")
    typer.echo(f"Report   {results}/report.html  (opens in any browser, without a network)")
    typer.echo("Web app  make web  then open http://localhost:8080")


def report_command(
    run: Run = "latest",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file or a folder; default RUN-report.html in the current folder."),
    ] = None,
) -> None:
    """Write a run's report, one HTML file that works offline, into the current folder; print where it is."""
    service = RunService.open(load_settings().settings)
    run_id = service.workspace.find_run(run)
    name = f"{run_id}-report.html"
    target = output / name if output and output.is_dir() else output or Path(name)
    report = service.workspace.result_file(run_id, "report.html")
    try:
        target.write_bytes(report)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}.", where=str(target)) from None
    typer.echo(f"Report of run {run_id}, a copy to open or to send:", err=True)
    typer.echo(str(target.resolve()))


def _summary(service: RunService, run_id: str) -> None:
    """The recommended model's paid channels in a small table."""
    from mmm.results import read_results
    from mmm.results.format import percent
    from mmm.results.model_summary import labels_of

    summary = read_results(service.workspace, run_id).summary
    labels = labels_of(summary)
    key = "roi" if labels.revenue else "cpa"
    rows = [
        (
            channel["channel"],
            labels.money(channel["spend"]),
            percent(channel["spend_share"]),
            percent(channel["effect_share"]),
            labels.interval(channel[key], channel[f"{key}_low"], channel[f"{key}_high"]),
            channel["firmness"],
        )
        for channel in summary["channels"]
        if channel["kind"] == "paid"
    ]
    typer.echo("")
    show.table(("CHANNEL", "SPEND", "SHARE OF SPEND", "SHARE OF EFFECT", labels.efficiency, "HOW FIRM"), rows)
