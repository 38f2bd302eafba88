"""Invoices of the history: paid at once, recovered, or uncollectible."""

from core.sandbox.engine.errors import Json
from core.sandbox.objects.billing import invoice_lines, invoice_payments
from core.sandbox.objects.billing.discounts import amount_off
from core.sandbox.objects.billing.invoice_shape import as_open, as_paid, build
from core.sandbox.objects.payments import payment_intents
from core.sandbox.seed import aftermath
from core.sandbox.seed.attempts import decline, succeed
from core.sandbox.seed.book import Book
from core.sandbox.seed.patients import Patient

SUBSCRIPTION_REFUND_RATE = 0.012


class Bill:
    """One invoice with its payment intent and invoice payment."""

    def __init__(self, book: Book, patient: Patient, subscription: Json, at: int, *, reason: str) -> None:
        self._book = book
        self._patient = patient
        self._subscription = subscription
        self.attempts = 0
        self.disputed_at: int | None = None
        item = subscription["items"]["data"][0]
        start, end = item["current_period_start"], item["current_period_end"]
        period = (start, end) if reason == "subscription_create" else (start, start)
        self.invoice = build(
            book.ids.new("invoice"),
            patient.customer,
            at,
            currency="usd",
            reason=reason,
            period=period,
            subscription=subscription,
        )
        self.intent: Json | None = None
        self.link: Json | None = None

    def total(self, coupons: list[tuple[str, Json]], *, free: bool = False) -> None:
        """Sets lines and sums; `coupons` pairs each discount with its coupon."""
        item = self._subscription["items"]["data"][0]
        price = item["price"]
        amount = 0 if free else price["unit_amount"]
        words = (
            f"Trial period for {price['nickname']}" if free else invoice_lines.described(price, price["nickname"], 1)
        )
        line = invoice_lines.build(
            self._book.ids.new("line_item"),
            self.invoice["id"],
            price,
            amount=amount,
            quantity=1,
            period=(item["current_period_start"], item["current_period_end"]),
            parent=invoice_lines.of_subscription(self._subscription["id"], item["id"]),
            description=words,
        )
        shares, left = [], amount
        for discount, coupon in coupons:
            off = amount_off(coupon, left, self.invoice["currency"])
            shares.append((discount, off))
            left -= off
        invoice_lines.total_up(self.invoice, [line], shares)

    def draft(self, finalizes_at: int | None = None) -> None:
        self.invoice["automatically_finalizes_at"] = finalizes_at
        self._book.tell("invoice.created", self.invoice, self.invoice["created"])

    def finalize(self, at: int) -> None:
        book, customer = self._book, self._patient.customer
        self._patient.invoices += 1
        as_open(self.invoice, f"{customer['invoice_prefix']}-{self._patient.invoices:04d}", at)
        book.tell("invoice.finalized", self.invoice, at)
        if self.invoice["amount_due"] == 0:
            self._paid(at)
            return
        self.intent = payment_intents.build(
            book.ids.new("payment_intent"),
            book.ids.letters(25),
            at,
            amount=self.invoice["amount_due"],
            currency="usd",
            customer=customer["id"],
            metadata={},
        )
        first = self.invoice["billing_reason"] == "subscription_create"
        self.intent["description"] = "Subscription creation" if first else "Subscription update"
        self.intent["setup_future_usage"] = "off_session" if first else None
        book.tell("payment_intent.created", self.intent, at)
        self.link = invoice_payments.build(book.ids.new("invoice_payment"), self.invoice, self.intent["id"], at)

    def attempt(self, at: int, code: str | None) -> bool:
        """One attempt; `code` is the decline code, or `None` if it succeeds."""
        assert self.intent is not None and self.link is not None
        self.attempts += 1
        if code is not None:
            decline(self._book, self.intent, self._patient.card, at, code)
            before = {"attempt_count": self.invoice["attempt_count"], "attempted": self.invoice["attempted"]}
            self.invoice |= {"attempt_count": self.attempts, "attempted": True}
            for event in ("invoice.payment_failed", "invoice.updated"):
                self._book.tell(event, self.invoice, at, before)
            return False
        charge = succeed(self._book, self.intent, self._patient.card, at)
        invoice_payments.as_paid(self.link, at)
        self._book.tell("invoice_payment.paid", self.link, at)
        self.invoice["attempt_count"] = self.attempts
        self._paid(at)
        self.disputed_at = aftermath.follow(self._book, charge, refund_rate=SUBSCRIPTION_REFUND_RATE)
        return True

    def _paid(self, at: int) -> None:
        before = {"status": self.invoice["status"]}
        as_paid(self.invoice, at)
        for event in ("invoice.updated", "invoice.paid", "invoice.payment_succeeded"):
            self._book.tell(event, self.invoice, at, before)

    def wait(self, at: int, retry_at: int, tries: int) -> None:
        """Schedule the retry if `retry_at` lies in the future."""
        self.invoice["next_payment_attempt"] = retry_at
        self._book.tell("invoice.updated", self.invoice, at, {"next_payment_attempt": None})
        if retry_at > self._book.until:
            self._book.due(retry_at, "retry_invoice", self.invoice["id"])
            self._book.hide(self.invoice["id"], {"tries": tries})

    def close(self, at: int, status: str, moment: str, event: str) -> None:
        """`uncollectible` or `void`; the intent of a void one is cancelled with it."""
        before = {"status": self.invoice["status"]}
        self.invoice |= {"auto_advance": False, "next_payment_attempt": None, "status": status}
        self.invoice["status_transitions"][moment] = at
        self._book.tell(event, self.invoice, at, before)
        if status == "void" and self.intent is not None and self.link is not None:
            self.link |= {"status": "canceled", "status_transitions": {"canceled_at": at, "paid_at": None}}
            self.intent |= {"canceled_at": at, "cancellation_reason": "void_invoice", "status": "canceled"}
            self._book.tell("payment_intent.canceled", self.intent, at)

    def keep(self) -> None:
        """Store the invoice; nothing more happens to it in the history."""
        self._book.keep(self.invoice)
        if self.intent is not None and self.link is not None:
            self._book.keep(self.intent, self.link)
