"""The nightly comparison of the mirror with Stripe, by kind of object and day: repairs differences, scores accuracy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import floor
from typing import Any

from core.db import Database
from core.errors import Refused
from core.events.registry import Row, Snapshot
from core.events.repair.backfill import FETCHED, SOURCES, Source
from core.events.repair.partial_lists import completed
from core.events.repair.skipping import COMPARE, done_or_skipped
from core.periods import Clock
from core.stripe_gateway import Json, StripeGateway

NEWEST_DAYS = 31
OLDER_DAYS = 30
STILL_COMING_SECONDS = 300  # the event of an object younger than this may not have arrived yet
SECOND_LOOK_AFTER_SECONDS = 15
BELIEVED_SURPLUS = 100  # with more unknown objects in a part, none is removed: the key may belong to another account
NOT_FOUND = 404
GONE, DELETED = "gone", "deleted"


@dataclass(frozen=True)
class WrongDay:
    """The differences of one kind of object on one business day: missing, different, or unknown to Stripe."""

    kind: str
    day: date
    missing: int
    different: int
    surplus: int
    healed: int


@dataclass(frozen=True)
class Comparison:
    """The result of the last complete comparison; `score` is None if there was nothing to compare."""

    done_at: datetime
    equal: int
    wrong: int
    healed: int
    wrong_days: list[WrongDay]

    @property
    def objects(self) -> int:
        return self.equal + self.wrong

    @property
    def score(self) -> float | None:
        """The mirror accuracy: objects equal to Stripe's, divided by all objects on either side."""
        return self.equal / self.objects if self.objects else None

    @property
    def left(self) -> int:
        """How many differences were not repaired."""
        return self.wrong - self.healed

    def in_words(self) -> str:
        """The score, never rounded up to 100%, and what was done about the differences."""
        if self.score is None:
            return "there was nothing to compare"
        if not self.wrong:
            return f"all {self.objects:,} objects matched Stripe"
        right = floor(10_000 * self.score) / 100
        became = f"{self.left:,} were left for somebody to check" if self.left else "they were repaired"
        matched = f"{right:.2f}% of {self.objects:,} objects matched Stripe"
        return f"{matched}; {self.wrong:,} did not, and {became}"


@dataclass(frozen=True)
class Part:
    """Objects of one kind created in [since, until)."""

    source: Source
    since: datetime
    until: datetime


def last(db: Database) -> Comparison | None:
    """The last finished comparison; None before the first."""
    found = db.call("last_comparison")
    return _comparison(found) if found else None


def compare(
    db: Database,
    stripe: StripeGateway,
    *,
    clock: Clock,
    livemode: bool,
    wait: Callable[[float], object],
    still_coming_seconds: int = STILL_COMING_SECONDS,
    heartbeat: Callable[[], None] = lambda: None,
) -> Comparison:
    """Compare the newest days and, night by night, all older ones; `heartbeat` is called for each part and page.

    An interrupted comparison resumes at its part. `wait` gives the events of doubtful objects time to arrive before
    they count as different. Raises `Unavailable` if Stripe or the database does not answer.
    """
    asking = _Asking(db, stripe, clock, livemode)
    now = clock().replace(microsecond=0)
    begun = db.call(
        "begin_comparison",
        now=now,
        until=now - timedelta(seconds=still_coming_seconds),
        days=NEWEST_DAYS,
        older_days=OLDER_DAYS,
    )
    for number, part in enumerate(_parts(begun), 1):
        if number > begun["parts_done"]:
            found = _compared(db, asking, part, wait=wait, heartbeat=heartbeat)
            db.call(
                "record_compared_part",
                comparison_id=begun["id"],
                parts_done=number,
                kind=part.source.name,
                table=part.source.table,
                now=clock(),
                **found,
            )
    return _comparison(db.call("finish_comparison", id=begun["id"], now=clock()))


def _parts(begun: Json) -> Iterator[Part]:
    length = timedelta(days=begun["days_a_part"])
    for since, until in (("since", "until"), ("older_since", "older_until")):
        start, end = datetime.fromisoformat(begun[since]), datetime.fromisoformat(begun[until])
        while start < end:
            stop = min(start + length, end)
            yield from (Part(source, start, stop) for source in SOURCES)
            start = stop


def _compared(
    db: Database, asking: "_Asking", part: Part, *, wait: Callable[[float], object], heartbeat: Callable[[], None]
) -> dict[str, list[Any]]:
    """The rows that Stripe listed for a part, those that differ, and the result for our rows that it did not list."""
    table = part.source.table
    listed: list[Row] = []
    doubtful: list[Row] = []
    for rows in asking.listed(part):
        heartbeat()
        listed += [{"id": row["id"], "created": row["created"]} for row in rows]
        in_doubt = set(db.call("doubtful_objects", table=table, rows=rows, now=asking.clock()))
        doubtful += [row for row in rows if row["id"] in in_doubt]
    surplus = db.call("surplus_objects", table=table, since=part.since, until=part.until, listed=listed)
    found: dict[str, list[Any]] = {GONE: [], DELETED: [], "left": []}
    if len(surplus) > BELIEVED_SURPLUS:
        found["left"] = surplus
    else:
        for object_id in surplus:
            answer = asking.shown(part.source, object_id)
            if isinstance(answer, str):
                found[answer].append(object_id)
            else:
                doubtful += answer
    if doubtful:
        wait(SECOND_LOOK_AFTER_SECONDS)
        heartbeat()
    return found | {"listed": listed, "doubtful": doubtful}


@dataclass(frozen=True)
class _Asking:
    """Reads Stripe's objects as rows of the mirror."""

    db: Database
    stripe: StripeGateway
    clock: Clock
    livemode: bool

    def listed(self, part: Part) -> Iterator[list[Row]]:
        """The part's objects, a page at a time."""
        created = {"gte": int(part.since.timestamp()), "lt": int(part.until.timestamp())}
        after: Json = {}
        more = True
        while more:
            as_of = self._now()
            objects, more = self.stripe.page(part.source.path, **dict(part.source.params), created=created, **after)
            yield [row for each in objects for row in self._rows(part.source, each, as_of)]
            after = {"starting_after": objects[-1]["id"]} if objects else after

    def shown(self, source: Source, object_id: str) -> list[Row] | str:
        """Fetch an object that was not listed: its rows if Stripe has it on another day, else `GONE` or `DELETED`."""
        as_of = self._now()
        try:
            shown = self.stripe.retrieve(f"{source.path}/{object_id}")
        except Refused as error:
            if error.facts.get("http_status") != NOT_FOUND:
                raise
            return GONE
        if shown.get("deleted"):
            return DELETED if source.name == "customers" else GONE
        return self._rows(source, shown, as_of)

    def _rows(self, source: Source, shown: Json, as_of: datetime) -> list[Row]:
        if not source.mirrored(shown):
            return []
        rows: list[Row] = []
        done_or_skipped(
            self.db, COMPARE, shown.get("id"), lambda: rows.extend(self._read(source, shown, as_of)), now=as_of
        )
        return rows

    def _read(self, source: Source, shown: Json, as_of: datetime) -> list[Row]:
        return source.projection(Snapshot(completed(self.stripe, shown), as_of, FETCHED, self.livemode))[source.table]

    def _now(self) -> datetime:
        return self.clock().replace(microsecond=0)


def _comparison(found: Json) -> Comparison:
    return Comparison(
        done_at=datetime.fromisoformat(found["done_at"]),
        equal=found["equal"],
        wrong=found["wrong"],
        healed=found["healed"],
        wrong_days=[
            WrongDay(
                each["kind"],
                date.fromisoformat(each["day"]),
                each["missing"],
                each["different"],
                each["surplus"],
                each["healed"],
            )
            for each in found["wrong_days"]
        ],
    )
