"""What each tool does to the world, in one table. A tool that is not in it is refused."""

from __future__ import annotations

from collections.abc import Collection

from mmm.access import NotAllowed
from mmm.workspace.tokens import Scope

EFFECTS: dict[str, Scope] = {
    "list_datasets": Scope.READ,
    "describe_dataset": Scope.READ,
    "propose_mapping": Scope.READ,
    "validate_experiment": Scope.READ,
    "submit_run": Scope.COMPUTE,
    "run_status": Scope.READ,
    "cancel_run": Scope.COMPUTE,
    "list_runs": Scope.READ,
    "get_answer": Scope.READ,
    "get_channel": Scope.READ,
    "get_curves": Scope.READ,
    "get_bridge": Scope.READ,
    "compare_runs": Scope.READ,
    "get_certificate": Scope.READ,
    "plan_budget": Scope.READ,
    "recommend_next_test": Scope.READ,
    "analyse_test": Scope.READ,
    "design_test": Scope.READ,
    "design_time_test": Scope.READ,
    "list_tests": Scope.READ,
    "get_test": Scope.READ,
    "keep_test": Scope.WRITE,
    "move_test": Scope.WRITE,
    "record_test": Scope.WRITE,
    "explain_term": Scope.READ,
}


def require_allowed(tool: str, allowed: Collection[Scope]) -> None:
    """NotAllowed for a tool that nobody has classified, or whose effect is not allowed."""
    effect = EFFECTS.get(tool)
    if effect is None:
        raise NotAllowed(f"What {tool!r} does is not known; it is not carried out.", where="tool")
    if effect not in allowed:
        raise NotAllowed(
            f"{tool} is not allowed here: it may do {effect}.",
            where="tool",
            fix=f"Start the server with --allow {effect}, or use a token with this scope.",
        )
