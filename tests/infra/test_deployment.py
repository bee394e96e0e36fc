"""What Terraform makes has the names, ports, variables and rights that the guide, the code and the
images use.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from mmm.errors import InvalidInput
from mmm.settings import NAMES, Settings
from mmm.web.shell.sign_in import SignIn, secret_name, sign_in_of
from terraform_cli import CONFIGURATION, HERE, ROOT, Applied

GUIDE = json.loads((HERE / "guide.json").read_text())


@pytest.fixture
def prod(applied: dict[str, Applied]) -> Applied:
    return applied["prod"]


@pytest.fixture
def first(applied: dict[str, Applied]) -> Applied:
    return applied["first"]


def test_names_are_the_guides(prod: Applied) -> None:
    for kind, names in GUIDE["names"].items():
        found = {one.get("name") or one.get("family") or one.get("bucket") for one in prod.of(kind)}
        assert set(names) <= found, kind
    assert set(GUIDE["outputs"]) <= prod.outputs.keys()
    variables = (CONFIGURATION / "variables.tf").read_text()
    assert [name for name in GUIDE["variables"] if f'variable "{name}"' not in variables] == []
    assert (
        f'bucket       = "{GUIDE["state_bucket"]}"' in (CONFIGURATION / "versions.tf").read_text()
    )


def test_sizes_and_port_are_the_guides(prod: Applied) -> None:
    sizes = {
        one["family"]: (int(one["cpu"]), int(one["memory"]))
        for one in prod.of("aws_ecs_task_definition")
    }
    assert sizes == {"mmm-app-web": (2048, 4096), "mmm-app-training": (8192, 32768)}
    (mapping,) = prod.container("web")["portMappings"]
    (group,) = prod.of("aws_lb_target_group")
    (health,) = group["health_check"]
    assert (mapping["containerPort"], group["port"]) == (8080, 8080)
    assert (health["path"], health["matcher"]) == ("/_stcore/health", "200")


def test_the_web_container_gets_settings_that_the_app_accepts(prod: Applied) -> None:
    given = prod.environment("web")
    known = {name: value for name, value in given.items() if name in NAMES}
    assert set(given) - set(known) == {"HOME"}
    assert set(GUIDE["environment"]) - set(known) == {"AWS_ACCOUNT_ID"}
    settings = Settings.model_validate(known)
    assert settings.workspace_url == "s3://mmm-app-output-aws"
    assert settings.auth_admins == ("ann@example.com", "bob@example.com")
    assert settings.auth_allowed_domains == ("example.com",)
    assert (settings.sf_account, settings.sf_user, settings.sf_role) == ("MYORG-SHOP", "MMM", None)
    assert settings.public_url == "https://mmm.example.com" == prod.outputs["web_service_url"]
    assert prod.outputs["oauth_redirect_uri"] == "https://mmm.example.com/oauth2callback"


def test_secrets_reach_the_web_container_alone_by_the_names_the_app_looks_for(
    prod: Applied, first: Applied
) -> None:
    settings = Settings.model_validate({"SERVICE_NAME": prod.environment("web")["SERVICE_NAME"]})
    secrets = {one["name"] for one in prod.container("web")["secrets"]}
    assert secrets == {
        "AUTH_CLIENT_ID",
        "AUTH_CLIENT_SECRET",
        "AUTH_COOKIE_SECRET",
        "SF_PRIVATE_KEY",
    }
    assert secrets <= NAMES.keys()
    assert {one["name"] for one in prod.of("aws_secretsmanager_secret")} == {
        secret_name(settings, n) for n in secrets
    }
    assert "secrets" not in prod.container("training")
    # ECS starts no task whose secret has no value.
    assert "SF_PRIVATE_KEY" not in {one["name"] for one in first.container("web")["secrets"]}


def test_the_app_opens_with_a_certificate_and_stays_shut_before_saying_what_is_missing(
    prod: Applied, first: Applied
) -> None:
    def sign_in(run: Applied) -> SignIn | None:
        known = {name: value for name, value in run.environment("web").items() if name in NAMES}
        secrets = {
            one["name"]: "a secret of 32 characters or more."
            for one in run.container("web")["secrets"]
        }
        return sign_in_of(Settings.model_validate(known | secrets))

    opened = sign_in(prod)
    assert opened is not None
    assert (opened.https, opened.redirect_uri) == (True, prod.outputs["oauth_redirect_uri"])
    with pytest.raises(InvalidInput) as shut:
        sign_in(first)
    assert [one.what for one in shut.value.findings] == [
        "must be https, except on localhost.",
        "nobody would be allowed in.",
    ]


def test_no_secret_value_is_in_the_state(prod: Applied) -> None:
    state = json.dumps(prod.state)
    values = re.findall(r'^ +(?:auth_\w+_secret|sf_private_key) += "(.*)"', _tests(), re.M)
    assert len(values) >= 3
    assert [value for value in values if value and value in state] == []


def test_tasks_are_hardened(prod: Applied) -> None:
    for task in ("web", "training"):
        container = prod.container(task)
        definition = prod.resources[f"aws_ecs_task_definition.{task}"]
        assert container["name"] == task
        assert container["readonlyRootFilesystem"] is True
        assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
        (mount,) = container["mountPoints"]
        assert (mount["sourceVolume"], mount["containerPath"]) == ("tmp", "/tmp")  # noqa: S108
        assert [one["name"] for one in definition["volume"]] == ["tmp"]
        assert definition["requires_compatibilities"] == ["FARGATE"]
        options = container["logConfiguration"]["options"]
        assert options["awslogs-group"] == f"/ecs/mmm-app-{task}"
        assert options["awslogs-stream-prefix"] == task


def test_the_launcher_finds_the_private_subnets_and_the_closed_group_in_the_definitions_tags(
    prod: Applied,
) -> None:
    tags = prod.resources["aws_ecs_task_definition.training"]["tags"]
    private = {
        values["id"]
        for address, values in prod.resources.items()
        if "aws_subnet.private" in address
    }
    assert set(tags["mmm-app:subnets"].split(" ")) == private
    assert tags["mmm-app:security-groups"] == prod.resources["aws_security_group.training"]["id"]
    rules = [
        one
        for one in prod.of("aws_security_group_rule")
        if one["security_group_id"] == tags["mmm-app:security-groups"]
    ]
    assert [one["type"] for one in rules] == ["egress", "egress"]
    assert [one["cidr_blocks"] for one in rules] == [None, None]  # no address of the internet


def test_with_a_certificate_http_only_redirects(prod: Applied, first: Applied) -> None:
    listeners = {int(one["port"]): one["default_action"][0] for one in prod.of("aws_lb_listener")}
    assert {port: action["type"] for port, action in listeners.items()} == {
        80: "redirect",
        443: "forward",
    }
    assert listeners[80]["redirect"][0]["status_code"] == "HTTP_301"
    assert [one["default_action"][0]["type"] for one in first.of("aws_lb_listener")] == ["forward"]
    assert first.outputs["web_service_url"].startswith("http://")


def test_sessions_stay_with_their_task_and_quiet_websockets_stay_open(prod: Applied) -> None:
    (group,) = prod.of("aws_lb_target_group")
    assert group["stickiness"][0]["type"] == "lb_cookie"
    assert group["stickiness"][0]["cookie_duration"] >= Settings().auth_session_seconds
    assert prod.resources["aws_lb.web"]["idle_timeout"] == 3600


def test_one_nat_gateway_serves_both_zones_unless_there_are_two(
    prod: Applied, first: Applied
) -> None:
    for run, gateways in ((prod, 2), (first, 1)):
        assert len(run.of("aws_nat_gateway")) == gateways
        routes = [
            one for address, one in run.resources.items() if address.startswith("aws_route.private")
        ]
        assert len(routes) == 2
        assert len({one["nat_gateway_id"] for one in routes}) == gateways
        assert len([a for a in run.resources if a.startswith("aws_subnet.")]) == 4
        names = {
            one["service_name"].removeprefix("com.amazonaws.us-east-1.")
            for one in run.of("aws_vpc_endpoint")
        }
        assert names == {"s3", "ecr.api", "ecr.dkr", "logs", "secretsmanager"}


def test_without_nat_gateway_tasks_have_public_addresses_and_nobody_gets_in(
    applied: dict[str, Applied],
) -> None:
    dev = applied["dev"]
    assert (dev.of("aws_nat_gateway"), dev.of("aws_eip")) == ([], [])
    assert [one["vpc_endpoint_type"] for one in dev.of("aws_vpc_endpoint")] == ["Gateway"]
    (service,) = dev.of("aws_ecs_service")
    assert service["network_configuration"][0]["assign_public_ip"] is True
    tags = dev.resources["aws_ecs_task_definition.training"]["tags"]
    public = {one["id"] for name, one in dev.resources.items() if "aws_subnet.public" in name}
    assert set(tags["mmm-app:subnets"].split()) == public
    assert tags["mmm-app:public-address"] == "yes"
    tasks = {dev.resources[f"aws_security_group.{name}"]["id"] for name in ("web", "training")}
    inward = [
        one
        for one in dev.of("aws_security_group_rule")
        if one["type"] == "ingress" and one["security_group_id"] in tasks
    ]
    load_balancer = dev.resources["aws_security_group.alb"]["id"]
    assert [one["source_security_group_id"] for one in inward] == [load_balancer]
    assert "nat_gateways = 0" in (CONFIGURATION / "envs" / "dev.tfvars").read_text()


def test_a_network_of_ones_own_takes_the_place_of_terraforms(applied: dict[str, Applied]) -> None:
    own = applied["own"]
    made = {address.split(".")[0] for address in own.resources if not address.startswith("data")}
    assert not made & {"aws_vpc", "aws_subnet", "aws_nat_gateway", "aws_vpc_endpoint", "aws_route"}
    (balancer,) = own.of("aws_lb")
    assert (balancer["internal"], balancer["subnets"]) == (True, ["subnet-1", "subnet-2"])
    assert {one["vpc_id"] for one in own.of("aws_security_group")} == {"vpc-own"}
    assert (
        own.resources["aws_ecs_task_definition.training"]["tags"]["mmm-app:subnets"] == "subnet-3"
    )
    people = [one for one in own.of("aws_security_group_rule") if one["description"] == "People"]
    assert [one["cidr_blocks"] for one in people] == [["10.0.0.0/8"]] * 2


def test_every_setting_can_be_set_or_is_excused(applied: dict[str, Applied]) -> None:
    """Settings that no Terraform variable reaches would need a fork of the configuration."""
    text = (CONFIGURATION / "web.tf").read_text()
    settable = set(re.findall(r'"([A-Z_]+)"', text.partition("settable = [")[2].partition("]")[0]))
    excused = {
        # A laptop's: in the cloud a role gives the rights, and the workspace is the bucket.
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL",
        "AWS_ACCOUNT_ID", "MMM_WORKSPACE", "MMM_SECRETS_DIR",
        # The image's.
        "MMM_RSCRIPT", "MMM_ROBYN_LIBRARY",
        # The connection that Terraform makes ready signs in by its key.
        "SF_PASSWORD", "SF_PRIVATE_KEY_PASSPHRASE", "MMM_SMTP_PASSWORD",
    }  # fmt: skip
    google = {name for name in NAMES if name.startswith(("GCP_", "GCS_", "GOOGLE_"))}
    google.add("TRAINING_JOB_NAME")
    container = applied["own"].container("web")
    made = set(applied["own"].environment("web")) | {one["name"] for one in container["secrets"]}
    assert NAMES.keys() - made - settable - excused - google == set()
    assert settable - NAMES.keys() == set()
    assert applied["own"].environment("web")["MMM_LOG_LEVEL"] == "DEBUG"
    assert applied["own"].environment("training")["MMM_LOG_LEVEL"] == "DEBUG"


def test_older_revisions_stay_usable_for_a_rollback(prod: Applied) -> None:
    """An apply that fails half-way must not leave the family without an active revision."""
    definitions = prod.of("aws_ecs_task_definition")
    assert [one["skip_destroy"] for one in definitions] == [True, True]


def test_a_new_secret_value_is_a_new_task_definition(prod: Applied) -> None:
    secrets = prod.container("web")["secrets"]
    assert len(secrets) == 4
    assert all(re.fullmatch(r"[^:]+:::[^:]+", one["valueFrom"]) for one in secrets), secrets
    kept = {one["recovery_window_in_days"] for one in prod.of("aws_secretsmanager_secret")}
    assert kept == {30}


def test_the_copy_of_the_bucket_keeps_what_is_deleted(applied: dict[str, Applied]) -> None:
    (copy,) = applied["own"].of("aws_s3_bucket_replication_configuration")
    (rule,) = copy["rule"]
    assert rule["destination"][0]["bucket"] == "arn:aws:s3:::mmm-app-backup"
    assert rule["delete_marker_replication"][0]["status"] == "Disabled"
    (budget,) = applied["own"].of("aws_budgets_budget")
    assert {one["threshold"] for one in budget["notification"]} == {80, 100}
    assert applied["prod"].of("aws_s3_bucket_replication_configuration") == []


def test_dev_stands_beside_prod(applied: dict[str, Applied]) -> None:
    """Two states in one account: no name twice, save for the repositories, which prod's state owns
    alone.
    """
    kinds = (
        "aws_iam_role", "aws_ecs_cluster", "aws_lb", "aws_lb_target_group", "aws_secretsmanager_secret",
        "aws_sns_topic", "aws_cloudwatch_log_group", "aws_cloudwatch_event_rule", "aws_s3_bucket", "aws_ecr_repository",
    )  # fmt: skip
    names = {
        run: {one.get("name") or one["bucket"] for kind in kinds for one in applied[run].of(kind)}
        for run in ("prod", "dev")
    }
    assert not names["prod"] & names["dev"]
    assert applied["dev"].of("aws_ecr_repository") == []
    assert applied["dev"].environment("web")["SERVICE_NAME"] == "mmm-app-dev"
    dev = json.dumps(
        [applied["dev"].policies(one["name"]) for one in applied["dev"].of("aws_iam_role")]
    )
    granted = set(re.findall(r"(?:secret:|s3:::|log-group:/ecs/|task-definition/)([a-z-]+)", dev))
    assert granted == {
        "mmm-app-dev-auth-", "mmm-app-dev-sf-", "mmm-app-dev-connection-", "mmm-app-output-aws-dev", "mmm-app-dev-web",
        "mmm-app-dev-training",
    }  # fmt: skip


def test_every_alarm_goes_to_the_topic_whose_subscriber_is_the_alarm_address(prod: Applied) -> None:
    (topic,) = prod.of("aws_sns_topic")
    alarms = {
        one["alarm_name"].removeprefix("mmm-app-web-"): one
        for one in prod.of("aws_cloudwatch_metric_alarm")
    }
    assert alarms.keys() == {
        "no-healthy-task", "errors", "slow", "cpu", "memory", "mmm-app-vcpu-quota",
    }  # fmt: skip
    assert {tuple(one["alarm_actions"]) for one in alarms.values()} == {(topic["arn"],)}
    assert (alarms["slow"]["statistic"], alarms["slow"]["extended_statistic"]) == (None, "p95")
    (mail,) = prod.of("aws_sns_topic_subscription")
    assert (mail["topic_arn"], mail["endpoint"]) == (topic["arn"], "ann@example.com")
    pattern = json.loads(prod.of("aws_cloudwatch_event_rule")[0]["event_pattern"])
    assert pattern["detail"]["group"] == ["family:mmm-app-training"]


def test_no_role_may_do_everything_of_a_service(prod: Applied) -> None:
    """Stars stand only where AWS knows no resource."""
    statements = [
        statement
        for role in prod.of("aws_iam_role")
        for policy in prod.policies(role["name"]).values()
        for statement in policy["Statement"]
    ]
    assert len(statements) > 15
    assert [action for one in statements for action in _list(one["Action"]) if "*" in action] == []
    everywhere = {
        action for one in statements if one["Resource"] == "*" for action in _list(one["Action"])
    }
    assert everywhere == {"ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition"}


def test_the_bucket_refuses_what_is_not_tls_and_what_is_public(prod: Applied) -> None:
    (policy,) = prod.of("aws_s3_bucket_policy")
    statement, overwritten, kept = json.loads(policy["policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "s3:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    for denied in (overwritten, kept):
        assert (denied["Effect"], denied["Principal"]) == ("Deny", "*")
        assert [name.rpartition(":")[2].partition("/")[2] for name in denied["Resource"]] == [
            "audit/*",
            "audit_chain/*",
        ]
    assert overwritten["Action"] == "s3:PutObject"
    assert overwritten["Condition"] == {
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }
    assert kept["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert "Condition" not in kept
    (block,) = prod.of("aws_s3_bucket_public_access_block")
    kinds = (
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    )
    assert [block[kind] for kind in kinds] == [True] * 4
    (lifecycle,) = prod.of("aws_s3_bucket_lifecycle_configuration")
    assert (
        lifecycle["rule"][0]["abort_incomplete_multipart_upload"][0]["days_after_initiation"] == 1
    )


def test_the_tasks_images_are_made_for_the_read_only_root() -> None:
    """A Fargate mount belongs to root unless the image declares the path as a volume."""
    for name in ("web", "training"):
        dockerfile = ROOT / "docker" / f"Dockerfile.{name}"
        text = dockerfile.read_text()
        assert re.search(r"^VOLUME .*/tmp", text, re.M), name
        assert re.search(r"^USER (?!root|0\b)\S+", text, re.M), name


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _tests() -> str:
    return (HERE / "configuration.tftest.hcl").read_text()
