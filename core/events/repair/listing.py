"""Lists of Stripe's objects, read by several threads at once: by kind, and a long list in slices of time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

from core.db import Database, DatabaseFault
from core.errors import Unavailable
from core.events.registry import READING_ERRORS, Records, Snapshot
from core.events.repair.pace import Pace, Stopped
from core.events.repair.partial_lists import completed, is_partial
from core.events.repair.skipping import BACKFILL, done_or_skipped, readable_records
from core.events.repair.sources import FETCHED, Source
from core.periods import Clock
from core.stripe_gateway import Json, StripeGateway

PAGES_OF_A_HEAD = 4  # the pages that are read one after the other before a longer list is divided into slices
SLICES = 24
SHORTEST_SLICE_SECONDS = 3_600
PAGES_A_LOAD = 4
LOADS_AT_ONCE = 2  # few, so that connections and processors are left for webhooks
LONGEST_ANSWER_SECONDS = 0.6  # there are enough threads for the set rate even if Stripe takes this long to answer
FIRST_YEAR = 2010
LOAD_ATTEMPTS = 6  # a load may fail by a deadlock with another one, or because the database restarts
T = TypeVar("T")
Bounds = tuple[int, int]  # Unix seconds: from the first on, before the second; 0 as the first is the start of the list


@dataclass(frozen=True)
class Progress:
    """Progress after each page: how many objects of `source` are mirrored, and the day that the listing has reached."""

    source: str
    objects: int
    reached: datetime
    done: bool


class Listing:
    """One run of a backfill over several lists. Its methods are called by several threads."""

    def __init__(
        self,
        db: Database,
        stripe: StripeGateway,
        *,
        clock: Clock,
        livemode: bool,
        since: datetime | None,
        tell: Callable[[Progress], None],
        per_second: float,
    ):
        self._stop = threading.Event()
        self._db, self._clock, self._livemode, self._since, self._tell = db, clock, livemode, since, tell
        self._stripe, self._pace = stripe, Pace(per_second, self._stop)
        self._loading, self._telling = threading.Semaphore(LOADS_AT_ONCE), threading.Lock()
        self._counts: dict[str, int] = {}
        self._done: set[str] = set()
        self._error: BaseException | None = None
        self._pool = ThreadPoolExecutor(max(2, min(32, round(per_second * LONGEST_ANSWER_SECONDS))), "backfill")

    def __enter__(self) -> "Listing":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._stop.set()
        self._pool.shutdown(cancel_futures=kind is not None)

    def begin(self, work: Callable[[], T | None]) -> "Future[T | None]":
        """Start `work` in a thread. An error in it ends the whole run, and `result` raises it."""
        return self._pool.submit(self._attempt, work)

    def result(self, begun: "Future[T | None]") -> T | None:
        """Wait for work and return its result; raises the first error of any thread."""
        found = begun.result()
        if self._error is not None:
            raise self._error
        return found

    def _attempt(self, work: Callable[[], T | None]) -> T | None:
        try:
            return work()
        except Stopped:
            return None
        except BaseException as error:
            self._error = self._error or error
            self._stop.set()
            return None

    def page(self, path: str, **params: Any) -> tuple[list[Json], bool]:
        """A page of a list, fetched within the request rate, and whether there are more pages."""
        return self._pace.ask(partial(self._stripe.page, path, **params))

    def completed(self, found: Json) -> Json:
        """The object, with the rest of its incomplete lists fetched."""
        return self._pace.ask(partial(completed, self._stripe, found)) if is_partial(found) else found

    def head(self, source: Source) -> tuple[list[Progress], bool]:
        """Mirror a list's first pages, continuing an interrupted run; returns progress and whether slices are left."""
        told: list[Progress] = []
        place = self._db.call("backfill_place", source=source.name, since=self._since)
        after, count = place["last_id"], place["objects"]
        self._counts[source.name] = count
        if self._slices(source):
            return told, True
        while not place["done"]:
            as_of = self._clock().replace(microsecond=0)
            objects, more = self.page(source.path, **self._asked(source, after))
            after, count = (objects[-1]["id"] if objects else after), count + len(objects)
            place = self._load(
                source, objects, as_of, "record_backfill_page", last_id=after, objects=count, done=not more
            )
            reached = created(objects[-1]) if objects else as_of
            told.append(Progress(source.name, count, reached, not more))
            self._counts[source.name] = count
            if more and len(told) >= PAGES_OF_A_HEAD and self._plan(source, objects):
                return told, True
        return told, False

    def rest(self, source: Source) -> "Iterator[Future[None]]":
        """Start every unfinished slice of a list in a thread."""
        slices = self._slices(source)
        self._counts[source.name] = self._counts.get(source.name, 0) + sum(each["objects"] for each in slices)
        for each in slices:
            if not each["done"]:
                yield self.begin(partial(self._slice, source, each))

    def _slices(self, source: Source) -> list[Json]:
        found: list[Json] = self._db.call("backfill_slices", source=source.name, since=self._since)
        return found

    def _plan(self, source: Source, objects: list[Json]) -> bool:
        """Divide the list after these objects into slices; False if the objects' times cannot be read."""
        try:
            ends = int(objects[-1]["created"]) + 1
        except READING_ERRORS:
            return False
        bounds = sliced(self._earliest(source, ends), ends, SLICES)
        self._db.call("plan_backfill_slices", source=source.name, since=self._since, bounds=bounds)
        return True

    def _earliest(self, source: Source, before: int) -> int:
        """The Unix second from which to divide: the run's `since`, or the start of the first year that has objects."""
        if self._since:
            return int(self._since.timestamp())
        year = datetime.fromtimestamp(before, UTC).year
        while year > FIRST_YEAR:
            begins = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
            asked = dict(source.params) | {"limit": 1, "created": {"lt": begins}}
            if not self._pace.ask(partial(self._stripe.retrieve, source.path, **asked))["data"]:
                return begins
            year -= 1
        return int(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp())

    def _slice(self, source: Source, slice_: Json) -> None:
        after, count, more = slice_["last_id"], slice_["objects"], True
        bounds = slice_["starts"], slice_["ends"]
        while more:
            as_of, objects = self._clock().replace(microsecond=0), []
            for _ in range(PAGES_A_LOAD):
                some, more = self.page(source.path, **self._asked(source, after, bounds))
                objects += some
                after = some[-1]["id"] if some else after
                if not more:
                    break
            count += len(objects)
            left = self._load(
                source,
                objects,
                as_of,
                "record_backfill_slice",
                starts=slice_["starts"],
                last_id=after,
                objects=count,
                done=not more,
            )
            self.tell(source.name, len(objects), created(objects[-1]) if objects else as_of, done=left == 0)

    def tell(self, source: str, more: int, reached: datetime, *, done: bool) -> None:
        """Report `more` mirrored objects of a kind. A kind that is done stays done: other slices may report later."""
        with self._telling:
            self._counts[source] = self._counts.get(source, 0) + more
            if done:
                self._done.add(source)
            self._tell(Progress(source, self._counts[source], reached, source in self._done))

    def _load(self, source: Source, found: list[Json], as_of: datetime, function: str, **place: Any) -> Any:
        """Mirror the objects and store how far the listing has come, in one transaction."""
        read = partial(self._records, source, as_of=as_of)
        records = readable_records(self._db, BACKFILL, found, read, now=as_of)
        record = partial(self.persistently, function, source=source.name, since=self._since, now=self._clock(), **place)
        try:
            return record(records=records)
        except DatabaseFault:
            for each in found:  # the database refuses one of them: load each by itself, and skip those that fail
                done_or_skipped(self._db, BACKFILL, each.get("id"), partial(self._one, each, read), now=as_of)
            return record(records={})

    def _one(self, found: Json, read: Callable[[Json], Records]) -> None:
        self.persistently("load_records", records=read(found))

    def persistently(self, function: str, /, **arguments: Any) -> Any:
        """Call the database, up to `LOAD_ATTEMPTS` times if it is unavailable or the call lost a deadlock."""
        for attempt in range(1, LOAD_ATTEMPTS + 1):
            try:
                with self._loading:
                    return self._db.call(function, **arguments)
            except Unavailable:
                if attempt == LOAD_ATTEMPTS or self._stop.wait(0.1 * 2**attempt):
                    raise
        raise AssertionError("unreachable")

    def _records(self, source: Source, found: Json, *, as_of: datetime) -> Records:
        if not source.mirrored(found):
            return {}
        return source.projection(Snapshot(self.completed(found), as_of, FETCHED, self._livemode))

    def _asked(self, source: Source, after: str | None, bounds: Bounds | None = None) -> Json:
        asked: Json = dict(source.params)
        if source.expand:
            asked["expand"] = [f"data.{each}" for each in source.expand]
        if bounds:
            asked["created"] = {"lt": bounds[1]}
        since = bounds[0] if bounds and bounds[0] else self._since and int(self._since.timestamp())
        if since:
            asked["created"] = asked.get("created", {}) | {"gte": since}
        if after:
            asked["starting_after"] = after
        return asked


def sliced(starts: int, ends: int, most: int) -> list[Bounds]:
    """At most `most` slices of time, newest first. The oldest one begins at 0, so that no object is left out."""
    count = max(1, min(most, (ends - starts) // SHORTEST_SLICE_SECONDS))
    edges = [ends - (ends - starts) * n // count for n in range(count)] + [0]
    return [(older, newer) for newer, older in pairwise(edges)]


def created(found: Json) -> datetime:
    """When an object was created, or now if that cannot be read."""
    try:
        return datetime.fromtimestamp(found["created"], UTC)
    except READING_ERRORS:
        return datetime.now(UTC)
