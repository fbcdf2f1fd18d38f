"""A balance sync service that answers a POST in the way it is told."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

from unstick import clock

RESET = struct.pack("ii", 1, 0)


class SyncService:
    """``way``: how a POST is answered; ``effect``: whether a sync succeeds because of it."""

    def __init__(self) -> None:
        self.way = "accept"
        self.effect = True
        self.running = False
        self.sick = False
        self.posts: list[dict[str, str]] = []
        self.last = 1_700_000_000.0
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status = {"last_sync_at": service.last, "is_running": service.running, "processed": 500, "updated": 3}
                self.say(503 if service.sick else 200, b"<html>" if service.sick else json.dumps(status).encode())

            def do_POST(self) -> None:
                service.posts.append({name.lower(): value for name, value in self.headers.items()})
                if service.effect:
                    service.last = clock.now()
                service.answer(self)

            def say(self, status: int, body: bytes = b"{}", **headers: str) -> None:
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, handler: Any) -> None:
        """To one POST."""
        match self.way:
            case "accept":
                handler.say(202, b'{"status": "accepted"}')
            case "hang":
                time.sleep(1.5)
                handler.close_connection = True
            case "reset":
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                handler.connection.close()
                handler.close_connection = True
            case "half":
                handler.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{")
                handler.wfile.flush()
                handler.close_connection = True
            case "429":
                handler.say(429, b"slow down", retry_after="90")
            case status:
                handler.say(int(status), b'{"detail": "because"}')


@contextlib.contextmanager
def serving() -> Iterator[SyncService]:
    """The service in a thread."""
    service = SyncService()
    thread = threading.Thread(target=service.server.serve_forever)
    thread.start()
    try:
        yield service
    finally:
        service.server.shutdown()
        service.server.server_close()
        thread.join()
