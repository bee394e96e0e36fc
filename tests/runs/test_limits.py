"""What asks for more than one run may is refused before anything is queued."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmm.access import Role, User
from mmm.errors import InvalidInput
from mmm.experiments.config import Experiment
from mmm.runs.estimate import Estimate
from mmm.runs.limits import RunLimits, exceeded
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.workspace import Workspace

ANN = User("ann", role=Role.ANALYST)
Make = Callable[..., Experiment]


def test_a_search_of_a_hundred_million_models_is_refused(
    settings: Settings, workspace: Workspace, experiment: Make
) -> None:
    huge = experiment(trials=100, iterations=1_000_000)
    service = RunService.open(settings)
    with pytest.raises(InvalidInput) as told:
        service.submit(huge, ANN)
    memory = [finding for finding in told.value.findings if "memory" in finding.what]
    assert "MMM_RUN_MEMORY_MB" in memory[0].fix
    assert workspace.run_ids() == []


@pytest.mark.parametrize(("name", "limit"), [("run_seconds", 5.0), ("run_memory_mb", 256)])
def test_limits_are_settings(settings: Settings, experiment: Make, name: str, limit: float) -> None:
    asked = experiment(trials=5, iterations=2000)
    RunService.open(settings).check(asked)
    with pytest.raises(InvalidInput, match="is the most") as told:
        RunService.open(settings.model_copy(update={name: limit})).check(asked)
    assert len(told.value.findings) == 1


def test_what_is_not_known_is_not_refused() -> None:
    assert exceeded(Estimate(None, None, None, ""), RunLimits(1.0, 1.0)) == []
    assert exceeded(Estimate(2.0, 2.0, None, ""), RunLimits(2.0, None)) == []


def test_nothing_may_take_longer_than_its_task() -> None:
    asked = Settings(run_seconds=100_000, task_timeout_seconds=3600)
    assert RunLimits.of(asked).seconds == 3600
