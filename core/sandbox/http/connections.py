"""Closes a connection without an answer, like a network failure."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also gives the application its transport."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class CutConnection(Response):
    """Sends no answer: the client sees its connection reset."""

    def __init__(self, transport: object) -> None:
        super().__init__()
        self._transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._transport.abort()  # type: ignore[attr-defined]


def drop_connection(request: Request) -> CutConnection:
    return CutConnection(request.scope["state"]["transport"])
