"""One object that Stripe refuses or that cannot be read is skipped with an incident; all others go on."""

from datetime import UTC, datetime, timedelta

import pytest

from core.db import DatabaseFault
from core.errors import Refused
from core.events import inbox
from core.events.repair import backfill
from core.events.repair.balances import ask_for_bookings, open_payouts, pull_balance_transactions
from core.events.repair.comparison import compare
from tests.factories import START, body_of, charge, event

NOW = datetime.fromtimestamp(START + 7_200, UTC)


def payout(payout_id, *, created):
    return {
        "id": payout_id,
        "object": "payout",
        "created": created,
        "amount": 1000,
        "currency": "usd",
        "status": "paid",
        "arrival_date": 1_790_035_200,
        "automatic": True,
        "reconciliation_status": "completed",
        "livemode": False,
    }


def movement(transaction_id, **fields):
    return {
        "id": transaction_id,
        "object": "balance_transaction",
        "created": START,
        "amount": 1000,
        "fee": 30,
        "net": 970,
        "currency": "usd",
        "type": "charge",
        "reporting_category": "charge",
        "source": "ch_1",
        "available_on": START,
    } | fields


class Stripe:
    """Lists and shows what is given; refuses the ids in `refused`."""

    def __init__(self, refused=(), key_refused=False, shown=(), **lists):
        self.refused, self.key_refused, self.shown, self.lists = refused, key_refused, dict(shown), lists

    def each(self, path, **params):
        if self.key_refused:
            raise Refused("stripe_key_refused", "Stripe refused our key.")
        if params.get("payout") in self.refused:
            raise Refused("stripe_refused", "Only automatic payouts.", facts={"stripe_code": "payout_not_listed"})
        return iter(self.lists.get(path, []))

    def page(self, path, **params):
        return self.lists.get(path, []), False

    def retrieve(self, path):
        object_id = path.rpartition("/")[2]
        if object_id not in self.shown:
            raise Refused("stripe_refused", "No such object.", facts={"http_status": 404})
        return self.shown[object_id]


def receive(database, *events):
    inbox.receive(database, [inbox.prepare(each, body_of(each), livemode=False) for each in events], now=NOW)


def skipped(owner):
    found = owner.execute("select task, object_id, reason from payops.skipped_objects order by object_id").fetchall()
    incidents = owner.execute("select count(*) from payops.incidents where kind = 'object_skipped'").fetchone()
    assert incidents == (len({task for task, _, _ in found}),)
    return found


def test_payouts_that_stripe_refuses_to_list_block_no_older_one(database, owner):
    receive(
        database,
        *(event(f"evt_{n}", "payout.paid", payout(f"po_{n}", created=START + n), at=START + n) for n in range(25)),
    )
    refused = {f"po_{n}" for n in range(1, 25)}
    stripe = Stripe(refused=refused, balance_transactions=[movement("txn_1")])
    for _ in range(3):
        open_payouts(database, stripe, clock=lambda: NOW, livemode=False)
    assert owner.execute("select payout_id from payops.payout_contents").fetchall() == [("po_0",)]
    found = skipped(owner)
    assert {object_id for _, object_id, _ in found} == refused
    assert {reason for _, _, reason in found} == {"Stripe refused it: payout_not_listed"}
    tomorrow = NOW + timedelta(days=1, seconds=1)
    assert open_payouts(database, Stripe(), clock=lambda: tomorrow, livemode=False) == 20


def test_a_refused_key_skips_no_object(database, owner):
    receive(database, event("evt_1", "payout.paid", payout("po_1", created=START)))
    with pytest.raises(Refused, match="stripe_key_refused"):
        open_payouts(database, Stripe(key_refused=True), clock=lambda: NOW, livemode=False)
    assert skipped(owner) == []


def test_a_balance_transaction_that_cannot_be_read_keeps_no_other_out(database, owner):
    stripe = Stripe(balance_transactions=[movement("txn_bad", amount="x"), movement("txn_good")])
    pull_balance_transactions(database, stripe, clock=lambda: NOW, livemode=False)
    assert owner.execute("select id from payops.balance_transactions").fetchall() == [("txn_good",)]
    assert [each[:2] for each in skipped(owner)] == [("pull balance transactions", "txn_bad")]


def test_a_charge_whose_answer_cannot_be_read_keeps_no_other_from_its_booking(database, owner):
    for each in ("ch_1", "ch_2"):
        receive(database, event(f"evt_{each}", "charge.succeeded", charge(id=each, balance_transaction=None)))
    shown = {"ch_1": {"id": "ch_1", "object": "charge"}, "ch_2": charge(id="ch_2", balance_transaction="txn_2")}
    ask_for_bookings(database, Stripe(shown=shown), clock=lambda: NOW, livemode=False)
    booked = owner.execute("select id, balance_transaction_id from payops.charges order by id").fetchall()
    assert booked == [("ch_1", None), ("ch_2", "txn_2")]
    assert [each[1] for each in skipped(owner)] == ["ch_1"]


def test_a_backfill_continues_after_unreadable_objects(database, owner):
    unreadable = [{"id": "ch_1"}, charge(id="ch_2", amount=None), charge(id="ch_3", created="soon"), {}]
    stripe = Stripe(charges=[charge(id="ch_9"), *unreadable[:3]])
    backfill.run(database, stripe, clock=lambda: NOW, livemode=False, only=["charges"])
    assert owner.execute("select id from payops.charges").fetchall() == [("ch_9",)]
    assert [each[1] for each in skipped(owner)] == ["ch_1", "ch_2", "ch_3"]


def test_a_page_that_the_database_refuses_is_loaded_object_by_object(database, owner):
    class Refusing:
        """A database that refuses every record of one charge."""

        def call(self, function, /, **arguments):
            records = arguments.get("records") or {}
            if any(row["id"] == "ch_1" for row in records.get("charges", [])):
                raise DatabaseFault("database_fault", "22003: out of range")
            return database.call(function, **arguments)

    stripe = Stripe(charges=[charge(id="ch_1"), charge(id="ch_2")])
    backfill.run(Refusing(), stripe, clock=lambda: NOW, livemode=False, only=["charges"])
    assert owner.execute("select id from payops.charges").fetchall() == [("ch_2",)]
    assert [each[1] for each in skipped(owner)] == ["ch_1"]


def test_a_comparison_continues_after_an_unreadable_object(database, owner):
    receive(database, event("evt_1", "charge.succeeded", charge(id="ch_1")))
    bad = {"id": "ch_2", "object": "charge", "created": START}
    stripe = Stripe(charges=[charge(id="ch_1", amount=5000), bad], shown={"ch_2": bad})
    compare(database, stripe, clock=lambda: NOW, livemode=False, wait=lambda _: None)
    assert owner.execute("select id, amount_minor from payops.charges").fetchall() == [("ch_1", 5000)]
    assert {each[1] for each in skipped(owner)} == {"ch_2"}
