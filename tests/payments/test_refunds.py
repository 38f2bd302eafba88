"""Refunds: never more than was captured, never twice, never alone above the limit, whatever Stripe answers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Refused, Unauthorised, Unavailable
from core.money import Money
from core.payments import actions, refund_preview, refunds
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


def test_a_refund_is_created_shown_and_audited(context, paid, owner):
    intent = paid()
    action = send(context, intent, 1900)
    assert (action.state, at_stripe(context, intent)) == ("done", [1900])
    assert str(refund_preview.preview(context, intent["id"]).left) == "$30.00"
    assert audited(owner, action.id) == [("payments:refund:begun", "staff:fin"), ("payments:refund:done", "staff:fin")]
    assert refunds.newest(context).rows[0]["requested_by"] == "staff:fin"


def test_a_refund_above_what_is_left_is_refused_with_the_amount_left(context, paid):
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


def test_support_refunds_up_to_its_limit_and_needs_approval_above_it(context, paid):
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
    for nothing in (None, "", "  "):
        with pytest.raises(Refused, match="reason"):
            refunds.decide(context, FINANCE, asked.id, approved=False, reason=nothing)
    rejected = refunds.decide(context, FINANCE, asked.id, approved=False, reason="The visit took place.")
    assert rejected.state == "rejected"
    assert refunds.decide(context, ADMIN, asked.id, approved=True).state == "rejected"
    assert at_stripe(context, intent) == []
    (told,) = refunds.rejected_of(context, SUPPORT.name)
    assert (told["id"], told["problem"], told["decided_by"]) == (asked.id, "The visit took place.", FINANCE.name)
    assert refunds.rejected_of(context, ADMIN.name) == []


def test_an_approval_checks_again_what_is_left(context, paid):
    intent = paid(50_000)
    asked = send(context, intent, 40_000, SUPPORT)
    send(context, intent, 20_000)
    with pytest.raises(Refused, match=r"Only \$300.00 is left"):
        refunds.decide(context, ADMIN, asked.id, approved=True)


def test_a_viewer_or_a_refund_without_a_reason_is_refused(context, paid):
    intent = paid()
    with pytest.raises(Unauthorised):
        send(context, intent, 100, OPS)
    with pytest.raises(Refused, match="reason_missing"):
        refunds.issue(context, FINANCE, refunds.new_id(), intent["id"], 100, reason=" ")


def test_nothing_is_refunded_while_refunds_are_paused(context, paid, database, clock):
    intent = paid()
    closing = {"sentence": "Refunds are paused.", "reason": "audit", "now": clock()}
    flags.switch(database, ADMIN, Flow.REFUNDS, open=False, **closing)
    closed = context.__class__(**vars(context) | {"flags": Flags(database, suspended=False)})
    with pytest.raises(Unavailable) as unavailable:
        send(closed, intent, 100)
    assert (unavailable.value.code, unavailable.value.detail) == ("flow_disabled", "Refunds are paused.")


@pytest.mark.parametrize("effects", [{"lose_reply": True}, {"status": 500, "after_work": True}])
def test_a_lost_reply_is_unknown_then_found_and_never_refunded_twice(context, paid, faults, effects):
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


def test_after_a_day_a_refund_missing_at_stripe_counts_as_not_made(context, paid, faults):
    intent = paid()
    faults.add("refunds", reset=True)
    send(context, intent, 1000)
    faults.clear()
    context.clock.ahead = timedelta(days=1)
    actions.settle_unknown(context)
    assert refunds.newest(context).rows[0]["status"] == "refused"
    assert at_stripe(context, intent) == []
    assert refund_preview.preview(context, intent["id"]).left.minor == 4900


def test_killed_between_stripe_and_settling_the_worker_finishes_it(context, paid, owner, killed_after_stripe):
    intent, refund_id = paid(), refunds.new_id()
    killed_after_stripe(lambda dying: send(dying, intent, 1000, refund_id=refund_id))
    assert refunds.newest(context).rows[0]["status"] == "sending"
    context.clock.ahead = timedelta(minutes=3)
    actions.settle_unknown(context)
    assert refunds.newest(context).rows[0]["status"] == "succeeded"
    assert at_stripe(context, intent) == [1000]
    assert [what for what, _ in audited(owner, refund_id)] == ["payments:refund:begun", "payments:refund:done"]


def test_while_the_database_does_not_take_stripes_answer_it_is_unknown_and_the_worker_finds_out(context, paid, owner):
    intent, refund_id = paid(), refunds.new_id()
    function = "payops_api.settle_action"
    owner.execute(f"revoke execute on function {function} from payops_app")
    try:
        told = send(context, intent, 1000, refund_id=refund_id)
    finally:
        owner.execute(f"grant execute on function {function} to payops_app")
    assert (told.state, told.problem_code) == ("unknown", "database_right_missing")
    assert send(context, intent, 1000, refund_id=refund_id).state == "sending"  # sent again it is the same refund
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
    assert refund_preview.preview(context, intent["id"]).left.minor == 4900
    kinds = owner.execute("select kind from payops.incidents where sample ->> 'refund' = %s", (action.result_id,))
    assert kinds.fetchall() == [("refund_failed",)]


def test_deciding_on_a_changed_refund_asks_for_another_look(context, paid):
    intent = paid()
    seen = refund_preview.preview(context, intent["id"]).left.minor
    send(context, intent, 1000)
    with pytest.raises(Refused) as refused:
        refunds.issue(context, FINANCE, refunds.new_id(), intent["id"], 1000, reason=WHY, seen_left_minor=seen)
    assert refused.value.code == "changed_meanwhile" and "$39.00 is left" in refused.value.detail
    assert at_stripe(context, intent) == [1000]


def test_a_preview_shows_what_depends_on_the_payment(context, paid, owner):
    intent = paid(metadata={"orderId": "order-9"})
    charge_id = intent["latest_charge"]["id"]
    context.mirror(context.stripe.retrieve(f"balance_transactions/{intent['latest_charge']['balance_transaction']}"))
    owner.execute(
        "insert into payops.consultations (id, submission_id, body_sha256, patient_id, state, specialty, order_id,"
        " received_at, status, reason) values ('cons_9', 's9', '', 'p', 'TX', 'dermatology', 'order-9', now(), "
        "'waiting', '')"
    )
    owner.execute(
        "insert into payops.early_fraud_warnings (id, livemode, created, as_of, state_rank, event_id, "
        "charge_id, actionable)"
        " values ('issfr_9', false, now(), now(), 0, 'fetch', %s, true)",
        (charge_id,),
    )
    send(context, intent, 100)
    told = refund_preview.consequences(refund_preview.preview(context, intent["id"]), Money(1800, "usd"))
    assert told[-4:] == [
        "The issuer reported this payment as fraud. A refund now avoids most disputes.",
        "Stripe keeps its fee of $1.72.",
        "Consultation cons_9 stays waiting. Cancel it separately if it should not take place.",
        "$30.00 can still be refunded afterwards.",
    ]


@pytest.mark.parametrize(("balance", "warns"), [(1799, True), (1800, False), (None, False)])
def test_a_low_balance_is_reported(balance, warns):
    usd = {name: Money(0, "usd") for name in ("refunded", "in_flight", "awaiting")}
    found = refund_preview.Preview(
        "pi_1",
        captured=Money(4900, "usd"),
        left=Money(4900, "usd"),
        **usd,
        fee_kept=None,
        balance=None if balance is None else Money(balance, "usd"),
        fraud_warning=False,
        disputes=[],
        subscription_id=None,
        consultation=None,
        alone_minor=0,
        too_large="",
        why_not="",
    )
    assert any("may stay pending" in each for each in refund_preview.consequences(found, Money(1800, "usd"))) == warns


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
    assert refund_preview.preview(context, intent["id"]).refunded.minor == sent
    assert refund_preview.preview(context, intent["id"]).in_flight.minor == 0


def put_charge(owner, captured=10_000, refunded=0, *, minutes=0, amount=10_000, status="succeeded"):
    """A payment and its charge in the mirror, as of so many minutes after noon."""
    at = datetime(2026, 11, 24, 12, minutes, tzinfo=UTC)
    owner.execute(
        "insert into payops.payment_intents (id, livemode, created, as_of, state_rank, event_id, amount_minor, "
        "currency, status)"
        " values ('pi_m', false, %s, %s, 0, 'evt_a', %s, 'usd', %s) on conflict do nothing",
        (at, at, amount, status),
    )
    owner.execute(
        "insert into payops.charges (id, livemode, created, as_of, state_rank, event_id, payment_intent_id, "
        "amount_minor,"
        " amount_captured_minor, amount_refunded_minor, currency, status, captured) values ('ch_m', false, %s, "
        "%s, 0, 'evt_a',"
        " 'pi_m', %s, %s, %s, 'usd', 'succeeded', true) on conflict (id) do update set"
        " amount_refunded_minor = excluded.amount_refunded_minor, as_of = excluded.as_of",
        (at, at, amount, captured, refunded),
    )


def put_refund(owner, name, amount, status, *, minutes):
    at = datetime(2026, 11, 24, 12, minutes, tzinfo=UTC)
    owner.execute(
        "insert into payops.refunds (id, livemode, created, as_of, state_rank, event_id, charge_id, payment_intent_id,"
        " amount_minor, currency, status) values (%s, false, %s, %s, 0, 'evt_b', 'ch_m', 'pi_m', %s, 'usd', %s)",
        (name, at, at, amount, status),
    )


def put_dispute(owner, status, *, amount=10_000, refundable=None):
    at = datetime(2026, 11, 25, tzinfo=UTC)
    owner.execute(
        "insert into payops.disputes (id, livemode, created, as_of, state_rank, event_id, charge_id, payment_intent_id,"
        " amount_minor, currency, status, charge_refundable) values ('dp_m', false, %s, %s, 0, 'evt_c', "
        "'ch_m', 'pi_m', %s,"
        " 'usd', %s, %s)",
        (at, at, amount, status, refundable),
    )


def left_minor(owner):
    return owner.execute("select left_minor from payops.refund_position('pi_m')").fetchone()[0]


@pytest.mark.parametrize(
    ("captured", "on_charge", "refunds_made", "left"),
    [
        (6000, 4000, [], 6000),  # the rest was released, which Stripe books as a refund of the charge
        (6000, 5000, [1000], 5000),
        (6000, 4000, [1000], 5000),  # the charge is not told of the refund yet
        (6000, 5500, [1000], 4500),  # a refund of 5.00 is not told yet
        (6000, 10_000, [6000], 0),
        (10_000, 0, [], 10_000),
    ],
)
def test_what_is_left_of_a_partial_capture(database, owner, captured, on_charge, refunds_made, left):
    put_charge(owner, captured, on_charge)
    for n, amount in enumerate(refunds_made):
        put_refund(owner, f"re_{n}", amount, "succeeded", minutes=n)
    assert left_minor(owner) == left


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_failed_refund_frees_its_amount_at_once(database, owner, status):
    put_charge(owner, refunded=7000, minutes=5)
    put_refund(owner, "re_good", 3000, "succeeded", minutes=1)
    put_refund(owner, "re_bad", 4000, status, minutes=10)
    assert left_minor(owner) == 7000
    put_charge(owner, refunded=3000, minutes=11)  # and the charge, told again, changes nothing
    assert left_minor(owner) == 7000


@pytest.mark.parametrize(
    ("status", "refundable", "barred"),
    [
        ("needs_response", False, True),
        ("under_review", False, True),
        ("lost", False, True),
        ("appeal_needs_response", False, True),
        ("appeal_under_review", False, True),
        ("appeal_needs_response", None, True),
        ("appeal_under_review", None, True),
        ("needs_response", True, False),  # a part is disputed, or the bank lets it be refunded
        ("prevented", True, False),
        ("prevented", False, True),
        ("prevented", None, False),
        ("warning_needs_response", True, False),
        ("warning_closed", False, False),
        ("won", False, False),
        ("lost", None, True),
    ],
)
def test_stripe_says_whether_a_disputed_charge_can_be_refunded(database, owner, status, refundable, barred):
    put_charge(owner)
    put_dispute(owner, status, refundable=refundable)
    position = database.call("refund_preview", payment_intent_id="pi_m")
    assert position["charged_back"] is barred
    assert (position.get("code") == "charge_disputed") is barred


def test_a_payment_whose_charge_is_not_mirrored_yet_is_fetched_and_refunded(context, owner, faults):
    intent = pay(context, 4900)
    owner.execute("delete from payops.charges")
    assert refunds.issue(context, FINANCE, refunds.new_id(), intent["id"], 4900, reason="x").state == "done"


def test_while_stripe_does_not_answer_it_is_said_that_the_charge_is_not_mirrored_yet(context, owner, faults):
    intent = pay(context, 4900)
    owner.execute("delete from payops.charges")
    faults.add(f"payment_intents/{intent['id']}", method="GET", status=500)
    for refund in (
        lambda: refund_preview.preview(context, intent["id"]),
        lambda: refunds.issue(context, FINANCE, refunds.new_id(), intent["id"], 4900, reason="x"),
    ):
        with pytest.raises(Refused, match="not_mirrored") as refused:
            refund()
        assert "Try again in a moment" in refused.value.detail


def test_the_fee_is_in_the_currency_it_was_taken_in(database, owner, context):
    put_charge(owner)
    at = datetime(2026, 11, 24, tzinfo=UTC)
    owner.execute(
        "insert into payops.balance_transactions (id, livemode, created, as_of, state_rank, event_id, type, "
        "reporting_category,"
        " source_id, amount_minor, fee_minor, net_minor, currency) values ('txn_m', false, %s, %s, 0, "
        "'fetch', 'charge',"
        " 'charge', 'ch_m', 9300, 310, 8990, 'eur')",
        (at, at),
    )
    assert str(refund_preview.preview(context, "pi_m").fee_kept) == "€3.10"


@pytest.mark.parametrize("reason", ["card 4242 4242 4242 4242 was stolen", "5555-5555-5555-4444"])
def test_a_card_number_in_the_reason_is_refused_and_stored_nowhere(context, paid, owner, reason):
    intent = paid()
    with pytest.raises(Refused, match="card_number") as refused:
        refunds.issue(context, FINANCE, refunds.new_id(), intent["id"], 100, reason=reason)
    assert "4242" not in refused.value.detail
    assert owner.execute("select count(*) from payops.money_actions").fetchone() == (0,)


@pytest.mark.parametrize("value", ["4242424242424242", "pm_card_visa", "pi_ x", "", "pi_1\n"])
def test_an_invalid_payment_id_is_refused_before_it_is_stored(context, owner, value):
    with pytest.raises(Refused, match="bad_id"):
        refunds.issue(context, FINANCE, refunds.new_id(), value, 100, reason="x")
    assert owner.execute("select count(*) from payops.money_actions").fetchone() == (0,)


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("500", "usd", 50_000),
        ("11.90", "usd", 1190),
        ("11.9", "usd", 1190),
        ("1,190", "usd", 119_000),
        ("500", "jpy", 500),
    ],
)
def test_an_amount_is_read_as_typed(typed, currency, minor):
    assert refund_preview.amount_of(typed, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("typed", "currency"), [("", "usd"), ("-5", "usd"), ("1.005", "usd"), ("0.5", "jpy"), ("x", "usd"), ("1e3", "usd")]
)
def test_an_invalid_amount_is_none(typed, currency):
    assert refund_preview.amount_of(typed, currency) is None


@pytest.mark.parametrize("amount", [None, Money(0, "usd"), Money(50_000, "usd")])
def test_an_amount_that_cannot_be_refunded_has_a_problem(context, paid, amount):
    assert refund_preview.problem_with(refund_preview.preview(context, paid(11_900)["id"]), amount)


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("40", "usd", 4000),
        (" 40.5 ", "usd", 4050),
        ("$1,040.50", "usd", 104050),
        ("USD 40", "usd", 4000),
        ("CA$40", "cad", 4000),
        ("$40", "cad", 4000),
        ("500", "jpy", 500),
    ],
)
def test_an_amount_is_read_as_it_is_written(typed, currency, minor):
    assert refund_preview.amount_of(typed, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "typed", ["12,50", "1.190,00", "11.999", "0.001", "1e2", "-5", "€40", "EUR 40", "CA$40", "a lot", "١٢", ""]
)
def test_what_could_mean_another_amount_is_none(typed):
    assert refund_preview.amount_of(typed, "usd") is None
