"""The sandbox's ASGI application."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from core.sandbox.engine.engine import Engine
from core.sandbox.http.control import Control
from core.sandbox.http.pages import Pages
from core.sandbox.http.stripe_api import StripeApi
from core.sandbox.objects.consequences import CONSEQUENCES
from core.sandbox.process import note_address
from core.sandbox.traffic.intake_form import IntakeForm
from core.sandbox.traffic.traffic import Traffic

METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def build_app(data_dir: Path, base_url: str, *, traffic: bool) -> Starlette:
    """Everything is created when the application starts and closed when it ends."""
    engine = Engine(data_dir, base_url, CONSEQUENCES)
    form = IntakeForm(engine.store, random.Random())
    customers = Traffic(engine, form)
    if traffic:
        customers.set(running=True)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        note_address(data_dir, base_url)
        tasks = [asyncio.create_task(work()) for work in (engine.tick, engine.sender.run, customers.run, form.run)]
        yield
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await engine.sender.close()
        await form.close()
        engine.store.close()

    return Starlette(
        routes=[
            Route("/v1/{path:path}", StripeApi(engine).answer, methods=METHODS),
            *Control(engine, customers, form).routes(),
            *Pages(engine).routes(),
        ],
        lifespan=lifespan,
    )
