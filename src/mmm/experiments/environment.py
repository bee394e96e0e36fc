"""Whether this machine has what an engine needs."""

from __future__ import annotations

from mmm.engines.base import Engine
from mmm.errors import Finding, InvalidInput


def environment_findings(engine: Engine) -> list[Finding]:
    """Warnings. Raises InvalidInput with everything that the engine lacks here."""
    findings = engine.check_environment()
    if any(finding.level == "error" for finding in findings):
        raise InvalidInput(f"the engine {engine.name} cannot train on this machine:", findings)
    return findings
