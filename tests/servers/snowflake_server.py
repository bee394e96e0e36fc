"""The Snowflake emulator of the tests: fakesnow behind a border that does what it leaves out.

fakesnow answers Snowflake's wire protocol from DuckDB but lets everybody in. This border checks
accounts, passwords, key-pair tokens (signature, issuer, subject, expiry) and roles, adds the fields
a newer connector needs, and hands out large results as chunks to download, as Snowflake does. It
runs in an environment of its own (snowflake.lock):

    python snowflake_server.py PORT USERS.json

USERS.json: {"account": "...", "users": {"ANA": {"password": "...", "public_key": "PEM", "roles":
["READER"]}}}. A session of the role NO_GRANTS may read nothing.
"""

from __future__ import annotations

import base64
import contextvars
import gzip
import hashlib
import json
import secrets
import sys
from pathlib import Path
from typing import Any

import fakesnow.server as emulator
import jwt
import pyarrow as pa
import uvicorn
from cryptography.hazmat.primitives import serialization
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

#: Rows of one chunk; Snowflake's grow from small to some tens of megabytes.
CHUNK_ROWS = 100_000
EMPTY = gzip.compress(b"")

registered: dict[str, Any] = {}
roles: dict[str, str] = {}
results: dict[str, pa.Table] = {}
_left_over: contextvars.ContextVar[pa.Table | None] = contextvars.ContextVar(
    "left_over", default=None
)


def refused(code: str, message: str) -> JSONResponse:
    return JSONResponse(
        {"data": {"errorCode": code}, "code": code, "message": message, "success": False}
    )


def key_fingerprint(public_key: Any) -> str:
    der = public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def token_problem(token: str, account: str, user: str, pem: str | None) -> str:
    """Why a key-pair token is not this user's; empty when it is."""
    if not pem:
        return "no public key is registered"
    public_key = serialization.load_pem_public_key(pem.encode())
    subject = f"{account.upper()}.{user}"
    try:
        claims = jwt.decode(
            token,
            public_key,
            algorithms=["RS256"],
            options={"require": ["iss", "sub", "exp", "iat"]},
        )
    except jwt.InvalidTokenError as error:
        return str(error)
    expected = {"sub": subject, "iss": f"{subject}.{key_fingerprint(public_key)}"}
    return "".join(
        f"{name} is {claims[name]}, not {value}"
        for name, value in expected.items()
        if claims[name] != value
    )


async def json_body(request: Request) -> dict[str, Any]:
    body = await request.body()
    return json.loads(
        gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body
    )


async def login(request: Request) -> Response:
    data = (await json_body(request))["data"]
    account, name = data["ACCOUNT_NAME"], data["LOGIN_NAME"].upper()
    if account.upper() != registered["account"].upper():
        return Response(
            status_code=404
        )  # what the address of an account that does not exist answers
    user = registered["users"].get(name, {})
    if data.get("AUTHENTICATOR", "").upper() == "SNOWFLAKE_JWT":
        if problem := token_problem(data["TOKEN"], account, name, user.get("public_key")):
            print(f"token refused: {problem}", flush=True)
            return refused("390144", f"JWT token is invalid. [{secrets.token_hex(16)}]")
    elif not user.get("password") or data.get("PASSWORD") != user["password"]:
        return refused("390100", "Incorrect username or password was specified.")
    role = (request.query_params.get("roleName") or user["roles"][0]).upper()
    if role not in user["roles"]:
        message = f"Role '{role}' specified in the connect string does not exist or not authorized."
        return refused("390189", message)
    answer = await emulator.login_request(request)
    content = json.loads(answer.body)
    roles[content["data"]["token"]] = role
    content["data"] |= {
        "masterToken": secrets.token_urlsafe(32),
        "sessionId": secrets.randbits(40),
        "validityInSeconds": 3600,
        "masterValidityInSeconds": 14400,
    }
    return JSONResponse(content)


def to_ipc(table: pa.Table) -> pa.Buffer:
    """The inline part of an answer; what is over waits for `query` to announce it as chunks."""
    if table.num_rows > CHUNK_ROWS:
        _left_over.set(table.slice(CHUNK_ROWS))
        table = table.slice(0, CHUNK_ROWS)
    return plain_to_ipc(table)


async def query(request: Request) -> Response:
    sql = (await json_body(request))["sqlText"]
    if (
        roles.get(emulator.to_token(request)) == "NO_GRANTS"
        and "from" in sql.lower()
        and "schema" not in sql.lower()
    ):
        return refused(
            "003001",
            "SQL access control error:\nInsufficient privileges to operate on table 'SALES'.",
        )
    _left_over.set(None)
    answer = await emulator.query_request(request)
    table = _left_over.get()
    if table is None:
        return answer
    content = json.loads(answer.body)
    result = secrets.token_hex(8)
    results[result] = table
    content["data"]["chunks"] = [
        {
            "url": f"http://{request.headers['host']}/chunks/{result}/{start}",
            "rowCount": min(CHUNK_ROWS, table.num_rows - start),
            "compressedSize": 1,
            "uncompressedSize": min(CHUNK_ROWS, table.num_rows - start) * 8 * table.num_columns,
        }
        for start in range(0, table.num_rows, CHUNK_ROWS)
    ]
    content["data"]["chunkHeaders"] = {}
    return JSONResponse(content)


def chunk(request: Request) -> Response:
    start = request.path_params["start"]
    table = results[request.path_params["result"]]
    return Response(bytes(plain_to_ipc(table.slice(start, CHUNK_ROWS))))


plain_to_ipc = emulator.to_ipc
emulator.to_ipc = to_ipc
routes = [
    Route("/session/v1/login-request", login, methods=["POST"]),
    Route("/queries/v1/query-request", query, methods=["POST"]),
    Route("/chunks/{result}/{start:int}", chunk),
]
emulator.app.router.routes[:0] = routes


if __name__ == "__main__":
    registered |= json.loads(Path(sys.argv[2]).read_text())
    uvicorn.run(emulator.app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
