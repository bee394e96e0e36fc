"""`mmm certify`: how wrong a run's numbers could be, from worlds simulated on its own data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmm.cli import show
from mmm.cli.runs import Json, Run, wait_for
from mmm.platforms.local.user import local_user
from mmm.runs.service import RunService
from mmm.settings import load_settings

if TYPE_CHECKING:
    from mmm.format import Labels


def certify_command(
    run: Run = "latest",
    worlds: Annotated[int, typer.Option(min=5, max=2000, help="How many simulated worlds.")] = 200,
    effort: Annotated[
        str, typer.Option(help="short: less effort for each world; full: as the run.")
    ] = "short",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same worlds.")] = 1,
    again: Annotated[
        bool, typer.Option("--again", help="Certify anew although there is a certificate.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say how wrong a run's numbers could be on data like its own.

    The first time it simulates worlds with known truth on the run's data and trains each with the
    run's settings, as a task that goes on when this command is interrupted; later it shows the
    certificate that is stored with the run.

    Example: `mmm certify latest --worlds 100`.
    """
    from mmm.experiments.config import parsed
    from mmm.results import read_results
    from mmm.results.certified import (
        before_sentences,
        channels,
        checks,
        checks_finding,
        confidence_rule,
        families,
        sentences,
    )
    from mmm.results.model_summary import labels_of
    from mmm.runs.certification import CertificateRequest

    service = RunService.open(load_settings().settings)
    run_id = service.workspace.find_run(run)
    results = read_results(service.workspace, run_id)
    if again or results.certificate is None:
        asked = {"worlds": worlds, "effort": effort, "seed": seed}
        request = parsed(CertificateRequest, asked, "the certificate")
        wait_for(service, service.submit_certificate(run_id, request, local_user()), quiet=as_json)
        results = read_results(service.workspace, run_id)
    found = results.certificate
    if found is None:
        raise RuntimeError("a certificate that was made cannot be read")
    if as_json:
        show.as_json(json.loads(found.to_json()))
        return
    labels = labels_of(results.summary)
    show.numbers(channels(results, found.model_id, labels), labels)
    typer.echo("")
    for sentence in sentences(found, labels):
        typer.echo(sentence)
    typer.echo(confidence_rule())
    typer.echo("\nBy what could be true:")
    show.numbers(families(found), labels)
    typer.echo(f"\n{checks_finding(found)}")
    for item in checks(found).to_pylist():
        _check(item, labels)
    typer.echo("\nWhat the data alone can tell:")
    for sentence in before_sentences(found.before):
        typer.echo(sentence)


def _check(item: dict[str, Any], labels: Labels) -> None:
    """A check's result: outcome, finding, value beside its threshold, what to do, what it bears on."""
    from mmm.format import cell

    said = (
        f"{item['outcome']}: {item['check']}. {item['finding']} {item['recommendation']}".rstrip()
    )
    value = cell("check_value", item["check_value"], labels)
    threshold = cell("threshold", item["threshold"], labels)
    typer.echo(f"{said} (value {value}, threshold {threshold}; bears on {item['decision']})")
