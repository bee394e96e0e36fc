"""Connections to databases: where, who, what. Never a password or a key; those lie in the secret
store.
"""

from __future__ import annotations

from contextlib import suppress

from pydantic import BaseModel

from mmm.errors import AlreadyExists, NotFound, UserError
from mmm.workspace.part import Part
from mmm.workspace.stored import Unreadable


class Connections(Part):
    """connections/<name>.json. The models live on a higher floor: they go in as pydantic models,
    come out as JSON.
    """

    def save_connection(self, name: str, connection: BaseModel, *, replace: bool = False) -> None:
        """Store a connection. AlreadyExists when there is one of this name and `replace` is false."""
        if replace:
            self._put(_key(name), connection, "connection")
            return
        try:
            self._create(_key(name), connection, "connection")
        except AlreadyExists:
            fix = "Take another name, or replace that one (page Connect, or `mmm connect add --replace`)."
            raise AlreadyExists(
                f"there is a connection {name!r} already.", where="connection", fix=fix
            ) from None

    def connection(self, name: str) -> str:
        """JSON of the connection; NotFound names those there are."""
        try:
            return self._text(_key(name), "connection")
        except NotFound:
            known = ", ".join(self.connection_names())
            fix = f"There are: {known}." if known else "`mmm connect add` makes one."
            raise NotFound(
                f"there is no connection {name!r}.", where="connection", fix=fix
            ) from None

    def connection_names(self) -> list[str]:
        return [file.removesuffix(".json") for file in self._objects.names("connections")]

    def delete_connection(self, name: str) -> None:
        """Forget a connection; NotFound when there is none."""
        with suppress(Unreadable):  # what is damaged can be deleted, too
            self.connection(name)
        self._objects.delete(_key(name))


def _key(name: str) -> str:
    """The name becomes part of names of secrets as well, which every platform's store must take."""
    plain = name.isascii() and name.replace("-", "").isalnum() and name == name.lower()
    if not (plain and name[0].isalpha() and name[-1] != "-" and len(name) <= 40):
        fix = "Use lower-case letters, digits and -, starting with a letter, at most 40."
        raise UserError(
            f"{name!r} cannot be the name of a connection.", where="connection", fix=fix
        )
    return f"connections/{name}.json"
