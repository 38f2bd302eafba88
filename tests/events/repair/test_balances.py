"""The whole balance is fetched, and charges without a booking get theirs."""

from datetime import timedelta

from core import stripe_gateway
from core.errors import Unavailable
from core.events.repair import backfill, balances
from core.events.repair.balances import ask_for_bookings, open_payouts, pull_balance_transactions
from tests.events.business import clock, gateway
from tests.factories import charge


def test_a_long_gap_is_pulled_day_by_day_and_nothing_is_left_out(business, database, owner):
    asked = gateway(business[0])
    everything = {each["id"] for each in asked.each("balance_transactions")}
    assert pull_balance_transactions(database, asked, clock=clock, livemode=False) >= len(everything)
    found = owner.execute("select id from payops.balance_transactions").fetchall()
    assert {each for (each,) in found} == everything
    owner.execute(
        "delete from payops.balance_transactions where created > (select min(created) from payops.balance_transactions)"
    )
    pull_balance_transactions(database, asked, clock=clock, livemode=False)
    assert owner.execute("select count(*) from payops.balance_transactions").fetchone() == (len(everything),)


def test_an_interrupted_pull_keeps_whole_pages_and_leaves_no_gap(business, database, owner, monkeypatch):
    """Pages of three: the busy hours take many parts, and some second has more than a page."""
    monkeypatch.setattr(stripe_gateway, "PAGE_SIZE", 3)
    asked = gateway(business[0])
    created = {each["id"]: each["created"] for each in asked.each("balance_transactions")}
    breaks = 0

    class Breaking:
        """Answers so many loads, and then no more."""

        def __init__(self, most):
            self.left = most

        def call(self, name, **params):
            if name == "load_records":
                if not self.left:
                    raise Unavailable("database_unavailable", "The database does not answer.")
                self.left -= 1
                assert len(params["records"]["balance_transactions"]) <= balances.OBJECTS_A_LOAD
            return database.call(name, **params)

    for most in range(1, len(created)):
        try:
            pull_balance_transactions(Breaking(most), asked, clock=clock, livemode=False)
            break
        except Unavailable:
            breaks += 1
            mirrored = {each for (each,) in owner.execute("select id from payops.balance_transactions")}
            newest = max(created[each] for each in mirrored)
            assert {each for each, at in created.items() if at < newest} <= mirrored != set(created)
    assert breaks > 1
    assert {each for (each,) in owner.execute("select id from payops.balance_transactions")} == set(created)


def test_a_reconciled_payout_brings_the_movements_it_took_along(business, database, owner):
    asked = gateway(business[0])
    backfill.run(database, asked, clock=clock, livemode=False, only=["payouts"])
    assert open_payouts(database, asked, clock=clock, livemode=False) == 1
    of_payout = owner.execute(
        "select sum(t.net_minor) from payops.payout_contents as c"
        " join payops.balance_transactions as t on t.id = c.balance_transaction_id"
    ).fetchone()
    assert of_payout == (0,)  # the payout itself and its transactions
    assert open_payouts(database, asked, clock=clock, livemode=False) == 0


def test_a_charge_without_a_booking_is_fetched_once_it_is_late(business, database, owner):
    asked = gateway(business[0])
    backfill.run(database, asked, clock=clock, livemode=False, only=["charges", "refunds"])
    booked = _bookings(owner)
    assert all(transaction for _, transaction in booked)
    for table in ("charges", "refunds"):
        owner.execute(
            f"update payops.{table} set balance_transaction_id = null, event_id = 'evt_x' where status = 'succeeded'"
        )

    def soon():
        return clock() + timedelta(seconds=5)

    assert ask_for_bookings(database, asked, clock=soon, livemode=False) == len(booked)
    assert _bookings(owner) == booked
    assert ask_for_bookings(database, asked, clock=soon, livemode=False) == 0


def test_a_charge_still_without_a_booking_is_fetched_again_an_hour_later(business, database, owner):
    row = charge(id="ch_of_nobody", balance_transaction=None, created=int(clock().timestamp()) - 3_600)
    snapshot = backfill.Snapshot(row, clock() - timedelta(minutes=30), "fetch", False)
    database.call("load_records", records=backfill.projections.payments.charge(snapshot))
    asked = gateway(business[0])
    assert ask_for_bookings(database, asked, clock=clock, livemode=False) == 0
    assert ask_for_bookings(database, asked, clock=lambda: clock() + timedelta(hours=1), livemode=False) == 1
    assert ask_for_bookings(database, asked, clock=lambda: clock() + timedelta(days=31), livemode=False) == 0


def _bookings(owner):
    query = "select id, balance_transaction_id from payops.{} where status = 'succeeded' order by id"
    return [row for table in ("charges", "refunds") for row in owner.execute(query.format(table)).fetchall()]
