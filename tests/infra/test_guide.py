"""docs/AWS_DEPLOYMENT.md holds what the ordered guide (guide.json) names, and says nothing that is
not there.
"""

from __future__ import annotations

import importlib.util
import json
import re

import pytest

from mmm.settings import NAMES
from terraform_cli import CONFIGURATION, HERE, ROOT, Applied

GUIDE = json.loads((HERE / "guide.json").read_text())
DOCS = {
    name: (ROOT / "docs" / name).read_text()
    for name in ("AWS_DEPLOYMENT.md", "GITHUB_ACTIONS_AWS_SETUP.md")
}
TEXT = DOCS["AWS_DEPLOYMENT.md"]
TERRAFORM = {file: file.read_text() for file in sorted(CONFIGURATION.rglob("*.tf"))}


def commands(text: str) -> list[str]:
    """The commands in bash blocks, one line each, without comments."""
    found: list[str] = []
    for block in re.findall(r"^ *```bash\n(.*?)^ *```", text, re.M | re.S):
        begun = ""
        for line in block.replace("\\\n", "").splitlines():
            if not begun and (not line.strip() or line.lstrip().startswith("#")):
                continue
            begun = f"{begun} {line}".strip()
            if begun.count("'") % 2 == 0:
                found.append(re.sub(r"\s+", " ", re.sub(r"\s+#.*$", "", begun)))
                begun = ""
    return found


def headings(text: str) -> list[str]:
    return re.findall(r"^#{2,} (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)


def declared(kind: str) -> set[str]:
    return {
        name for text in TERRAFORM.values() for name in re.findall(rf'^{kind} "(\w+)"', text, re.M)
    }


def test_every_heading_and_command_of_the_guide_is_in_the_document() -> None:
    assert [one for one in GUIDE["headings"] if one not in headings(TEXT)] == []
    assert [one for one in GUIDE["commands"] if one not in commands(TEXT)] == []


def test_every_file_the_documents_name_is_there() -> None:
    missing = set()
    for name, text in DOCS.items():
        linked = {
            (ROOT / "docs" / path).resolve() for path in re.findall(r"\]\((?!http|#)([^)#]+)", text)
        }
        prefixes = r"(?:docker|infra|app|envs|docs)/"
        named = re.findall(rf"(?<![\w/.-])({prefixes}[\w./-]*\w)", text)
        at_root = {ROOT / path for path in named if not path.startswith("envs/")}
        missing |= {(name, str(path)) for path in linked | at_root if not path.exists()}
    missing |= {("guide", path) for path in GUIDE["files"] if not (ROOT / path).exists()}
    assert missing == set()
    assert {f"envs/{one}.tfvars" for one in ("prod", "dev")} <= set(
        re.findall(r"envs/\w+\.tfvars", TEXT)
    )


def test_anchors_lead_to_headings() -> None:
    for name, text in DOCS.items():
        for target, anchor in re.findall(r"\]\(([\w.]*)#([\w-]+)\)", text):
            slugs = {
                re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-")
                for one in headings(DOCS[target or name])
            }
            assert anchor in slugs


def test_names_of_resources_exist(applied: dict[str, Applied]) -> None:
    state = applied["prod"].state
    made = (
        {
            str(value)
            for module in [state["root_module"], *state["root_module"]["child_modules"]]
            for one in module["resources"]
            for value in one["values"].values()
            if isinstance(value, str)
        }
        | {one["name"] for one in applied["dev"].of("aws_ecs_cluster")}
        | {"mmm-app", "mmm-app-output-aws-dev"}
    )
    for text in DOCS.values():
        for name in re.findall(
            r"(?<![\w/-])(?:/ecs/)?mmm-app(?:-[a-z0-9-]*[a-z0-9])?(?![\w-])", text
        ):
            if name.startswith("github-actions"):
                continue
            assert name in made, name


def test_variables_and_outputs_are_terraforms() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| .*\|$", TEXT[: TEXT.index("Outputs:")], re.M))
    described = {
        name: re.search(r'description += "(.*)"$', block, re.M).group(1).replace('\\"', '"')  # type: ignore[union-attr]
        for name, block in re.findall(
            r'^variable "(\w+)" \{\n(.*?)^\}',
            TERRAFORM[CONFIGURATION / "variables.tf"],
            re.M | re.S,
        )
    }
    assert table == described
    outputs = set(re.findall(r'^output "(\w+)"', TERRAFORM[CONFIGURATION / "outputs.tf"], re.M))
    assert (
        set(re.findall(r"`(\w+)`", re.search(r"^Outputs: (.*)$", TEXT, re.M).group(1))) == outputs
    )  # type: ignore[union-attr]
    assert {
        name
        for text in DOCS.values()
        for name in re.findall(r"terraform output (?:-raw )?(\w+)", text)
    } <= outputs
    given = {name for text in DOCS.values() for name in re.findall(r"TF_VAR_(\w+)", text)}
    assert given <= set(described)
    used = {name for one in commands(TEXT) for name in re.findall(r'-var="(\w+)=', one)}
    assert used <= set(described)


def test_exported_variables_are_settings_of_the_app_terraform_or_aws() -> None:
    others = {"AWS_PROFILE", "REPOSITORY"}
    exported = {
        name
        for text in DOCS.values()
        for one in commands(text)
        for name in re.findall(r"^export (\w+)=", one)
    }
    assert {one for one in exported if not one.startswith("TF_VAR_")} - others <= NAMES.keys()


def test_alarms_are_terraforms(applied: dict[str, Applied]) -> None:
    told = dict(re.findall(r"^\| `(mmm-app-(?:web|vcpu)-[a-z-]+)` \| (.*) \|$", TEXT, re.M))
    made = applied["prod"].of("aws_cloudwatch_metric_alarm")
    assert told == {one["alarm_name"]: one["alarm_description"] for one in made}


def test_messages_in_the_troubleshooting_are_terraforms_own_or_ours() -> None:
    variables = TERRAFORM[CONFIGURATION / "variables.tf"]
    assert "This is workspace ${terraform.workspace}, but the variables are those of" in variables
    assert '"A name and a certificate\\"' in TERRAFORM[CONFIGURATION / "main.tf"].replace(
        '\\"A', '"A'
    )
    assert "**A name and a certificate.**" in TEXT


@pytest.fixture(scope="module")
def cost() -> object:
    spec = importlib.util.spec_from_file_location("cost", ROOT / "infra" / "cost.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_cost_table_is_the_computed_one(cost: object) -> None:
    assert cost.table() in TEXT  # type: ignore[attr-defined]
    prices = json.loads((ROOT / "infra" / "prices.json").read_text())
    flat = " ".join(TEXT.split())
    assert f"us-east-1 as of {prices['as_of']}" in flat
    assert (
        f"costs {cost.training(10):.2f} dollars for ten minutes and {cost.training(60):.2f} for an hour"
        in flat
    )  # type: ignore[attr-defined]
    assert f"`nat_gateways = 2` adds {cost.second_nat():.2f}" in flat  # type: ignore[attr-defined]


def test_costs_are_sums_of_prices(cost: object) -> None:
    """By hand: 730 hours of 2 vCPU and 4 GB; 730 hours and 20 GB of NAT; one hour of 8 vCPU and 32
    GB.
    """
    found = {name: round(dollars, 2) for name, _, dollars in cost.rows()}  # type: ignore[attr-defined]
    assert found["ECS Fargate service"] == 72.08
    assert found["NAT gateway"] == 33.75
    assert found["VPC endpoints"] == 58.6
    assert round(cost.training(60), 4) == 0.4661  # type: ignore[attr-defined]


def test_what_is_counted_is_what_terraform_makes(cost: object, applied: dict[str, Applied]) -> None:
    first, prod = applied["first"], applied["prod"]
    web, training = (
        {
            one["family"]: (int(one["cpu"]) / 1024, int(one["memory"]) / 1024)
            for one in first.of("aws_ecs_task_definition")
        }[name]
        for name in ("mmm-app-web", "mmm-app-training")
    )
    assert web == (cost.WEB_VCPU, cost.WEB_GB)  # type: ignore[attr-defined]
    assert training == (cost.TRAINING_VCPU, cost.TRAINING_GB)  # type: ignore[attr-defined]
    interfaces = [
        one for one in first.of("aws_vpc_endpoint") if one["vpc_endpoint_type"] == "Interface"
    ]
    assert len(interfaces) == cost.ENDPOINTS  # type: ignore[attr-defined]
    assert {len(one["subnet_ids"]) for one in interfaces} == {cost.ZONES}  # type: ignore[attr-defined]
    assert len(first.of("aws_cloudwatch_metric_alarm")) == cost.ALARMS  # type: ignore[attr-defined]
    assert len(prod.of("aws_secretsmanager_secret")) == cost.SECRETS  # type: ignore[attr-defined]
    assert len(first.of("aws_nat_gateway")) == 1
