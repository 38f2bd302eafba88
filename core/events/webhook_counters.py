"""Counts refused webhook requests by sender and reason, and how often each webhook secret is used."""

import asyncio
import hashlib
import ipaddress
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

import structlog

from core.db import Database
from core.errors import PayopsError
from core.events.event_rows import Rejection
from core.periods import Clock

RECORD_EVERY_SECONDS = 2.0
MAX_SENDERS = 1_000  # further senders are counted together
OTHERS = "others"
CHECK_TYPE = "payops.check"  # the deployment checklist's own test event; it does not count as Stripe's use of a secret
UNUSED_AFTER = timedelta(days=1)  # Stripe signs with a rolled secret for at most a day
log = structlog.get_logger(__name__)


@dataclass
class Tally:
    """One process's counts since they were last recorded; a killed process loses those of the last two seconds."""

    rejections: Counter[tuple[str, str]] = field(default_factory=Counter)
    verified: Counter[int] = field(default_factory=Counter)

    def rejected(self, address: str, reason: str, times: int = 1) -> None:
        """Count a refused request; cheap and bounded, since an attacker decides how often it happens."""
        full = len(self.rejections) >= MAX_SENDERS and (address, reason) not in self.rejections
        self.rejections[OTHERS if full else address, reason] += times

    def take(self) -> "Tally":
        """The counts so far; counting starts again at zero."""
        taken = Tally(self.rejections, self.verified)
        self.rejections, self.verified = Counter(), Counter()
        return taken

    def give_back(self, taken: "Tally") -> None:
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
        taken = self._tally.take()
        if not taken.rejections and not taken.verified:
            return
        try:
            await asyncio.to_thread(self._record, taken)
        except PayopsError as error:
            log.warning("webhook counts could not be recorded yet", code=error.code)
            self._tally.give_back(taken)

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
    """How one configured secret is used. It is identified by its fingerprint, never shown; number 1 is the first."""

    number: int
    fingerprint: str
    last_used_at: datetime | None
    times_in_30_days: int
    no_longer_used: bool  # replaced by another secret, so it can be removed from the configuration


def secret_uses(db: Database, secrets: Sequence[str], now: datetime) -> list[SecretUse]:
    """When each of the endpoint's secrets last verified an event, in the configured order."""
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


def rejections(db: Database, since: datetime, *, limit: int = 200) -> list[Rejection]:
    """The requests refused since then by sender and reason, most frequent first."""
    found: list[Rejection] = db.call("list_webhook_rejections", since=since, limit=limit)
    return found


def fingerprint(secret: str) -> str:
    """A short hash that identifies a secret where the secret itself is not stored."""
    return hashlib.sha256(b"payops webhook secret " + secret.encode()).hexdigest()[:12]


@lru_cache(maxsize=1024)
def sender(host: str | None) -> str:
    """The sender to count for this host: its address, or for IPv6 its /64 network, which one subscriber has."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
