"""Stripe's side of `benchmarks.webhooks`: signed requests of ten types, posted over keep-alive connections."""

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.events.signature import sign
from core.sandbox.seed import seed_sandbox
from core.sandbox.traffic.history import iter_events

CONNECTIONS = 16
DUPLICATES = 0.1
SECRET = "whsec_" + "b" * 32
SMALLEST_BODY, LARGEST_BODY = 3_000, 7_000
TYPES = (
    "payment_intent.created",
    "payment_intent.succeeded",
    "charge.succeeded",
    "charge.failed",
    "charge.refunded",
    "customer.created",
    "customer.subscription.updated",
    "invoice.paid",
    "invoice_payment.paid",
    "refund.created",
)


@dataclass(frozen=True)
class Run:
    """How long a run took, and each answer's wait, sorted."""

    seconds: float
    waits: list[float]

    @property
    def rate(self) -> float:
        return len(self.waits) / self.seconds

    def percentile_ms(self, share: float) -> float:
        return 1000 * self.waits[min(int(len(self.waits) * share), len(self.waits) - 1)]


def sample_events() -> list[dict[str, Any]]:
    """Twenty events of each type as the sandbox tells them, with as much metadata as makes Stripe's usual size."""
    found: dict[str, list[dict[str, Any]]] = {event_type: [] for event_type in TYPES}
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        seed_sandbox(Path(folder), days=60)
        for event in iter_events(Path(folder), TYPES):
            if len(found[event["type"]]) < 20:
                found[event["type"]].append(_of_usual_size(event))
    return [event for each in zip(*found.values(), strict=True) for event in each]


def _of_usual_size(event: dict[str, Any]) -> dict[str, Any]:
    subject = event["data"]["object"]
    notes = subject.setdefault("metadata", {})
    while (missing := SMALLEST_BODY - len(json.dumps(event, indent=2))) > 0:
        notes[f"note_{len(notes)}"] = "x" * min(missing, 400)  # Stripe takes 50 keys of 500 characters
    assert len(json.dumps(event, indent=2)) <= LARGEST_BODY
    return event


def signed_requests(samples: Sequence[dict[str, Any]], count: int) -> Iterator[bytes]:
    """HTTP requests of pretty-printed events with ids of their own, some of them sent twice."""
    run, recent = random.randrange(16**8), list[bytes]()
    texts = [
        json.dumps(event, indent=2).replace(event["data"]["object"]["id"], "OBJECT").replace(event["id"], "EVENT")
        for event in samples
    ]
    for number in range(count):
        if recent and random.random() < DUPLICATES:
            yield random.choice(recent)
            continue
        unique = f"{run:08x}{number:08x}"
        text = texts[number % len(texts)].replace("OBJECT", f"obj_{unique}").replace("EVENT", f"evt_{unique}")
        body = text.encode()
        head = (
            "POST /api/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Stripe-Signature: {sign(body, SECRET, timestamp=int(time.time()))}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        recent = [*recent[-200:], head.encode() + body]
        yield recent[-1]


async def post_all(port: int, requests: Sequence[bytes], *, rate: float | None = None) -> Run:
    """Post them as fast as they are answered, or `rate` a second; every answer must be a 200.

    At a rate, a request waits from the moment it is due, whether a connection is free for it then or not.
    """
    lines = [await _connected(port) for _ in range(CONNECTIONS)]
    started = asyncio.get_running_loop().time()
    waiting, waits = iter(enumerate(requests)), list[float]()

    async def deliver(line: "_Line") -> None:
        clock = asyncio.get_running_loop().time
        for number, request in waiting:
            due = clock() if rate is None else started + number / rate
            if (early := due - clock()) > 0:
                await asyncio.sleep(early)
            await line.answered(request)
            waits.append(clock() - due)

    await asyncio.gather(*(deliver(line) for line in lines))
    seconds = asyncio.get_running_loop().time() - started
    for line in lines:
        line.close()
    return Run(seconds, sorted(waits))


async def _connected(port: int) -> "_Line":
    _, line = await asyncio.get_running_loop().create_connection(_Line, "127.0.0.1", port)
    await asyncio.sleep(0.01)  # so that not one worker takes them all
    return line


class _Line(asyncio.Protocol):
    """One keep-alive connection with one request on its way."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def answered(self, request: bytes) -> asyncio.Future[None]:
        self._answer, self._read = asyncio.get_running_loop().create_future(), b""
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            return
        if head.startswith(b"HTTP/1.1 200"):
            self._answer.set_result(None)
        else:
            self._answer.set_exception(AssertionError(self._read))

    def connection_lost(self, error: Exception | None) -> None:
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(AssertionError("the connection was cut"))

    def close(self) -> None:
        self._transport.close()
