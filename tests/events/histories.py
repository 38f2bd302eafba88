"""Generated histories of Stripe's objects: their events, in order, and Stripe's final objects."""

import copy
import hashlib
from typing import Any

from hypothesis import strategies as st

from tests.factories import START, charge, event, intent

Json = dict[str, Any]
DECLINES = ("insufficient_funds", "do_not_honor", "expired_card")


class Story:
    """A clock, the events told so far, and each object as it is now."""

    def __init__(self, draw: Any, name: str):
        self.draw, self.name, self.at = draw, name, START
        self.events: list[Json] = []
        self.objects: dict[str, Json] = {}

    def new(self, subject: Json, *event_types: str) -> Json:
        subject["created"] = self.at
        self.objects[subject["id"]] = subject
        self.tell(subject, *event_types)
        return subject

    def tell(self, subject: Json, *event_types: str, **changes: Any) -> None:
        """The object changes and events say so; each type's own event, in the same second more often than not."""
        subject |= changes
        for event_type in event_types:
            self.at += self.draw(st.sampled_from((0, 0, 0, 1, 3_600)))
            number = f"{self.name} {len(self.events)}"
            event_id = "evt_" + hashlib.sha256(number.encode()).hexdigest()[:16]  # Stripe's ids have no order
            self.events.append(event(event_id, event_type, copy.deepcopy(subject), at=self.at))

    def chance(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))


@st.composite
def payments(draw: Any) -> Story:
    """Tried until it succeeds, is given up or cancelled; then refunded in parts, disputed, or left in peace."""
    story = Story(draw, "payment")
    payment = story.new(intent(id="pi_1"), "payment_intent.created")
    for attempt in range(draw(st.integers(0, 3))):
        _decline(story, payment, attempt)
    ending = story.chance("succeeded", "succeeded", "succeeded", "canceled", "given up")
    if ending == "canceled":
        story.tell(payment, "payment_intent.canceled", status="canceled", canceled_at=story.at)
    elif ending == "succeeded":
        paid = _succeed(story, payment)
        for refund_number in range(draw(st.integers(0, 2))):
            _refund(story, paid, refund_number)
        if story.chance(True, False):
            _dispute(story, paid)
    return story


def _decline(story: Story, payment: Json, attempt: int) -> None:
    reason = story.chance(*DECLINES)
    error: Json = {"code": "card_declined", "decline_code": reason, "charge": None}
    if story.chance("at the issuer", "in 3-D Secure") == "at the issuer":
        outcome = {"network_status": "declined_by_network", "type": "issuer_declined", "reason": reason}
        failed = charge(
            id=f"ch_failed_{attempt}", status="failed", captured=False, outcome=outcome, failure_code="card_declined"
        )
        story.new(failed, "charge.failed")
        error["charge"] = failed["id"]
    else:
        error |= {"code": "payment_intent_authentication_failure", "decline_code": None}
    story.tell(payment, "payment_intent.payment_failed", status="requires_payment_method", last_payment_error=error)


def _succeed(story: Story, payment: Json) -> Json:
    if story.chance(True, False):
        story.tell(payment, "payment_intent.requires_action", status="requires_action", last_payment_error=None)
    paid = charge(id="ch_paid", balance_transaction=None)
    story.new(paid, "charge.succeeded")
    story.tell(
        payment,
        "payment_intent.succeeded",
        status="succeeded",
        amount_received=4900,
        latest_charge="ch_paid",
        last_payment_error=None,
    )
    story.tell(paid, "charge.updated", balance_transaction="txn_1")
    return paid


def _refund(story: Story, paid: Json, number: int) -> None:
    refund = {
        "id": f"re_{number}",
        "object": "refund",
        "amount": 900,
        "currency": "usd",
        "status": "pending",
        "charge": "ch_paid",
        "payment_intent": "pi_1",
        "balance_transaction": None,
    }
    story.new(refund, "refund.created")
    story.tell(paid, "charge.refunded", amount_refunded=paid["amount_refunded"] + 900)
    story.tell(refund, "refund.updated", status="succeeded", balance_transaction=f"txn_re_{number}")
    if story.chance(True, False):
        story.tell(refund, "refund.updated", "refund.failed", status="failed", failure_reason="lost_or_stolen_card")
        story.tell(paid, "charge.updated", amount_refunded=paid["amount_refunded"] - 900)


def _dispute(story: Story, paid: Json) -> None:
    dispute = {
        "id": "dp_1",
        "object": "dispute",
        "amount": 4900,
        "currency": "usd",
        "charge": "ch_paid",
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "livemode": False,
        "status": story.chance("needs_response", "warning_needs_response"),
        "evidence_details": {"due_by": START + 900_000, "has_evidence": False, "submission_count": 0},
    }
    story.new(dispute, "charge.dispute.created")
    story.tell(paid, "charge.updated", disputed=True)
    if dispute["status"] == "warning_needs_response":
        if story.chance(True, False):
            story.tell(dispute, "charge.dispute.closed", status="warning_closed")
            return
        story.tell(dispute, "charge.dispute.updated", status="needs_response")
    story.tell(dispute, "charge.dispute.funds_withdrawn")
    if story.chance(True, False):
        evidence = dispute["evidence_details"] | {"has_evidence": True, "submission_count": 1}
        story.tell(dispute, "charge.dispute.updated", status="under_review", evidence_details=evidence)
        story.tell(dispute, "charge.dispute.closed", status=story.chance("won", "lost"))
        if dispute["status"] == "won":
            story.tell(dispute, "charge.dispute.funds_reinstated")


@st.composite
def subscriptions(draw: Any) -> Story:
    """Begun on trial or at once, renewed, changed, overdue and recovered, ended by the customer or by us."""
    story = Story(draw, "subscription")
    customer = story.new(
        {"id": "cus_1", "object": "customer", "livemode": False, "metadata": {"patientId": "patient-1"}},
        "customer.created",
    )
    subscribed = {
        "id": "sub_1",
        "object": "subscription",
        "livemode": False,
        "customer": "cus_1",
        "currency": "usd",
        "status": story.chance("incomplete", "trialing", "active"),
        "start_date": story.at,
        "metadata": {},
        "items": {"data": [_item(2900, story.at)]},
        "cancel_at_period_end": False,
    }
    story.new(subscribed, "customer.subscription.created")
    for cycle in range(draw(st.integers(1, 3))):
        _renew(story, subscribed, customer, cycle)
        if story.chance(True, False):
            amount = story.chance(1900, 4900)
            story.tell(
                subscribed,
                "customer.subscription.updated",
                items={"data": [_item(amount, story.at)]},
                cancel_at_period_end=story.chance(True, False),
            )
    if story.chance(True, False):
        story.tell(
            subscribed,
            "customer.subscription.deleted",
            status="canceled",
            ended_at=story.at,
            canceled_at=story.at,
            cancellation_details={"reason": "cancellation_requested"},
        )
        if story.chance(True, False):
            del story.objects[customer["id"]]  # Stripe says nothing more of it
            story.tell(customer, "customer.deleted")
    return story


def _item(amount: int, at: int) -> Json:
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    price = {"id": f"price_{amount}", "product": "prod_1", "unit_amount": amount, "recurring": recurring}
    return {
        "id": "si_1",
        "price": price,
        "quantity": 1,
        "current_period_start": at,
        "current_period_end": at + 2_592_000,
    }


def _renew(story: Story, subscribed: Json, customer: Json, cycle: int) -> None:
    bill = {
        "id": f"in_{cycle}",
        "object": "invoice",
        "livemode": False,
        "customer": "cus_1",
        "currency": "usd",
        "status": "draft",
        "billing_reason": "subscription_cycle",
        "amount_due": 2900,
        "amount_paid": 0,
        "amount_remaining": 2900,
        "attempt_count": 0,
        "status_transitions": {},
        "parent": {"subscription_details": {"subscription": "sub_1"}},
    }
    story.new(bill, "invoice.created")
    story.tell(
        bill, "invoice.finalized", "invoice.updated", status="open", status_transitions={"finalized_at": story.at}
    )
    for attempt in range(story.chance(0, 0, 1, 2)):
        story.tell(bill, "invoice.payment_failed", "invoice.updated", attempt_count=attempt + 1)
        story.tell(customer, "customer.updated", delinquent=True)
        story.tell(subscribed, "customer.subscription.updated", status="past_due")
    if story.chance(True, True, False):
        reached = bill["status_transitions"] | {"paid_at": story.at}
        story.tell(
            bill,
            "invoice.paid",
            "invoice.payment_succeeded",
            status="paid",
            amount_paid=2900,
            amount_remaining=0,
            status_transitions=reached,
        )
        paid = {
            "id": f"inpay_{cycle}",
            "object": "invoice_payment",
            "livemode": False,
            "invoice": bill["id"],
            "amount_paid": 2900,
            "amount_requested": 2900,
            "currency": "usd",
            "status": "paid",
            "is_default": True,
            "payment": {"type": "payment_intent", "payment_intent": f"pi_{cycle}"},
            "status_transitions": {"paid_at": story.at},
        }
        story.new(paid, "invoice_payment.paid")
        story.tell(customer, "customer.updated", delinquent=False)
        story.tell(subscribed, "customer.subscription.updated", status="active", latest_invoice=bill["id"])
    elif story.chance(True, False):
        story.tell(bill, "invoice.voided", status="void", status_transitions={"voided_at": story.at})
