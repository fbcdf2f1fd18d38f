"""The healthcheck that was added to the Dramatiq worker after it had stalled for 29 minutes.

``/health`` and ``/ready`` answer 200 or 503 with JSON, ``/metrics`` answers Prometheus text. The worker counts as
healthy when it has processed something within the last five minutes and reaches its broker.
"""

# ruff: noqa: ARG002, A002 - the signatures are those of the overridden methods

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dramatiq

MAX_SILENCE_S = 300.0

METRICS = """\
# HELP dramatiq_worker_uptime_seconds Worker uptime in seconds
# TYPE dramatiq_worker_uptime_seconds gauge
dramatiq_worker_uptime_seconds {uptime_seconds}
# HELP dramatiq_worker_tasks_processed_total Total tasks processed
# TYPE dramatiq_worker_tasks_processed_total counter
dramatiq_worker_tasks_processed_total {tasks_processed}
# HELP dramatiq_worker_last_heartbeat_seconds Seconds since last heartbeat
# TYPE dramatiq_worker_last_heartbeat_seconds gauge
dramatiq_worker_last_heartbeat_seconds {last_heartbeat_seconds}
# HELP dramatiq_worker_healthy Worker health status (1=healthy, 0=unhealthy)
# TYPE dramatiq_worker_healthy gauge
dramatiq_worker_healthy {healthy:d}
# HELP dramatiq_worker_broker_connected Broker connection status (1/0)
# TYPE dramatiq_worker_broker_connected gauge
dramatiq_worker_broker_connected {broker_connected:d}
"""


class HeartbeatMiddleware(dramatiq.Middleware):
    """Notes each processed message, and serves what it has noted over HTTP."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.processed = 0
        self.started = self.last_beat = time.monotonic()

    def after_process_message(
        self, broker: dramatiq.Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        self.processed += 1
        self.last_beat = time.monotonic()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        handler = type("Handler", (_Handler,), {"state": staticmethod(lambda: self.state(broker))})
        try:
            server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        except OSError:
            return  # a second process of the same worker: the first one answers
        threading.Thread(target=server.serve_forever, name="healthcheck", daemon=True).start()

    def state(self, broker: Any) -> dict[str, Any]:
        """What the endpoints tell."""
        instant = time.monotonic()
        silence = instant - self.last_beat
        connected = _reaches(broker)
        return {
            "status": "healthy" if silence < MAX_SILENCE_S and connected else "unhealthy",
            "last_heartbeat_seconds": round(silence, 2),
            "broker_connected": connected,
            "uptime_seconds": round(instant - self.started, 2),
            "tasks_processed": self.processed,
        }


def _reaches(broker: Any) -> bool:
    try:
        return bool(broker.client.ping())
    except Exception:
        return False


class _Handler(BaseHTTPRequestHandler):
    state: Any

    def do_GET(self) -> None:
        state = self.state()
        healthy = state["status"] == "healthy"
        if self.path == "/metrics":
            self._answer(200, "text/plain; version=0.0.4; charset=utf-8", METRICS.format(healthy=healthy, **state))
        elif self.path in {"/health", "/ready"}:
            self._answer(200 if healthy else 503, "application/json", json.dumps(state))
        else:
            self._answer(404, "application/json", '{"detail": "not found"}')

    def _answer(self, status: int, kind: str, body: str) -> None:
        raw = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: somebody polls this every few seconds."""
