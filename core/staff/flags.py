"""The flows that can be paused: who paused each and why, and the sentence that customers see meanwhile."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

import structlog

from core.db import Database
from core.errors import Refused, Unavailable
from core.staff import roles
from core.staff.roles import Actor

log = structlog.get_logger(__name__)

FRESH_SECONDS = 2.0
RETRY_AFTER_SECONDS = 60
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


# Each flow's name, and what stops while it is paused.
WORDS = {
    Flow.CHECKOUT: ("Checkout", "No new checkout page is created; pages that are already open can still be paid."),
    Flow.ONE_TIME: ("Single payments", "The payment API charges no card."),
    Flow.SUBSCRIPTIONS: ("Subscriptions", "No new subscription is started; Stripe goes on renewing the existing ones."),
    Flow.DISCOUNTS: ("Discounts", "No discount code is accepted."),
    Flow.RETRIES: (
        "Retries",
        "We retry no failed payment, now or as scheduled; Stripe's own retries go on.",
    ),
    Flow.REFUNDS: ("Refunds", "No refund is made or approved."),
}


@dataclass(frozen=True)
class Flag:
    """One flow's switch; `sentence` is for customers, `reason` for staff. `changed_by` is None if it never changed."""

    flow: Flow
    open: bool = True
    sentence: str = ""
    reason: str = ""
    changed_by: str | None = None
    changed_at: datetime | None = None


class Flags:
    """The flags, at most `FRESH_SECONDS` old; if they cannot be read, the last known ones. Thread-safe."""

    def __init__(self, db: Database, *, suspended: bool, ticks: Callable[[], float] = time.monotonic):
        self._db = db
        self._ticks = ticks
        self._suspended = suspended
        self._known: dict[Flow, Flag] | None = None
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def require(self, flow: Flow) -> None:
        """Raise `Unavailable` (`flow_disabled`), with the sentence for customers, if the flow is paused."""
        flag = self.all()[flow]
        if self._suspended and flow is not Flow.DISCOUNTS:
            raise _paused(flag.sentence if not flag.open and flag.sentence else SUSPENDED)
        if not flag.open:
            raise _paused(flag.sentence)

    def all(self) -> dict[Flow, Flag]:
        """Every flow's flag; raises `Unavailable` only if they could never be read."""
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
            log.warning("the flags could not be read; the last known ones stay in force")
        self._read_at = self._ticks()


def read(db: Database) -> dict[Flow, Flag]:
    """Every flow's flag, read from the database now; raises `Unavailable`."""
    rows: list[_FlagRow] = db.call("flags")
    return {flow: Flag(flow) for flow in Flow} | {Flow(row["flow"]): _flag(row) for row in rows}


def check_length(sentence: str) -> None:
    """Raises `Refused` for a sentence that is too long to show to customers."""
    if len(sentence) > LONGEST_SENTENCE:
        raise Refused("sentence_too_long", f"Use at most {LONGEST_SENTENCE} characters.")


def switch(db: Database, actor: Actor, flow: Flow, *, open: bool, sentence: str, reason: str, now: datetime) -> Flag:
    """Resume (`open`) or pause a flow; raises `Refused` without a reason, or without a sentence for customers."""
    roles.require(actor, "settings")
    check_length(sentence)
    row: _FlagRow = db.call(
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


class _FlagRow(TypedDict):
    flow: str
    open: bool
    sentence: str
    reason: str
    changed_by: str
    changed_at: str


def _flag(row: _FlagRow) -> Flag:
    return Flag(
        Flow(row["flow"]),
        row["open"],
        row["sentence"],
        row["reason"],
        row["changed_by"],
        datetime.fromisoformat(row["changed_at"]),
    )


def _paused(sentence: str) -> Unavailable:
    return Unavailable("flow_disabled", sentence, retry_after_seconds=RETRY_AFTER_SECONDS)
