"""A target of alerts: a small server that Apprise's json:// posts to, and that may refuse."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from core.monitoring.alerts.targets import Target


class Receiver:
    """What arrived, in `messages`; while `refuses` it answers 500 and keeps nothing."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.refuses = False
        self.asked = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.asked += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not receiver.refuses:
                    receiver.messages.append(json.loads(body))
                self.send_response(500 if receiver.refuses else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def titles(self) -> list[str]:
        return [each["title"] for each in self.messages]

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self._server.server_port}/"

    def target(self, number: int = 1) -> Target:
        return Target(number, SecretStr(self.url))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
