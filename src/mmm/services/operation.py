"""One operation: what it is called, where it lies, what it does to the world, what goes in and out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict

from mmm.experiments.config import parsed
from mmm.services.context import Context
from mmm.workspace.tokens import Scope


class Method(StrEnum):
    GET = "GET"
    POST = "POST"
    DELETE = "DELETE"


class Fields(BaseModel):
    """What is asked for or answered. Nothing beside the declared fields is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Fields):
    """No fields."""


@dataclass(frozen=True)
class File:
    """An answer that is no JSON."""

    data: bytes
    media_type: str
    name: str


@dataclass(frozen=True)
class Upload:
    """A file that was sent."""

    data: bytes


@dataclass(frozen=True)
class Operation:
    """`effect` is the scope that a token needs. `asked` are the fields of path and query, `body`
    those of the JSON that is sent, or `Upload`, None where nothing is. `once`: it takes an
    idempotency key.
    """

    name: str
    method: Method
    path: str
    effect: Scope
    asked: type[Fields]
    body: type[BaseModel] | type[Upload] | None
    answer: type[BaseModel] | type[File]
    what: str
    handle: Callable[..., Any]
    once: bool = False

    def call(
        self, context: Context, fields: Mapping[str, Any], body: Any = None
    ) -> BaseModel | File:
        """Check what is asked for and do it. `body` is plain values, or bytes for an upload.
        InvalidInput names every wrong field.
        """
        asked = parsed(self.asked, dict(fields), "what is asked for")
        given: dict[str, Any] = {"asked": asked}
        if self.body is Upload:
            given["body"] = Upload(body or b"")
        elif self.body is not None:
            plain = body if isinstance(body, dict) else {}
            given["body"] = parsed(self.body, plain, "the body")  # type: ignore[type-var]
        answer: BaseModel | File = self.handle(context, **given)
        return answer


_OPERATIONS: dict[str, Operation] = {}
Handler = TypeVar("Handler", bound=Callable[..., Any])


def operation(
    method: Method, path: str, effect: Scope, *, once: bool = False
) -> Callable[[Handler], Handler]:
    """Declare a function an operation of its own name: (context, asked[, body]) -> answer."""

    def declare(handle: Handler) -> Handler:
        hints = get_type_hints(handle)
        name = handle.__name__
        if name in _OPERATIONS:
            raise ValueError(f"two operations are called {name}")
        _OPERATIONS[name] = Operation(
            name=name,
            method=method,
            path=path,
            effect=effect,
            asked=hints["asked"],
            body=hints.get("body"),
            answer=hints["return"],
            what=inspect.getdoc(handle) or "",
            handle=handle,
            once=once,
        )
        return handle

    return declare


def registered() -> dict[str, Operation]:
    return dict(_OPERATIONS)
