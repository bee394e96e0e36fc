"""`mmm demo`: the product's main job on the sample."""

from __future__ import annotations

import typer

from mmm.cli import show
from mmm.cli.runs import wait_for
from mmm.platforms.local.user import local_user
from mmm.runs.service import RunService
from mmm.settings import load_settings


def demo_command() -> None:
    """Train on the sample, Robyn's public weekly data, with Robyn's recommended 5 x 2,000
    candidates.

    Example: `mmm demo`.
    """
    from mmm.results import draw_report, read_results
    from mmm.runs.sample import submit_sample  # pyarrow, which looking at runs does not need

    settings = load_settings().settings
    service = RunService.open(settings)
    run_id = submit_sample(service, local_user())
    typer.echo(f"run {run_id}")
    wait_for(service, run_id, quiet=False)
    _summary(service, run_id)
    draw_report(read_results(service.workspace, run_id))
    results = f"{service.workspace.run_uri(run_id)}/results/{service.workspace.results_manifest(run_id).number:04d}"
    typer.echo(f"\nResults  {results}")
    typer.echo(f"Report   {results}/report.html  (opens in any browser, without a network)")
    typer.echo("Web app  make web  then open http://localhost:8080")


def _summary(service: RunService, run_id: str) -> None:
    """The recommended model's paid channels in a small table, and what is implausible in it."""
    from mmm.format import percent
    from mmm.results import read_results
    from mmm.results.model_summary import labels_of, warnings_of

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
            channel["confidence"],
        )
        for channel in summary["channels"]
        if channel["kind"] == "paid"
    ]
    typer.echo("")
    show.table(
        ("CHANNEL", "SPEND", "SHARE OF SPEND", "SHARE OF EFFECT", labels.efficiency, "CONFIDENCE"),
        rows,
    )
    for warning in warnings_of(summary):
        typer.echo(f"\nWarning: {warning}")
