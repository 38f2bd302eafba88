"""A payout's trace id is asked for until Stripe names it."""

from datetime import timedelta

from core.events.repair import backfill
from core.events.repair.trace_ids import ask_for_trace_ids
from tests.events.business import clock, gateway


def test_a_payout_mirrored_before_trace_ids_were_kept_gets_its_own(business, database, owner):
    asked = gateway(business[0])
    backfill.run(database, asked, clock=clock, livemode=False, only=["payouts"])
    (payout,) = asked.each("payouts")
    before = (payout["trace_id"]["value"], payout["trace_id"]["status"], "standard")
    assert owner.execute("select trace_id, trace_id_status, method from payops.payouts").fetchall() == [before]
    owner.execute("update payops.payouts set trace_id = null, trace_id_status = null, method = null")
    later = clock() + timedelta(minutes=1)
    assert ask_for_trace_ids(database, asked, clock=lambda: later, livemode=False) == 1
    assert owner.execute("select trace_id, trace_id_status, method from payops.payouts").fetchall() == [before]
    assert ask_for_trace_ids(database, asked, clock=lambda: later, livemode=False) == 0


def test_a_pending_one_is_asked_for_every_six_hours_for_fourteen_days(business, database, owner):
    asked = gateway(business[0])
    backfill.run(database, asked, clock=clock, livemode=False, only=["payouts"])

    def wait(**since_arrival):
        owner.execute(
            "update payops.payouts set trace_id = null, trace_id_status = 'pending', as_of = %s, arrival_date = %s",
            (clock(), (clock() - timedelta(**since_arrival)).date()),
        )

    def count(**later):
        return len(
            database.call(
                "payouts_without_trace_id",
                most=9,
                asked_before=clock() + timedelta(**later) - timedelta(hours=6),
                now=clock(),
            )
        )

    wait(days=2)
    assert (count(hours=5), count(hours=7)) == (0, 1)
    wait(days=16)
    assert count(hours=7) == 0


def test_a_payout_that_stripe_does_not_show_is_skipped(business, database, owner):
    backfill.run(database, gateway(business[0]), clock=clock, livemode=False, only=["payouts"])
    owner.execute("update payops.payouts set id = 'po_of_another_account', trace_id_status = null")
    asked = gateway(business[0])
    assert ask_for_trace_ids(database, asked, clock=clock, livemode=False) == 1
    assert ask_for_trace_ids(database, asked, clock=clock, livemode=False) == 0
