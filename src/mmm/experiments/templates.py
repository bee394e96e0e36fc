"""Templates: experiments without their dataset, kept by name and version to begin others from."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from mmm.access import User
from mmm.experiments.config import parse_experiment
from mmm.workspace import Workspace
from mmm.workspace.names import named_version, utc_now
from mmm.workspace.stored import model_of

#: What a template leaves open. A refresh belongs to one run, and so does what is trained anew.
_OPEN = ("dataset", "refresh", "retrains")


class Template(BaseModel):
    """`experiment` has the fields of an experiment's file, all but the dataset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    experiment: dict[str, Any]
    saved_by: str
    at: datetime


def save_template(workspace: Workspace, name: str, content: dict[str, Any], by: User) -> int:
    """Store a new version of a template made of an experiment's content; InvalidInput where that is
    not valid.
    """
    workspace.permit(by, "template.save", name)
    kept = {field: value for field, value in content.items() if field not in _OPEN}
    text = json.dumps(kept, default=str)
    parse_experiment(
        text, where=f"the template {name!r}", dataset={"market": "any", "dataset_id": "any"}
    )
    version = workspace.save_template(
        name, Template(experiment=json.loads(text), saved_by=by.id, at=utc_now())
    )
    workspace.append_audit(by, "template.save", f"{name} {version}")
    return version


def load_template(workspace: Workspace, name: str) -> Template:
    """The template called NAME (its newest version) or NAME@VERSION; NotFound names those there
    are.
    """
    text = workspace.template(*named_version(name, "template"))
    return model_of(Template, text, f"template {name!r}")
