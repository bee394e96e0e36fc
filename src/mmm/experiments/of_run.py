"""The experiment of a run that is looked at. Training reads it strictly: there an unknown field would
be a wish that is not carried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmm.experiments.config import Experiment
from mmm.workspace.stored import model_of

if TYPE_CHECKING:
    from mmm.workspace import Workspace


def experiment_of(workspace: Workspace, run_id: str) -> Experiment:
    """What the run was to model, fields of newer versions passed over; Unreadable when damaged."""
    return model_of(Experiment, workspace.job_config(run_id), f"job_config.json of run {run_id}")
