"""The experiment that is meant: given in full, or a template with a dataset."""

from __future__ import annotations

import json
from typing import Any

from mmm.data.references import find_dataset
from mmm.errors import UserError
from mmm.experiments.config import Experiment, with_preset
from mmm.experiments.submission import read_experiment
from mmm.experiments.templates import load_template
from mmm.services.context import Context
from mmm.services.runs import ExperimentBody


def given_experiment(context: Context, body: ExperimentBody) -> Experiment:
    """The experiment with names resolved; UserError where it is not valid."""
    text = json.dumps(_content(context, body))
    found = read_experiment(context.workspace, text, where="experiment")
    if body.preset is None:
        return found
    return with_preset(found, body.preset)


def _content(context: Context, body: ExperimentBody) -> dict[str, Any]:
    if (body.experiment is None) == (body.template is None):
        fix = "Give the experiment's fields, or the name of a template."
        raise UserError("one of them is needed.", where="experiment or template", fix=fix)
    content: dict[str, Any] = dict(body.experiment or {})
    if body.template is not None:
        content = dict(load_template(context.workspace, body.template).experiment)
    content |= body.changes
    if body.dataset is not None:
        dataset = find_dataset(context.workspace, body.dataset)
        content["dataset"] = {"market": dataset.market, "dataset_id": dataset.dataset_id}
    return content
