"""Counts of refused webhook requests by sender and reason, and of the uses of each webhook secret."""

import asyncio
import hashlib
import ipaddress
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

import structlog

from core.db import Database
from core.errors import PayopsError
from core.periods import Clock

RECORD_EVERY_SECONDS = 2.0
MAX_SENDERS = 1_000  # a flood from more of them is counted under one name
OTHERS = "others"
UNUSED_AFTER = timedelta(days=1)  # for as long at most Stripe signs with a rolled secret as well
log = structlog.get_logger(__name__)


@dataclass
class Tally:
    """One process's counts since they were last recorded; a process that is killed loses the last two seconds."""

    rejections: Counter[tuple[str, str]] = field(default_factory=Counter)
    verified: Counter[int] = field(default_factory=Counter)

    def rejected(self, address: str, reason: str, times: int = 1) -> None:
        """Count a refused request; cheap and bounded, since an attacker decides how often it happens."""
        full = len(self.rejections) >= MAX_SENDERS and (address, reason) not in self.rejections
        self.rejections[OTHERS if full else address, reason] += times

    def taken(self) -> "Tally":
        """The counts so far; counting starts again at zero."""
        taken = Tally(self.rejections, self.verified)
        self.rejections, self.verified = Counter(), Counter()
        return taken

    def given_back(self, taken: "Tally") -> None:
        """Add counts that could not be recorded back to those that are waiting."""
        for (address, reason), times in taken.rejections.items():
            self.rejected(address, reason, times)
        self.verified += taken.verified


class CounterFlusher:
    """Records a tally in the database every few seconds, and once more when it is closed."""

    def __init__(self, tally: Tally, db: Database, secrets: Sequence[str], clock: Clock):
        self._tally = tally
        self._db = db
        self._fingerprints = [fingerprint(secret) for secret in secrets]
        self._clock = clock
        self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self._flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(RECORD_EVERY_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        taken = self._tally.taken()
        if not taken.rejections and not taken.verified:
            return
        try:
            await asyncio.to_thread(self._record, taken)
        except PayopsError as error:
            log.warning("the webhook's counts could not be recorded yet", code=error.code)
            self._tally.given_back(taken)

    def _record(self, taken: Tally) -> None:
        now = self._clock()
        self._db.call(
            "record_webhook_counters",
            rejections=[
                {"address": address, "reason": reason, "times": times}
                for (address, reason), times in taken.rejections.items()
            ],
            verified=[
                {"fingerprint": self._fingerprints[index], "times": times, "last_used_at": now}
                for index, times in taken.verified.items()
            ],
            now=now,
        )


@dataclass(frozen=True)
class SecretUse:
    """How one configured secret is used: the first is number 1; known by its fingerprint, never by itself."""

    number: int
    fingerprint: str
    last_used_at: datetime | None
    times_in_30_days: int
    no_longer_used: bool  # it was and another one is, so that this one can be taken out


def secret_uses(db: Database, secrets: Sequence[str], now: datetime) -> list[SecretUse]:
    """When each of the endpoint's secrets last verified an event, in their order."""
    known = db.call("webhook_secret_uses", fingerprints=[fingerprint(each) for each in secrets], now=now)
    used = [known.get(fingerprint(secret)) for secret in secrets]
    last = [datetime.fromisoformat(each["last_used_at"]) if each else None for each in used]
    recent = [at is not None and now - at < UNUSED_AFTER for at in last]
    return [
        SecretUse(
            number=index + 1,
            fingerprint=fingerprint(secret),
            last_used_at=last[index],
            times_in_30_days=(used[index] or {}).get("times", 0),
            no_longer_used=last[index] is not None and not recent[index] and any(recent),
        )
        for index, secret in enumerate(secrets)
    ]


def rejections(db: Database, since: datetime, *, limit: int = 200) -> list[dict[str, Any]]:
    """Who was refused since then and why: `address`, `reason`, `times`, `last_minute`, the most often first."""
    return cast(list[dict[str, Any]], db.call("list_webhook_rejections", since=since, limit=limit))


def fingerprint(secret: str) -> str:
    """By which a secret is known where it is not kept."""
    return hashlib.sha256(b"payops webhook secret " + secret.encode()).hexdigest()[:12]


@lru_cache(maxsize=1024)
def sender(host: str | None) -> str:
    """Who is counted for this host: its address, of IPv6 the network that one subscriber has."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
