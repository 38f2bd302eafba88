"""Failed payments are collected once, with a permitted card, within the networks' limits, whatever Stripe answers."""

from datetime import timedelta

import httpx
import pytest

from core.errors import Refused, Unauthorised, Unavailable
from core.payments import actions
from core.payments.recovery import recovery, recovery_cases, recovery_facts, recovery_links
from core.payments.recovery.retry_advice import Step
from core.staff import flags
from core.staff.flags import Flags, Flow
from tests.payments.conftest import ADMIN, FINANCE, OPS, SUPPORT

RETURN = "https://shop.example/paid"


def retry(context, case, actor=SUPPORT, **more):
    return recovery.retry(context, actor, more.pop("action_id", None) or recovery.new_id(), case.id, **more)


def audited(owner, intent_id):
    rows = owner.execute(
        "select action, actor from payops.audit_log where subject in (%s, %s) order by id",
        (f"pi:{intent_id}", f"in:{intent_id}"),
    )
    return [tuple(row) for row in rows]


def test_a_declined_card_that_works_again_is_charged_once_and_audited(context, shop, owner):
    case = shop.failed()
    assert case.failed.card_saved and case.advice.step is Step.WAIT
    action = retry(context, case)
    assert (action.state, shop.charged(case.id)) == ("done", [4900])
    assert audited(owner, case.id) == [("payments:retry:begun", "staff:sue"), ("payments:retry:done", "staff:sue")]
    with pytest.raises(Refused, match="not_failed"):
        recovery_cases.case(context, case.id)


def test_the_same_form_sent_twice_and_a_second_tab_are_one_charge(context, shop):
    case, once = shop.failed(), recovery.new_id()
    first, second = (retry(context, case, action_id=once) for _ in range(2))
    assert first.result_id == second.result_id
    with pytest.raises(Refused, match="not_failed"):
        retry(context, case, seen_retries=case.failed.retries_here)
    assert shop.charged(case.id) == [4900]


def test_a_second_tab_does_not_retry_a_payment_declined_meanwhile(context, shop):
    case = shop.failed()
    shop.decline(shop.card, "insufficient_funds")
    assert retry(context, case, seen_retries=0).state == "refused"
    with pytest.raises(Refused, match="changed_meanwhile"):
        retry(context, case, seen_retries=0)
    assert shop.tries(case.id) == 2
    again = recovery_cases.case(context, case.id)
    assert (again.failed.attempts, again.failed.retries_here) == (2, 1)
    assert recovery.done_about(context, case.id)[0].problem_code == "insufficient_funds"


@pytest.mark.parametrize("code", ["lost_card", "transaction_not_allowed", "authentication_required"])
def test_after_a_hard_decline_only_another_card_can_be_retried(context, shop, code):
    case = shop.failed(code)
    assert case.advice.step is Step.CUSTOMER
    with pytest.raises(Refused, match="needs_another_card"):
        retry(context, case)
    with pytest.raises(Refused, match="needs_another_card"):
        retry(context, case, payment_method_id=shop.card["id"])
    saved_again = shop.save("pm_card_visa")
    with pytest.raises(Refused, match="needs_another_card"):
        retry(context, case, payment_method_id=saved_again["id"])
    assert shop.tries(case.id) == 1
    other = shop.save("pm_card_mastercard")
    cards = {card.last4: card.declined for card in recovery_links.saved_cards(context, case.failed)}
    assert cards == {"4242": True, "4444": False}
    assert retry(context, case, payment_method_id=other["id"]).state == "done"
    assert shop.charged(case.id) == [4900]


def test_an_unsaved_card_is_not_retried_off_session(context, shop):
    case = shop.failed(card={"id": "pm_card_visa_chargeDeclinedInsufficientFunds"}, saved=False)
    assert (case.failed.card_saved, case.advice.step) == (False, Step.CUSTOMER)
    with pytest.raises(Refused, match="card_not_saved"):
        retry(context, case)


def test_another_customers_card_is_not_charged(context, shop):
    case = shop.failed()
    stranger = shop.post("customers")
    theirs = shop.post("payment_methods/pm_card_mastercard/attach", customer=stranger["id"])
    with pytest.raises(Refused, match="card_not_saved"):
        retry(context, case, payment_method_id=theirs["id"])


def test_a_past_due_invoice_is_paid_through_the_invoice(context, shop):
    case = shop.past_due()
    assert case.failed.amount_minor == 4900
    assert retry(context, case).state == "done"
    assert context.stripe.retrieve(f"invoices/{case.failed.invoice_id}")["status"] == "paid"
    assert shop.charged(case.id) == [4900]
    assert case.id not in [each.id for each in recovery_cases.waiting(context).cases]


def test_at_fifteen_attempts_only_an_admin_continues_with_a_reason(context, shop, owner):
    case = shop.failed()
    add_failed_charges(owner, case.id, 13)
    warned = recovery_cases.case(context, case.id)
    assert (warned.failed.attempts, warned.advice.limit_reached) == (
        14,
        False,
    ) and "We stop at 15" in warned.advice.warning
    add_failed_charges(owner, case.id, 1, start=13)
    assert recovery_cases.case(context, case.id).advice.limit_reached
    with pytest.raises(Refused, match="retry_limit"):
        retry(context, case)
    with pytest.raises(Refused, match="retry_limit"):
        recovery.schedule(context, SUPPORT, case.id, context.clock() + timedelta(days=1))
    with pytest.raises(Refused, match="Only an admin"):
        retry(context, case, override_reason="they asked")
    with pytest.raises(Refused, match="reason_missing"):
        retry(context, case, ADMIN, override_reason=" ")
    assert retry(context, case, ADMIN, override_reason="the bank said so on the phone").state == "done"
    assert ("payments:retry:limit-overridden", "staff:ada") in audited(owner, case.id)


def add_failed_charges(owner, intent_id, count, *, start=0):
    for n in range(start, start + count):
        owner.execute(
            "insert into payops.charges (id, livemode, created, as_of, state_rank, event_id, payment_intent_id, "
            "amount_minor,"
            " currency, status, network_status) values (%s, false, now(), now(), 0, 'fetch', %s, 4900, 'usd', 'failed',"
            " 'declined_by_network')",
            (f"ch_{n}_{intent_id}", intent_id),
        )


def test_a_scheduled_retry_is_made_once_at_its_time(context, shop, owner):
    case = shop.failed()
    at = context.clock() + timedelta(days=3)
    recovery.schedule(context, SUPPORT, case.id, at, reason="payday")
    assert recovery_cases.case(context, case.id).advice.step is Step.SCHEDULED
    assert recovery.retry_due(context) == 0
    context.clock.ahead = timedelta(days=3, minutes=1)
    assert (recovery.retry_due(context), recovery.retry_due(context)) == (1, 0)
    assert shop.charged(case.id) == [4900]
    assert audited(owner, case.id)[-2:] == [
        ("payments:retry:begun", "system:worker"),
        ("payments:retry:done", "system:worker"),
    ]
    assert recovery.done_about(context, case.id)[0].reason == "scheduled by staff:sue: payday"


def test_a_worker_killed_after_stripe_did_the_work_leaves_one_charge(context, shop, owner, killed_after_stripe):
    case = shop.failed()
    recovery.schedule(context, SUPPORT, case.id, context.clock() + timedelta(hours=1))
    context.clock.ahead = timedelta(hours=2)
    killed_after_stripe(recovery.retry_due)
    assert recovery.done_about(context, case.id)[0].state == "sending"
    assert recovery.retry_due(context) == 0
    context.clock.ahead += timedelta(minutes=3)
    actions.settle_unknown(context)
    assert shop.charged(case.id) == [4900]
    assert recovery.done_about(context, case.id)[0].state == "done"
    assert audited(owner, case.id)[-2:] == [
        ("payments:retry:begun", "system:worker"),
        ("payments:retry:done", "system:worker"),
    ]


def test_a_scheduled_retry_that_is_no_longer_allowed_is_cancelled_with_its_reason(context, shop, owner):
    case = shop.failed()
    recovery.schedule(context, SUPPORT, case.id, context.clock() + timedelta(hours=1))
    add_failed_charges(owner, case.id, 14)
    context.clock.ahead = timedelta(hours=2)
    assert recovery.retry_due(context) == 1
    found = recovery_cases.case(context, case.id)
    assert (found.failed.state, shop.tries(case.id)) == ("open", 1)
    assert "There were 15 attempts" in found.failed.reason
    assert audited(owner, case.id)[-1] == ("payments:recovery:not-tried", "system:worker")


@pytest.mark.parametrize(
    "effects", [{"lose_reply": True}, {"status": 500, "after_work": True}, {"reset": True}, {"status": 429}]
)
def test_a_lost_reply_is_unknown_then_settled_with_one_charge(context, shop, faults, effects):
    case = shop.failed()
    faults.add(f"payment_intents/{case.id}/confirm", **effects)
    action = retry(context, case)
    faults.clear()
    assert action.state == "unknown"
    with pytest.raises(Refused, match="in_progress|not_failed"):
        retry(context, case)
    context.clock.ahead = timedelta(minutes=3)
    actions.settle_unknown(context)
    assert recovery.done_about(context, case.id)[0].state == "done"
    assert shop.charged(case.id) == [4900]


def test_an_error_repeated_by_stripe_for_a_key_is_retried_under_a_new_key(context, shop, faults):
    case = shop.failed()
    faults.add(f"payment_intents/{case.id}/confirm", status=500, count=1)
    assert retry(context, case).state == "unknown"
    context.clock.ahead = timedelta(minutes=3)
    actions.settle_unknown(context)
    assert recovery.done_about(context, case.id)[0].state == "unknown"
    context.clock.ahead = timedelta(days=1)
    actions.settle_unknown(context)
    assert recovery.done_about(context, case.id)[0].problem_code == "never_done"
    assert retry(context, recovery_cases.case(context, case.id)).state == "done"
    assert shop.charged(case.id) == [4900]


def test_a_slow_answer_is_waited_for(context, shop, faults):
    case = shop.failed()
    faults.add(f"payment_intents/{case.id}/confirm", delay_seconds=0.2, delay_reply_seconds=0.2)
    assert retry(context, case).state == "done"


def test_a_stopped_payment_is_not_retried_until_resumed(context, shop):
    case = shop.past_due()
    with pytest.raises(Refused, match="reason_missing"):
        recovery.stop(context, SUPPORT, case.id, reason=" ")
    assert recovery.stop(context, SUPPORT, case.id, reason="the patient moved away").state == "done"
    invoice = context.stripe.retrieve(f"invoices/{case.failed.invoice_id}")
    assert (invoice["auto_advance"], recovery_cases.case(context, case.id).advice.step) == (False, Step.STOPPED)
    with pytest.raises(Refused, match="stopped"):
        retry(context, case)
    recovery.reopen(context, SUPPORT, case.id)
    assert context.stripe.retrieve(f"invoices/{case.failed.invoice_id}")["auto_advance"] is True
    assert retry(context, case).state == "done"


def test_a_payment_link_has_one_session_and_a_retry_closes_it_first(context, shop):
    case = shop.failed()
    link = recovery_links.give(context, SUPPORT, recovery.new_id(), case.failed, RETURN)
    same = recovery_links.give(context, SUPPORT, recovery.new_id(), case.failed, RETURN)
    assert link.url == same.url and "/checkout/" in link.url and not link.sent
    told = recovery_cases.case(context, case.id).failed.links_sent
    assert [(each["by"], each["how"]) for each in told] == [("staff:sue", "link")]
    assert retry(context, case).state == "done"
    session = context.stripe.retrieve(f"checkout/sessions/{link.action.result_id}")
    assert (session["status"], shop.charged(case.id)) == ("expired", [4900])


def test_a_payment_paid_by_link_is_not_retried(context, shop, sandbox):
    case = shop.failed()
    link = recovery_links.give(context, SUPPORT, recovery.new_id(), case.failed, RETURN)
    card = {"number": "4242424242424242", "expiry": "12 / 40", "cvc": "123", "name": "Ana", "email": "a@example.com"}
    httpx.post(link.url, data=card | {"do": "pay"}, follow_redirects=False)
    session = context.stripe.retrieve(f"checkout/sessions/{link.action.result_id}")
    assert session["payment_status"] == "paid"
    with pytest.raises(Refused, match="paid_by_link"):
        retry(context, case)
    context.mirror(context.stripe.retrieve(f"payment_intents/{session['payment_intent']}"))
    with pytest.raises(Refused, match="not_failed"):
        recovery_cases.case(context, case.id)
    assert shop.charged(case.id) == []


def test_an_invoices_link_is_sent_by_stripe_and_is_its_own_page(context, shop):
    case = shop.past_due()
    link = recovery_links.give(context, SUPPORT, recovery.new_id(), case.failed, RETURN)
    assert link.sent and link.url.endswith(f"/invoices/{case.failed.invoice_id}")
    assert recovery_cases.case(context, case.id).failed.links_sent[0]["how"] == "sent"


@pytest.mark.parametrize("actor", [OPS, FINANCE])
def test_a_viewer_cannot_retry_schedule_send_or_stop(context, shop, actor):
    case = shop.failed()
    later = context.clock() + timedelta(days=1)
    for do in (
        lambda: retry(context, case, actor),
        lambda: recovery.schedule(context, actor, case.id, later),
        lambda: recovery.stop(context, actor, case.id, reason="x"),
        lambda: recovery.reopen(context, actor, case.id),
        lambda: recovery_links.give(context, actor, recovery.new_id(), case.failed, RETURN),
    ):
        with pytest.raises(Unauthorised):
            do()
    assert shop.tries(case.id) == 1


def test_while_retries_are_paused_nothing_is_retried_and_schedules_wait(context, shop, database, clock):
    case = shop.failed()
    recovery.schedule(context, SUPPORT, case.id, context.clock() + timedelta(minutes=1))
    closing = {"sentence": "Not now.", "reason": "audit", "now": clock()}
    flags.switch(database, ADMIN, Flow.RETRIES, open=False, **closing)
    closed = context.__class__(**vars(context) | {"flags": Flags(database, suspended=False)})
    with pytest.raises(Unavailable, match="flow_disabled"):
        retry(closed, case)
    context.clock.ahead = timedelta(hours=1)
    assert recovery.retry_due(closed) == 0
    flags.switch(database, ADMIN, Flow.RETRIES, open=True, sentence="", reason="done", now=clock())
    assert recovery.retry_due(context) == 1
    assert shop.charged(case.id) == [4900]


def test_uncollectible_and_void_invoices_are_no_longer_collected(context, shop):
    case = shop.past_due()
    invoice = f"invoices/{case.failed.invoice_id}"
    shop.post(f"{invoice}/mark_uncollectible")
    assert case.id not in [each.id for each in recovery_cases.waiting(context).cases]
    with pytest.raises(Refused, match="not_failed"):
        retry(context, case)


def test_a_failed_payments_invoice_is_found_without_an_event(context, shop, owner):
    case = shop.past_due()
    owner.execute("delete from payops.recovery_facts")
    shop.post(f"invoices/{case.failed.invoice_id}/mark_uncollectible")
    assert case.id in [each.id for each in recovery_cases.waiting(context).cases]
    recovery_facts.look(context)
    assert case.id not in [each.id for each in recovery_cases.waiting(context).cases]


def test_an_invoice_without_a_payment_is_looked_up_once_an_hour(context, shop, owner, faults):
    case = shop.past_due()
    owner.execute("delete from payops.recovery_facts; delete from payops.invoices_asked_about")
    owner.execute("update payops.payment_intents set error_code = null")
    owner.execute("update payops.invoices set id = 'in_gone'")
    assert [recovery_facts.look(context), recovery_facts.look(context)] == [1, 0]
    context.clock.ahead = timedelta(hours=2)
    assert recovery_facts.look(context) == 1
    assert case.id not in [each.id for each in recovery_cases.waiting(context).cases]
