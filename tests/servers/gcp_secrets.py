"""A front for Secret Manager: secrets, versions, states, as its REST reference says."""

from __future__ import annotations

import base64
import itertools
import re
import threading
from typing import Any

from gcp_refusal import Refused

_PATH = re.compile(
    r"/v1/(?P<secret>projects/[^/]+/secrets/[^/:]+)(?:/versions(?:/(?P<version>[^/:]+))?)?"
    r"(?::(?P<verb>\w+))?"
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LIMIT = 65536


class Secrets:
    """Secrets by their full name; each a list of versions, oldest first."""

    def __init__(self) -> None:
        self._secrets: dict[str, list[dict[str, Any]]] = {}
        self._ttl: dict[str, str] = {}
        self._created = itertools.count(1)
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        with self._lock:
            if method == "POST" and path.endswith("/secrets"):
                return self._create(path.removeprefix("/v1/"), query["secretId"], body)
            found = _PATH.fullmatch(path)
            if found is None:
                raise Refused("INVALID_ARGUMENT", f"{method} {path} is not known")
            versions = self._versions(found["secret"])
            if found["verb"] == "addVersion":
                return self._add(found["secret"], versions, body)
            if found["version"]:
                return self._of_version(found, versions)
            if method == "GET" and path.endswith("/versions"):
                chosen = [one for one in versions if query.get("filter", "") in _state(one)]
                return {"versions": [_public(one) for one in reversed(chosen)]}
            return {"name": found["secret"], "versionDestroyTtl": self._ttl[found["secret"]]}

    def _create(self, parent: str, name: str, body: Any) -> Any:
        if not _NAME.fullmatch(name) or "replication" not in body:
            raise Refused("INVALID_ARGUMENT", "The secret's id or replication is not valid.")
        path = f"{parent}/{name}"
        if path in self._secrets:
            raise Refused("ALREADY_EXISTS", f"Secret [{path}] already exists.")
        self._secrets[path] = []
        self._ttl[path] = body.get("versionDestroyTtl", "")
        return {"name": path}

    def _versions(self, secret: str) -> list[dict[str, Any]]:
        if secret not in self._secrets:
            raise Refused("NOT_FOUND", f"Secret [{secret}] not found.")
        return self._secrets[secret]

    def _add(self, secret: str, versions: list[dict[str, Any]], body: Any) -> Any:
        data = base64.b64decode(body.get("payload", {}).get("data", ""))
        if not 0 < len(data) <= _LIMIT:
            raise Refused("INVALID_ARGUMENT", "Secret Payload cannot be empty or over 64 KiB.")
        name = f"{secret}/versions/{len(versions) + 1}"
        versions.append({"name": name, "state": "ENABLED", "data": data})
        return _public(versions[-1])

    def _of_version(self, found: re.Match[str], versions: list[dict[str, Any]]) -> Any:
        number = len(versions) if found["version"] == "latest" else int(found["version"])
        if not 0 < number <= len(versions):
            raise Refused("NOT_FOUND", f"Secret Version [{found['secret']}] not found.")
        version = versions[number - 1]
        if found["verb"] is None:
            return _public(version)
        if found["verb"] == "destroy":
            # With a destroy ttl Google disables it now and destroys it later.
            version["state"] = "DISABLED" if self._ttl[found["secret"]] else "DESTROYED"
        if found["verb"] == "enable":
            version["state"] = "ENABLED"
        if found["verb"] == "access":
            if version["state"] != "ENABLED":
                state = version["state"]
                raise Refused("FAILED_PRECONDITION", f"Secret Version is in {state} state.")
            data = base64.b64encode(version["data"]).decode()
            return {"name": version["name"], "payload": {"data": data}}
        return _public(version)


def _state(version: dict[str, Any]) -> str:
    return f"state:{version['state']}"


def _public(version: dict[str, Any]) -> dict[str, Any]:
    return {"name": version["name"], "state": version["state"]}
