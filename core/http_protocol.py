"""The HTTP protocol of API and console: limited requests, answers sent in one piece, connections closed cleanly."""

import asyncio
import json
from typing import Any

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES, HEAD_SECONDS = 64 * 1024, 10.0
PART_BYTES = 8 * 1024
# The largest body, and room for the framing of a chunked one.
REQUEST_BYTES = 16 * 1024 * 1024
LINGER_BYTES, LINGER_SECONDS = 64 * 1024 * 1024, 5.0
BODY_IS_HERE = "payops.body_is_here"  # set in the scope once the whole body arrived: it needs no timeout
REASONS = {400: "Bad Request", 408: "Request Timeout", 413: "Content Too Large", 431: "Request Header Fields Too Large"}
# The headers of an answer that the protocol gives itself, without an application.
SAFE_HEADERS = (
    "cache-control: no-store\r\n"
    "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "referrer-policy: no-referrer\r\n"
    "x-content-type-options: nosniff\r\n"
    "connection: close\r\n"
)


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol with limits that apply before a request is stored in memory.

    Request line and headers may have 64 KiB and take 10 s. A whole request, with chunk framing and trailers, may have
    16 MiB. A body that still arrives 5 s after its answer was sent is not read to its end.
    """

    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _in_body = False
    _bytes = 0
    _closing = False
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(InOnePiece(transport, self))  # type: ignore[arg-type]
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            self._bytes += len(data)
            if self._bytes > LINGER_BYTES:
                self.transport.abort()
            return
        # In small parts, so that counting starts anew at most one part after a new request begins.
        at = 0
        while at < len(data):
            part = data[at : at + (min(PART_BYTES, HEAD_BYTES - self._bytes) if self._in_head else PART_BYTES)]
            at += len(part)
            super().data_received(part)
            self._bytes += len(part)
            if self._closing or self._upgraded or self.transport.is_closing():
                return
            if self._in_head and self._bytes >= HEAD_BYTES:
                self.refuse(431, "head_too_large", f"A request's head has at most {HEAD_BYTES // 1024} KiB.")
                return
            if self._bytes > REQUEST_BYTES:
                self.refuse(413, "request_too_large", f"A request has at most {REQUEST_BYTES // 1024 // 1024} MiB.")
                return

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._in_body, self._bytes = True, False, 0
        self._wait_for_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # these are trailers, which come after the body and are not used
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._in_head, self._in_body = False, True
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and self._timer is None:
            self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def on_message_complete(self) -> None:
        self._stop_timer()
        super().on_message_complete()
        self._in_body = False
        self.scope[BODY_IS_HERE] = True  # type: ignore[literal-required]

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        self.transport = self.transport.plain  # type: ignore[attr-defined]
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self.refuse(400, "malformed_request", "The request is not valid HTTP.")

    def refuse(self, status: int, code: str, detail: str) -> None:
        """Answer with this error without calling the application, and close the connection."""
        title = REASONS[status]
        body = json.dumps({"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail})
        head = f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\ncontent-length: {len(body)}\r\n"
        self._stop_timer()
        running = self.cycle is not None and not self.cycle.response_complete
        if not (running and self.cycle.response_started):
            self.transport.write(f"{head}{SAFE_HEADERS}\r\n{body}".encode())
        if running:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._in_body = True
        self.transport.close()

    def linger(self) -> bool:
        """Whether to read on briefly: closing while the client still sends would lose the answer before it is read."""
        if self._closing or not self._in_body or not self.transport.can_write_eof():
            return False
        self._closing, self._bytes = True, 0
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        return True

    def _wait_for_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class InOnePiece:
    """A transport that joins writes of the same moment, so that an answer's headers and body need one system call."""

    def __init__(self, transport: asyncio.Transport, protocol: BoundedHttp):
        self.plain = transport
        self._protocol = protocol
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._protocol.loop.call_soon(self._send)
        self._pieces.append(data)

    def close(self) -> None:
        self._send()
        if not self._protocol.linger():
            self.plain.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self.plain.is_closing():
            self.plain.write(b"".join(pieces))


def use_everywhere() -> None:
    """Make this the protocol of each uvicorn server that this process starts later, such as that of `streamlit run`."""
    for name in ("auto", "httptools", "h11"):
        uvicorn.config.HTTP_PROTOCOLS[name] = "core.http_protocol:BoundedHttp"
