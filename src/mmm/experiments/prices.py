"""What a task's time costs: the machine it gets on each platform and that machine's list price,
declared here once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """What a task gets on a platform, and its list price in US dollars per hour."""

    vcpus: float
    gigabytes: float
    per_vcpu_hour: float
    per_gigabyte_hour: float

    @property
    def per_hour(self) -> float:
        return self.vcpus * self.per_vcpu_hour + self.gigabytes * self.per_gigabyte_hour


#: The deployment guide's machine for a task. List prices without discounts, 2025: us-east-1
#: (Fargate, Linux/x86) and us-central1 (Cloud Run jobs).
MACHINES: dict[str, Machine] = {
    "local": Machine(vcpus=0, gigabytes=0, per_vcpu_hour=0.0, per_gigabyte_hour=0.0),
    "aws": Machine(vcpus=8, gigabytes=32, per_vcpu_hour=0.04048, per_gigabyte_hour=0.004445),
    "gcp": Machine(vcpus=8, gigabytes=32, per_vcpu_hour=0.0648, per_gigabyte_hour=0.0072),
}


def price(dollars: float | None) -> str:
    """Money in words; a machine of one's own costs nothing extra."""
    if dollars is None:
        return "-"
    if dollars == 0:
        return "no cost"
    return "less than USD 0.01" if dollars < 0.01 else f"USD {dollars:,.2f}"


def cost(platform: str, seconds: float | None) -> float | None:
    """US dollars of a task that takes so long on a platform."""
    return None if seconds is None else MACHINES[platform].per_hour * seconds / 3600
