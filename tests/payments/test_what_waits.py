"""Action items about payments: failed payments to retry, refunds to approve, money actions without an answer."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from core.monitoring import action_items, overview
from core.payments import refunds
from core.payments.recovery import recovery, recovery_cases
from core.periods import Period
from tests.payments.conftest import FINANCE, SUPPORT


def waiting(context):
    now = context.clock()
    period = Period.last_days(7, now=now, zone=ZoneInfo("America/New_York"))
    found = overview.load(context.db, period, currency="usd", now=now)
    return {line.what: (line.at_stake, line.kind.page) for line in action_items.in_words(found.action_items, now)}


def test_a_failed_payment_is_an_action_item_once_it_can_be_retried(context, shop):
    case = shop.failed(amount=4900)
    assert "1 failed payment can be retried now" not in waiting(context)
    context.clock.ahead = timedelta(hours=73)
    assert waiting(context)["1 failed payment can be retried now"] == ("$49.00", "recovery")
    assert [each.id for each in recovery_cases.can_be_retried(recovery_cases.waiting(context).cases)] == [case.id]
    recovery.schedule(context, SUPPORT, case.id, context.clock() + timedelta(days=1))
    assert "1 failed payment can be retried now" not in waiting(context)


def test_slow_counts_are_made_by_the_worker_and_shown_while_fresh(context, shop, owner):
    shop.failed(amount=4900)
    context.clock.ahead = timedelta(hours=73)

    def shown():
        return [at_stake for what, (at_stake, _) in waiting(context).items() if "can be retried now" in what]

    overview.count_ahead(context.db, context.clock())
    shop.failed(amount=1900)
    context.clock.ahead += timedelta(hours=73)
    assert shown() == ["$68.00"]  # it was counted at another moment
    for kept, expected in (
        ("took = '1 ms'", "$68.00"),  # is quickly counted
        ("took = '1 s', counted_at = clock_timestamp() - interval '41 s'", "$68.00"),  # was counted too long ago
        ("took = '1 s', counted_at = clock_timestamp()", "$49.00"),
        ("asked_with = 'other rules'", "$68.00"),
    ):
        owner.execute("update payops.kept_counts set as_of = %s, " + kept, (context.clock(),))
        assert shown() == [expected]
    owner.execute("update payops.kept_counts set took = '1 ms', counted_at = clock_timestamp() - interval '1 s'")
    overview.count_ahead(context.db, context.clock())
    owner.execute("update payops.kept_counts set took = '1 s', counted_at = clock_timestamp()")
    assert shown() == ["$68.00"]


def test_a_long_recovery_list_combines_the_stored_count_and_new_failures(context, shop, owner):
    """What was paid meanwhile is not shown; how many there are is as counted."""
    first, second = shop.failed(amount=4900), shop.failed(amount=1900)

    def shown():
        found = recovery_cases.waiting(context)
        return [each.id for each in found.cases], found.total

    overview.count_ahead(context.db, context.clock())
    owner.execute("update payops.kept_counts set took = '1 s', items = 2001 where subject = 'payments_to_collect'")
    latest = shop.failed(amount=2900)
    assert shown() == ([first.id, latest.id, second.id], 2001)
    recovery.retry(context, SUPPORT, recovery.new_id(), first.id)
    assert shown() == ([latest.id, second.id], 2001)
    owner.execute("update payops.payment_intents set created = created - interval '2 days' where id = %s", (second.id,))
    owner.execute("update payops.kept_counts set at_stake = '[]' where subject = 'payments_to_collect'")
    assert shown() == ([latest.id], 2001)
    owner.execute("update payops.kept_counts set items = 2000 where subject = 'payments_to_collect'")
    assert shown() == ([latest.id, second.id], 2)


def test_refunds_to_approve_and_unanswered_actions_are_action_items(context, paid, faults):
    large, small = paid(50_000), paid(4900)
    refunds.issue(context, SUPPORT, refunds.new_id(), large["id"], 45_000, reason="cancelled")
    faults.add("refunds", lose_reply=True)
    refunds.issue(context, FINANCE, refunds.new_id(), small["id"], 1000, reason="cancelled")
    faults.clear()
    found = waiting(context)
    assert found["1 refund awaits approval"] == ("$450.00", "refunds")
    assert found["1 refund without an answer from Stripe"] == ("$10.00", "refunds")


def test_each_kind_of_money_action_has_its_words_for_when_stripe_does_not_answer(owner):
    rule = owner.execute(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'money_actions_kind_check'"
    ).fetchone()[0]
    kinds = re.findall(r"'(\w+)'", rule)
    assert len(kinds) >= 9 and {f"unknown_{kind}" for kind in kinds} <= set(action_items.KINDS)
