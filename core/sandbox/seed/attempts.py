"""One payment attempt in the history: a successful charge, a decline, or a failed authentication."""

from core.sandbox.engine.balance import available_on, movement, processing_fee
from core.sandbox.engine.errors import Json
from core.sandbox.objects.payments import charges
from core.sandbox.objects.payments.confirmation import FAILED_AUTHENTICATION
from core.sandbox.objects.payments.declines import approved_outcome, decline_named, declined_outcome, payment_error
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import SECURE_ABROAD, SECURE_SHARE


def takes_authentication(book: Book, country: str) -> bool:
    return book.happens(SECURE_SHARE.get(country, SECURE_ABROAD))


def succeed(book: Book, intent: Json, method: Json, at: int, *, secure: bool = False) -> Json:
    """Mark the intent as paid; returns the charge, which may be refunded or disputed later."""
    score = book.chance.randrange(1, 60)
    details = charges.card_of_charge(
        method["card"],
        authorization=f"{book.chance.getrandbits(24):06X}",
        three_d_secure=charges.authenticated() if secure else None,
    )
    outcome = approved_outcome("normal", score)
    charge = charges.build(book.ids.new("charge"), intent, method, at, outcome=outcome, card=details)
    fee = processing_fee(charge["amount"], charge["currency"], method["card"]["country"])
    charge["balance_transaction"] = book.move(
        settled(book, "charge", charge["amount"], fee, charge["currency"], charge["id"], at, charge["description"])
    )
    intent |= {
        "amount_received": intent["amount"],
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "payment_method": method["id"],
        "status": "succeeded",
    }
    book.tell("charge.succeeded", charge, at)
    book.tell("payment_intent.succeeded", intent, at)
    return charge


def decline(book: Book, intent: Json, method: Json, at: int, code: str) -> Json:
    """A declined attempt; nothing more happens to its charge."""
    reason = decline_named(code)
    outcome = declined_outcome(reason, "normal", book.chance.randrange(1, 75))
    details = charges.card_of_charge(method["card"], authorization=None, three_d_secure=None)
    built = charges.build(book.ids.new("charge"), intent, method, at, outcome=outcome, card=details)
    charge = charges.as_failed(built, reason)
    intent |= {
        "last_payment_error": payment_error(reason, charge["id"], method),
        "latest_charge": charge["id"],
        "payment_method": None,
        "status": "requires_payment_method",
    }
    book.keep(charge)
    book.tell("charge.failed", charge, at)
    book.tell("payment_intent.payment_failed", intent, at)
    return charge


def fail_authentication(book: Book, intent: Json, method: Json, at: int) -> None:
    """A failed 3-D Secure authentication: an attempt without a charge, recorded by its event alone."""
    intent |= {
        "last_payment_error": {**FAILED_AUTHENTICATION, "payment_method": method},
        "payment_method": None,
        "status": "requires_payment_method",
    }
    book.tell("payment_intent.payment_failed", intent, at)


def settled(
    book: Book,
    kind: str,
    amount: int,
    fee: int,
    currency: str,
    source: str,
    at: int,
    description: str | None,
    *,
    category: str | None = None,
    fee_description: str = "Stripe processing fees",
) -> Json:
    """A balance transaction of that moment, available by now or still pending."""
    available = available_on(at)
    return movement(
        book.ids.new("balance_transaction"),
        kind,
        amount=amount,
        fee=fee,
        currency=currency,
        source=source,
        created=at,
        available=available,
        status="available" if available <= book.until else "pending",
        category=category,
        description=description,
        fee_description=fee_description,
    )
