"""What a month on AWS costs: prints the table of docs/AWS_DEPLOYMENT.md from prices.json and what Terraform makes.

python infra/cost.py
"""

from __future__ import annotations

import json
from pathlib import Path

HOURS = 730
PRICES = json.loads((Path(__file__).parent / "prices.json").read_text())

# What runs, and an assumed month of use.
WEB_VCPU, WEB_GB = 2, 4
TRAINING_VCPU, TRAINING_GB = 8, 32
ZONES, ENDPOINTS, SECRETS, ALARMS = 2, 4, 4, 6
NAT_GB, ENDPOINT_GB, BUCKET_GB, IMAGE_GB, LOG_GB, INSIGHTS = 20, 20, 100, 20, 5, 30
LCU = 0.1


def fargate(vcpu: int, gb: int, hours: float) -> float:
    return hours * float(vcpu * PRICES["fargate_vcpu_hour"] + gb * PRICES["fargate_gb_hour"])


def rows() -> list[tuple[str, str, float]]:
    """(component, what is counted, dollars a month)."""
    p = PRICES
    return [
        (
            "ECS Fargate service",
            f"one web task, {WEB_VCPU} vCPU and {WEB_GB} GB, always on",
            fargate(WEB_VCPU, WEB_GB, HOURS),
        ),
        (
            "VPC endpoints",
            f"{ENDPOINTS} in {ZONES} zones, {ENDPOINT_GB} GB; S3's is free",
            ENDPOINTS * ZONES * HOURS * p["endpoint_zone_hour"] + ENDPOINT_GB * p["endpoint_gb"],
        ),
        ("NAT gateway", f"one, {NAT_GB} GB", HOURS * p["nat_hour"] + NAT_GB * p["nat_gb"]),
        (
            "Application Load Balancer",
            f"one, {LCU} capacity units",
            HOURS * (p["alb_hour"] + LCU * p["alb_lcu_hour"]),
        ),
        (
            "Public IPv4 addresses",
            f"{ZONES} of the load balancer, one of NAT",
            (ZONES + 1) * HOURS * p["public_ipv4_hour"],
        ),
        (
            "CloudWatch",
            f"{LOG_GB} GB of logs, {ALARMS} alarms, about {INSIGHTS} metrics of Container Insights",
            LOG_GB * p["log_gb"] + ALARMS * p["alarm_metric_month"] + INSIGHTS * p["metric_month"],
        ),
        ("Amazon S3", f"{BUCKET_GB} GB", BUCKET_GB * p["s3_gb_month"]),
        ("Amazon ECR", f"{IMAGE_GB} GB of images", IMAGE_GB * p["ecr_gb_month"]),
        ("Secrets Manager", f"{SECRETS} secrets", SECRETS * p["secret_month"]),
    ]


def table() -> str:
    lines = ["| Component | Counted | USD a month |", "|---|---|---:|"]
    lines += [f"| {name} | {counted} | {cost:.2f} |" for name, counted, cost in rows()]
    lines.append(f"| **Total** | before training | **{sum(cost for *_, cost in rows()):.2f}** |")
    return "\n".join(lines)


def training(minutes: float) -> float:
    """What one training task costs; Fargate counts by the second."""
    return fargate(TRAINING_VCPU, TRAINING_GB, minutes / 60)


def second_nat() -> float:
    return float(HOURS * (PRICES["nat_hour"] + PRICES["public_ipv4_hour"]))


if __name__ == "__main__":
    print(table())
    print(f"\nA training task of ten minutes: {training(10):.2f}; of an hour: {training(60):.2f}.")
    print(f"nat_gateways = 2: {second_nat():.2f} more.")
