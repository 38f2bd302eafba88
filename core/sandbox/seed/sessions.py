"""Checkout sessions of the history: visits paid on Stripe's page, and abandoned ones."""

from core.sandbox.engine.errors import Json
from core.sandbox.objects.payments import checkout_shape
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import DAY_SECONDS
from core.sandbox.seed.patients import Patient

SHOP = "https://telehealth.example"


def begin(book: Book, patient: Patient, price: Json, order: dict[str, str], bought: dict[str, str], at: int) -> Json:
    """An open session for one visit, with the details of the payment it will create."""
    session = checkout_shape.build(book.ids.new("checkout.session"), at, mode="payment", expires_at=at + DAY_SECONDS)
    amount, customer = price["unit_amount"], patient.customer
    details = {"address": None, "email": customer["email"], "name": customer["name"], "phone": None}
    session |= {
        "amount_subtotal": amount,
        "amount_total": amount,
        "cancel_url": f"{SHOP}/cart",
        "client_reference_id": order["orderId"],
        "currency": price["currency"],
        "customer": customer["id"],
        "customer_creation": None,
        "customer_details": details,
        "metadata": order,
        "success_url": f"{SHOP}/thanks?session={{CHECKOUT_SESSION_ID}}",
    }
    intent = {
        "capture_method": "automatic",
        "description": price["nickname"],
        "metadata": bought,
        "setup_future_usage": "off_session",
    }
    subscription: Json = {"metadata": {}, "trial_end": None, "trial_period_days": None}
    kept = {"intent": intent, "lines": [_line(book, price)], "subscription": subscription}
    book.hide(session["id"], kept)
    return session


def _line(book: Book, price: Json) -> Json:
    return {
        "id": f"li_{book.ids.letters(16)}",
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": price["unit_amount"],
        "amount_tax": 0,
        "amount_total": price["unit_amount"],
        "currency": price["currency"],
        "description": price["nickname"],
        "price": price,
        "quantity": 1,
    }


def close(book: Book, session: Json, intent_id: str | None, paid_at: int | None) -> None:
    """Complete if it was paid in time, expired if not, and still open if its 24 hours are not over."""
    if paid_at is not None and paid_at < session["expires_at"]:
        session |= {"payment_intent": intent_id, "payment_status": "paid", "status": "complete", "url": None}
        book.tell("checkout.session.completed", session, paid_at)
    elif session["expires_at"] <= book.until:
        session |= {"status": "expired", "url": None}
        book.tell("checkout.session.expired", session, session["expires_at"])
    else:
        book.due(session["expires_at"], "session_expires", session["id"])
    book.keep(session)
