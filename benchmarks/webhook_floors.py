"""The floors of `benchmarks.webhooks`: the same HTTP server that verifies and answers, and one that inserts as well."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.events.signature import read_signed_event
from core.periods import wall_clock

SECRET = os.environ["BENCH_SECRET"]


def verified(body: bytes, header: str) -> dict:
    return read_signed_event(body, header, (SECRET,), now=wall_clock()).event


async def verify_only(request: Request) -> JSONResponse:
    event = verified(await request.body(), request.headers["stripe-signature"])
    return JSONResponse({"received": True, "event": event["id"]})


async def insert(request: Request) -> JSONResponse:
    event = verified(await request.body(), request.headers["stripe-signature"])
    async with request.app.state.pool.connection() as connection:
        await connection.execute(
            "insert into floor_inbox (id, payload) values (%s, %s) on conflict do nothing", (event["id"], Jsonb(event))
        )
    return JSONResponse({"received": True, "event": event["id"]})


@asynccontextmanager
async def pool(app: Starlette) -> AsyncIterator[None]:
    conninfo = os.environ["BENCH_CONNINFO"]
    opened = AsyncConnectionPool(conninfo, min_size=8, max_size=8, kwargs={"autocommit": True}, open=False)
    await opened.open(wait=True)
    app.state.pool = opened
    yield
    await opened.close()


verifying = Starlette(routes=[Route("/api/webhooks/stripe", verify_only, methods=["POST"])])
inserting = Starlette(routes=[Route("/api/webhooks/stripe", insert, methods=["POST"])], lifespan=pool)
