"""Cloud Storage's XML API before moto's S3: generations, preconditions, metadata."""

from __future__ import annotations

import io
import itertools
import threading
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from moto.s3.models import s3_backends

ACCOUNT = "123456789012"
#: moto gives objects to whoever signs; the front has looked at the token before.
_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=x"
)


class Storage:
    """One writer at a time, so that a precondition and its write are one step, as on Google's side."""

    def __init__(self, moto: Any) -> None:
        self._moto = moto
        self._lock = threading.Lock()
        self._generations: dict[str, int] = {}
        self._next = itertools.count(int(time.time() * 1e6))

    def make_bucket(self, name: str) -> None:
        s3_backends[ACCOUNT]["aws"].create_bucket(name, "us-east-1")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        environ = _translated(environ)
        if method not in ("PUT", "POST", "DELETE"):
            return self._through(path, environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:
            wanted = environ.get("HTTP_X_GOOG_IF_GENERATION_MATCH")
            if wanted is not None and int(wanted) != self._generations.get(path, 0):
                return _refuse(start_response)
            return self._write(path, method, environ, start_response)

    def _write(
        self, path: str, method: str, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        status, headers, body = self._inner(environ)
        part = "partNumber=" in environ["QUERY_STRING"] or "uploads" in environ["QUERY_STRING"]
        if status.startswith("2") and method == "DELETE":
            self._generations.pop(path, None)
        elif status.startswith("2") and not part:
            self._generations[path] = next(self._next)
        start_response(status, headers + self._mark(path))
        return [body]

    def _through(self, path: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        status, headers, body = self._inner(environ)
        start_response(status, headers + self._mark(path))
        return [body]

    def _mark(self, path: str) -> list[tuple[str, str]]:
        generation = self._generations.get(path)
        return [("x-goog-generation", str(generation))] if generation else []

    def _inner(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        got: list[Any] = []
        answer = self._moto(environ, lambda status, headers, *rest: got.extend((status, headers)))
        body = b"".join(answer)
        headers = [(_google(name), value) for name, value in got[1]]
        return got[0], headers, body


def _translated(environ: dict[str, Any]) -> dict[str, Any]:
    """The same request in S3's words; moto reads the address as it was sent, and names of buckets
    are sent with every sign in percents.
    """
    found = {}
    for name, value in environ.items():
        found[name.replace("HTTP_X_GOOG_META_", "HTTP_X_AMZ_META_")] = value
    found["HTTP_AUTHORIZATION"] = _SIGNED
    query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
    found["RAW_URI"] = found["REQUEST_URI"] = quote(environ["PATH_INFO"].encode("latin1")) + query
    if "HTTP_X_GOOG_COPY_SOURCE" in found:
        found["HTTP_X_AMZ_COPY_SOURCE"] = found["HTTP_X_GOOG_COPY_SOURCE"]
    return found


def _google(name: str) -> str:
    return name.lower().replace("x-amz-meta-", "x-goog-meta-")


def _refuse(start_response: Any) -> Iterable[bytes]:
    text = b"<?xml version='1.0'?><Error><Code>PreconditionFailed</Code></Error>"
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))]
    start_response("412 Precondition Failed", headers)
    return [text]
