"""Stripe's idempotency keys: what is answered again, what is refused, for how long."""

import hashlib
from dataclasses import dataclass

from core.sandbox.engine.errors import idempotency_in_use, idempotency_mismatch
from core.sandbox.engine.store import Store

KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Answer:
    """A finished HTTP answer, as it was and will be sent."""

    status: int
    body: bytes
    request_id: str


class IdempotencyKeys:
    """Answers kept in the store; keys in flight only in this process, as they end with it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_flight: set[str] = set()

    def begin(self, key: str, fingerprint: bytes, now: int) -> Answer | None:
        """The stored answer, or `None` after which the caller owes an `end`."""
        kept = self._store.one("get_answer", key=key, since=now - KEPT_SECONDS)
        if kept is not None:
            if kept[0] != fingerprint:
                raise idempotency_mismatch()
            return Answer(status=kept[1], body=kept[2], request_id=kept[3])
        if key in self._in_flight:
            raise idempotency_in_use(key)
        self._in_flight.add(key)
        return None

    def keep(self, key: str, fingerprint: bytes, answer: Answer, now: int) -> None:
        """Inside the transaction of the work itself, so that neither is kept without the other."""
        self._store.rows(
            "put_answer",
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            body=answer.body,
            request_id=answer.request_id,
            created=now,
        )

    def end(self, key: str) -> None:
        self._in_flight.discard(key)


def fingerprint_of(method: str, path: str, body: bytes) -> bytes:
    """Two requests are the same where method, path and form body are, whatever the body's order."""
    fields = b"&".join(sorted(body.split(b"&"))) if not body.startswith(b"--") else body
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), fields))).digest()
