"""The report of a run, as a file."""

from __future__ import annotations

from typing import Literal

from mmm.models.advice import ensure_advice
from mmm.results.branding import saved_look
from mmm.results.report import report_of
from mmm.services.context import Context
from mmm.services.operation import File, Method, operation
from mmm.services.results import OfModel
from mmm.services.runs import Name
from mmm.workspace.tokens import Scope

Kind = Literal["html", "pdf", "pptx", "xlsx"]
_OFFICE = "application/vnd.openxmlformats-officedocument"
MEDIA_TYPES: dict[str, str] = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "pptx": f"{_OFFICE}.presentationml.presentation",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
}


class ReportAsked(OfModel):
    """`dates` has decomposition and ROAS of a range only, 2018-01-01:2018-03-26."""

    kind: Kind = "html"
    dates: Name = ""


@operation(Method.GET, "/runs/{run}/report", Scope.READ)
def get_report(context: Context, asked: ReportAsked) -> File:
    """Give a model's report: a page, PDF, slides or a workbook, as the web app has it."""
    run_id, results = context.results(asked.run)
    ensure_advice(context.workspace, run_id, results)
    look = saved_look(context.workspace)
    data = report_of(results, asked.model or None, look, asked.kind, asked.dates)
    return File(data, MEDIA_TYPES[asked.kind], f"{run_id.replace('/', '-')}.{asked.kind}")
