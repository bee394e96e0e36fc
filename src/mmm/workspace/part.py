"""What the parts of the workspace share: JSON in and out of objects."""

from __future__ import annotations

from pydantic import BaseModel

from mmm.workspace.objects import Objects


class Part:
    """One part of a workspace. Keys are known to the parts and to nobody else."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def _create(self, key: str, model: BaseModel) -> None:
        self._objects.create(key, model.model_dump_json(indent=2).encode())
