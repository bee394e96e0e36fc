"""One column of a proposal: its role, and on the way to it what it holds and which rule knew it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmm.data.mapping import KpiKind
from mmm.data.naming import Role
from mmm.data.profile import ColumnFacts


@dataclass(frozen=True)
class ColumnProposal:
    """One column's role. `confidence` is 0 to 1; `partner` the spend of an exposure and the
    exposure of a spend.
    """

    column: str
    role: Role
    confidence: float
    reason: str
    partner: str | None = None
    kpi_kind: KpiKind | None = None


@dataclass
class Candidate:
    """A column on its way: what it holds, and the rule that matched it, if one did.

    `could_be_exposure` marks numbers that no rule took for something else.
    """

    facts: ColumnFacts
    words: tuple[str, ...]
    rank: tuple[int, int] = (10_000, 0)
    could_be_exposure: bool = False
    proposal: ColumnProposal = field(init=False)

    def take(
        self, role: Role, confidence: float, reason: str, kpi_kind: KpiKind | None = None
    ) -> None:
        self.proposal = ColumnProposal(
            self.facts.name, role, round(confidence, 2), reason, kpi_kind=kpi_kind
        )

    def drop(self, reason: str, confidence: float = 0.8) -> None:
        self.take("unused", confidence, reason)

    @property
    def role(self) -> Role:
        return self.proposal.role
