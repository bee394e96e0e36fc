"""The one reader and writer of what is stored as JSON: kinds, schema versions, upgrades, damage.

A kind's version is raised only when an older reader would misunderstand it. What a newer version
merely adds, an older one passes over: it reads the fields that it knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from mmm.errors import UserError
from mmm.plain_json import read_json

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item")
Key = TypeVar("Key")

VERSION_FIELD = "schema_version"
#: Every kind of stored document, and the version in which it is written today.
SCHEMA_VERSIONS: dict[str, int] = {
    "dataset": 1,
    "connection": 1,
    "mapping": 1,
    "naming_rules": 1,
    "job_config": 1,
    "event": 1,
    "attempt": 1,
    "provenance": 1,
    "heartbeat": 1,
    "log": 1,
    "note": 1,
    "results": 1,
    "acceptance": 1,
    "batch": 1,
    "batch_digest": 1,
    "batch_job": 1,
    "batch_job_answer": 1,
    "template": 1,
    "test": 1,
    "plan": 1,
    "plan_of_record": 1,
    "schedule": 1,
    "firing": 1,
    "subscription": 1,
    "letter": 1,
    "letter_taken": 1,
    "branding": 1,
    "draft": 1,
    "sign_out": 1,
    "token": 1,
    "token_revoked": 1,
    "asked": 1,
    "audit": 1,
    "audit_link": 1,
    "backup": 1,
}
#: What makes a document of (kind, version) one of the next version.
UPGRADES: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}

_RESTORE = "Restore it from a backup or an earlier version of the object; `mmm doctor` lists all."


class Unreadable(UserError):
    """What lies in the workspace is damaged, or of a version that this one cannot read."""

    def __init__(self, what: str, *, where: str = "", fix: str = _RESTORE) -> None:
        super().__init__(what, where=where, fix=fix)


class Found(list[Item], Generic[Item]):
    """A list of what could be read, and beside it why the rest could not."""

    def __init__(self, items: Iterable[Item] = (), unreadable: Iterable[Unreadable] = ()) -> None:
        super().__init__(items)
        self.unreadable = tuple(unreadable)


def read_all(
    keys: Iterable[Key], read: Callable[[Key], Item]
) -> tuple[list[Item], list[Unreadable]]:
    """What `read` gives for each key, and the damage where it gives none."""
    found, damaged = [], []
    for key in keys:
        try:
            found.append(read(key))
        except Unreadable as damage:
            damaged.append(damage)
    return found, damaged


def encoded(model: BaseModel, kind: str) -> bytes:
    """A document with its schema version, as it is stored."""
    content = model.model_dump(mode="json", exclude_none=kind == "connection")
    return json.dumps(
        {VERSION_FIELD: SCHEMA_VERSIONS[kind], **content}, indent=2, ensure_ascii=False
    ).encode()


def content_of(data: bytes, kind: str, where: str) -> dict[str, Any]:
    """A stored document's content as of today's version, without the version itself."""
    if not data.strip(b"\0 \n"):
        raise Unreadable("is empty.", where=where)
    try:
        content = read_json(data, where=where)
    except UserError as error:
        raise Unreadable(error.what, where=where) from error
    if not isinstance(content, dict):
        raise Unreadable("is not an object of JSON.", where=where)
    version = content.pop(VERSION_FIELD, 1)
    newest = SCHEMA_VERSIONS[kind]
    if not isinstance(version, int) or version < 1:
        raise Unreadable(f"has no schema version that there could be: {version!r}.", where=where)
    if version > newest:
        what = f"was written by a newer mmm-app ({kind} {version}; this one reads up to {newest})."
        raise Unreadable(what, where=where, fix="Update mmm-app here, too.")
    for step in range(version, newest):
        content = UPGRADES[kind, step](content)
    return content


def read_model(model: type[Model], data: bytes, kind: str, where: str) -> Model:
    """A stored document as a model."""
    return as_model(model, content_of(data, kind, where), where)


def as_model(model: type[Model], content: dict[str, Any], where: str) -> Model:
    """A document's content as a model. Fields that the model does not know are passed over."""
    return as_valid(model.model_validate_json, content, where)


def as_valid(validate: Callable[[str], Item], content: dict[str, Any], where: str) -> Item:
    """Like `as_model`, with the function that makes a value of JSON."""
    try:
        return validate(json.dumps(content))
    except ValidationError as error:
        problems = error.errors(include_url=False)
    if any(problem["type"] != "extra_forbidden" for problem in problems):
        raise _not_ours(problems, where)
    for problem in problems:
        _drop(content, problem["loc"])
    try:
        return validate(json.dumps(content))
    except ValidationError as error:
        raise _not_ours(error.errors(include_url=False), where) from None


def model_of(model: type[Model], text: str, where: str) -> Model:
    """A document that the workspace gave as JSON text, as a model of a higher floor."""
    content = read_json(text, where=where)
    if not isinstance(content, dict):
        raise Unreadable("is not an object of JSON.", where=where)
    content.pop(VERSION_FIELD, None)
    return as_model(model, content, where)


def _not_ours(problems: list[Any], where: str) -> Unreadable:
    first = problems[0]
    field = ".".join(map(str, first["loc"])) or "the whole"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Unreadable(f"is damaged: {field}: {first['msg']}{more}.", where=where)


def _drop(content: Any, path: tuple[int | str, ...]) -> None:
    """Take the field at `path` out. Tags of unions in the path name no level of the content."""
    for step in path[:-1]:
        inside = isinstance(content, dict) and step in content
        in_list = isinstance(content, list) and isinstance(step, int) and step < len(content)
        if inside or in_list:
            content = content[step]
    if isinstance(content, dict):
        content.pop(path[-1], None)
