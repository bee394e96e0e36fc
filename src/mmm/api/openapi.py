"""The OpenAPI 3.1 document, made of the operations and their models."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

import mmm
from mmm.api.problems import MEDIA_TYPE, ProblemDocument
from mmm.services.operation import File, Method, Operation, Upload

_REF = "#/components/schemas/{model}"
_BINARY = {"type": "string", "format": "binary"}
_PROBLEM_STATUS = ("400", "401", "403", "404", "409", "413", "415", "422", "429", "503")


def document(operations: Iterable[Operation], prefix: str) -> dict[str, Any]:
    """The document of all operations; paths lie below `prefix`."""
    listed = list(operations)
    refs, schemas = _schemas(listed)
    paths: dict[str, Any] = {}
    for operation in listed:
        where = paths.setdefault(operation.path, {})
        where[operation.method.value.lower()] = _described(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mmm-app",
            "version": mmm.__version__,
            "description": "Self-hosted marketing mix modelling.",
        },
        "servers": [{"url": prefix}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


Refs = dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


def _schemas(operations: list[Operation]) -> tuple[Refs, dict[str, Any]]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemDocument, "serialization")]
    for operation in operations:
        wanted.append((operation.asked, "validation"))
        if operation.body is not None and issubclass(operation.body, BaseModel):
            wanted.append((operation.body, "validation"))
        if issubclass(operation.answer, BaseModel):
            wanted.append((operation.answer, "serialization"))
    refs, made = models_json_schema(
        list(dict.fromkeys(wanted)), ref_template=_REF, schema_generator=GenerateJsonSchema
    )
    return cast("Refs", refs), made.get("$defs", {})


def _described(operation: Operation, refs: Refs) -> dict[str, Any]:
    first, _, rest = operation.what.partition("\n\n")
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": " ".join(first.split()),
        "description": f"{' '.join(rest.split())} Needs the scope {operation.effect}.".strip(),
        "parameters": _parameters(operation),
        "responses": _responses(operation, refs),
    }
    if operation.body is Upload:
        content = {"application/octet-stream": {"schema": _BINARY}}
        described["requestBody"] = {"required": True, "content": content}
    elif operation.body is not None:
        schema = refs[operation.body, "validation"]  # type: ignore[index]
        content = {"application/json": {"schema": schema}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    schema = operation.asked.model_json_schema(ref_template=_REF)
    in_path = set(re.findall(r"{(\w+)}", operation.path))
    required = set(schema.get("required", ()))
    found = []
    for name, field in schema.get("properties", {}).items():
        place = "path" if name in in_path else "query"
        found.append(
            {
                "name": name,
                "in": place,
                "required": place == "path" or name in required,
                "schema": field,
                "description": field.get("description", ""),
            }
        )
    if operation.once:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "maxLength": 200},
                "description": "The same request under the same key is carried out once.",
            }
        )
    return found


def _responses(operation: Operation, refs: Refs) -> dict[str, Any]:
    if operation.answer is File:
        content: dict[str, Any] = {"*/*": {"schema": _BINARY}}
    else:
        schema = refs[operation.answer, "serialization"]  # type: ignore[index]
        content = {"application/json": {"schema": schema}}
    found: dict[str, Any] = {"200": {"description": "Done.", "content": content}}
    if operation.method is Method.GET:
        found["304"] = {"description": "Not changed since the ETag that was sent."}
    problem = {MEDIA_TYPE: {"schema": refs[ProblemDocument, "serialization"]}}
    for status in _PROBLEM_STATUS:
        found[status] = {"description": "Refused; the problem says why.", "content": problem}
    return found
