"""`/sandbox`: control routes for tests, operators and `payops sandbox`."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.sandbox.engine.engine import Engine
from core.sandbox.engine.errors import StripeError
from core.sandbox.objects import webhook_endpoints
from core.sandbox.objects.billing import discounts
from core.sandbox.objects.payments import disputes, fraud_warnings, method_behaviour
from core.sandbox.traffic.intake_form import IntakeForm
from core.sandbox.traffic.traffic import Traffic

Answer = Callable[[Request], Awaitable[Response]]
FARTHEST_SECONDS = 400 * 86_400


class Control:
    """Reachable from this machine only, like the whole sandbox."""

    def __init__(self, engine: Engine, traffic: Traffic, form: IntakeForm) -> None:
        self._engine = engine
        self._traffic = traffic
        self._form = form

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Answer]] = [
            ("GET", "/sandbox/health", self.health),
            ("GET", "/sandbox/clock", self.clock),
            ("POST", "/sandbox/clock/advance", self.advance),
            ("GET", "/sandbox/faults", self.list_faults),
            ("POST", "/sandbox/faults", self.add_fault),
            ("DELETE", "/sandbox/faults", self.clear_faults),
            ("POST", "/sandbox/webhooks", self.register),
            ("GET", "/sandbox/webhooks/pending", self.pending),
            ("POST", "/sandbox/webhooks/flush", self.flush),
            ("POST", "/sandbox/disputes", self.dispute),
            ("POST", "/sandbox/disputes/{dispute}/close", self.close_dispute),
            ("POST", "/sandbox/disputes/{dispute}/appeal", self.appeal),
            ("POST", "/sandbox/customers/{customer}/discount", self.discount),
            ("POST", "/sandbox/early_fraud_warnings", self.warn),
            ("POST", "/sandbox/declines", self.decline),
            ("POST", "/sandbox/traffic", self.traffic),
            ("POST", "/sandbox/intake-form", self.intake_form),
        ]
        return [Route(path, _guarded(answer), methods=[method]) for method, path, answer in table]

    async def health(self, request: Request) -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "pid": os.getpid(),
                "data_dir": str(self._engine.data_dir.resolve()),
                "objects": self._engine.store.one("count_objects")[0],
                "traffic": self._traffic.state(),
                "endpoints": [row[1] for row in self._engine.store.rows("list_endpoints")],
            }
        )

    async def clock(self, request: Request) -> Response:
        clock = self._engine.clock
        return JSONResponse({"now": clock.now(), "offset_seconds": clock.offset_seconds})

    async def advance(self, request: Request) -> Response:
        seconds = _whole(await _body(request), "seconds")
        if not 0 <= seconds <= FARTHEST_SECONDS:
            raise ValueError(f"seconds must be between 0 and {FARTHEST_SECONDS}")
        happened = await self._engine.advance(seconds)
        return JSONResponse({"now": self._engine.clock.now(), "happened": happened})

    async def list_faults(self, request: Request) -> Response:
        return JSONResponse({"faults": [vars(fault) for fault in self._engine.faults.all()]})

    async def add_fault(self, request: Request) -> Response:
        return JSONResponse(vars(self._engine.faults.add(await _body(request))), 201)

    async def clear_faults(self, request: Request) -> Response:
        self._engine.faults.clear()
        return Response(status_code=204)

    async def register(self, request: Request) -> Response:
        asked = await _body(request)
        url = str(asked["url"])
        if not url.startswith(("http://", "https://")):
            raise ValueError("url must be an http or https address")
        self._engine.transact(
            lambda uow: webhook_endpoints.register(
                uow,
                url,
                duplicate=float(asked.get("duplicate", 0)),
                reorder=bool(asked.get("reorder", False)),
                paused=bool(asked.get("paused", False)),
            )
        )
        return JSONResponse({"url": url, "secret": self._engine.secrets.webhook_secret}, 201)

    async def pending(self, request: Request) -> Response:
        return JSONResponse(self._engine.sender.pending())

    async def flush(self, request: Request) -> Response:
        await self._engine.run_until(self._engine.clock.now())
        delivered = await self._engine.sender.flush()
        return JSONResponse({"delivered": delivered, "pending": self._engine.sender.pending()["pending"]})

    async def dispute(self, request: Request) -> Response:
        asked = await _body(request)
        reason = str(asked.get("reason", "fraudulent"))
        if reason not in disputes.REASONS:
            raise ValueError(f"reason must be one of {', '.join(sorted(disputes.REASONS))}")
        inquiry = str(asked.get("status", "needs_response")).startswith("warning")
        opened = self._engine.transact(
            lambda uow: disputes.open_on(
                uow,
                uow.get("charge", str(asked["charge"])),
                reason,
                inquiry=inquiry,
                amount=_whole(asked, "amount") if "amount" in asked else None,
            )
        )
        return JSONResponse(opened, 201)

    async def close_dispute(self, request: Request) -> Response:
        outcome = (await _body(request)).get("outcome")
        if outcome not in ("won", "lost"):
            raise ValueError("outcome must be won or lost")
        dispute_id = request.path_params["dispute"]
        closed = self._engine.transact(lambda uow: disputes.close(uow, uow.get("dispute", dispute_id), outcome))
        return JSONResponse(closed)

    async def appeal(self, request: Request) -> Response:
        """Open the appeal of a lost or undecided dispute; it then waits for appeal evidence."""
        dispute_id = request.path_params["dispute"]
        return JSONResponse(self._engine.transact(lambda uow: disputes.appeal(uow, uow.get("dispute", dispute_id))))

    async def discount(self, request: Request) -> Response:
        """Give a customer a discount; Stripe's API can only delete one."""
        coupon, customer = str((await _body(request))["coupon"]), request.path_params["customer"]
        given = self._engine.transact(lambda uow: discounts.give_to_customer(uow, customer, coupon))
        return JSONResponse(given, 201)

    async def warn(self, request: Request) -> Response:
        charge = str((await _body(request))["charge"])
        warned = self._engine.transact(lambda uow: fraud_warnings.warn(uow, uow.get("charge", charge)))
        return JSONResponse(warned, 201)

    async def decline(self, request: Request) -> Response:
        """Decline the card's next charges with these codes, one each; then it behaves as before."""
        asked = await _body(request)
        codes = [str(code) for code in asked["codes"]]
        self._engine.transact(lambda uow: method_behaviour.decline_next(uow, str(asked["payment_method"]), codes))
        return JSONResponse({"codes": codes}, 201)

    async def traffic(self, request: Request) -> Response:
        asked = await _body(request)
        self._traffic.set(
            running=bool(asked.get("running", True)),
            speed=float(asked.get("speed", 1)),
            per_minute=float(asked["per_minute"]) if "per_minute" in asked else None,
            opening=bool(asked.get("opening", False)),
        )
        return JSONResponse(self._traffic.state())

    async def intake_form(self, request: Request) -> Response:
        asked = await _body(request)
        self._form.send_to(str(asked["url"]), str(asked["secret"]))
        return Response(status_code=204)


async def _body(request: Request) -> dict[str, Any]:
    read = orjson.loads(await request.body() or b"{}")
    if not isinstance(read, dict):
        raise ValueError("the body must be a JSON object")
    return read


def _whole(asked: dict[str, Any], name: str) -> int:
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number")
    return int(value)


def _guarded(answer: Answer) -> Answer:
    async def guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except StripeError as error:
            return JSONResponse(error.body(), error.status)
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": {"message": str(error)}}, 400)

    return guarded
