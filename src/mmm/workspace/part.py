"""What the parts of the workspace share: JSON in and out of objects."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from mmm.workspace.objects import Objects
from mmm.workspace.stored import Model, content_of, encoded, read_model


class Part:
    """One part of a workspace. Keys are known to the parts and to nobody else."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def _create(self, key: str, model: BaseModel, kind: str) -> None:
        self._objects.create(key, encoded(model, kind))

    def _put(self, key: str, model: BaseModel, kind: str) -> None:
        self._objects.put(key, encoded(model, kind))

    def _read(self, key: str, model: type[Model], kind: str) -> Model:
        """The object as a model; NotFound where there is none, Unreadable where it is damaged."""
        return read_model(model, self._objects.get(key), kind, self._objects.where(key))

    def _content(self, key: str, kind: str) -> dict[str, Any]:
        return content_of(self._objects.get(key), kind, self._objects.where(key))

    def _text(self, key: str, kind: str) -> str:
        """The object as JSON text of today's version, for models that live on higher floors."""
        return json.dumps(self._content(key, kind), indent=2, ensure_ascii=False)

    def _numbers(self, folder: str, ending: str = ".json", start: str = "") -> list[int]:
        """Numbers of the objects in a folder that are named by number, in order. What else lies
        there is not ours.
        """
        names = (name.removesuffix(ending) for name in self._objects.names(folder))
        found = (name.removeprefix(start) for name in names)
        return sorted(int(name) for name in found if name.isascii() and name.isdecimal())
