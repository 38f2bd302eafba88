"""Time limits of database calls, by kind of caller, so that each gets an answer or an error in time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TimeLimits:
    """Seconds that a call may wait for a connection, run in Postgres, and wait there for a lock.

    `while_away_seconds` is the wait for a connection after the last attempt to connect failed, None for the usual one.
    """

    connection_seconds: float
    statement_seconds: float
    lock_seconds: float
    while_away_seconds: float | None = None

    @property
    def answer_seconds(self) -> float:
        """How long to wait for an answer: longer than Postgres's own limit, so that its error arrives first."""
        return self.statement_seconds + 1

    @property
    def settings(self) -> dict[str, str]:
        """The limits that Postgres enforces, by the names of its settings, in milliseconds."""
        return {
            "statement_timeout": f"{self.statement_seconds * 1000:.0f}",
            "lock_timeout": f"{self.lock_seconds * 1000:.0f}",
        }


# API requests make several calls, but are answered within 8 seconds in all (see core.api.middleware).
HEALTH = TimeLimits(connection_seconds=1, statement_seconds=2, lock_seconds=1)
WEBHOOK = TimeLimits(connection_seconds=2, statement_seconds=4, lock_seconds=3)
APPLIER = TimeLimits(connection_seconds=2, statement_seconds=30, lock_seconds=2)  # no caller waits for it
API = TimeLimits(connection_seconds=2, statement_seconds=4, lock_seconds=3)
# A page makes several calls and refreshes every 2 seconds; if the database is away it must say so before that.
PAGE = TimeLimits(connection_seconds=3, statement_seconds=30, lock_seconds=5, while_away_seconds=0.3)
REPORT = TimeLimits(connection_seconds=3, statement_seconds=300, lock_seconds=30)
WORKER = TimeLimits(connection_seconds=3, statement_seconds=600, lock_seconds=30)
