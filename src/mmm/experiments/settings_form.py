"""An engine's settings as fields of a form, read from its settings model: what is declared there is
declared once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from mmm.engines import settings_model
from mmm.experiments.config import resolved

Kind = Literal[
    "flag",
    "integer",
    "number",
    "choice",
    "choices",
    "range",
    "numbers",
    "group",
    "by_medium",
    "json",
]


@dataclass(frozen=True)
class FormField:
    """One setting. `limits` are words, "" for none; `optional` may be left open; `parts` are the
    fields within it.

    A "range" is two numbers, "numbers" several, "choices" some of `options`, a "group" an object,
    "by_medium" an object of such objects by channel; "json" is anything else.
    """

    name: str
    title: str
    description: str
    kind: Kind
    default: Any
    optional: bool = False
    limits: str = ""
    options: tuple[str, ...] = ()
    parts: tuple[FormField, ...] = ()

    @property
    def help(self) -> str | None:
        told = [self.description, f"Within {self.limits}." if self.limits else ""]
        return " ".join(part for part in told if part) or None


@cache
def form_fields(engine: str) -> tuple[FormField, ...]:
    """The fields of an engine's settings in their declared order."""
    schema = settings_model(engine).model_json_schema()
    return _fields(schema, schema)


def _fields(model: dict[str, Any], schema: dict[str, Any]) -> tuple[FormField, ...]:
    return tuple(_field(name, part, schema) for name, part in model.get("properties", {}).items())


def _field(name: str, part: dict[str, Any], schema: dict[str, Any]) -> FormField:
    optional = any(option.get("type") == "null" for option in part.get("anyOf", ()))
    inner = resolved(part, schema)
    kind, parts = _kind(inner, schema)
    # A title that nobody declared is pydantic's: the name with capitals.
    given = next(
        (option["title"] for option in part.get("anyOf", ()) if "title" in option),
        part.get("title", ""),
    )
    title = (
        name.replace("_", " ").capitalize()
        if given.replace(" ", "_").lower() == name or not given
        else given
    )
    options = inner.get("enum", inner.get("items", {}).get("enum", ()))
    description = (
        inner.get("description", "")
        if kind not in ("group", "by_medium")
        else part.get("description", "")
    )
    # A schema gives no default that is made anew each time, as an empty object is.
    default = part.get("default", {} if inner.get("type") == "object" else None)
    return FormField(
        name, title, description, kind, default, optional, _limits(inner), tuple(options), parts
    )


def _kind(inner: dict[str, Any], schema: dict[str, Any]) -> tuple[Kind, tuple[FormField, ...]]:
    if "limits" in inner:
        return "range", ()
    if "enum" in inner:
        return "choice", ()
    declared = inner.get("type")
    if declared == "array" and "enum" in inner.get("items", {}):
        return "choices", ()
    if declared == "array" and all(
        item.get("type") == "number" for item in inner.get("prefixItems", [{}])
    ):
        return "numbers", ()
    if declared == "object" and "properties" in inner:
        return "group", _fields(inner, schema)
    if declared == "object" and isinstance(inner.get("additionalProperties"), dict):
        within = resolved(inner["additionalProperties"], schema)
        return ("by_medium", _fields(within, schema)) if "properties" in within else ("json", ())
    simple: dict[Any, Kind] = {"boolean": "flag", "integer": "integer", "number": "number"}
    return simple.get(declared, "json"), ()


def _limits(inner: dict[str, Any]) -> str:
    """In the form of a range's own: [1, 100]; "" where there are none."""
    if "limits" in inner:
        return str(inner["limits"])
    inner = (inner.get("prefixItems") or [inner])[0]
    low, high = inner.get("minimum"), inner.get("maximum")
    over, under = inner.get("exclusiveMinimum"), inner.get("exclusiveMaximum")
    if all(end is None for end in (low, high, over, under)):
        return ""
    left = f"[{low:,g}" if low is not None else f"({over:g}" if over is not None else "("
    right = f"{high:,.10g}]" if high is not None else f"{under:g})" if under is not None else ")"
    return f"{left}, {right}"
