"""The routes that set and delete the browser's session cookie, and the console's own scripts."""

import asyncio
import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import Unauthorised, Unavailable
from core.staff import known_devices
from core.ui import session
from core.ui.frame import single_sign_on

SCRIPT_PATH = "/auth/session.js"
MAX_BODY_BYTES = 1024
ROWS_SCRIPT_PATH = "/auth/rows.js"
PAGE_SCRIPT_PATH = "/auth/page.js"
_STATIC = Path(__file__).parent / "static"


def routes() -> list[Route]:
    return [
        Route("/auth/session", exchange_ticket, methods=["POST"]),
        Route("/auth/sign-out", end_session, methods=["POST"]),
        Route(SCRIPT_PATH, script),
        Route(ROWS_SCRIPT_PATH, script),
        Route(PAGE_SCRIPT_PATH, script),
    ]


async def script(request: Request) -> Response:
    """One of the console's scripts, by the last part of its route."""
    found = _STATIC / Path(request.url.path).name
    return FileResponse(found, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def exchange_ticket(request: Request) -> Response:
    """204 with the session cookie and the device cookie for a valid ticket, which works once; 401 for any other."""
    if not _from_our_page(request):
        return PlainTextResponse("Only the console's own page may do this.", 403)
    if (ticket := await _ticket(request)) is None:
        return PlainTextResponse("No ticket.", 400)
    try:
        token, device = await asyncio.to_thread(_redeem, ticket, dict(request.cookies))
    except Unauthorised as error:
        return PlainTextResponse(error.detail, 401)
    except Unavailable as error:
        return _unavailable(error)
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    single_sign_on.forget_identity(request, answer)
    seconds = int(session.settings().session_hours * 3600)
    _set_cookie(request, answer, session.COOKIE, token, seconds)
    if device:
        _set_cookie(request, answer, *device, int(known_devices.VALID_FOR.total_seconds()))
    return answer


async def end_session(request: Request) -> Response:
    """204; the session of the request's cookie has ended and the cookie is deleted. The device stays known."""
    if not _from_our_page(request):
        return PlainTextResponse("Only the console's own page may do this.", 403)
    if token := request.cookies.get(session.COOKIE):
        try:
            await asyncio.to_thread(_sign_out, token)
        except Unavailable as error:
            return _unavailable(error)
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    single_sign_on.forget_identity(request, answer)
    answer.delete_cookie(session.COOKIE, path="/", httponly=True, samesite="strict", secure=_secure(request))
    return answer


def _from_our_page(request: Request) -> bool:
    """Whether the request comes from our own page, by a header that browsers set and no page can change."""
    return request.headers.get("sec-fetch-site") == "same-origin"


def _secure(request: Request) -> bool:
    return request.url.scheme == "https" or session.settings().public_base_url.startswith("https:")


def _set_cookie(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="strict", secure=_secure(request))


def _redeem(ticket: str, cookies: dict[str, str]) -> tuple[str, tuple[str, str] | None]:
    """Exchange the ticket: the session's token, and name and value of its user's device cookie."""
    store = session.sessions()
    token = store.redeem(ticket)
    if (found := store.of_cookie(token)) is None:
        return token, None
    name = known_devices.cookie_name(found.name)
    return token, (name, store.device_token(found.name, cookies.get(name)))


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
