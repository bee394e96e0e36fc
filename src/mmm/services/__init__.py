"""What can be asked of the platform, each an `Operation`, declared once: the REST API, the Python
client and the MCP server are three ways to call the same ones.
"""

from __future__ import annotations

from importlib import import_module

from mmm.services.operation import Operation, registered

#: Modules that declare operations, in the order in which they are listed.
_MODULES = (
    "mmm.services.runs",
    "mmm.services.results",
    "mmm.services.reports",
    "mmm.services.datasets",
    "mmm.services.experiments",
    "mmm.services.plans",
    "mmm.services.geo_tests",
    "mmm.services.designs",
    "mmm.services.registry",
    "mmm.services.batches",
    "mmm.services.schedules",
    "mmm.services.glossary",
    "mmm.services.tokens",
    "mmm.services.audit",
)


def operations() -> dict[str, Operation]:
    """All operations by name."""
    for module in _MODULES:
        import_module(module)
    return registered()
