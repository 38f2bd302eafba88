"""Payments are found by what staff know about them, page by page, and one is shown in full."""

import itertools
import logging
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from core.db.via_psycopg import PsycopgDatabase
from core.errors import Refused
from core.exports.table import by_key
from core.payments import payment_life, payments, refunds
from core.payments.payments import Sought
from core.payments.timeline import Side, timeline
from core.stripe_gateway import StripeGateway
from tests.payments.conftest import ADMIN, FINANCE, OPS, SUPPORT

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def row(number: int, **fields):
    """A payment intent as the mirror keeps it, `number` minutes after the start."""
    at = (START + timedelta(minutes=number)).isoformat()
    return {
        "id": f"pi_{number}",
        "livemode": False,
        "created": at,
        "as_of": at,
        "state_rank": 0,
        "event_id": "fetch",
        "amount_minor": 4900,
        "currency": "usd",
        "status": "succeeded",
        "amount_received_minor": 4900,
        "latest_charge_id": f"ch_{number}",
        "customer_id": f"cus_{number % 3}",
        "order_id": f"order-{number}",
        "patient_id": f"patient-{number % 3}",
    } | fields


def charge_row(number: int, **fields):
    at = (START + timedelta(minutes=number)).isoformat()
    return {
        "id": f"ch_{number}",
        "livemode": False,
        "created": at,
        "as_of": at,
        "state_rank": 2,
        "event_id": "fetch",
        "payment_intent_id": f"pi_{number}",
        "amount_minor": 4900,
        "amount_captured_minor": 4900,
        "currency": "usd",
        "amount_refunded_minor": 0,
        "status": "succeeded",
        "captured": True,
        "disputed": False,
        "card_brand": "visa",
        "card_last4": "4242",
        "method_type": "card",
    } | fields


@pytest.fixture
def mirror(database, owner):
    """Puts rows into the mirror, and answers the database."""

    def put(**records) -> PsycopgDatabase:
        database.call("load_records", records=records)
        return database

    return put


def ids(found):
    return [each["id"] for each in found.items]


def found(database, **typed):
    return ids(payments.find(database, OPS, payments.sought(**typed)))


def test_pages_follow_each_other_without_gap_or_repeat_however_many_are_of_one_second(mirror):
    same = [row(n, created=START.isoformat()) for n in range(7)]
    database = mirror(payment_intents=[*same, *(row(n) for n in range(7, 12))])
    pages, before = [], None
    while True:
        page = payments.find(database, OPS, Sought(), before=before, limit=5)
        pages.append(ids(page))
        assert page.count == 12
        if (before := page.next) is None:
            break
    assert [len(page) for page in pages] == [5, 5, 2]
    assert list(itertools.chain(*pages)) == [f"pi_{n}" for n in (11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)]


def test_a_payment_is_found_by_every_id_that_is_on_it(mirror):
    stamp = {"livemode": False, "created": START.isoformat(), "as_of": START.isoformat(), "state_rank": 0}
    stamp |= {"event_id": "fetch"}
    due = dict.fromkeys(("amount_due_minor", "amount_paid_minor", "amount_remaining_minor", "attempt_count"), 0)
    on_it = {"payment_intent_id": "pi_1", "amount_minor": 100, "currency": "usd"}
    database = mirror(
        payment_intents=[row(1), row(2)],
        charges=[charge_row(1), charge_row(2)],
        customers=[stamp | {"id": "cus_1", "patient_id": "patient-of-customer", "delinquent": False, "deleted": False}],
        refunds=[stamp | on_it | {"id": "re_1", "status": "succeeded", "charge_id": "ch_1"}],
        disputes=[
            stamp
            | on_it
            | {"id": "dp_1", "status": "lost", "charge_id": "ch_1", "has_evidence": False, "submission_count": 0}
        ],
        early_fraud_warnings=[stamp | {"id": "issfr_1", "payment_intent_id": "pi_1", "actionable": True}],
        checkout_sessions=[stamp | {"id": "cs_1", "mode": "payment", "payment_intent_id": "pi_1"}],
        invoices=[stamp | {"id": "in_1", "currency": "usd", "subscription_id": "sub_1"} | due],
        invoice_payments=[
            stamp
            | {"id": "inpay_1", "invoice_id": "in_1", "payment_intent_id": "pi_1", "status": "paid", "is_default": True}
        ],
        balance_transactions=[
            stamp
            | {"id": "txn_1", "amount_minor": 1, "fee_minor": 0, "net_minor": 1, "currency": "usd", "type": "charge"}
            | {"reporting_category": "charge", "source_id": "ch_1"}
        ],
    )
    names = "pi_1 ch_1 re_1 dp_1 issfr_1 cs_1 in_1 sub_1 txn_1 order-1 cus_1 patient-1 patient-of-customer"
    for name in names.split():
        assert found(database, name=f" {name} ") == ["pi_1"], name
    assert found(database, name="pi_") == []


def test_filters_narrow_together_and_days_count_only_where_nothing_else_narrows(mirror):
    database = mirror(
        payment_intents=[
            row(1, amount_minor=1050),
            row(2, status="requires_payment_method", error_code="card_declined", amount_received_minor=0),
            row(3, currency="jpy", amount_minor=49),
            row(4, status="requires_payment_method", latest_charge_id=None, amount_received_minor=0),
        ],
        charges=[charge_row(1), charge_row(2, card_last4="0002", status="failed"), charge_row(3)],
    )
    assert found(database, amount="$10.50") == ["pi_1"]
    assert found(database, amount="49") == ["pi_4", "pi_3", "pi_2"]
    assert found(database, amount="49", currency="jpy") == ["pi_3"]
    assert found(database, last4="0002", status="failed") == ["pi_2"]
    assert found(database, last4="4242", status="failed") == []
    assert found(database, status="incomplete") == ["pi_4"]
    days = (START + timedelta(minutes=2), START + timedelta(minutes=4))
    assert found(database, bounds=days) == ["pi_3", "pi_2"]
    assert found(database, bounds=days, name="pi_1") == ["pi_1"]


def test_refunded_and_disputed_payments_are_found_by_that(context, paid, faults):
    plain, sent_back, disputed = paid(), paid(), paid()
    refunds.issue(context, FINANCE, refunds.new_id(), sent_back["id"], 900, reason="late")
    context.mirror(context.stripe.retrieve(f"charges/{sent_back['latest_charge']['id']}"))
    context.mirror(faults.dispute(disputed["latest_charge"]["id"]))
    context.mirror(context.stripe.retrieve(f"charges/{disputed['latest_charge']['id']}"))
    page = {each["id"]: each for each in payments.find(context.db, OPS, Sought()).items}
    said = [payments.status_in_words(page[one["id"]]) for one in (plain, sent_back, disputed)]
    assert said == ["Succeeded", "Partially refunded", "Disputed"]
    assert found(context.db, status="refunded") == [sent_back["id"]]
    assert found(context.db, status="disputed") == [disputed["id"]]


@pytest.mark.parametrize(
    ("typed", "minor"), [("49", 4900), ("49.00", 4900), ("$1,049.5", 104_950), ("USD 0.5", 50), ("0049", 4900)]
)
def test_an_amount_is_read_as_people_write_it(typed, minor):
    assert payments.amounts_of(typed)["usd"] == minor


def test_an_amount_is_in_each_currencys_own_decimals():
    whole, thousandth = payments.amounts_of("500"), payments.amounts_of("1.234")
    assert (whole["jpy"], whole["kwd"]) == (500, 500_000)
    assert thousandth["kwd"] == 1234
    assert "usd" not in thousandth and "jpy" not in thousandth


@pytest.mark.parametrize("typed", ["1e3", "-5", "1.2.3", "１２", "49 or so", "", "9" * 40])
def test_an_invalid_amount_is_refused(typed):
    with pytest.raises(Refused, match="bad_amount"):
        payments.amounts_of(typed)


@pytest.mark.parametrize("typed", [{"last4": "42x2"}, {"last4": "４２４２"}, {"status": "'; drop table x"}])
def test_an_invalid_filter_is_refused(typed):
    with pytest.raises(Refused):
        payments.sought(**typed)


@pytest.mark.parametrize(
    "name", ["' or 1=1 --", "$1", "%s", "\x00pi_1", "\ud800", "pi_1'); delete from payops.events; --", "a" * 5000]
)
def test_an_injection_attempt_finds_nothing_and_breaks_nothing(mirror, name):
    database = mirror(payment_intents=[row(9)])
    assert found(database, name=name) == []


def test_the_sentence_has_the_number_of_matches_and_the_amount_collected(mirror):
    database = mirror(
        payment_intents=[
            row(1),
            row(2, currency="eur"),
            row(3, status="requires_payment_method", error_code="card_declined", amount_received_minor=0),
        ]
    )
    page = payments.find(database, OPS, Sought(), limit=1)
    assert payments.sentence(page, "in these 30 days") == (
        "3 payments in these 30 days: 2 succeeded, 1 failed; $49.00 and €49.00 collected."
    )
    nothing = payments.find(database, OPS, Sought(name="nobody"))
    assert payments.sentence(nothing, "of all time") == "No payments found of all time."


def test_an_export_takes_all_pages_each_payment_once(mirror):
    database = mirror(payment_intents=[row(n) for n in range(2003)])
    batches = list(by_key(partial(payments.page_after, database, FINANCE, Sought()))())
    assert [len(batch) for batch in batches] == [1000, 1000, 3]
    assert {each["id"] for batch in batches for each in batch} == {f"pi_{n}" for n in range(2003)}


def test_an_e_mail_lookup_asks_stripe_and_stores_no_address(context, paid, owner, caplog):
    email = "Ana.Lima@example.com"
    made = context.stripe.write("customers", key=f"c-{datetime.now().timestamp()}", email=email)
    intent = paid(customer=made["id"])
    caplog.set_level(logging.INFO)
    assert payments.customers_of_email(context, SUPPORT, f" {email} ") == [payments.Customer(made["id"], 1)]
    assert found(context.db, name=made["id"]) == [intent["id"]]
    kept = owner.execute("select actor, after from payops.audit_log where action = 'payments:email:looked-up'")
    assert kept.fetchall() == [("staff:sue", {"customers": [made["id"]]})]
    tables = owner.execute(
        "select c.relname from pg_class c where c.relnamespace = 'payops'::regnamespace and c.relkind = 'r'"
    ).fetchall()
    for (table,) in tables:
        rows = owner.execute(f"select t::text from payops.{table} as t where t::text ilike '%lima@%'")
        assert rows.fetchall() == [], table


def test_an_invalid_address_is_not_looked_up(context):
    with pytest.raises(Refused, match="bad_email"):
        payments.customers_of_email(context, SUPPORT, "ana")


def test_a_payments_life_is_told_in_order(context, sandbox, database, owner, clock):
    """From the first decline to the refund, with the calls to Stripe that were about it."""

    def record(call):
        database.call("record_stripe_call", **vars(call), now=clock())

    stripe = StripeGateway(sandbox.secret_key, api_base=sandbox.base_url, record=record, max_retries=0)
    watched = context.__class__(**vars(context) | {"stripe": stripe})
    asked = {"amount": 4900, "currency": "usd", "confirm": True, "metadata": {"orderId": "order-life"}}
    asked["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    with pytest.raises(Refused) as declined:
        stripe.write("payment_intents", key="life-1", **asked, payment_method="pm_card_chargeDeclinedInsufficientFunds")
    payment = declined.value.facts["payment_intent"]
    intent = stripe.write(f"payment_intents/{payment}/confirm", key="life-2", payment_method="pm_card_visa")
    for charge in stripe.each("charges", payment_intent=payment):
        watched.mirror(charge)
        if charge["balance_transaction"]:
            watched.mirror(stripe.retrieve(f"balance_transactions/{charge['balance_transaction']}"))
    watched.mirror(intent)
    refunds.issue(watched, FINANCE, refunds.new_id(), payment, 1900, reason="half a visit")
    payment_life.add_note(database, SUPPORT, payment, "The patient called twice.", clock())
    life = payment_life.life(database, OPS, payment)
    told = timeline(life)
    titles = {side: [each.title for each in told if each.side is side] for side in Side}
    assert sorted(titles[Side.PAYMENT]) == [
        "$49.00 charged on Visa •••• 4242",
        "$49.00 on Visa •••• 9995 declined: Insufficient funds",
        "Payment of $49.00 created",
    ]
    declined_moment = next(each for each in told if "declined" in each.title)
    assert "Retry in a few days" in declined_moment.details and declined_moment.tone == "bad"
    assert titles[Side.RETURNS] == ["Refund of $19.00"]
    assert titles[Side.BALANCE] == ["Charge: $49.00"]
    assert titles[Side.STAFF] == ["Refund begun by fin", "Refund done by fin", "Note by sue"]
    assert titles[Side.CALLS] == [
        "Call to Stripe: POST payment_intents",
        "Call to Stripe: POST payment_intents/*/confirm",
        "Call to Stripe: GET charges",
        "Call to Stripe: POST refunds",
    ]
    assert [each.at for each in told] == sorted(each.at for each in told)


def test_an_unknown_payment_has_no_timeline(database, owner):
    assert payment_life.life(database, OPS, "pi_none") is None


def test_the_life_has_its_events_its_consultation_and_the_apis_answers(mirror, owner):
    database = mirror(payment_intents=[row(1)], charges=[charge_row(1)])
    owner.execute(
        "insert into payops.events (id, type, created, received_at, livemode, object_id, payload, body_sha256)"
        " values ('evt_1', 'charge.succeeded', %(at)s, %(at)s + interval '3 seconds', false, 'ch_1', '{}', 'x')",
        {"at": START},
    )
    owner.execute(
        "insert into payops.event_handlings (event_id, outcome, handled_at) values ('evt_1', 'applied', now())"
    )
    owner.execute(
        "insert into payops.consultations (submission_id, body_sha256, patient_id, state, specialty, order_id,"
        " received_at, status, reason) values ('s', 'x', 'patient-1', 'CA', 'dermatology', 'order-1', %s, "
        "'waiting', '-')",
        (START,),
    )
    owner.execute(
        "insert into payops.api_requests (caller, key, fingerprint, state, started_at, lease_until, status, answer)"
        " values ('shop', 'k', 'f', 'answered', %(at)s, %(at)s + interval '250 milliseconds', 200, %(answer)s)",
        {"at": START, "answer": '{"paymentIntentId": "pi_1"}'},
    )
    life = payment_life.life(database, OPS, "pi_1")
    told = {each.side: each for each in timeline(life)}
    assert told[Side.EVENTS].details == "received 3 s later, applied"
    assert told[Side.CARE].title == "Consultation requested"
    assert told[Side.CALLS].details == "in 250 ms to shop"
    assert "dermatology" not in str(life)


def test_a_note_is_kept_with_its_author_and_can_be_taken_back(mirror, owner):
    database, now = mirror(payment_intents=[row(1)]), START
    payment_life.add_note(database, SUPPORT, "pi_1", "  Sent the receipt again. ", now)
    with pytest.raises(Refused, match="not_yours"):
        payment_life.remove_note(database, OPS, note_id(owner), now)
    payment_life.remove_note(database, ADMIN, note_id(owner), now)
    payment_life.remove_note(database, ADMIN, note_id(owner), now)
    (kept,) = payment_life.life(database, OPS, "pi_1")["notes"]
    assert (kept["note"], kept["written_by"], kept["withdrawn_by"]) == (None, "staff:sue", "staff:ada")
    done = owner.execute("select action, actor from payops.audit_log where subject = 'pi:pi_1' order by id")
    assert done.fetchall() == [("payments:note:added", "staff:sue"), ("payments:note:withdrawn", "staff:ada")]
    assert "receipt" not in str(owner.execute("select * from payops.audit_log").fetchall())


def note_id(owner):
    return owner.execute("select max(id) from payops.payment_notes").fetchone()[0]


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (" ", "note_empty"),
        ("x" * 2001, "note_too_long"),
        ("card 4242 4242 4242 4242", "note_private"),
        ("write to ana@example.com", "note_private"),
    ],
)
def test_private_text_is_refused_in_a_note(mirror, note, code):
    database = mirror(payment_intents=[row(1)])
    with pytest.raises(Refused, match=code):
        payment_life.add_note(database, SUPPORT, "pi_1", note, START)


def test_a_note_needs_an_existing_payment(database, owner):
    with pytest.raises(Refused, match="not_found"):
        payment_life.add_note(database, SUPPORT, "pi_none", "hello", START)
