"""Rate limits of the payment API, counted in the database across all processes."""

from typing import TypedDict

from core.db import Database
from core.errors import Unavailable
from core.payments.operations.callers import Caller
from core.periods import wall_clock


class Turn(TypedDict):
    """Whether the request is within the limit, and if not, when the next one will be accepted."""

    allowed: bool
    retry_after_seconds: int


def take_turn(db: Database, caller: Caller, limit_per_minute: int) -> None:
    """Count one request of this caller; raises `Unavailable` (`too_many_requests`) beyond the limit."""
    turn: Turn = db.call("take_api_turn", caller=caller.name, limit=limit_per_minute, now=wall_clock())
    if not turn["allowed"]:
        raise Unavailable(
            "too_many_requests",
            f"More than {limit_per_minute} requests in a minute.",
            retry_after_seconds=turn["retry_after_seconds"],
        )
