"""A subscription of the history and its invoices: billed, collected, retried, ended by its payments."""

from core.sandbox.engine.errors import Json
from core.sandbox.objects.subscriptions.dunning import WAIT_DAYS
from core.sandbox.objects.subscriptions.shape import as_ended, build
from core.sandbox.seed.billing import Bill
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import (
    DAY_SECONDS,
    FIRST_INVOICE_DECLINE_RATE,
    HARD,
    HARD_RETRY_WORKS,
    OUTAGE_MIX,
    OUTAGE_RETRY_WORKS,
    RENEWAL_DECLINE_RATE,
    RENEWAL_MIX,
    RETRY_WORKS,
)
from core.sandbox.seed.catalogue import Catalogue
from core.sandbox.seed.outage import Outage
from core.sandbox.seed.patients import Patient, Patients
from core.sandbox.seed.redeemed import Redeemed


class BilledSubscription:
    """A subscription with its latest invoice; each change is announced at its moment, in order."""

    def __init__(
        self, book: Book, patients: Patients, catalogue: Catalogue, outage: Outage, patient: Patient, plan: str, at: int
    ) -> None:
        self._book = book
        self._patients = patients
        self._catalogue = catalogue
        self._outage = outage
        self._patient = patient
        self._plan = plan
        self._price = catalogue.prices[plan]
        self._last: Bill | None = None
        self._trial_warning_at: int | None = None
        self._disputed_at: int | None = None
        self._told_until = at
        metadata = {"orderId": f"ord_{book.ids.letters(12)}", "patientId": patient.patient_id}
        self.subscription = build(
            book.ids.new("subscription"), patient.customer["id"], at, currency="usd", metadata=metadata
        )
        self._discounts = Redeemed(book, self.subscription)

    def _bill(self, at: int, reason: str, *, free: bool = False) -> Bill:
        if self._last is not None:
            self._last.keep()
        bill = Bill(self._book, self._patient, self.subscription, at, reason=reason)
        bill.total(self._discounts.coupons(), free=free)
        self.subscription["latest_invoice"] = bill.invoice["id"]
        self._last = bill
        return bill

    def _first_payment(self, at: int) -> bool:
        """Without a first payment the subscription stays incomplete and expires."""
        book = self._book
        bill = self._bill(at, "subscription_create")
        bill.draft()
        self._tell("created", at)
        bill.finalize(at)
        moment, declined = at, bill.intent is not None and book.happens(FIRST_INVOICE_DECLINE_RATE)
        while declined:
            code = book.one_of(RENEWAL_MIX)
            bill.attempt(moment, code)
            moment += book.chance.randrange(60, 1500)
            if not book.happens(0.75) or moment > book.until:
                return self._never_began(bill, at)
            declined = book.happens(0.2)
        if bill.intent is not None:
            self._pay(bill, moment)
        self._become("active", moment)
        if self._discounts.spend_once(moment):
            self._tell("updated", moment)
        return True

    def _never_began(self, bill: Bill, at: int) -> bool:
        expires = at + 23 * 3600
        if expires > self._book.until:
            self._book.due(expires, "expire_incomplete", self.subscription["id"])
            return False
        self.subscription["ended_at"] = expires
        self._become("incomplete_expired", expires)
        bill.close(expires, "void", "voided_at", "invoice.voided")
        return False

    def _collect(self, bill: Bill, at: int, end: int) -> bool:
        book = self._book
        if bill.intent is None:
            return True
        code = self._outage.decline_code(book, at)
        if code is None and not book.happens(RENEWAL_DECLINE_RATE):
            self._pay(bill, at)
            return True
        code = code or book.one_of(RENEWAL_MIX)
        bill.attempt(at, code)
        self._become("past_due", at)
        return self._dun(bill, at, code, end)

    def _pay(self, bill: Bill, at: int) -> None:
        """Half of those who dispute a payment lose their plan over it."""
        bill.attempt(at, None)
        if bill.disputed_at is not None and self._book.happens(0.5):
            self._disputed_at = bill.disputed_at

    def _dun(self, bill: Bill, at: int, code: str, end: int) -> bool:
        book = self._book
        works = HARD_RETRY_WORKS if code in HARD else OUTAGE_RETRY_WORKS if code in OUTAGE_MIX else RETRY_WORKS
        for tries, wait in enumerate(WAIT_DAYS):
            retry_at = at + wait * DAY_SECONDS
            bill.wait(at, retry_at, tries)
            if retry_at > book.until:
                book.due(end, "renew", self.subscription["id"])
                if not book.happens(0.45):
                    book.hide(self._patient.card["id"], {"declines": [code] * (3 - tries)})
                return False
            at = retry_at
            if book.happens(works[tries]):
                if code in HARD:
                    self._patients.replace_card(self._patient, at)
                    self.subscription["default_payment_method"] = self._patient.card["id"]
                self._pay(bill, at)
                self._become("active", at)
                return True
            bill.attempt(at, code)
        self._end(at, "payment_failed")
        bill.close(at, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")
        return False

    def _end(self, at: int, reason: str) -> bool:
        as_ended(self.subscription, at, reason)
        self._tell("deleted", at)
        return False

    def _tell(self, event: str, at: int, before: Json | None = None) -> None:
        """Announce the subscription at that moment; events are written in order."""
        self._told_until = at
        self._book.tell(f"customer.subscription.{event}", self.subscription, at, before)

    def _become(self, status: str, at: int) -> None:
        before = {"status": self.subscription["status"]}
        self.subscription["status"] = status
        self._tell("updated", at, before)

    def _seed_coming_declines(self) -> None:
        """Make a few cards decline at the next renewal, so that advancing the clock shows failures."""
        if self._book.happens(RENEWAL_DECLINE_RATE):
            code = self._book.one_of(RENEWAL_MIX)
            self._book.hide(self._patient.card["id"], {"declines": [code] * self._book.chance.randrange(1, 5)})
