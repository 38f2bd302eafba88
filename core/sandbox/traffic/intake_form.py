"""Posts signed intake forms until they are answered, and later the end of each consultation."""

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
from standardwebhooks import Webhook

from core.sandbox.engine.store import Store
from core.sandbox.traffic.intake import CANCELLED_SHARE, SECONDS_TO_ASK, care_seconds

Json = dict[str, Any]
SUBMISSION, STATUS = "/api/webhooks/form-submission", "/api/webhooks/consultation-status"
PATIENCE_SECONDS = 2700  # who had to wait at first is gone then, seen or not
AGAIN_SECONDS = 5
AT_ONCE = 16
ANSWER_SECONDS = 20
log = logging.getLogger("payops.sandbox")


@dataclass(frozen=True)
class Receiver:
    """Where forms are sent to, and the webhook that signs them."""

    base_url: str
    webhook: Webhook


class IntakeForm:
    """Sends nothing until it has a receiver; unanswered forms survive a restart."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self._store = store
        self._chance = chance
        self._receiver: Receiver | None = None
        self._http = httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)

    def send_to(self, base_url: str, secret: str) -> None:
        """Raises `ValueError` for an invalid address or secret."""
        if not base_url.startswith(("http://", "https://")):
            raise ValueError("url must be an http or https address")
        self._receiver = Receiver(base_url, Webhook(secret))

    def fill_in(self, submission: Json) -> None:
        """Send the form after a short delay; does nothing without a receiver."""
        if self._receiver is not None:
            self._keep(SUBMISSION, submission, self._chance.uniform(*SECONDS_TO_ASK))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            posts = self._due() if self._receiver else []
            await asyncio.gather(*(self._post(self._receiver, *post) for post in posts if self._receiver))
            if len(posts) < AT_ONCE:
                await asyncio.sleep(0.25)

    async def close(self) -> None:
        await self._http.aclose()

    def _due(self) -> list[tuple[int, str, bytes]]:
        return self._store.rows("due_forms", now=time.time(), limit=AT_ONCE).fetchall()

    def _keep(self, path: str, body: Json, after_seconds: float) -> None:
        self._store.rows("add_form", path=path, body=orjson.dumps(body), due_at=time.time() + after_seconds)

    async def _post(self, receiver: Receiver, seq: int, path: str, body: bytes) -> None:
        message_id, at = f"msg_{seq}", datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": receiver.webhook.sign(message_id, at, body.decode()),
        }
        try:
            answer = await self._http.post(receiver.base_url + path, content=body, headers=headers)
        except httpx.HTTPError:
            answer = None
        if answer is None or answer.status_code >= 500 or answer.status_code == 429:
            self._store.rows("postpone_form", seq=seq, due_at=time.time() + AGAIN_SECONDS)
            return
        self._store.rows("drop_form", seq=seq)
        if answer.status_code != 200:
            log.debug("the form was refused: %s %s", answer.status_code, answer.text)
        elif path == SUBMISSION:
            self._expect_the_end(answer.json())

    def _expect_the_end(self, answer: Json) -> None:
        waits = answer["status"] == "waiting"
        gone = waits or self._chance.random() < CANCELLED_SHARE
        body = {"consultationId": answer["consultationId"], "status": "cancelled" if gone else "completed"}
        self._keep(STATUS, body, PATIENCE_SECONDS if waits else care_seconds(self._chance))
