"""Errors a user can act on: what happened, which input it was, what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class UserError(Exception):
    """An error shown to a user as it stands, without a stack trace.

    `what` says what happened, `where` names the input (file, column, row, setting, field), `fix`
    says what to do.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} {self.fix}" if self.fix else text


class Killed(Exception):
    """A process that the training needs was ended from outside by a signal that cannot be caught,
    mostly for lack of memory. The text says which process, and its last lines.
    """


class NotFound(UserError):
    """Something that was named does not exist in the workspace."""


class AlreadyExists(UserError):
    """An object that may be created only once exists already."""


@dataclass(frozen=True)
class Finding:
    """One thing found in an input before any work is done. `level` is "error" (stops) or "warning"
    (goes on); `check` is the id of the data check that found it, if one did.
    """

    level: str
    what: str
    where: str = ""
    fix: str = ""
    check: str = ""

    def __str__(self) -> str:
        return str(UserError(self.what, where=self.where, fix=self.fix))


class InvalidInput(UserError):
    """Several findings at once, so that a user can mend all of them before the next try."""

    def __init__(self, what: str, findings: Sequence[Finding]) -> None:
        super().__init__(what)
        self.findings = tuple(findings)

    def __str__(self) -> str:
        lines = [self.what]
        for finding in self.findings:
            mark = "Warning: " if finding.level == "warning" else ""
            lines.append(f"  - {mark}{finding}")
        return "\n".join(lines)
