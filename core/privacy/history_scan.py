"""A scan of objects already at Stripe: how often a field contains private text, never the text itself."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypedDict
from zoneinfo import ZoneInfo

from core.db import Database
from core.privacy.outgoing import Screen, texts_of
from core.privacy.patterns import Kind
from core.staff import roles
from core.staff.roles import Actor

LISTS = (
    "payment_intents",
    "charges",
    "refunds",
    "disputes",
    "customers",
    "subscriptions",
    "invoices",
    "products",
    "checkout/sessions",
)


class Lists(Protocol):
    """Stripe's lists, newest first; see `core.stripe_gateway`."""

    def each(self, path: str, **params: Any) -> Iterator[dict[str, Any]]: ...


class Finding(TypedDict):
    """How many objects of this list contain this kind of private text in this field."""

    objects: str
    field: str
    kind: str
    count: int


class Scan(TypedDict):
    """One look: since which day, at how many objects, and what was found."""

    scanned_at: str
    scanned_by: str
    since: str
    objects: int
    findings: list[Finding]


@dataclass(frozen=True)
class Progress:
    """The progress of a scan: the list that is being read, and how many objects were read in all."""

    objects: str
    seen: int


def scan(
    db: Database,
    actor: Actor,
    stripe: Lists,
    screen: Screen,
    *,
    since: date,
    zone: ZoneInfo,
    now: datetime,
    tell: Callable[[Progress], None] = lambda _: None,
) -> list[Finding]:
    """Look at every object that Stripe has since this business day; the result is kept and audited.

    Raises `Unavailable` where Stripe or the database does not answer, and keeps nothing then.
    """
    roles.require(actor, "settings")
    begin = int(datetime(since.year, since.month, since.day, tzinfo=zone).timestamp())
    found: Counter[tuple[str, str, Kind]] = Counter()
    seen = 0
    for path in LISTS:
        tell(Progress(path, seen))
        for each in stripe.each(path, created={"gte": begin}):
            found.update({(path, field, kind) for field, kind in _private(screen, each)})
            seen += 1
            if seen % 100 == 0:
                tell(Progress(path, seen))
    findings: list[Finding] = [
        {"objects": path, "field": field, "kind": str(kind), "count": count}
        for (path, field, kind), count in sorted(found.items(), key=lambda one: (-one[1], one[0]))
    ]
    db.call(
        "record_private_text_scan",
        since=since,
        objects=seen,
        findings=findings,
        actor=actor.name,
        actor_role=str(actor.role),
        now=now,
    )
    return findings


def last(db: Database) -> Scan | None:
    """The latest scan; None before the first."""
    rows: Scan | None = db.call("last_private_text_scan")
    return rows


def _private(screen: Screen, found: dict[str, Any]) -> Iterator[tuple[str, Kind]]:
    for path, text in texts_of(found):
        for kind in screen.kinds(path, text):
            yield path, kind
