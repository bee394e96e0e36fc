"""`mmm propose`, `mmm quality`, `mmm prepare`: from a dataset to one that can be modelled."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmm.cli import show
from mmm.cli.runs import read_file
from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.settings import load_settings
from mmm.workspace import DatasetManifest, Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from mmm.data.calendar import Period
    from mmm.data.naming import NamingRules
    from mmm.data.proposal import Proposal
    from mmm.data.quality import QualityReport

Dataset = Annotated[
    str,
    typer.Argument(metavar="MARKET/DATASET", help="A dataset; `latest` for the market's newest."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EXIT_RED = 1


def propose_command(
    dataset: Dataset,
    as_json: Json = False,
    save: Annotated[
        str | None, typer.Option(help="Save the proposed mapping under this name.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Print a recipe for preparing by day, week, month or quarter."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Naming rules (JSON); they become the workspace's own.")
    ] = None,
) -> None:
    """Propose a role for every column, with the confidence and the reason.

    Example: `mmm propose DE/latest --save weekly`.
    """
    # pyarrow, which looking at runs does not need
    from mmm.data.naming import naming_rules, parse_naming_rules, save_naming_rules
    from mmm.data.proposal import propose
    from mmm.data.references import dataset_name, find_source, proposed
    from mmm.data.saved_mappings import save_mapping

    workspace, manifest = _open(dataset)
    if recipe is not None:
        manifest, note = find_source(workspace, dataset)
        if note:
            typer.echo(f"Note: {note}", err=True)
    if rules is not None:
        save_naming_rules(
            workspace, parse_naming_rules(read_file(rules), where=str(rules)), local_user()
        )
    known = naming_rules(workspace)
    table = workspace.read_dataset(manifest.market, manifest.dataset_id)
    found = propose(table, known)
    if recipe is not None:
        _print_recipe(table, found, _period(recipe), known, dataset_name(manifest))
        return
    _print_proposal(found, as_json)
    if save is not None:
        version = save_mapping(workspace, save, proposed(found), manifest, local_user())
        typer.echo(f"Saved as mapping {save!r}, version {version}.", err=True)


def quality_command(
    dataset: Dataset,
    mapping: Annotated[
        str | None,
        typer.Option(help="A saved mapping, NAME or NAME@VERSION; default: the proposed one."),
    ] = None,
    market: Annotated[
        str | None, typer.Option(help="Only this market of the mapping's market column.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a dataset before any compute; exit code 1 if a light is red.

    Example: `mmm quality DE/latest --mapping weekly`.
    """
    from mmm.data.quality import Light, review
    from mmm.data.quality.currencies import columns_to_check
    from mmm.data.references import mapping_for

    workspace, manifest = _open(dataset)
    used, differences = mapping_for(workspace, manifest, mapping)
    for finding in differences:
        typer.echo(f"Note: {finding}", err=True)
    columns = columns_to_check(manifest.columns, used)
    report = review(
        workspace.read_dataset(manifest.market, manifest.dataset_id, columns), used, market=market
    )
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        _print_report(report)
    if report.light is Light.RED:
        raise typer.Exit(EXIT_RED)


def prepare_command(
    dataset: Dataset,
    recipe: Annotated[
        Path,
        typer.Argument(help="The recipe, a JSON file; `mmm propose --recipe` prints a first one."),
    ],
) -> None:
    """Apply a recipe and store the result as a new dataset; print its id.

    Example: `mmm prepare DE/latest recipe.json`.
    """
    from mmm.data.prepare import parse_recipe, prepare_dataset
    from mmm.data.references import dataset_name, find_source

    workspace = Workspace.open(load_settings().settings)
    manifest, note = find_source(workspace, dataset)
    parsed = parse_recipe(read_file(recipe), where=str(recipe))
    if parsed.source and parsed.source != dataset_name(manifest):
        other = f"The recipe was made for {parsed.source}; {dataset_name(manifest)} is prepared."
        note = f"{note} {other}".strip()
    if note:
        typer.echo(f"Note: {note}", err=True)
    for made in prepare_dataset(
        workspace, manifest.market, manifest.dataset_id, parsed, local_user()
    ):
        typer.echo(f"{made.market}/{made.dataset_id}")
        typer.echo(f"{made.rows:,} rows, {len(made.columns)} columns", err=True)
        for note in made.notes:
            typer.echo(f"Note: {note}", err=True)


def _open(dataset: str) -> tuple[Workspace, DatasetManifest]:
    """The workspace and the dataset named as market/id, or market/latest."""
    from mmm.data.references import find_dataset

    workspace = Workspace.open(load_settings().settings)
    return workspace, find_dataset(workspace, dataset)


def _print_recipe(
    table: pa.Table, found: Proposal, period: Period, known: NamingRules, source: str
) -> None:
    """The proposed recipe as JSON; what is special about it goes to stderr."""
    from mmm.data.prepare import propose_long_recipe, propose_part_recipe, propose_recipe

    if found.long is not None:
        made = propose_long_recipe(table, found.long, period, known)
        typer.echo(f"Note: {found.findings[0]}", err=True)
    elif found.mapping is not None:
        made = propose_recipe(table, found.mapping, period, known)
    else:
        made = propose_part_recipe(table, found, period, known)
    lacking = [item for item in found.findings if item.where in ("role kpi", "role spend")]
    if lacking and found.long is None:
        said = " ".join(item.what for item in lacking)
        typer.echo(f"Note: {said} Join what is prepared with the other tables.", err=True)
    typer.echo(made.model_copy(update={"source": source}).to_json())


def _period(text: str) -> Period:
    from mmm.data.calendar import PERIODS

    for period in PERIODS:
        if period == text:
            return period
    fix = f"Use one of: {', '.join(PERIODS)}."
    raise UserError(f"{text!r} is no period.", where="--recipe", fix=fix)


def _print_proposal(found: Proposal, as_json: bool) -> None:
    if as_json:
        mapping = None if found.mapping is None else found.mapping.model_dump(mode="json")
        columns = [asdict(item) for item in found.columns]
        findings = [asdict(item) for item in found.findings]
        typer.echo(
            json.dumps({"columns": columns, "mapping": mapping, "findings": findings}, indent=2)
        )
        return
    rows = [
        (item.column, item.role, item.partner or "-", f"{item.confidence:.0%}", item.reason)
        for item in found.columns
    ]
    show.table(("COLUMN", "ROLE", "WITH", "CONFIDENCE", "WHY"), rows)
    for finding in found.findings:
        typer.echo(f"{finding.level.capitalize()}: {finding}", err=True)


def _print_report(report: QualityReport) -> None:
    show.table(
        ("LIGHT", "CHECK", "FINDING"),
        [(result.light.value, result.title, result.finding) for result in report.checks],
    )
    for result in report.checks:
        if result.light.value in ("red", "orange", "yellow"):
            typer.echo(f"\n{result.title} ({result.light.value}): {result.why}")
            for place in result.places:
                dates = ", ".join(map(str, place.dates)) + (
                    ", ..." if place.count > len(place.dates) else ""
                )
                at = f" ({dates})" if place.dates else ""
                typer.echo(f"  {place.light.value:<7} {place.column or 'table'}: {place.what}{at}")
            fixes = dict.fromkeys(place.fix or result.fix for place in result.places)
            typer.echo(f"  What to do: {' '.join(fixes or {result.fix: None})}")
    typer.echo("\nWhat the data can and cannot tell, by channel")
    rows = []
    for channel in report.channels:
        told = " ".join(sentence.text for sentence in channel.sentences)
        rows.append((channel.channel, channel.light.value, told))
    show.table(("CHANNEL", "LIGHT", ""), rows)


def join_command(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(metavar="MARKET/DATASET...", help="Two or more datasets."),
    ] = None,
    market: Annotated[str, typer.Option(help="Where the joined dataset is stored.")] = "",
    recipe: Annotated[
        Path | None, typer.Option(help="The join as a JSON file, in place of naming datasets.")
    ] = None,
    keep: Annotated[
        str, typer.Option(help="all: every date and market; shared: those that all have.")
    ] = "all",
    show_recipe: Annotated[
        bool, typer.Option("--print", help="Print the join as JSON; store nothing.")
    ] = False,
) -> None:
    """Join datasets (spend, KPI, control variables) by date and market, and store the result as one.

    What has no partner is named. Example: `mmm join DE/SPEND_ID DE/KPI_ID --market DE`.
    """
    from mmm.data.prepare.join import parse_join
    from mmm.data.prepare.join_stored import join_datasets, propose_join

    workspace = Workspace.open(load_settings().settings)
    if (recipe is None) == (not datasets):
        raise UserError("name two or more datasets, or a --recipe.", where="join")
    if recipe is not None:
        parsed = parse_join(read_file(recipe), where=str(recipe))
    else:
        parsed = propose_join(workspace, datasets or [], keep)
    if show_recipe:
        typer.echo(parsed.model_dump_json(indent=2))
        return
    if not market:
        raise UserError("say where the result is stored.", where="--market", fix="--market DE")
    made = join_datasets(workspace, market, parsed, local_user())
    typer.echo(f"{made.market}/{made.dataset_id}")
    typer.echo(f"{made.rows:,} rows, {len(made.columns)} columns", err=True)
    for note in made.notes:
        typer.echo(f"Note: {note}", err=True)
