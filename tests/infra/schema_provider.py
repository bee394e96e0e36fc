"""A Terraform provider that has a current provider's schema (schema/aws.json or the argument) and does
nothing else.

Terraform itself then checks every resource, argument, type and reference against it (`validate`),
and `terraform test` with a mocked provider plans and applies the whole configuration, both without
a network and within seconds. Protocol: go-plugin's handshake, then gRPC with Terraform's plugin
protocol 5.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SCHEMAS = Path(__file__).parent / "schema"
_NESTING = {"single": 1, "one": 2, "list": 2}


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, value: bytes | str | int | bool) -> bytes:
    """One field of a protocol buffers message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(int(value)) if value else b""
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)


def attribute(name: str, kind: Any, flags: str) -> bytes:
    has = {
        flag: flag in flags.split() for flag in ("required", "optional", "computed", "write_only")
    }
    numbers = {"required": 4, "optional": 5, "computed": 6, "write_only": 10}
    return (
        field(1, name)
        + field(2, json.dumps(kind))
        + joined(field(numbers[flag], on) for flag, on in has.items())
    )


def block(schema: dict[str, Any]) -> bytes:
    attributes = joined(
        field(2, attribute(name, *given)) for name, given in schema["attributes"].items()
    )
    return attributes + joined(
        field(3, nested(name, *given)) for name, given in schema["blocks"].items()
    )


def nested(name: str, nesting: str, required: bool, schema: dict[str, Any]) -> bytes:
    most = 1 if nesting == "one" else 0
    return (
        field(1, name)
        + field(2, block(schema))
        + field(3, _NESTING[nesting])
        + field(4, required)
        + field(5, most)
    )


def all_schemas(stored: dict[str, Any]) -> bytes:
    def entries(number: int, schemas: dict[str, Any]) -> bytes:
        return joined(
            field(number, field(1, name) + field(2, field(2, block(schema))))
            for name, schema in schemas.items()
        )

    provider = field(1, field(2, block(stored["provider"])))
    return provider + entries(2, stored["resource"]) + entries(3, stored["data"])


class Provider(grpc.GenericRpcHandler):
    def __init__(self, name: str) -> None:
        self.schemas = all_schemas(json.loads((SCHEMAS / f"{name}.json").read_text()))

    def answer(self, method: str, request: bytes) -> bytes:
        if method == "GetSchema":
            return self.schemas
        # Config and prepared config have the same field number: the request is the answer.
        return request if method == "PrepareProviderConfig" else b""

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = call.method.rsplit("/", 1)[-1]
        if method == "Shutdown":
            os._exit(0)
        if method not in (
            "GetSchema",
            "PrepareProviderConfig",
            "Stop",
            "ValidateResourceTypeConfig",
            "ValidateDataSourceConfig",
        ):
            return None
        return grpc.unary_unary_rpc_method_handler(lambda request, _: self.answer(method, request))


def certificate() -> tuple[bytes, bytes, bytes]:
    """A key, its certificate for this process's life (PEM), and the certificate as DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, made.public_bytes(pem), made.public_bytes(serialization.Encoding.DER)


def main() -> None:
    if "TF_PLUGIN_MAGIC_COOKIE" not in os.environ:
        sys.exit("Terraform starts this; it does nothing by itself.")
    key, cert, der = certificate()
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers((Provider(sys.argv[1] if len(sys.argv) > 1 else "aws"),))
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/provider"
        server.add_secure_port(f"unix:{address}", grpc.ssl_server_credentials([(key, cert)]))
        server.start()
        sys.stdout.write(f"1|5|unix|{address}|grpc|{base64.b64encode(der).decode().rstrip('=')}\n")
        sys.stdout.flush()
        server.wait_for_termination()


if __name__ == "__main__":
    main()
