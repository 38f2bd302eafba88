"""Sends events to the registered endpoints: signed, and retried until they answer 2xx."""

import asyncio
import hashlib
import hmac
import random
import time
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from core.sandbox.engine.store import Store
from core.sandbox.engine.unit_of_work import BASE

RETRY_SECONDS = (1, 2, 5, 10, 30, 60)
GIVE_UP_SECONDS = 3 * 86_400
AT_ONCE = 16
ANSWER_SECONDS = 20


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one endpoint."""

    seq: int
    event_id: str
    endpoint_id: str
    attempts: int
    first_at: float
    url: str
    duplicate: float
    reorder: int
    body: bytes


def signature_header(secret: str, body: bytes, wall: int) -> str:
    """Stripe's scheme v1: HMAC-SHA256 over `t.body`."""
    mac = hmac.new(secret.encode(), f"{wall}.".encode() + body, hashlib.sha256)
    return f"t={wall},v1={mac.hexdigest()}"


class WebhookSender:
    """Sends the stored deliveries; undelivered ones survive a restart."""

    def __init__(self, store: Store, secret: str, base_url: str) -> None:
        self._store = store
        self._secret = secret
        self._base_url = base_url.encode()
        self._wake = asyncio.Event()
        self._in_flight: dict[int, asyncio.Task[bool]] = {}
        self._http = httpx.AsyncClient(
            timeout=ANSWER_SECONDS, trust_env=False, limits=httpx.Limits(max_connections=AT_ONCE * 2)
        )

    def wake(self) -> None:
        """Wake the sender, because a new delivery may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Send what is due until cancelled."""
        while True:
            self._start_due(time.time())
            self._wake.clear()
            if self._in_flight:
                waiting = [asyncio.ensure_future(self._wake.wait()), *self._in_flight.values()]
                await asyncio.wait(waiting, timeout=0.25, return_when=asyncio.FIRST_COMPLETED)
                waiting[0].cancel()
            else:
                try:
                    await asyncio.wait_for(self._wake.wait(), timeout=0.25)
                except TimeoutError:
                    continue

    async def flush(self) -> int:
        """Attempt every delivery of the enabled endpoints now, even those that wait for a retry."""
        tried: set[int] = set()
        delivered = 0
        while fresh := [d for d in self._due(time.time() + GIVE_UP_SECONDS, 500) if d.seq not in tried]:
            for start in range(0, len(fresh), AT_ONCE):
                batch = fresh[start : start + AT_ONCE]
                outcomes = await asyncio.gather(*(self._started(delivery) for delivery in batch))
                delivered += sum(outcomes)
            tried |= {delivery.seq for delivery in fresh}
        return delivered

    def pending(self) -> dict[str, Any]:
        total, due = self._store.one("count_pending", now=time.time())
        names = ("event", "type", "url", "attempts", "due_at", "last_outcome")
        listed = [dict(zip(names, row, strict=True)) for row in self._store.rows("pending_deliveries")]
        return {"pending": total, "due": due, "in_flight": len(self._in_flight), "deliveries": listed}

    async def close(self) -> None:
        for task in self._in_flight.values():
            task.cancel()
        await self._http.aclose()

    def _start_due(self, now: float) -> None:
        room = AT_ONCE - len(self._in_flight)
        if room <= 0:
            return
        for delivery in self._due(now, AT_ONCE * 2):
            if room > 0 and delivery.seq not in self._in_flight:
                self._started(delivery)
                room -= 1

    def _due(self, now: float, limit: int) -> list[Delivery]:
        return [Delivery(*row) for row in self._store.rows("due_deliveries", now=now, limit=limit).fetchall()]

    def _started(self, delivery: Delivery) -> asyncio.Task[bool]:
        """The running attempt for this delivery; there is at most one."""
        if delivery.seq not in self._in_flight:
            task = asyncio.create_task(self._attempt(delivery))
            self._in_flight[delivery.seq] = task
            task.add_done_callback(lambda _: self._in_flight.pop(delivery.seq, None))
        return self._in_flight[delivery.seq]

    async def _attempt(self, delivery: Delivery) -> bool:
        body = orjson.dumps(orjson.loads(delivery.body), option=orjson.OPT_INDENT_2)
        body = body.replace(BASE.encode(), self._base_url)
        outcome = await self._post(delivery, body)
        if outcome.startswith("2"):
            if random.random() < delivery.duplicate:
                await self._post(delivery, body)
            self._store.rows("delivered", seq=delivery.seq)
            return True
        if time.time() - delivery.first_at > GIVE_UP_SECONDS:
            self._store.rows("delivered", seq=delivery.seq)
            return False
        wait = RETRY_SECONDS[min(delivery.attempts, len(RETRY_SECONDS) - 1)]
        self._store.rows("delivery_failed", seq=delivery.seq, due_at=time.time() + wait, outcome=outcome)
        return False

    async def _post(self, delivery: Delivery, body: bytes) -> str:
        secret = self._store.hidden(delivery.endpoint_id).get("secret", self._secret)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature_header(secret, body, int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = await self._http.post(delivery.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return type(error).__name__
        return str(answer.status_code)
