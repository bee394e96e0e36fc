"""The audit trail, for administrators."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from mmm import admin
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, operation
from mmm.workspace.models import AuditEntry
from mmm.workspace.names import utc_now
from mmm.workspace.tokens import Scope


class AuditAsked(Fields):
    """Days in UTC, both included; today where they are left out."""

    first: date | None = None
    last: date | None = None
    limit: Annotated[int, Field(ge=1, le=5000)] = 500


class AuditPage(Fields):
    """The newest entries; `total` are all of these days."""

    entries: list[AuditEntry]
    total: int


@operation(Method.GET, "/audit", Scope.READ)
def get_audit(context: Context, asked: AuditAsked) -> AuditPage:
    """Say who did what to what, newest first. For administrators."""
    today = utc_now().date()
    first, last = asked.first or today, asked.last or today
    found = admin.audit_log(context.workspace, context.user, first, last)
    return AuditPage(entries=found[: asked.limit], total=len(found))
