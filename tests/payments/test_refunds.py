"""Refunds: never more than was captured, never twice, never alone above the limit, whatever Stripe answers."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Refused, Unauthorised, Unavailable
from core.money import Money
from core.payments import actions, refunds
from core.staff import flags
from core.staff.flags import Flags, Flow
from tests.payments.conftest import ADMIN, FINANCE, OPS, SUPPORT, Faults, pay

WHY = "the visit did not take place"


def send(context, intent, amount, actor=FINANCE, refund_id=None):
    return refunds.issue(context, actor, refund_id or refunds.new_id(), intent["id"], amount, reason=WHY)


def at_stripe(context, intent):
    return [r["amount"] for r in context.stripe.each("refunds", payment_intent=intent["id"])]


def audited(owner, action_id):
    rows = owner.execute(
        "select action, actor from payops.audit_log where after ->> 'action' = %s order by id", (action_id,)
    )
    return [tuple(row) for row in rows]


def test_a_refund_is_made_shown_and_audited(context, paid, owner):
    intent = paid()
    action = send(context, intent, 1900)
    assert (action.state, at_stripe(context, intent)) == ("done", [1900])
    assert str(refunds.preview(context, intent["id"]).left) == "$30.00"
    assert audited(owner, action.id) == [("payments:refund:begun", "staff:fin"), ("payments:refund:done", "staff:fin")]
    assert refunds.newest(context).rows[0]["requested_by"] == "staff:fin"


def test_more_than_is_left_is_refused_in_the_operators_words(context, paid):
    intent = paid(4900)
    send(context, intent, 4400)
    with pytest.raises(Refused) as refused:
        send(context, intent, 501)
    assert (refused.value.code, refused.value.detail) == ("refund_too_large", "Only $5.00 is left to refund.")
    send(context, intent, 500)
    with pytest.raises(Refused, match="nothing_left"):
        send(context, intent, 1)


@pytest.mark.parametrize(("currency", "amount", "left"), [("jpy", 1234, "¥234"), ("kwd", 12_340, "KD 11.340")])
def test_what_is_left_is_said_in_the_currencys_own_decimals(context, paid, currency, amount, left):
    intent = paid(amount, currency=currency)
    send(context, intent, 1000)
    with pytest.raises(Refused) as refused:
        send(context, intent, amount)
    assert refused.value.detail == f"Only {left} is left to refund."


def test_the_same_form_sent_twice_is_one_refund(context, paid):
    intent, once = paid(), refunds.new_id()
    first, second = (send(context, intent, 1000, refund_id=once) for _ in range(2))
    assert first.result_id == second.result_id
    assert at_stripe(context, intent) == [1000]


def test_support_refunds_up_to_the_limit_of_a_payment_and_another_person_decides_above_it(context, paid):
    intent = paid(50_000)
    assert send(context, intent, 15_000, SUPPORT).state == "done"
    asked = send(context, intent, 5001, SUPPORT)
    assert (asked.state, at_stripe(context, intent)) == ("awaiting_approval", [15_000])
    assert [one.id for one in refunds.awaiting(context)] == [asked.id]
    with pytest.raises(Unauthorised):
        refunds.decide(context, SUPPORT, asked.id, approved=True)
    assert refunds.decide(context, FINANCE, asked.id, approved=True).state == "done"
    assert refunds.decide(context, ADMIN, asked.id, approved=True).state == "done"
    assert sorted(at_stripe(context, intent)) == [5001, 15_000]
    assert send(context, intent, 5000, SUPPORT).state == "done"


def test_another_currency_always_needs_another_person(context, paid):
    assert send(context, paid(4900, currency="eur"), 100, SUPPORT).state == "awaiting_approval"


def test_nobody_approves_what_they_asked_for(context, paid):
    asked = send(context, paid(50_000), 40_000, SUPPORT)
    promoted = type(SUPPORT)(SUPPORT.name, FINANCE.role)
    with pytest.raises(Refused, match="same_person"):
        refunds.decide(context, promoted, asked.id, approved=True)


def test_a_rejected_refund_is_never_sent(context, paid):
    intent = paid(50_000)
    asked = send(context, intent, 40_000, SUPPORT)
    assert refunds.decide(context, FINANCE, asked.id, approved=False).state == "rejected"
    assert refunds.decide(context, ADMIN, asked.id, approved=True).state == "rejected"
    assert at_stripe(context, intent) == []


def test_an_approval_checks_again_what_is_left(context, paid):
    intent = paid(50_000)
    asked = send(context, intent, 40_000, SUPPORT)
    send(context, intent, 20_000)
    with pytest.raises(Refused, match=r"Only \$300.00 is left"):
        refunds.decide(context, ADMIN, asked.id, approved=True)


def test_who_only_sees_and_whoever_gives_no_reason_refund_nothing(context, paid):
    intent = paid()
    with pytest.raises(Unauthorised):
        send(context, intent, 100, OPS)
    with pytest.raises(Refused, match="reason_missing"):
        refunds.issue(context, FINANCE, refunds.new_id(), intent["id"], 100, reason=" ")


def test_while_the_flow_is_closed_nothing_is_refunded(context, paid, database, clock):
    intent = paid()
    closing = {"sentence": "Refunds are paused.", "reason": "audit", "now": clock()}
    flags.switch(database, ADMIN, Flow.REFUNDS, open=False, **closing)
    closed = context.__class__(**vars(context) | {"flags": Flags(database, suspended=False)})
    with pytest.raises(Unavailable) as unavailable:
        send(closed, intent, 100)
    assert (unavailable.value.code, unavailable.value.detail) == ("flow_disabled", "Refunds are paused.")


@pytest.mark.parametrize("effects", [{"lose_reply": True}, {"status": 500, "after_work": True}])
def test_a_reply_lost_after_the_work_is_unknown_then_found_and_never_made_twice(context, paid, faults, effects):
    intent = paid()
    faults.add("refunds", **effects)
    action = send(context, intent, 1000)
    faults.clear()
    assert action.state == "unknown"
    with pytest.raises(Refused, match=r"Only \$39.00"):
        send(context, intent, 4000)
    context.clock.ahead = timedelta(minutes=3)
    assert actions.settle_unknown(context) == 1
    assert refunds.newest(context).rows[0]["status"] == "succeeded"
    assert at_stripe(context, intent) == [1000]


def test_a_refund_that_never_reached_stripe_is_sent_again_under_its_own_id(context, paid, faults):
    intent = paid()
    faults.add("refunds", reset=True)
    action = send(context, intent, 1000)
    faults.clear()
    context.clock.ahead = timedelta(minutes=3)
    actions.settle_unknown(context)
    made = list(context.stripe.each("refunds", payment_intent=intent["id"]))
    assert [(r["amount"], r["metadata"]["payopsAction"]) for r in made] == [(1000, action.id)]


def test_after_a_day_what_stripe_does_not_show_was_never_done(context, paid, faults):
    intent = paid()
    faults.add("refunds", reset=True)
    send(context, intent, 1000)
    faults.clear()
    context.clock.ahead = timedelta(days=1)
    actions.settle_unknown(context)
    assert refunds.newest(context).rows[0]["status"] == "refused"
    assert at_stripe(context, intent) == []
    assert refunds.preview(context, intent["id"]).left.minor == 4900


def test_killed_between_stripe_and_settling_the_worker_finishes_it(context, paid, owner, killed_after_stripe):
    intent, refund_id = paid(), refunds.new_id()
    killed_after_stripe(lambda dying: send(dying, intent, 1000, refund_id=refund_id))
    assert refunds.newest(context).rows[0]["status"] == "sending"
    context.clock.ahead = timedelta(minutes=3)
    actions.settle_unknown(context)
    assert refunds.newest(context).rows[0]["status"] == "succeeded"
    assert at_stripe(context, intent) == [1000]
    assert [what for what, _ in audited(owner, refund_id)] == ["payments:refund:begun", "payments:refund:done"]


def test_a_disputed_payment_is_not_refunded(context, paid, faults):
    intent = paid()
    context.mirror(faults.dispute(intent["latest_charge"]["id"]))
    with pytest.raises(Refused, match="charge_disputed"):
        send(context, intent, 100)


def test_a_refund_that_fails_later_restores_what_is_left_and_is_an_incident(context, paid, owner):
    intent = paid()
    action = send(context, intent, 4900)
    failed = context.stripe.retrieve(f"refunds/{action.result_id}") | {"status": "failed"}
    charge = context.stripe.retrieve(f"charges/{intent['latest_charge']['id']}") | {"amount_refunded": 0}
    context.clock.ahead = timedelta(seconds=10)
    context.mirror(failed)
    context.mirror(charge)
    assert refunds.preview(context, intent["id"]).left.minor == 4900
    kinds = owner.execute("select kind from payops.incidents where fingerprint = %s", (action.result_id,))
    assert kinds.fetchall() == [("refund_failed",)]


def test_who_decides_on_what_has_changed_meanwhile_is_asked_to_look_again(context, paid):
    intent = paid()
    seen = refunds.preview(context, intent["id"]).left.minor
    send(context, intent, 1000)
    with pytest.raises(Refused) as refused:
        refunds.issue(context, FINANCE, refunds.new_id(), intent["id"], 1000, reason=WHY, seen_left_minor=seen)
    assert refused.value.code == "changed_meanwhile" and "$39.00 is left now" in refused.value.detail
    assert at_stripe(context, intent) == [1000]


def test_a_preview_says_what_hangs_on_the_payment(context, paid, owner):
    intent = paid(metadata={"orderId": "order-9"})
    charge_id = intent["latest_charge"]["id"]
    context.mirror(context.stripe.retrieve(f"balance_transactions/{intent['latest_charge']['balance_transaction']}"))
    owner.execute(
        "insert into payops.consultations (id, submission_id, body_sha256, patient_id, state, specialty, order_id,"
        " received_at, status, reason) values ('cons_9', 's9', '', 'p', 'TX', 'dermatology', 'order-9', now(), 'waiting', '')"
    )
    owner.execute(
        "insert into payops.early_fraud_warnings (id, livemode, created, as_of, state_rank, event_id, charge_id, actionable)"
        " values ('issfr_9', false, now(), now(), 0, 'fetch', %s, true)",
        (charge_id,),
    )
    send(context, intent, 100)
    told = refunds.consequences(refunds.preview(context, intent["id"]), Money(1800, "usd"))
    assert told[-4:] == [
        "The bank reported this payment as fraud: a refund now avoids most disputes.",
        "Stripe keeps its fee of $1.72.",
        "It paid for consultation cons_9, which stays waiting: cancel it there if it is off.",
        "$30.00 can still be refunded afterwards.",
    ]


@pytest.mark.parametrize(("balance", "warns"), [(1799, True), (1800, False), (None, False)])
def test_a_short_balance_is_said(balance, warns):
    usd = {name: Money(0, "usd") for name in ("refunded", "in_flight", "awaiting")}
    found = refunds.Preview(
        "pi_1",
        captured=Money(4900, "usd"),
        left=Money(4900, "usd"),
        **usd,
        fee_kept=None,
        balance=None if balance is None else Money(balance, "usd"),
        charged_back=False,
        fraud_warning=False,
        disputes=[],
        subscription_id=None,
        consultation=None,
        alone_minor=0,
    )
    assert any("may stay pending" in each for each in refunds.consequences(found, Money(1800, "usd"))) == warns


def test_refunds_are_listed_page_by_page_with_none_twice_and_none_left_out(context, paid):
    intent = paid()
    made = {send(context, intent, 100 + n).result_id for n in range(5)}
    seen, after = [], None
    while True:
        page = refunds.newest(context, refunds.Sought(payment_intent_id=intent["id"]), after_id=after, limit=2)
        seen += [row["id"] for row in page.rows]
        after = page.next_after_id
        if after is None:
            break
    assert len(seen) == 5 and set(seen) == made
    asked = refunds.one(context, seen[0])["action"]
    assert (asked["requested_by"], asked["result_id"]) == ("staff:fin", seen[0])


FAULTS = st.sampled_from(
    [None, None, {"lose_reply": True}, {"reset": True}, {"status": 500, "after_work": True}, {"status": 429}]
)
STEPS = st.lists(st.tuples(st.integers(1, 60), FAULTS, st.booleans()), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_refunds_never_sum_to_more_than_was_captured_and_the_mirror_shows_what_stripe_has(context, sandbox, steps):
    faults, intent = Faults(sandbox.base_url), pay(context, 100)
    for amount, fault, worker_runs in steps:
        if fault:
            faults.add("refunds", **fault)
        try:
            send(context, intent, amount)
        except Refused as refused:
            assert refused.code in {"refund_too_large", "nothing_left"}
        faults.clear()
        if worker_runs:
            context.clock.ahead += timedelta(minutes=20)
            actions.settle_unknown(context)
    context.clock.ahead += timedelta(days=1)
    actions.settle_unknown(context)
    sent = sum(at_stripe(context, intent))
    assert sent <= 100
    assert refunds.preview(context, intent["id"]).refunded.minor == sent
    assert refunds.preview(context, intent["id"]).in_flight.minor == 0
