"""The web app on the platform aws, from sign-in to results: real browser, provider, clients, and
tasks that run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from aws_servers import CLUSTER, Aws
from mmm.access import Role, User
from mmm.experiments.config import Experiment
from mmm.platforms import open_secret_store
from mmm.runs.sample import sample_experiment
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import RunState
from servers import free_port
from web_servers import SECONDS, browser_context, login_provider, web_app

ANN: dict[str, Any] = {
    "sub": "ann",
    "name": "Ann Analyst",
    "email": "ann@example.com",
    "email_verified": True,
}
#: The sample is trained in full elsewhere.
QUICK = {"trials": 1, "iterations": 60, "min_candidates": 20, "bootstrap": 100}
SERVICE = "mmm-browser"
SIGN_IN = {
    "client-id": "mmm",
    "client-secret": "secret-of-the-tests",
    "cookie-secret": "cookie-secret-0123456789-0123456789",
}


@pytest.fixture(scope="module")
def settings(aws: Aws) -> Settings:
    """The guide's settings on an empty bucket, and the sign-in's secrets in Secrets Manager."""
    made = aws.settings(aws.new_bucket())
    for name, value in SIGN_IN.items():
        open_secret_store(made).put(f"{SERVICE}-auth-{name}", value)
    return made


@pytest.fixture(scope="module")
def page(
    browser: Any, aws: Aws, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """A tab on the app, which was started with the guide's variables and those of the sign-in that
    are no secrets.
    """
    folder, port = tmp_path_factory.mktemp("browser-aws"), free_port()
    log = folder / "app.log"
    with login_provider(folder / "provider.log", [ANN]) as provider:
        environment = aws.environment(
            str(settings.s3_bucket),
            SERVICE_NAME=SERVICE,
            MMM_PUBLIC_URL=f"http://localhost:{port}",
            AUTH_ANALYSTS="ann@example.com",
            AUTH_SERVER_METADATA_URL=f"{provider}/.well-known/openid-configuration",
        )
        with web_app(log, port, **environment) as address:
            context = browser_context(browser, address)
            yield context.new_page()
            context.close()
    for name in ("client-secret", "cookie-secret"):
        assert SIGN_IN[name] not in log.read_text()


def newest_task(aws: Aws, workspace: Workspace) -> dict[str, Any]:
    run_id = workspace.run_ids()[0]
    (task,) = aws.client("ecs").list_tasks(cluster=CLUSTER, startedBy=f"mmm/{run_id}-0001")[
        "taskArns"
    ]
    (described,) = aws.client("ecs").describe_tasks(cluster=CLUSTER, tasks=[task])["tasks"]
    return dict(described)


def ended_task(aws: Aws, workspace: Workspace) -> dict[str, Any]:
    """The newest task once it has stopped, a moment after its run has ended."""
    until = time.monotonic() + 180
    while (task := newest_task(aws, workspace))["lastStatus"] != "STOPPED":
        assert time.monotonic() < until, task
        time.sleep(0.1)
    return task


def test_from_sign_in_to_a_cancelled_run_that_stops_its_task(
    page: Page, aws: Aws, settings: Settings
) -> None:
    page.goto("/")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="ann", exact=True).click()
    page.get_by_role("button", name="Open the sample").click()
    expect(page.get_by_role("heading", name="Sample: Robyn's weekly demo")).to_be_visible()
    expect(page.get_by_role("progressbar").first).to_be_visible(timeout=120 * SECONDS)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel this run").click()
    expect(page.get_by_text("This run was cancelled.")).to_be_visible()
    task = newest_task(aws, Workspace.open(settings))
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "Cancelled by mmm-app")


def test_a_run_is_followed_to_its_results(page: Page, aws: Aws, settings: Settings) -> None:
    workspace = Workspace.open(settings)
    (dataset,) = workspace.datasets("sample")
    sample = sample_experiment(dataset.dataset_id, "ridge")
    quick = Experiment.model_validate(sample.model_dump() | {"settings": QUICK})
    run_id = RunService.open(settings).submit(quick, User(ANN["email"], role=Role.ANALYST))
    page.goto(f"/run?run={run_id}")
    page.get_by_role("button", name="Look at the results").click(timeout=600 * SECONDS)
    expect(page.get_by_text("Which channels are certain?")).to_be_visible(timeout=90 * SECONDS)

    assert workspace.run_ids()[0] == run_id
    assert workspace.last_event(run_id).state is RunState.SUCCEEDED
    attempt, task = workspace.attempt(run_id, 1), ended_task(aws, workspace)
    assert attempt is not None
    assert (attempt.platform, task["taskArn"] in attempt.handle) == ("aws", True)
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 0)
    assert {entry.actor for day in workspace.audit_days() for entry in workspace.audit(day)} == {
        "ann@example.com"
    }
