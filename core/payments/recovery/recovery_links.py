"""How a customer can pay a failed payment: their saved cards, and payment links."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import Refused
from core.payments import actions
from core.payments.actions import MARK, Action
from core.payments.context import PaymentContext
from core.payments.payment_methods import card_name
from core.payments.recovery.retry_advice import Failed
from core.staff import roles
from core.staff.flags import Flow
from core.staff.roles import Actor
from core.stripe_gateway import Json

if TYPE_CHECKING:
    from core.stripe_gateway import InvoiceSendInvoiceParams, SessionCreateParams, SessionUpdateParams

PAGE = "recovery"


@dataclass(frozen=True)
class Card:
    """A saved card; `declined` is the one that failed."""

    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    is_default: bool
    declined: bool

    def __str__(self) -> str:
        """`Visa •••• 4242`."""
        return card_name(self.brand, self.last4)

    @property
    def expiry(self) -> str:
        """`04/2030`."""
        return f"{self.exp_month:02}/{self.exp_year}"


@dataclass(frozen=True)
class Link:
    """Where the customer can pay; `sent` if Stripe sends it to them, else staff send it.

    Without an `action` it is the link that was created before.
    """

    url: str | None
    sent: bool
    action: Action | None


def saved_cards(context: PaymentContext, failed: Failed) -> list[Card]:
    """The customer's saved cards as Stripe has them now; none is stored here."""
    if failed.customer_id is None:
        return []
    customer = context.stripe.retrieve(f"customers/{failed.customer_id}")
    default = (customer.get("invoice_settings") or {}).get("default_payment_method")
    declined = _fingerprint(_declined_card(context, failed))
    return [
        Card(
            id=method["id"],
            brand=method["card"]["brand"],
            last4=method["card"]["last4"],
            exp_month=method["card"]["exp_month"],
            exp_year=method["card"]["exp_year"],
            is_default=method["id"] == default,
            declined=_fingerprint(method) == declined,
        )
        for method in context.stripe.each(f"customers/{failed.customer_id}/payment_methods", type="card")
    ]


def card_to_charge(
    context: PaymentContext, failed: Failed, payment_method_id: str | None, *, same_card: bool
) -> str | None:
    """The card to charge: the one given, else the declined one if it is saved; None means the invoice's own card.

    Raises `Refused` where that is the declined card and it must not be charged again, or where it is not saved.
    """
    if payment_method_id is None and not same_card:
        raise Refused(
            "needs_another_card", "This card must not be charged again. Choose another one, or send a payment link."
        )
    if payment_method_id is None and failed.invoice_id is not None:
        return None
    declined = _declined_card(context, failed)
    if payment_method_id is None:
        if declined is None or declined.get("customer") is None:
            raise Refused(
                "card_not_saved",
                "The declined card is not saved, so it cannot be charged without the customer. Send a payment link.",
            )
        return str(declined["id"])
    given = context.stripe.retrieve(f"payment_methods/{payment_method_id}")
    if given.get("customer") is None or given["customer"] != failed.customer_id:
        raise Refused("card_not_saved", "This card does not belong to the customer of this payment.")
    if not same_card and _fingerprint(given) == _fingerprint(declined):
        raise Refused("needs_another_card", "This is the card that must not be charged again. Choose another one.")
    return payment_method_id


def give(context: PaymentContext, actor: Actor, action_id: str, failed: Failed, return_address: str) -> Link:
    """Give the customer a way to pay: Stripe sends their invoice, or staff send a payment link.

    The page returns to `return_address`. There is one link at a time, and none during a retry.
    """
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)
    context.flags.require(Flow.RETRIES)
    if failed.invoice_id is not None:
        sent: InvoiceSendInvoiceParams = {}
        action = _begun(context, actor, action_id, failed, f"invoices/{failed.invoice_id}/send", sent)
        return Link(_address_of_invoice(context, action), True, action)
    if (page := _open_page(context, actor, action_id, failed)) is not None:
        return page
    return _new_page(context, actor, action_id, failed, return_address)


def close_all(context: PaymentContext, payment_intent_id: str) -> None:
    """Close the open payment links of this payment.

    Raises `Refused` (`paid_by_link`) where the customer has just paid with one.
    """
    for session_id in context.db.call("recovery_links", payment_intent_id=payment_intent_id, now=context.clock()):
        session = context.stripe.retrieve(f"checkout/sessions/{session_id}")
        if session["status"] == "open":
            session = context.stripe.write(f"checkout/sessions/{session_id}/expire", key=f"close-{session_id}")
        context.mirror(session)
        if session["status"] == "complete":
            raise Refused("paid_by_link", "The customer has just paid with the link.")


def _new_page(context: PaymentContext, actor: Actor, action_id: str, failed: Failed, return_address: str) -> Link:
    context.flags.require(Flow.CHECKOUT)
    references = {"orderId": failed.order_id or failed.payment_intent_id, "patientId": failed.patient_id or ""}
    metadata = {name: value for name, value in references.items() if value} | {MARK: action_id}
    name = f"Order {failed.order_id}" if failed.order_id else "Outstanding payment"
    params: SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {
                    "currency": failed.currency,
                    "unit_amount": failed.amount_minor,
                    "product_data": {"name": name},
                },
                "quantity": 1,
            }
        ],
        "success_url": return_address,
        "cancel_url": return_address,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
    }
    if failed.customer_id is not None:
        params["customer"] = failed.customer_id
    action = _begun(context, actor, action_id, failed, "checkout/sessions", params)
    return Link(_address_of_page(context, action.result_id), False, action)


def _open_page(context: PaymentContext, actor: Actor, action_id: str, failed: Failed) -> Link | None:
    """The link created before, or the shop's checkout on which the payment failed, if it can still be paid."""
    for session_id in context.db.call(
        "recovery_links", payment_intent_id=failed.payment_intent_id, now=context.clock()
    ):
        if (url := _address_of_page(context, session_id)) is not None:
            return Link(url, False, None)
    for session in context.stripe.each("checkout/sessions", payment_intent=failed.payment_intent_id):
        if session["status"] == "open":
            # Marked, so that the audit log says who sent the link to the shop's checkout.
            mark: SessionUpdateParams = {"metadata": {MARK: action_id}}
            action = _begun(context, actor, action_id, failed, f"checkout/sessions/{session['id']}", mark)
            return Link(session["url"], False, action)
    return None


def _begun(
    context: PaymentContext,
    actor: Actor,
    action_id: str,
    failed: Failed,
    path: str,
    params: "InvoiceSendInvoiceParams | SessionCreateParams | SessionUpdateParams",
) -> Action:
    return actions.begun(
        context,
        "begin_recovery_link",
        id=action_id,
        payment_intent_id=failed.payment_intent_id,
        path=path,
        params=params,
        actor=actor.name,
        role=str(actor.role),
    )


def _address_of_page(context: PaymentContext, session_id: str | None) -> str | None:
    if session_id is None:
        return None
    session = context.stripe.retrieve(f"checkout/sessions/{session_id}")
    return session["url"] if session["status"] == "open" else None


def _address_of_invoice(context: PaymentContext, action: Action) -> str | None:
    if action.state != "done":
        return None
    url: str | None = context.stripe.retrieve(f"invoices/{action.subject}").get("hosted_invoice_url")
    return url


def _declined_card(context: PaymentContext, failed: Failed) -> Json | None:
    intent = context.stripe.retrieve(f"payment_intents/{failed.payment_intent_id}")
    found = (intent.get("last_payment_error") or {}).get("payment_method")
    return found if isinstance(found, dict) else None


def _fingerprint(method: Json | None) -> str | None:
    """Stripe's fingerprint of the card, the same however often it was saved."""
    return ((method or {}).get("card") or {}).get("fingerprint")
