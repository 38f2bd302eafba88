"""Stripe's idempotency keys: repeated answers, conflicts and their lifetime."""

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
    """Stored answers; keys in flight are held in memory, since they end with the process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_flight: set[str] = set()

    def begin(self, key: str, fingerprint: bytes, now: int) -> Answer | None:
        """The stored answer; after `None` the caller must call `end`."""
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
        """Store the answer in the same transaction as the work."""
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
    """Equal for requests with the same method, path and form fields, in any order."""
    fields = b"&".join(sorted(body.split(b"&"))) if not body.startswith(b"--") else body
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), fields))).digest()
