"""The route that serves a large export to the user who made it, once."""

import asyncio
from collections.abc import AsyncIterator
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from core.exports.files import MEDIA_TYPES
from core.ui import export_jobs
from core.ui.export_jobs import Export
from core.ui.frame.access_guard import NOT_SIGNED_IN, user_of_request

GONE = "This file is no longer here: it was downloaded, or an hour has passed. Export it again."
CHUNK_BYTES = 1 << 18


def routes() -> list[Route]:
    return [Route("/exports/{export_id}", download)]


async def download(request: Request) -> Response:
    """The file, streamed from disk and deleted once the browser has all of it; 404 if it is another user's."""
    user = await user_of_request(request.scope)
    if user is None:
        return PlainTextResponse(NOT_SIGNED_IN, 403)
    export = await asyncio.to_thread(export_jobs.exports().ready, user, request.path_params["export_id"])
    if export is None:
        return PlainTextResponse(GONE, 404)
    try:
        file = export.path.open("rb")
    except FileNotFoundError:
        return PlainTextResponse(GONE, 404)

    headers = {
        "Content-Disposition": f'attachment; filename="{export.file_name}"',
        "Content-Length": str(export.bytes),
        "Cache-Control": "no-store",
    }
    media_type = MEDIA_TYPES[export.file_format]
    return StreamingResponse(_chunks(file, export), media_type=media_type, headers=headers)


async def _chunks(file: BinaryIO, export: Export) -> AsyncIterator[bytes]:
    """The file's bytes. If the browser disconnects before the end, the file stays and can be requested again."""
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    await asyncio.to_thread(export_jobs.exports().discard, export)
