"""What user input may become in SQL: a quoted table name, or a query whose parameters are bound by
the driver.

No value and no name is ever put into SQL as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from mmm.errors import UserError

#: What is skipped when parameters are looked for: comments, texts, quoted names, dollar-quoted
#: texts.
_SKIPPED = r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\$\$.*?\$\$"
#: A parameter, `:name`. Not `x::date`, not `data:field`, not `[1:n]`.
_TOKEN = re.compile(
    rf"(?P<skipped>{_SKIPPED})|(?<![\w:\"'\])}}]):(?P<name>[A-Za-z_]\w*)", re.DOTALL
)
_PLAIN_PART = re.compile(r"[A-Za-z_][\w$]*")


class Placeholder(Enum):
    """How a driver marks a bound value: `?` each time, `$1` or `@name` once per name."""

    QUESTION = "?"
    NUMBER = "$"
    NAME = "@"


@dataclass(frozen=True)
class Dialect:
    """How a database writes names and bound values. `fold` is what it does to a name without
    quotes, `text_type` its type of texts.
    """

    placeholder: Placeholder
    fold: Callable[[str], str] = str
    quote: str = '"'
    most_parts: int = 3
    text_type: str = "VARCHAR"

    def quoted(self, parts: Sequence[str]) -> str:
        """The name of a table as SQL; whatever the parts hold, it stays one name."""
        return ".".join(
            self.quote + part.replace(self.quote, self.quote * 2) + self.quote for part in parts
        )

    def shown(self, parts: Sequence[str]) -> str:
        """The name as people read and write it; `parse` gives the same parts again."""
        return ".".join(
            part if _PLAIN_PART.fullmatch(part) and self.fold(part) == part else self.quoted([part])
            for part in parts
        )

    def parse(self, name: str) -> tuple[str, ...]:
        """The parts of `table`, `schema.table` or `database.schema.table`, each plain or in quotes."""
        q = re.escape(self.quote)
        part = rf"{q}((?:[^{q}]|{q}{q})+){q}|([A-Za-z_][\w$-]*)"
        if not re.fullmatch(rf"(?:{part})(?:\.(?:{part}))*", name.strip()):
            raise UserError(
                f"{name!r} is not the name of a table.",
                where="table",
                fix=f"Write schema.table; put a name with other than letters, digits and _ in {self.quote}.",
            )
        parts = [
            quoted.replace(self.quote * 2, self.quote) if quoted else self.fold(plain)
            for quoted, plain in re.findall(part, name)
        ]
        if len(parts) > self.most_parts:
            raise UserError(f"{name!r} has more than {self.most_parts} parts.", where="table")
        return tuple(parts)


def bind(
    sql: str, parameters: Mapping[str, str], placeholder: Placeholder
) -> tuple[str, list[tuple[str, str]]]:
    """The query with the driver's placeholders for each `:name`, and the (name, value) of each
    placeholder in order.

    Raises UserError when a parameter has no value or a value has no parameter.
    """
    values: list[tuple[str, str]] = []
    numbers: dict[str, int] = {}

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match["skipped"]
        if name not in parameters:
            raise UserError(
                f"the query's parameter :{name} has no value.",
                where="query",
                fix=f"Give {name}=VALUE.",
            )
        if placeholder is Placeholder.QUESTION or name not in numbers:
            values.append((name, parameters[name]))
        number = numbers.setdefault(name, len(numbers) + 1)
        return {
            Placeholder.QUESTION: "?",
            Placeholder.NUMBER: f"${number}",
            Placeholder.NAME: f"@{name}",
        }[placeholder]

    bound = _TOKEN.sub(replace, sql)
    for name in parameters:
        if name not in numbers:
            raise UserError(
                f"the query has no parameter :{name}.",
                where="query",
                fix=f"Write :{name} where it goes.",
            )
    return bound, values


def parameter_names(sql: str) -> list[str]:
    """The names of a query's parameters, each once, in order."""
    return list(dict.fromkeys(match["name"] for match in _TOKEN.finditer(sql) if match["name"]))


def plain_select(sql: str) -> str:
    """The query up to its closing semicolon. Raises UserError for what is not one SELECT."""
    text = sql.strip()
    # The same text with comments, texts and quoted names blanked out, so that places agree.
    code = _TOKEN.sub(lambda match: match[0] if match["name"] else " " * len(match[0]), text)
    word = re.match(r"[\s(]*(\w*)", code)
    if word is None or word[1].lower() not in ("select", "with"):
        raise UserError(
            "is not a SELECT.",
            where="query",
            fix="Write one query that starts with SELECT or WITH.",
        )
    first, semicolon, rest = code.partition(";")
    if semicolon and rest.strip("; \n\t\r"):
        raise UserError("holds more than one statement.", where="query", fix="Write one SELECT.")
    return text[: len(first)].rstrip()
