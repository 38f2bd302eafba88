"""The console's HTML page: Streamlit's index.html with the address of its server added."""

from pathlib import Path

import streamlit
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Otherwise Streamlit's page looks for its server below the page's own address first, and logs two errors.
_SERVER = "<script>window.__streamlit = {BACKEND_BASE_URL: window.location.origin}</script>"


def index_html() -> str:
    """Streamlit's page with the address of its server in its head."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    head, found, rest = page.partition("<head>")
    if not found:
        raise RuntimeError("Streamlit's page has no head")
    return f"{head}{found}{_SERVER}{rest}"


class IndexPage:
    """Answers requests for pages with `index_html`, and passes all others on to Streamlit."""

    def __init__(self, app: ASGIApp, addresses: frozenset[str]):
        self._app = app
        self._addresses = addresses
        self._page = HTMLResponse(index_html(), headers={"cache-control": "no-cache"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] in self._addresses:
            await self._page(scope, receive, send)
        else:
            await self._app(scope, receive, send)
