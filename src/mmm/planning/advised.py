"""The budget that an engine advises for today's money, each channel within a share of its own spend:
the plan by which engines are judged where the truth is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mmm.engines.capabilities import Responds
from mmm.format import Labels
from mmm.planning.allocation import best_split
from mmm.planning.history import Tables, read_history
from mmm.planning.models import planned_with
from mmm.planning.request import PlanRequest

#: How far the advised budget may move each channel, as factors of its spend today.
LOW, HIGH = 0.7, 1.3


@dataclass(frozen=True)
class Advised:
    """Spend per period by channel: today's, and the advised one within LOW and HIGH of it."""

    today: dict[str, float]
    spend: dict[str, float]


def advised_budget(
    engine: Responds,
    tables: Tables,
    labels: Labels,
    model_id: str | None = None,
    asked: Mapping[str, Any] = MappingProxyType({}),
) -> Advised | None:
    """The advice of all kept models together, or of one: today's budget where no change is worth
    making. None for one channel: there is nothing to move. `asked` are other fields of the
    request.
    """
    history = read_history(tables)
    if len(history.channels) < 2:
        return None
    request = PlanRequest.model_validate({"low": LOW, "high": HIGH, **asked})
    planned = planned_with(engine, tables, history, model_id)
    initial, best, worth_making = best_split(history, planned, request, labels)
    today = dict(zip(history.channels, initial.tolist(), strict=True))
    if not worth_making:
        return Advised(today, today)
    return Advised(today, dict(zip(history.channels, best.tolist(), strict=True)))
