"""What one way in can do, all can: every operation is reached by the API and the client, and by the MCP
server where its list of exceptions does not say otherwise. The list may only shrink.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mmm.api.app import Api
from mmm.assistant import tools as declared
from mmm.client import connect
from mmm.services import operations
from mmm.services.operation import File, Method

#: Operations without a tool in the MCP server: files, administration, and what a chat needs not.
NOT_BY_CHAT = {
    "certify_run", "check_quality", "get_audit", "get_batch", "get_mapping", "get_plan", "get_report",
    "get_run_events", "get_run_experiment", "get_run_log", "get_schedule", "get_summary", "get_table",
    "get_table_arrow", "get_template", "get_view", "list_batches", "list_mappings", "list_plans",
    "list_schedules", "list_tables", "list_templates", "list_tokens", "list_views", "retry_batch_runs",
    "retry_run", "revoke_token", "set_schedule_paused", "stop_batch", "store_mapping", "store_plan",
    "store_schedule", "upload_dataset",
}  # fmt: skip
#: Tools whose name is another than their operation's.
_OTHER = {"get_run", "compare", "estimate_experiment", "list_channels"}


def test_every_operation_is_reached_by_every_way_in(here: Any) -> None:
    names = set(operations())
    routes = {(route.path, *(route.methods or ())) for route in Api(here.services).routes()}
    for one in operations().values():
        assert any(path == one.path and one.method.value in rest for path, *rest in routes), one
    source = Path(declared.__file__).read_text(encoding="utf-8")
    by_chat = set(re.findall(r'(?:_call\(context, |operations\(\)\[)"(\w+)"', source))
    assert by_chat & {"get_run", "compare"} == {"get_run", "compare"}
    assert names - by_chat - {"validate_experiment"} == NOT_BY_CHAT
    assert by_chat >= _OTHER


def test_every_reading_operation_answers_the_client_alike_by_both_ways(here: Any) -> None:
    """Each that needs no more than a run: bytes or values, the same here and by the server."""
    server, local = connect(here.url, here.token()), connect()
    known = {
        "run": here.run_id,
        "market": "sample",
        "dataset": "latest",
        "table": "models",
        "view": "fit",
    }
    known |= {"view": "efficiency", "channel": "tv_S", "runs": here.run_id}
    slow = {"get_report", "recommend_next_test", "get_audit"}
    looked = 0
    for name, one in operations().items():
        places = {field for field in one.asked.model_fields if f"{{{field}}}" in one.path}
        if one.method is not Method.GET or name in slow or not places <= set(known):
            continue
        needed = {field for field, of in one.asked.model_fields.items() if of.is_required()}
        if name == "compare" or not needed <= set(known) or name == "get_certificate":
            continue
        fields = {field: known[field] for field in needed | places}
        answer = local.call(name, **fields)
        assert server.call(name, **fields) == answer
        assert isinstance(answer, bytes if one.answer is File else dict)
        looked += 1
    assert looked > 20
