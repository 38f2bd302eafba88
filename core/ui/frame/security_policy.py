"""The security headers of every response: nothing loads from another host, and no page can be framed."""

import base64
import hashlib
import re
from collections.abc import MutableMapping
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core.ui.frame import index_page

_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def content_security_policy(index_html: bytes) -> str:
    """A Content-Security-Policy that works with Streamlit; only the inline scripts of `index_html` may run."""
    digests = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(index_html)]
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class SecurityHeaders:
    """Adds the headers to every HTTP response, including errors; websockets are not changed."""

    def __init__(self, app: ASGIApp):
        self._app = app
        self._headers = [
            (b"content-security-policy", content_security_policy(index_page.index_html().encode()).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except Exception:
            # Otherwise the server would send its own error response without these headers.
            if not started:
                await PlainTextResponse("Something went wrong. Nothing was lost.", 500)(scope, receive, with_headers)
            raise
