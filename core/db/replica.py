"""Lets pages read from a streaming replica, so that their queries do not slow down payments and webhooks."""

import re
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog

from core.db import Database
from core.db.deploy import FUNCTIONS
from core.errors import Unavailable

# Slow functions that only read and whose results may be some seconds old. On a replica they cannot recount stale
# days; the worker does that on the primary.
READ_THERE = frozenset(
    """
    cohort_retention count_events currencies dispute_figures disputes_by_reason figure_series find_payments
    inbox_figures inbox_pulse list_events list_expiring_licences list_fraud_warnings list_recovery list_refunds
    metrics movement_customers overview recovery_figures refund_figures revenue_by_month subscription_figures
    subscriptions_listed cohort_customers
    """.split()
)
# Functions that a page calls while it is drawn and that write nothing which it shows.
HARMLESS = ("session_user", "heartbeat", "note_view", "choose", "user_choice", "flags", "list_", "recent_", "last_")
FOLLOWS_SECONDS = 10.0  # after a change by this process, how long its reads stay on the primary, so that they show it
MOST_LAG_SECONDS = 30.0  # the replica is not used if it is further behind
ASKED_AGAIN_SECONDS = 5.0  # how often its lag is looked at
AWAY_SECONDS = 30.0  # pause after a failed attempt, since each attempt delays the page that makes it
CONNECT_SECONDS = 1.0  # how long a page waits for a connection to it

log = structlog.get_logger(__name__)


@cache
def only_reads(function: str) -> bool:
    """Whether a function changes nothing (its SQL says `stable`), or nothing that a page shows."""
    return function.startswith(HARMLESS) or function in _stable()


@cache
def _stable() -> frozenset[str]:
    head = re.compile(r"create function payops_api\.(\w+)\((?:(?!as \$\$).)*?\bstable\b", re.DOTALL)
    return frozenset(name for path in FUNCTIONS.rglob("*.sql") for name in head.findall(path.read_text()))


class ReplicaReads:
    """Passes reads on to a replica that answers and keeps up, and everything else to the primary."""

    def __init__(self, primary: Database, replica: Callable[[], Database]):
        self._primary = primary
        self._open = replica
        self._replica: Database | None = None
        self._changed_at = self._ask_at = float("-inf")
        self._lag: float | None = None

    def call(self, function: str, /, **arguments: Any) -> Any:
        if function not in READ_THERE:
            answer = self._primary.call(function, **arguments)
            if not only_reads(function):
                self._changed_at = time.monotonic()
            return answer
        if time.monotonic() - self._changed_at >= FOLLOWS_SECONDS and self._keeps_up():
            try:
                assert self._replica
                return self._replica.call(function, **arguments)
            except Unavailable as error:
                log.warning("the replica did not answer; the primary is read", detail=error.detail)
                self._lag, self._ask_at = None, time.monotonic() + AWAY_SECONDS
        return self._primary.call(function, **arguments)

    def lag_seconds(self) -> float | None:
        """How far the replica is behind; None if reads go to the primary."""
        return self._lag if self._keeps_up() else None

    def close(self) -> None:
        self._primary.close()
        if self._replica:
            self._replica.close()

    def _keeps_up(self) -> bool:
        if time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + ASKED_AGAIN_SECONDS
            try:
                self._replica = self._replica or self._open()
                self._lag = self._replica.call("replication_lag")
            except Unavailable as error:
                log.warning("the replica does not answer; the primary is read", detail=error.detail)
                self._lag, self._ask_at = None, time.monotonic() + AWAY_SECONDS
        return self._lag is not None and self._lag <= MOST_LAG_SECONDS
