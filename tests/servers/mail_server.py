"""A mail server on loopback: EHLO, STARTTLS with a certificate of its own, AUTH PLAIN, DATA."""

from __future__ import annotations

import base64
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from threading import Thread
from typing import Any


@dataclass
class MailServer:
    """`received` are (recipient, message, over TLS, who signed in); `refuse` answers each RCPT."""

    port: int = 0
    certificate: Path | None = None
    offers_tls: bool = True
    refuse: str = ""
    password: str = "right"
    received: list[tuple[str, Message, bool, str]] = field(default_factory=list)


@contextmanager
def mail_server(folder: Path) -> Iterator[MailServer]:
    """A server until the block ends; its certificate is for localhost."""
    state = MailServer()
    state.certificate, key = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(state.certificate, key)

    class Session(_Session):
        server_state, tls = state, context

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        state.port = server.server_address[1]
        Thread(target=server.serve_forever, daemon=True).start()
        yield state
        server.shutdown()


class _Session(socketserver.StreamRequestHandler):
    server_state: MailServer
    tls: ssl.SSLContext

    def handle(self) -> None:
        self.user, self.secure, self.to = "", False, ""
        self._say("220 localhost")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            answer: Any = getattr(self, f"on_{verb.lower()}", None)
            if answer is None:
                self._say("502 unknown")
            elif answer(rest) == "bye":
                return

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.wfile.write(f"{line}\r\n".encode())

    def on_ehlo(self, _: str) -> None:
        tls = ["250-STARTTLS"] if self.server_state.offers_tls and not self.secure else []
        self._say("250-localhost", *tls, "250 AUTH PLAIN")

    def on_starttls(self, _: str) -> None:
        self._say("220 go on")
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self.secure = True

    def on_auth(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        if password != self.server_state.password:
            self._say("535 wrong")
            return
        self.user = user
        self._say("235 welcome")

    def on_mail(self, _: str) -> None:
        self._say("250 ok")

    def on_rcpt(self, rest: str) -> None:
        self.to = rest.partition("<")[2].partition(">")[0]
        self._say(self.server_state.refuse or "250 ok")

    def on_rset(self, _: str) -> None:
        self._say("250 ok")

    def on_data(self, _: str) -> None:
        self._say("354 go on")
        lines = iter(self.rfile.readline, b".\r\n")
        message = message_from_bytes(b"".join(lines))
        self.server_state.received.append((self.to, message, self.secure, self.user))
        self._say("250 taken")

    def on_quit(self, _: str) -> str:
        self._say("221 bye")
        return "bye"


def _certificate(folder: Path) -> tuple[Path, Path]:
    """(certificate, key) files of a certificate for localhost that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    signed = built.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "mail.crt").write_bytes(signed.public_bytes(pem))
    (folder / "mail.key").write_bytes(key.private_bytes(pem, *plain))
    return folder / "mail.crt", folder / "mail.key"
