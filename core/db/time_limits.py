"""How long the database may take, by what it is asked for: whoever waits gets an answer in time."""

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
        """How long the connection is waited on. Postgres gives up first, so that its own answer arrives."""
        return self.statement_seconds + 1

    @property
    def settings(self) -> dict[str, str]:
        """The limits that Postgres itself keeps, by the names it has for them."""
        return {
            "statement_timeout": f"{self.statement_seconds * 1000:.0f}",
            "lock_timeout": f"{self.lock_seconds * 1000:.0f}",
        }


# A request of the API makes several calls; it is answered within 8 seconds, however many (see core.api.middleware).
HEALTH = TimeLimits(connection_seconds=1, statement_seconds=2, lock_seconds=1)
WEBHOOK = TimeLimits(connection_seconds=2, statement_seconds=4, lock_seconds=3)
APPLIER = TimeLimits(connection_seconds=2, statement_seconds=30, lock_seconds=2)  # nobody waits for it
API = TimeLimits(connection_seconds=2, statement_seconds=4, lock_seconds=3)
# A page makes several calls and refreshes every 2 seconds: it says that the database is away before the next refresh.
PAGE = TimeLimits(connection_seconds=3, statement_seconds=30, lock_seconds=5, while_away_seconds=0.3)
REPORT = TimeLimits(connection_seconds=3, statement_seconds=300, lock_seconds=30)
WORKER = TimeLimits(connection_seconds=3, statement_seconds=600, lock_seconds=30)
