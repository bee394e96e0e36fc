"""Google Cloud on loopback: Cloud Storage's XML API before moto's S3, and own fronts for Cloud Run
jobs, Secret Manager, Cloud Logging and the metadata server. A task is a process of this machine.

`python gcp_server.py PORT CONFIG`. CONFIG: {"images": {image: argv}, "pending_seconds": 0.2,
"clients": {e-mail: public key}}. `POST /test-api/...` makes jobs and buckets and takes fault rules,
see `Faults` of aws_server.py; `what` is met by "run:POST /v2/projects/...", "secrets:GET /v1/...",
"logging:POST /v2/entries:list", "storage:PUT /bucket/key".

A stub, not an emulator: what it answers is written after Google's reference of each API.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from google.auth import jwt
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple

from aws_server import Faults
from gcp_jobs import Jobs
from gcp_refusal import Refused
from gcp_secrets import Secrets
from gcp_storage import Storage

_BODY_LIMIT = 1 << 30


class Front:
    """The WSGI application: one address for every service."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._faults = Faults()
        self._tokens = itertools.count(1)
        self._issued: set[str] = set()
        self._storage = Storage(DomainDispatcherApplication(create_backend_app))
        self._jobs = Jobs(config)
        self._secrets = Secrets()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/test-api/"):
            return self._own(path, environ, start_response)
        if path in ("/", "/token") or path.startswith("/computeMetadata/"):
            return self._metadata(path, start_response)
        rule = self._faults.rule_for(f"{_service(path)}:{environ['REQUEST_METHOD']} {path}")
        if rule is None:
            return self._serve(environ, start_response)
        return self._fail(rule, environ, start_response)

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        service = _service(path)
        if not self._known(environ.get("HTTP_AUTHORIZATION", "")):
            return _refuse(start_response, 401, "UNAUTHENTICATED", "Invalid credentials.")
        if service == "storage":
            return self._storage(environ, start_response)
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        body = json.loads(_read(environ) or b"{}")
        front = self._secrets if service == "secrets" else self._jobs
        try:
            return _answer(start_response, 200, front.answer(method, path, query, body))
        except Refused as refusal:
            return _refuse(start_response, refusal.status, refusal.code, str(refusal))

    def _known(self, authorization: str) -> bool:
        """A token that was given out here, or one that a known account has signed itself."""
        token = authorization.removeprefix("Bearer ")
        if token in self._issued:
            return True
        try:
            jwt.decode(token, certs=self._config["clients"], clock_skew_in_seconds=60)
        except (ValueError, TypeError):
            return False
        return True

    def _metadata(self, path: str, start_response: Any) -> Iterable[bytes]:
        """What a container is told of its service account; the token endpoint of key files, too."""
        headers = [("Metadata-Flavor", "Google")]
        if path.endswith("token"):
            token = f"token-{next(self._tokens)}"
            self._issued.add(token)
            answer = {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}
            return _answer(start_response, 200, answer, headers)
        if path.endswith("/project/project-id"):
            return _answer(start_response, 200, "mmm-test", headers)
        if path.endswith("/universe-domain"):
            return _answer(start_response, 200, "googleapis.com", headers)
        account = {"email": "task@mmm-test.iam.gserviceaccount.com", "aliases": ["default"]}
        return _answer(start_response, 200, account | {"scopes": []}, headers)

    def _fail(
        self, rule: dict[str, Any], environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        if rule.get("reset") == "after":
            b"".join(self._serve(environ, lambda status, headers, *rest: None))
        if "reset" in rule:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError
        if rule.get("done"):
            b"".join(self._serve(environ, lambda status, headers, *rest: None))
        else:
            _read(environ)
        code = rule.get("code", "UNAVAILABLE")
        message = rule.get("message", "injected by the test")
        if _service(environ["PATH_INFO"]) != "storage":
            return _refuse(start_response, rule["status"], code, message)
        xml = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        text = xml.encode()
        headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))]
        start_response(f"{rule['status']} X", headers)
        return [text]

    def _own(self, path: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """What tests ask of the server itself."""
        method, name = environ["REQUEST_METHOD"], path.rpartition("/")[2]
        if path == "/test-api/faults":
            if method == "POST":
                self._faults.rules += json.loads(_read(environ))
            elif method == "DELETE":
                self._faults.rules = []
            return _answer(start_response, 200, {"hits": self._faults.hits})
        if path.startswith("/test-api/buckets/"):
            self._storage.make_bucket(name)
            return _answer(start_response, 200, {})
        if path.startswith("/test-api/jobs/"):
            self._jobs.make(name, json.loads(_read(environ)))
            return _answer(start_response, 200, {})
        return _answer(start_response, 200, {"pid": self._jobs.pid(name)})

    def end(self) -> None:
        self._jobs.end()


def _service(path: str) -> str:
    if path.startswith("/v2/entries"):
        return "logging"
    if path.startswith("/v2/projects/"):
        return "run"
    if path.startswith("/v1/projects/"):
        return "secrets"
    return "storage"


def _read(environ: dict[str, Any]) -> bytes:
    length = min(int(environ.get("CONTENT_LENGTH") or 0), _BODY_LIMIT)
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _answer(
    start_response: Any, status: int, body: Any, more: list[tuple[str, str]] | None = None
) -> Iterable[bytes]:
    text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    kind = "text/plain" if isinstance(body, str) else "application/json"
    headers = [("Content-Type", kind), ("Content-Length", str(len(text)))]
    start_response(f"{status} X", headers + (more or []))
    return [text]


def _refuse(start_response: Any, status: int, code: str, message: str) -> Iterable[bytes]:
    error = {"code": status, "message": message, "status": code}
    return _answer(start_response, status, {"error": error})


def main(port: int, config: Path) -> None:
    given = json.loads(config.read_text())
    front = Front(given | {"url": f"http://127.0.0.1:{port}"})

    def stop(_number: int, _frame: object) -> None:
        front.end()
        os._exit(0)  # whatever moto's threads are doing

    signal.signal(signal.SIGTERM, stop)
    run_simple("127.0.0.1", port, front, threaded=True, request_handler=WSGIRequestHandler)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
