"""The routes that give the browser its session cookie and take it back."""

import asyncio
import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import Unauthorised, Unavailable
from core.ui import session

SCRIPT_PATH = "/auth/session.js"
MAX_BODY_BYTES = 1024
_SCRIPT = Path(__file__).parent / "static" / "session.js"


def routes() -> list[Route]:
    return [
        Route("/auth/session", exchange_ticket, methods=["POST"]),
        Route("/auth/sign-out", end_session, methods=["POST"]),
        Route(SCRIPT_PATH, session_script),
    ]


async def session_script(request: Request) -> Response:
    return FileResponse(_SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def exchange_ticket(request: Request) -> Response:
    """204 with the cookie for a good ticket, which is used up by it; 401 for any other."""
    if not _from_our_page(request):
        return PlainTextResponse("Only the console's own page may ask this.", 403)
    if (ticket := await _ticket(request)) is None:
        return PlainTextResponse("No ticket.", 400)
    try:
        token = await asyncio.to_thread(session.sessions().redeem, ticket)
    except Unauthorised as error:
        return PlainTextResponse(error.detail, 401)
    except Unavailable as error:
        return _unavailable(error)
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    seconds = int(session.settings().session_hours * 3600)
    answer.set_cookie(
        session.COOKIE, token, max_age=seconds, path="/", httponly=True, samesite="strict", secure=_secure(request)
    )
    return answer


async def end_session(request: Request) -> Response:
    """204, and the session of the request's cookie is over, with the cookie."""
    if not _from_our_page(request):
        return PlainTextResponse("Only the console's own page may ask this.", 403)
    if token := request.cookies.get(session.COOKIE):
        try:
            await asyncio.to_thread(_sign_out, token)
        except Unavailable as error:
            return _unavailable(error)
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    answer.delete_cookie(session.COOKIE, path="/", httponly=True, samesite="strict", secure=_secure(request))
    return answer


def _from_our_page(request: Request) -> bool:
    """Browsers say where a request comes from, and no page can make them lie."""
    return request.headers.get("sec-fetch-site") == "same-origin"


def _secure(request: Request) -> bool:
    return request.url.scheme == "https" or session.settings().public_base_url.startswith("https:")


async def _ticket(request: Request) -> str | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    try:
        given = json.loads(body)
    except ValueError:
        return None
    ticket = given.get("ticket") if isinstance(given, dict) else None
    return ticket if isinstance(ticket, str) and ticket.isascii() else None


def _sign_out(token: str) -> None:
    store = session.sessions()
    if found := store.of_cookie(token):
        store.sign_out(found)


def _unavailable(error: Unavailable) -> Response:
    return PlainTextResponse(error.detail, 503, headers={"Retry-After": str(error.retry_after_seconds)})
