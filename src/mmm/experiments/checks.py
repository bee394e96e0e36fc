"""Findings on an experiment, collected so that one look at the message is enough to correct them all."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmm.errors import Finding, InvalidInput


@dataclass
class Checks:
    """Findings so far; a refusal begins with `refused`, or `refused_setup` where more than the data
    is wrong.
    """

    refused: str
    refused_setup: str
    findings: list[Finding] = field(default_factory=list)

    def error(self, what: str, where: str, fix: str = "") -> None:
        self.findings.append(Finding("error", what, where, fix))

    def warn(self, what: str, where: str, fix: str = "") -> None:
        self.findings.append(Finding("warning", what, where, fix))

    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == "error"]

    def refusal(self) -> InvalidInput:
        """All errors found so far as one, with what lift tests are warned of beside them."""
        of_data = all(error.where.startswith(("column ", "table")) for error in self.errors())
        beside = [
            finding
            for finding in self.findings
            if finding.level != "error" and finding.where.startswith("lift_tests")
        ]
        refused = self.refused if of_data else self.refused_setup
        return InvalidInput(refused, [*self.errors(), *beside])

    def stop(self) -> None:
        """Raise the refusal if there is an error."""
        if self.errors():
            raise self.refusal()


def column_text(name: str) -> str:
    return f"column {name!r}"
