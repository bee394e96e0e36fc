"""`mmm demo`: the product's main job on the sample."""

from __future__ import annotations

import typer

from mmm.cli import show
from mmm.cli.runs import wait_for
from mmm.platforms.local.user import local_user
from mmm.runs.service import RunService
from mmm.settings import load_settings

#: The default first: its numbers are the ones to read.
_ENGINES = ("bayes", "ridge")


def demo_command() -> None:
    """Train both native engines on the sample, Robyn's public weekly data, and compare them: the
    Bayesian model, which is the default, and Robyn's method with 5 x 2,000 models.

    Example: `mmm demo`.
    """
    from mmm.results import draw_report, read_results
    from mmm.runs.sample import submit_sample  # pyarrow, which looking at runs does not need

    service = RunService.open(load_settings().settings)
    run_ids = []
    for engine in _ENGINES:
        run_id = submit_sample(service, local_user(), engine)
        typer.echo(f"run {run_id} (engine {engine})")
        wait_for(service, run_id, quiet=False)
        draw_report(read_results(service.workspace, run_id))
        run_ids.append(run_id)
    _summary(service, run_ids[0])
    _comparison(service, run_ids)
    for engine, run_id in zip(_ENGINES, run_ids, strict=True):
        number = service.workspace.results_manifest(run_id).number
        results = f"{service.workspace.run_uri(run_id)}/results/{number:04d}"
        typer.echo(f"\nResults of {engine}  {results}")
        typer.echo(f"  Report  {results}/report.html  (opens in any browser, without a network)")
    typer.echo("\nWeb app  make web  then open http://localhost:8080")
    typer.echo(
        f"  Both engines on one page: http://localhost:8080/compare?runs={','.join(run_ids)}"
    )


def _comparison(service: RunService, run_ids: list[str]) -> None:
    """What the two engines agree on, in sentences and one table."""
    from mmm.runs.comparison import compare_runs

    found = compare_runs(service, run_ids)
    typer.echo("")
    for sentence in found.findings:
        typer.echo(sentence)
    typer.echo("")
    show.table(tuple(name.upper() for name in found.channel_headings()), found.channel_rows())


def _summary(service: RunService, run_id: str) -> None:
    """The recommended model's paid channels in a small table, and what is implausible in it."""
    from mmm.format import percent
    from mmm.results import read_results
    from mmm.results.model_summary import labels_of, warnings_of

    summary = read_results(service.workspace, run_id).summary
    labels = labels_of(summary)
    key = labels.measure
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
