"""The budget that a model advises for today's money, each channel within a share of its own spend:
the plan by which engines are judged where the truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmm.planning.allocation import allocate
from mmm.planning.media import Tables, read_model
from mmm.planning.request import PlanRequest
from mmm.results.format import Labels

#: How far the advised budget may move each channel, as factors of its spend today.
LOW, HIGH = 0.7, 1.3


@dataclass(frozen=True)
class Advised:
    """Spend per period by channel: today's, and the advised one within LOW and HIGH of it."""

    today: dict[str, float]
    spend: dict[str, float]


def advised_budget(tables: Tables, model_id: str, labels: Labels) -> Advised | None:
    """The advice of a kept model; None for one channel: there is nothing to move."""
    model = read_model(tables, model_id)
    if len(model.paid) < 2:
        return None
    request = PlanRequest.model_validate({"low": LOW, "high": HIGH})
    rows = allocate(model, request, labels).channels.to_pylist()
    return Advised(
        today={row["channel"]: row["initial_spend"] for row in rows},
        spend={row["channel"]: row["spend"] for row in rows},
    )
