"""A training task in a real container, started the way AWS starts it: docker/build_local.sh runs this.

The product's launcher, store and settings talk to an emulator of AWS (ministack), which runs the tasks of its ECS in
containers through podman's Docker socket. What that emulator is not: it checks no permissions and limits no memory.

    python docker/try_ecs.py http://127.0.0.1:PORT localhost/mmm-app-training:latest
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import boto3

from mmm.access import Role, User
from mmm.results import read_results
from mmm.runs.sample import sample_experiment
from mmm.runs.service import RunService
from mmm.settings import load_settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace.models import RunState

ENDPOINT, IMAGE = sys.argv[1:3]
BUCKET, CLUSTER, FAMILY = "mmm-app-output-aws", "mmm-app-cluster", "mmm-app-training"
LOG_GROUP = "/ecs/mmm-app-training"
ANN = User("ann", role=Role.ANALYST)
SETTINGS = {
    "CLOUD_PROVIDER": "aws",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": ENDPOINT,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "S3_BUCKET": BUCKET,
    "ECS_CLUSTER": CLUSTER,
    "TRAINING_TASK_FAMILY": FAMILY,
}
#: Fargate's is awsvpc; with the host's the emulator, and the role's keys it hands out, are on a loopback address.
NETWORK_MODE = "host"
passed = 0


def check(what: str, true: bool) -> None:
    global passed
    if not true:
        sys.exit(f"not ok - {what}")
    passed += 1
    print(f"ok {passed} - {what}")


def prepare() -> None:
    """What Terraform makes: bucket, log group, cluster, task definition."""
    client("s3").create_bucket(Bucket=BUCKET)
    client("logs").create_log_group(logGroupName=LOG_GROUP)
    client("ecs").create_cluster(clusterName=CLUSTER)
    register(IMAGE)


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1", endpoint_url=ENDPOINT)


def register(image: str) -> None:
    """A revision of the task definition with the tags that the launcher reads."""
    log = {
        "awslogs-group": LOG_GROUP,
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "training",
    }
    client("ecs").register_task_definition(
        family=FAMILY,
        networkMode=NETWORK_MODE,
        requiresCompatibilities=["FARGATE"],
        cpu="2048",
        memory="4096",
        containerDefinitions=[
            {
                "name": "training",
                "image": image,
                "essential": True,
                "environment": [{"name": "AWS_REGION", "value": "us-east-1"}],
                "logConfiguration": {"logDriver": "awslogs", "options": log},
            }
        ],
        tags=[
            {"key": "mmm-app:subnets", "value": "subnet-0123456789abcdef0"},
            {"key": "mmm-app:security-groups", "value": "sg-0123456789abcdef0"},
        ],
    )


def ended(service: RunService, run_id: str) -> RunState:
    for event in service.follow(run_id):
        last = event
    print(f"    {last.state}: {last.message}")
    if last.state is RunState.CRASHED:
        print(*(f"    | {line}" for line in service.output(run_id)), sep="\n")
    return last.state


def main() -> None:
    os.environ.update(SETTINGS)
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()
    from mmm.data.ingest import ingest

    prepare()
    service = RunService.open(load_settings().settings)
    stored = ingest(
        FileSource(sample.PATH),
        market="sample",
        origin="sample.csv",
        workspace=service.workspace,
        by=ANN,
    )
    quick = {"trials": 2, "iterations": 500, "min_candidates": 50, "bootstrap": 100}
    experiment = sample_experiment(stored.dataset_id).model_copy(update={"settings": quick})

    run_id = service.submit(experiment, ANN)
    check("a run in a container of ECS succeeds", ended(service, run_id) is RunState.SUCCEEDED)
    summary = read_results(service.workspace, run_id).summary
    check(
        "its results are in the bucket",
        summary["run_id"] == run_id and len(summary["channels"]) >= 5,
    )
    check("its provenance names the commit", bool(service.workspace.provenance(run_id)["commit"]))
    check(
        "what it printed is in CloudWatch",
        any("succeeded" in line for line in service.output(run_id)),
    )

    long = sample_experiment(stored.dataset_id).model_copy(
        update={"settings": {"trials": 20, "iterations": 100_000}}
    )
    run_id = service.submit(long, ANN)
    for event in service.follow(run_id):
        if event.state is RunState.RUNNING:
            break
    service.cancel(run_id, ANN)
    check("a run can be cancelled while it goes on", ended(service, run_id) is RunState.CANCELLED)

    register("localhost/there-is-no-such-image:latest")
    run_id = service.submit(experiment, ANN)
    check("an image that is not there ends as crashed", ended(service, run_id) is RunState.CRASHED)
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
