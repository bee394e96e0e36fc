"""Who acts, and what each role may do. The services ask; pages only leave out what would be
refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mmm.errors import UserError


class Role(StrEnum):
    """A viewer looks at everything that is not the administrators' and chooses what to be told, an analyst works, an admin does
    everything.
    """

    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"


_RANK = {role: rank for rank, role in enumerate(Role)}

#: The lowest role for each action; the audit trail calls the actions by the same names.
LOWEST_ROLE: dict[str, Role] = {
    "dataset.ingest": Role.ANALYST,
    "dataset.prepare": Role.ANALYST,
    "dataset.label": Role.ANALYST,
    "connection.read": Role.ANALYST,
    "mapping.save": Role.ANALYST,
    "naming_rules.save": Role.ANALYST,
    "run.submit": Role.ANALYST,
    "run.cancel": Role.ANALYST,
    "run.retry": Role.ANALYST,
    "run.accept": Role.ANALYST,
    "run.study": Role.ANALYST,
    "template.save": Role.ANALYST,
    "test.save": Role.ANALYST,
    "schedule.save": Role.ANALYST,
    "notifications.choose": Role.VIEWER,
    "notifications.end": Role.ADMIN,
    "batch.submit": Role.ANALYST,
    "batch.cancel": Role.ANALYST,
    "batch.retry": Role.ANALYST,
    "plan.save": Role.ANALYST,
    "plan.commit": Role.ANALYST,
    "model.annotate": Role.ANALYST,
    "branding.save": Role.ADMIN,
    "connection.add": Role.ADMIN,
    "connection.replace": Role.ADMIN,
    "connection.remove": Role.ADMIN,
    "audit.read": Role.ADMIN,
    "workspace.examine": Role.ADMIN,
    "workspace.repair": Role.ADMIN,
    "workspace.backup": Role.ADMIN,
    "workspace.restore": Role.ADMIN,
    "workspace.retain": Role.ADMIN,
    "settings.read": Role.ADMIN,
    "token.read": Role.ADMIN,
    "token.issue": Role.ADMIN,
    "token.revoke": Role.ADMIN,
}


class NotAllowed(UserError):
    """The person is known, and their role does not allow what they asked for."""


@dataclass(frozen=True)
class User:
    """A person, or a program that acts in its own name. Nobody but the border that made it says
    what role it has.
    """

    name: str
    email: str = ""
    role: Role = Role.VIEWER

    @property
    def id(self) -> str:
        """What histories and the audit trail call them."""
        return self.email or self.name

    def may(self, action: str) -> bool:
        return _RANK[self.role] >= _RANK[LOWEST_ROLE[action]]

    def require(self, action: str) -> None:
        """Raise NotAllowed unless the role allows the action."""
        if not self.may(action):
            lowest = LOWEST_ROLE[action]
            raise NotAllowed(
                f"{self.id} has the role {self.role}; {action} needs the role {lowest}.",
                where="role",
                fix="Ask an administrator.",
            )
