"""Long lists are read in slices by several threads: nothing is left out, whenever it is stopped and goes on."""

import threading
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Unavailable
from core.events.repair import backfill, listing
from core.events.repair.listing import sliced
from core.events.repair.pace import Pace, Stopped
from core.stripe_gateway import StripeBusy
from tests.events.business import clock

DAY = 86_400
NEWEST = 1_790_000_000


class Stripe:
    """Lists of many charges, newest first; some pages fail, and some requests are too many."""

    def __init__(self, count, *, size=10):
        self.charges = [
            {
                "id": f"ch_{n:05}",
                "object": "charge",
                "created": NEWEST - n * DAY // 7 - n // 3,  # some of one second with another
                "amount": 100 + n,
                "currency": "usd",
                "status": "succeeded",
            }
            for n in range(count)
        ]
        self.charges[50]["created"] = self.charges[49]["created"]
        self._size = size
        self.asked: Counter[str] = Counter()
        self.failing_from = None
        self.busy = 0
        self.inside, self.most_inside, self._lock = 0, 0, threading.Lock()

    def retrieve(self, path, **params):
        return {"data": self._found(path, params)[:1]}

    def page(self, path, **params):
        found = self._found(path, params)
        return found[: self._size], len(found) > self._size

    def _found(self, path, params):
        with self._lock:
            self.asked[path] += 1
            if self.busy:
                self.busy -= 1
                raise StripeBusy("stripe_unavailable", "Too many.", retry_after_seconds=1)
            if self.failing_from and self.asked.total() >= self.failing_from:
                raise Unavailable("stripe_unavailable", "Stripe did not answer.")
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        time.sleep(0.01)
        bounds = params.get("created", {})
        held = self.charges if path == "charges" else []
        fits = [each for each in held if bounds.get("gte", 0) <= each["created"] < bounds.get("lt", NEWEST + DAY)]
        if after := params.get("starting_after"):
            fits = fits[next(n for n, each in enumerate(fits) if each["id"] == after) + 1 :]
        with self._lock:
            self.inside -= 1
        return fits


def run(database, stripe, **more):
    backfill.run(
        database,
        stripe,
        clock=clock,
        livemode=False,
        only=["charges", "payouts"],
        **{"requests_per_second": 1000} | more,
    )


def stored(owner):
    return [row for (row,) in owner.execute("select id from payops.charges order by id").fetchall()]


def test_a_long_list_is_read_by_several_at_once_and_nothing_is_left_out(database, owner):
    stripe, told = Stripe(600), []
    run(database, stripe, tell=told.append)
    assert stored(owner) == [each["id"] for each in stripe.charges]
    assert stripe.most_inside > 3
    last = [each for each in told if each.source == "charges"][-1]
    assert last.done and 600 <= last.objects <= 650  # a second's objects may be read twice where slices meet
    places = owner.execute("select source, done from payops.backfill_places order by source").fetchall()
    assert places == [("charges", True), ("payouts", True)]
    assert owner.execute("select count(*) from payops.backfill_slices").fetchone() == (0,)


def test_a_kind_that_is_done_stays_done_where_an_earlier_slice_tells_later(database):
    told, reached = [], clock()
    with listing.Listing(
        database, Stripe(51), clock=clock, livemode=False, since=None, tell=told.append, per_second=1000
    ) as lists:
        lists.tell("charges", 10, reached, done=True)
        lists.tell("payouts", 1, reached, done=False)
        lists.tell("charges", 9, reached, done=False)
    assert [(each.source, each.objects, each.done) for each in told] == [
        ("charges", 10, True),
        ("payouts", 1, False),
        ("charges", 19, True),
    ]


@pytest.mark.parametrize("failing_from", [3, 7, 20, 45])
def test_an_interrupted_backfill_resumes_with_little_read_twice(database, owner, failing_from):
    stripe = Stripe(600)
    stripe.failing_from = failing_from
    with pytest.raises(Unavailable):
        run(database, stripe)
    stripe.failing_from = None
    before = stripe.asked["charges"]
    run(database, stripe)
    assert stored(owner) == [each["id"] for each in stripe.charges]
    whole = Stripe(600)
    owner.execute("delete from payops.charges")
    owner.execute("delete from payops.backfill_places")
    run(database, whole)
    assert stripe.asked["charges"] - before <= whole.asked["charges"]


def test_only_what_was_created_since_is_asked_for(database, owner):
    stripe = Stripe(600)
    since = stripe.charges[399]["created"]
    run(database, stripe, since=listing.created({"created": since}))
    assert stored(owner) == [each["id"] for each in stripe.charges if each["created"] >= since]


def test_an_object_that_cannot_be_read_or_stored_is_skipped_alone(database, owner):
    stripe = Stripe(600)
    stripe.charges[300]["amount"] = "much"
    stripe.charges[400]["payment_method_details"] = {"type": "card", "card": {"exp_month": "soon"}}
    run(database, stripe)
    left_out = {stripe.charges[300]["id"], stripe.charges[400]["id"]}
    assert set(stored(owner)) == {each["id"] for each in stripe.charges} - left_out
    skipped = owner.execute("select object_id from payops.skipped_objects where task = 'backfill'").fetchall()
    assert {one for (one,) in skipped} == left_out


def test_rate_limited_requests_all_wait_as_long_as_stripe_says(database, owner):
    stripe = Stripe(100)
    stripe.busy = 2
    started = time.monotonic()
    run(database, stripe)
    assert time.monotonic() - started >= 1
    assert len(stored(owner)) == 100


@given(starts=st.integers(1, 10**9), length=st.integers(0, 10**8), most=st.integers(1, 40))
def test_slices_cover_every_second(starts, length, most):
    found = sliced(starts, starts + length, most)
    assert found[0][1] == starts + length and found[-1][0] == 0
    assert all(newer[0] == older[1] for newer, older in zip(found, found[1:], strict=False))
    assert 1 <= len(found) <= most and all(begins < ends for begins, ends in found)


def test_no_more_requests_are_made_than_a_second_allows():
    pace, made = Pace(50, threading.Event()), []

    def ask():
        for _ in range(10):
            pace.ask(lambda: made.append(time.monotonic()))

    together = [threading.Thread(target=ask) for _ in range(8)]
    for each in together:
        each.start()
    for each in together:
        each.join()
    assert len(made) == 80
    assert all(later - earlier >= 0.019 * 10 for earlier, later in zip(sorted(made), sorted(made)[10:], strict=False))


def test_after_too_many_it_goes_on_at_half_the_pace_and_gets_quicker_again():
    pace, answers = Pace(100, threading.Event()), iter([True] + [False] * 200)

    def ask():
        if next(answers):
            raise StripeBusy("stripe_unavailable", "Too many.", retry_after_seconds=1)

    started = time.monotonic()
    pace.ask(ask)
    assert time.monotonic() - started >= 1
    assert 0.019 < pace.gap_seconds < 0.02
    for _ in range(40):
        pace.ask(ask)
    assert pace.gap_seconds == 0.01


def test_a_request_that_stays_rate_limited_is_given_up(monkeypatch):
    monkeypatch.setattr("core.events.repair.pace.ASKED_AGAIN", 2)
    pace = Pace(100, threading.Event())

    def busy():
        raise StripeBusy("stripe_unavailable", "Too many.", retry_after_seconds=1)

    with pytest.raises(StripeBusy):
        pace.ask(busy)


def test_waiting_requests_end_on_stop():
    stop = threading.Event()
    pace = Pace(0.1, stop)
    pace.ask(int)
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(Stopped):
        pace.ask(int)
