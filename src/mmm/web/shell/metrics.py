"""Numbers of the web server for Prometheus, on a port of their own that people do not reach."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

#: name -> (type, what it is), in the order in which they are shown.
METRICS = {
    "mmm_http_requests_total": ("counter", "Answered requests by status."),
    "mmm_sessions": ("gauge", "Open browser sessions."),
    "mmm_upload_bytes": ("gauge", "Uploads that lie in memory."),
    "mmm_ready": ("gauge", "1 when the store answered when it was last asked."),
    "process_resident_memory_bytes": ("gauge", "Resident memory."),
    "process_cpu_seconds_total": ("counter", "CPU time of the process."),
}
Gauges = Callable[[], Mapping[str, float]]


class RequestCount:
    """Answers by status, counted by `Counted`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_status: Counter[int] = Counter()

    def add(self, status: int) -> None:
        with self._lock:
            self._by_status[status] += 1

    def by_status(self) -> dict[int, int]:
        with self._lock:
            return dict(self._by_status)


class Counted:
    """ASGI middleware that counts answers."""

    def __init__(self, app: ASGIApp, count: RequestCount) -> None:
        self._app, self._count = app, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count.add(message["status"])
            await send(message)

        await self._app(scope, receive, counting)


def page(count: RequestCount, gauges: Gauges) -> str:
    """All metrics in Prometheus' text format."""
    process = psutil.Process()
    times = process.cpu_times()
    found = {
        **gauges(),
        "process_resident_memory_bytes": float(process.memory_info().rss),
        "process_cpu_seconds_total": times.user + times.system,
    }
    lines = []
    for name, (kind, what) in METRICS.items():
        lines += [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]
        if name == "mmm_http_requests_total":
            for status, number in sorted(count.by_status().items()):
                lines.append(f'{name}{{status="{status}"}} {number}')
        elif name in found:
            lines.append(f"{name} {found[name]:g}")
    return "\n".join(lines) + "\n"


def serve(port: int, count: RequestCount, gauges: Gauges) -> ThreadingHTTPServer | None:
    """Answer GET /metrics on the port from a thread of its own; None where the port is taken."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/metrics"
            body = page(count, gauges).encode() if known else b"not found"
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody needs a line for each scrape."""

    try:
        server = ThreadingHTTPServer(("", port), Answer)
    except OSError as error:
        log.error("no metrics on port %s: %s", port, error)
        return None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
