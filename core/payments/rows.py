"""The rows of payments, refunds and actions, as the database gives them: times are ISO texts in UTC."""

from typing import NotRequired, TypedDict


class Place(TypedDict):
    """Where a page of payments ends: the next one begins with older ones."""

    created: str
    id: str


class PaymentRow(TypedDict):
    """A payment in a list; what is known of its charge is missing where nothing was ever charged."""

    id: str
    created: str
    amount_minor: int
    currency: str
    status: str
    customer_id: str | None
    order_id: str | None
    patient_id: str | None
    dispute_status: str | None
    decline_code: str | None
    charge_id: NotRequired[str]
    card_brand: NotRequired[str | None]
    card_last4: NotRequired[str | None]
    method_type: NotRequired[str | None]
    captured_minor: NotRequired[int]
    refunded_minor: NotRequired[int]


class PaymentSum(TypedDict):
    """The payments found in one currency, and what was collected."""

    currency: str
    payments: int
    succeeded: int
    failed: int
    received_minor: int


class FoundPayments(TypedDict):
    """One page of payments; `next` is None on the last, `fresh_at` before the first event."""

    items: list[PaymentRow]
    next: Place | None
    sums: list[PaymentSum]
    fresh_at: str | None


class VisitRow(TypedDict):
    """The consultation that a payment is for; `provider` is the name of its provider."""

    id: str
    status: str
    provider: str | None


class ActionRow(TypedDict):
    """An action of `core.payments.actions`, without the parameters of its call to Stripe."""

    id: str
    kind: str
    subject: str
    payment_intent_id: str | None
    amount_minor: int | None
    currency: str | None
    state: str
    reason: str | None
    requested_by: str
    requested_role: str
    requested_at: str
    decided_by: str | None
    decided_at: str | None
    settled_at: str | None
    result_id: str | None
    problem: str | None


class RefundRow(TypedDict):
    """A refund at Stripe, or one requested here that is not at Stripe; `id` is Stripe's or ours accordingly."""

    id: str
    at: str
    payment_intent_id: str | None
    amount_minor: int
    currency: str
    status: str
    problem: str | None
    reason: str | None
    requested_by: str | None
    requested_role: str | None
    decided_by: str | None
    action_id: str | None


class RefundDetails(RefundRow):
    """A refund with our own record of it; None where it was made in Stripe."""

    action: ActionRow | None


class FoundRefunds(TypedDict):
    """One page of refunds, and the id to continue after; None on the last page."""

    items: list[RefundRow]
    next: str | None


class DisputedAmount(TypedDict):
    """A dispute of a payment that is to be refunded."""

    id: str
    status: str
    reason: str | None
    amount_minor: int
    currency: str


class RefundPreviewRow(TypedDict):
    """What a refund affects.

    `code` and `sentence` say why nothing can be refunded. Of a payment without a successful charge nothing else is
    there.
    """

    code: NotRequired[str]
    sentence: NotRequired[str]
    charge_id: str
    currency: str
    captured_minor: int
    refunded_minor: int
    in_flight_minor: int
    left_minor: int
    charged_back: bool
    payment_intent_id: str
    too_large: str
    alone_minor: int
    fee_minor: int | None
    settlement_currency: str
    awaiting_minor: int
    disputes: list[DisputedAmount]
    fraud_warning: bool
    subscription_id: str | None
    consultation: VisitRow | None
