"""The health of our webhook endpoint: its state at Stripe, fetched in the background, and today's requests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypedDict, cast

from core.checklist import endpoint_checks
from core.checklist.finding import State, Verdict
from core.checklist.stripe_checks import address_of
from core.db import Database
from core.errors import PayopsError
from core.figures.wording import counted, percent
from core.services import Services
from core.stripe_gateway import Json

STRIPE_TRIES = timedelta(days=3)  # how long Stripe keeps trying to deliver an event
ON_ITS_WAY = timedelta(minutes=1)  # an event younger than this need not be delivered yet
AT_MOST = 100


class Said(TypedDict):
    """Stripe's last answer. `undelivered` is the number of undelivered events, at most `AT_MOST`; `missing` is how many
    of these payops does not have.
    """

    asked_at: str
    answered_at: str | None
    problem: str | None
    endpoint: Json | None
    undelivered: int
    missing: int
    oldest_missing: str | None


class _Stored(TypedDict):
    said: Said | None
    last_delivery_at: str | None
    accepted: int
    refused: int


@dataclass(frozen=True)
class Health:
    """`problems` are the failed checks, each with its next step; `said` is None before Stripe's first answer."""

    said: Said | None
    problems: tuple[Verdict, ...]
    last_delivery_at: datetime | None
    accepted: int
    refused: int

    @property
    def answered_at(self) -> datetime | None:
        at = self.said and self.said["answered_at"]
        return datetime.fromisoformat(at) if at else None

    @property
    def silence(self) -> str | None:
        """Why Stripe could not be asked last time; None if it answered."""
        return self.said["problem"] if self.said else None

    def undelivered(self) -> str:
        """A sentence such as `3 events wait for delivery; payops has read them all.`"""
        assert self.said is not None
        count, missing = self.said["undelivered"], self.said["missing"]
        if not count:
            return "No event waits for delivery."
        many = f"At least {count:,} events" if count == AT_MOST else counted(count, "event")
        wait = "waits" if count == 1 else "wait"
        return f"{many} {wait} for delivery" + ("; payops has read them all." if not missing else ".")

    def requests(self) -> str:
        """A sentence on today's requests and how many were refused."""
        everything = self.accepted + self.refused
        if not everything:
            return "No request today."
        share = percent(self.refused / everything)
        return f"{counted(everything, 'request')} today, {self.refused:,} refused ({share})."


def ask(running: Services) -> None:
    """Ask Stripe about our endpoint and undelivered events, and store the answer for the pages."""
    now = running.clock()
    try:
        found = endpoint_checks.of_address(list(running.stripe.each("webhook_endpoints")), address_of(running))
        waiting, _ = running.stripe.page(
            "events",
            limit=AT_MOST,
            delivery_success="false",
            created={"gte": int((now - STRIPE_TRIES).timestamp()), "lte": int((now - ON_ITS_WAY).timestamp())},
        )
    except PayopsError as error:
        running.db.call("record_webhook_endpoint", now=now, problem=error.detail)
        return
    running.db.call(
        "record_webhook_endpoint",
        now=now,
        endpoint={name: found[name] for name in ("id", "status", "api_version", "enabled_events")} if found else None,
        undelivered=[{"id": each["id"], "created": datetime.fromtimestamp(each["created"], UTC)} for each in waiting],
    )


def read(db: Database, address: str, now: datetime) -> Health:
    """The stored health; reads only from the database."""
    stored = cast(_Stored, db.call("webhook_endpoint", now=now))
    said, last = stored["said"], stored["last_delivery_at"]
    problems: list[Verdict] = []
    if said and said["answered_at"]:
        found = said["endpoint"]
        problems.append(endpoint_checks.exists(found, address))
        if found:
            problems += [endpoint_checks.events(found), endpoint_checks.version(found)]
        if said["missing"]:
            problems.append(_missing(said))
    return Health(
        said,
        tuple(each for each in problems if each.state is State.FAILED),
        datetime.fromisoformat(last) if last else None,
        stored["accepted"],
        stored["refused"],
    )


def _missing(said: Said) -> Verdict:
    many = counted(said["missing"], "event")
    were = "was" if said["missing"] == 1 else "were"
    return Verdict(
        State.FAILED,
        f"{many} of the last three days {were} not delivered, and payops has not read {_it(said['missing'])} yet.",
        "The hourly sweep reads them from Stripe. If the number grows, look at Errors and at the endpoint in Stripe's "
        "dashboard.",
    )


def _it(count: int) -> str:
    return "it" if count == 1 else "them"
