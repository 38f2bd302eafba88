"""The search finds objects by what staff know, and only those that their role may open."""

from datetime import UTC, datetime

import pytest

from core.errors import Refused
from core.search import recent_views, search
from core.staff.roles import Actor, Role
from tests.payments.test_payments import charge_row, mirror, row

__all__ = ["mirror"]
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MIRRORED = {"livemode": False, "created": NOW.isoformat(), "as_of": NOW.isoformat(), "state_rank": 0, "event_id": "x"}
CUSTOMER = {"id": "cus_1", "patient_id": "patient-1", "delinquent": False, "deleted": False}


class Desk:
    """What the search needs of a payment context; Stripe knows one address."""

    def __init__(self, db):
        self.db, self.stripe = db, self

    def clock(self):
        return NOW

    def each(self, path, email):
        assert path == "customers"
        return [{"id": "cus_1"}] if email == "ana@example.com" else []


@pytest.fixture
def clinic(mirror, owner):
    """Three payments, a subscription, a dispute, a refund, a provider and a consultation."""
    owner.execute(
        "insert into payops.providers (id, name, npi, active, capacity, specialties, created_at, updated_at)"
        " values ('prov_1', 'Dr. Maria de la Cruz', '1234567893', true, 3, '{dermatology}', now(), now())"
    )
    owner.execute(
        "insert into payops.consultations"
        " (id, submission_id, body_sha256, patient_id, state, specialty, order_id, received_at, status, reason)"
        " values ('cons_1', 'sub-1', 'x', 'patient-1', 'TX', 'dermatology', 'order-1', now(), 'waiting', 'new')"
    )
    return mirror(
        payment_intents=[row(1), row(2, amount_minor=4242), row(3, status="requires_payment_method")],
        charges=[charge_row(1, card_last4="1111"), charge_row(2, card_last4="4242"), charge_row(3, card_last4="0341")],
        customers=[MIRRORED | CUSTOMER],
        subscriptions=[
            MIRRORED
            | {"id": "sub_1", "status": "active", "customer_id": "cus_1", "order_id": "order-9"}
            | {"items": [], "cancel_at_period_end": False}
        ],
        disputes=[
            MIRRORED
            | {"id": "dp_1", "payment_intent_id": "pi_1", "amount_minor": 4900, "currency": "usd"}
            | {"status": "needs_response", "reason": "fraudulent", "has_evidence": False, "submission_count": 0}
        ],
        refunds=[
            MIRRORED
            | {"id": "re_1", "payment_intent_id": "pi_2", "amount_minor": 100, "currency": "usd", "status": "succeeded"}
        ],
    )


def found(db, typed, role=Role.ADMIN):
    hits = search.find(Desk(db), Actor("staff:ana", role), typed)
    return {(hit["kind"], hit["id"], hit["opens"]) for hit in hits}


def payment(number):
    return ("payment", f"pi_{number}", f"pi_{number}")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("pi_3", {payment(3)}),
        ("  pi_3\n", {payment(3)}),
        ("https://dashboard.stripe.com/test/payments/pi_3", {payment(3)}),
        ("ch_3", {payment(3)}),
        ("order-3", {payment(3)}),
        ("order-1", {payment(1), ("consultation", "cons_1", "cons_1")}),
        ("order-9", {("subscription", "sub_1", "sub_1")}),
        ("dp_1", {payment(1), ("dispute", "dp_1", "dp_1")}),
        ("re_1", {payment(2), ("refund", "re_1", "pi_2")}),
        ("cus_1", {payment(1), ("customer", "cus_1", "cus_1"), ("subscription", "sub_1", "sub_1")}),
        ("cons_1", {payment(1), ("consultation", "cons_1", "cons_1")}),
        ("sub-1", {("consultation", "cons_1", "cons_1")}),
        ("maria DE la", {("provider", "prov_1", "prov_1")}),
        ("cruz", {("provider", "prov_1", "prov_1")}),
        ("dr", {("provider", "prov_1", "prov_1")}),
        ("1234567893", {("provider", "prov_1", "prov_1")}),
        ("%", set()),
        ("42.42", {payment(2)}),
        ("$42.42", {payment(2)}),
        ("42.42 4242", {payment(2)}),
        ("42.42 0341", set()),
        ("49 0341", {payment(3)}),
        ("0341", {payment(3)}),
        ("•••• 4242", {payment(2)}),
        ("ana@example.com", {("customer", "cus_1", "cus_1")}),
        ("nobody@example.com", set()),
        ("nothing-of-ours", set()),
        ("' or true --", set()),
        ("pi_\x00", set()),
    ],
)
def test_every_kind_of_id_finds_its_object(clinic, typed, expected):
    assert found(clinic, typed) == expected


def test_a_patient_is_found_with_their_care_and_payments(clinic):
    kinds = {kind for kind, _, _ in found(clinic, "patient-1")}
    assert kinds == {"patient", "payment", "subscription", "consultation"} - {"subscription"}


@pytest.mark.parametrize(
    ("typed", "role", "kinds"),
    [
        ("order-1", Role.FINANCE, {"payment"}),
        ("order-1", Role.SUPPORT, {"payment", "consultation"}),
        ("cruz", Role.FINANCE, set()),
        ("cruz", Role.OPS, {"provider"}),
    ],
)
def test_a_role_finds_only_what_its_pages_show(clinic, typed, role, kinds):
    assert {kind for kind, _, _ in found(clinic, typed, role)} == kinds


@pytest.mark.parametrize("typed", ["", "   ", "\n", "\x00"])
def test_an_empty_search_is_refused(database, typed):
    with pytest.raises(Refused, match="nothing_sought"):
        search.find(Desk(database), Actor("staff:ana", Role.OPS), typed)


def test_an_email_address_is_audited_without_being_stored(clinic, owner):
    found(clinic, "ana@example.com")
    entries = owner.execute("select actor, action, after from payops.audit_log").fetchall()
    assert entries == [("staff:ana", "payments:email:looked-up", {"customers": ["cus_1"]})]


def test_a_kind_lists_its_newest_and_says_that_there_may_be_more(mirror):
    db = mirror(payment_intents=[row(number, order_id="same") for number in range(12)])
    hits = search.find(Desk(db), Actor("staff:ana", Role.OPS), "same")
    assert [hit["id"] for hit in hits] == [f"pi_{number}" for number in range(11, 3, -1)]
    assert search.may_be_more(hits)


def test_what_a_user_opened_last_is_listed_newest_first_for_them_alone(clinic, owner):
    for name in ("ana", "bob"):
        owner.execute(
            "insert into payops.staff (name, role, email, password_hash, must_change_password, created_at,"
            " password_changed_at) values (%s, 'ops', 'x@example.com', 'x', false, now(), now())",
            (name,),
        )
    for minute, (kind, opened) in enumerate(
        [("payment", "pi_1"), ("provider", "prov_1"), ("payment", "pi_none"), ("payment", "pi_1")]
    ):
        recent_views.note(clinic, Actor("staff:ana", Role.OPS), kind, opened, NOW.replace(minute=minute))
    listed = recent_views.of_user(clinic, Actor("staff:ana", Role.OPS))
    assert [(hit["id"], hit["amount_minor"], hit["about"]) for hit in listed] == [
        ("pi_1", 4900, None),
        ("prov_1", None, "Dr. Maria de la Cruz"),
    ]
    assert [hit["id"] for hit in recent_views.of_user(clinic, Actor("staff:ana", Role.FINANCE))] == ["pi_1"]
    assert recent_views.of_user(clinic, Actor("staff:bob", Role.OPS)) == []


def test_every_kind_opens_on_a_page_of_the_console():
    assert recent_views.kind_of("payments", "payment") == "payment"
    assert recent_views.kind_of("payments", "before") is None
