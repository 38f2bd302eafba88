"""Warns when a proxy's headers come from an address that FORWARDED_ALLOW_IPS does not trust."""

from ipaddress import ip_address

import structlog
from cachetools import TTLCache
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger(__name__)

WARN_EVERY_SECONDS = 3600
MAX_ADDRESSES = 1000


class ForwardedHeaderWarning:
    """Logs each untrusted sender of `X-Forwarded-For` once an hour; requests pass through unchanged.

    uvicorn replaces the client's address by a forwarded one only if it trusts the sender. If the client is none of the
    forwarded addresses, the header was ignored: every visitor then seems to come from the proxy.
    """

    def __init__(self, app: ASGIApp):
        self._app = app
        self._warned: TTLCache[str, bool] = TTLCache(MAX_ADDRESSES, WARN_EVERY_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            sender = _untrusted_sender(scope)
            if sender and sender not in self._warned:
                self._warned[sender] = True
                log.warning(
                    "X-Forwarded-For from an address that is not trusted was ignored; if this is your proxy, add it to "
                    "FORWARDED_ALLOW_IPS",
                    address=sender,
                )
        await self._app(scope, receive, send)


def _untrusted_sender(scope: Scope) -> str | None:
    """The address that sent `X-Forwarded-For` without being trusted; None if there is no such header or it was used."""
    client = scope.get("client")
    if not client or not any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
        return None
    forwarded = Headers(scope=scope)["x-forwarded-for"]
    if not forwarded:
        return None
    named = {_without_port(part.strip()) for part in forwarded.split(",")}
    return None if _without_port(client[0]) in named else str(client[0])


def _without_port(address: str) -> str:
    """`192.0.2.1` for `192.0.2.1:443`, and one way of writing each IPv6 address."""
    bare = address[1:].partition("]")[0] if address.startswith("[") else address
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return bare
