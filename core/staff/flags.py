"""The flows that can be switched off: who did and why, and what customers are told meanwhile."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog

from core.db import Database
from core.errors import Refused, Unavailable
from core.staff import roles
from core.staff.roles import Actor

log = structlog.get_logger(__name__)

FRESH_SECONDS = 2.0
CLOSED_FOR_SECONDS = 60
SUSPENDED = "Payments are paused at the moment. Nothing was charged; please try again later."
LONGEST_SENTENCE = 300
EFFECT_SECONDS = 5


class Flow(StrEnum):
    CHECKOUT = "checkout"
    ONE_TIME = "one_time"
    SUBSCRIPTIONS = "subscriptions"
    DISCOUNTS = "discounts"
    RETRIES = "retries"
    REFUNDS = "refunds"


# What each flow is called, and what stops while it is closed.
WORDS = {
    Flow.CHECKOUT: ("Checkout", "No new page to pay on is made; one that is open already can still be paid."),
    Flow.ONE_TIME: ("Single payments", "The payment API charges no card."),
    Flow.SUBSCRIPTIONS: ("Subscriptions", "No subscription is begun; those that run are renewed by Stripe."),
    Flow.DISCOUNTS: ("Discounts", "No discount code is taken."),
    Flow.RETRIES: (
        "Retries",
        "Failed payments are not tried again by us, now or as scheduled; Stripe's own tries go on.",
    ),
    Flow.REFUNDS: ("Refunds", "Nothing is refunded or approved."),
}


@dataclass(frozen=True)
class Flag:
    """One flow's flag; `sentence` is for customers, `reason` for staff. Nobody has touched one without `changed_by`."""

    flow: Flow
    open: bool = True
    sentence: str = ""
    reason: str = ""
    changed_by: str | None = None
    changed_at: datetime | None = None


class Flags:
    """The flags as of at most `FRESH_SECONDS` ago; while they cannot be read, the last that could. Safe for threads."""

    def __init__(self, db: Database, *, suspended: bool, ticks: Callable[[], float] = time.monotonic):
        self._db = db
        self._ticks = ticks
        self._suspended = suspended
        self._known: dict[Flow, Flag] | None = None
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def require(self, flow: Flow) -> None:
        """Raise `Unavailable` (`flow_disabled`), with the sentence for customers, unless the flow is open."""
        flag = self.all()[flow]
        if self._suspended and flow is not Flow.DISCOUNTS:
            raise _closed(flag.sentence if not flag.open and flag.sentence else SUSPENDED)
        if not flag.open:
            raise _closed(flag.sentence)

    def all(self) -> dict[Flow, Flag]:
        """Every flow's flag; raises `Unavailable` only where none could ever be read."""
        with self._reading:
            if self._known is None or self._ticks() - self._read_at > FRESH_SECONDS:
                self._refresh()
            assert self._known is not None
            return self._known

    def _refresh(self) -> None:
        try:
            self._known = read(self._db)
        except Unavailable:
            if self._known is None:
                raise
            log.warning("the flags could not be read; the last known ones stay")
        self._read_at = self._ticks()


def read(db: Database) -> dict[Flow, Flag]:
    """Every flow's flag as it is at this moment; raises `Unavailable`."""
    return {flow: Flag(flow) for flow in Flow} | {Flow(row["flow"]): _flag(row) for row in db.call("flags")}


def switch(db: Database, actor: Actor, flow: Flow, *, open: bool, sentence: str, reason: str, now: datetime) -> Flag:
    """Open or close a flow; raises `Refused` where a closed one would leave customers without a sentence."""
    roles.require(actor, "settings")
    if len(sentence) > LONGEST_SENTENCE:
        raise Refused("sentence_too_long", f"Use at most {LONGEST_SENTENCE} characters.")
    row = db.call(
        "switch_flow",
        flow=str(flow),
        open=open,
        sentence=sentence.strip(),
        reason=reason.strip(),
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )
    return _flag(row)


def _flag(row: dict[str, Any]) -> Flag:
    return Flag(
        Flow(row["flow"]),
        row["open"],
        row["sentence"],
        row["reason"],
        row["changed_by"],
        datetime.fromisoformat(row["changed_at"]),
    )


def _closed(sentence: str) -> Unavailable:
    return Unavailable("flow_disabled", sentence, retry_after_seconds=CLOSED_FOR_SECONDS)
