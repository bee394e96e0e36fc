"""Whatever fits the OpenAPI document, and much that does not, is answered and never breaks the server."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings

from mmm.api.app import PREFIX
from mmm.api.openapi import document
from mmm.services import operations

SCHEMA = schemathesis.openapi.from_dict(document(operations().values(), PREFIX))
FEW = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


#: What there is in the workspace, in the place of what is made up.
KNOWN = {
    "run": "latest",
    "market": "sample",
    "dataset": "latest",
    "table": "fit",
    "view": "waterfall",
}
#: With a run that there is they would start real work, or compute for long.
LONG = {"certify_run", "recommend_next_test", "get_report"}


@SCHEMA.parametrize()
@FEW
def test_no_request_breaks_the_server(case: Any, asking: Any) -> None:
    answered(case, asking)
    places = case.path_parameters or {}
    known = {name: KNOWN[name] for name in places if name in KNOWN}
    if known and case.operation.definition.raw["operationId"] not in LONG:
        case.path_parameters = places | known
        answered(case, asking)


def answered(case: Any, asking: Any) -> None:
    headers = {"Authorization": f"Bearer {asking.token()}"}
    answer = case.call(base_url=asking.url + PREFIX, headers=headers, timeout=300)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == ["application/problem+json"]
        assert answer.json()["what"]
