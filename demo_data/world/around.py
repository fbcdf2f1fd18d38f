"""What the stack leans on: the web UI and, on the same port, the local API of Dolphin Anty.

Both answer one small document; it ends as it is killed, and everybody who calls it finds a closed port.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo_data.world.common import setting

ANSWERS = {
    "/": {"status": "ok"},
    "/v1.0/browser_profiles": {"success": True, "data": [{"id": 1, "name": "profile 1", "status": "stopped"}]},
}


class Handler(BaseHTTPRequestHandler):
    """Answers GET."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One of the two documents, or 404."""
        answer = ANSWERS.get(self.path)
        body = json.dumps(answer).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
        """Nothing is printed."""


def main() -> None:
    """Serves on loopback until it is ended."""
    server = ThreadingHTTPServer(("127.0.0.1", int(setting("WORLD_PORT"))), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
