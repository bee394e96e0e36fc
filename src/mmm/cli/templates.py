"""`mmm template`: experiments without their dataset, to begin others from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mmm.cli import show
from mmm.cli.runs import read_file
from mmm.engines import DEFAULT_ENGINE
from mmm.errors import UserError
from mmm.plain_json import read_json
from mmm.platforms.local.user import local_user
from mmm.settings import load_settings
from mmm.workspace import Workspace

template_command = typer.Typer(
    name="template",
    help="Keep experiments as templates, and begin others from them.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="The template, NAME or NAME@VERSION.")]


@template_command.command("save")
def save(
    name: Annotated[str, typer.Argument(help="What to call it; a known name gets a new version.")],
    experiment: Annotated[
        Path, typer.Argument(help="The experiment, a JSON file; its dataset is left out.")
    ],
) -> None:
    """Keep an experiment as a template.

    Example: `mmm template save weekly experiment.json`.
    """
    from mmm.experiments.templates import save_template

    content = parse_content(experiment)
    version = save_template(_workspace(), name, content, local_user())
    typer.echo(f"{name}@{version}")


@template_command.command("list")
def list_() -> None:
    """List the templates with their newest versions.

    Example: `mmm template list`.
    """
    from mmm.experiments.templates import load_template

    workspace = _workspace()
    rows, damaged = [], []
    for name in workspace.template_names():
        try:
            found = load_template(workspace, name)
        except UserError as error:
            damaged.append(error)
            continue
        rows.append(
            (
                name,
                str(found.experiment.get("engine", DEFAULT_ENGINE)),
                show.moment(found.at),
                found.saved_by,
            )
        )
    show.table(("TEMPLATE", "ENGINE", "SAVED", "BY"), rows)
    show.unreadable(damaged)


@template_command.command("show")
def show_(
    name: Name,
    dataset: Annotated[
        str | None, typer.Option(help="MARKET/DATASET to put in, MARKET/latest for the newest.")
    ] = None,
) -> None:
    """Print a template; with --dataset an experiment that `mmm submit` takes.

    Example: `mmm template show weekly --dataset DE/latest > experiment.json`.
    """
    from mmm.data.references import find_dataset
    from mmm.experiments.templates import load_template

    workspace = _workspace()
    content = load_template(workspace, name).experiment
    if dataset is not None:
        manifest = find_dataset(workspace, dataset)
        content = {
            **content,
            "dataset": {"market": manifest.market, "dataset_id": manifest.dataset_id},
        }
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def parse_content(file: Path) -> dict[str, Any]:
    """A JSON file's object; UserError when it holds none."""
    content = read_json(read_file(file), where=str(file))
    if not isinstance(content, dict):
        raise UserError("must be an object, {...}.", where=str(file))
    return content


def _workspace() -> Workspace:
    return Workspace.open(load_settings().settings)
