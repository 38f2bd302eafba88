"""One subscription of the history: begun, renewed, changed, tried again, ended."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.intervals import after
from core.sandbox.objects.billing.invoices import DRAFT_SECONDS
from core.sandbox.objects.subscriptions.dunning import WAIT_DAYS
from core.sandbox.objects.subscriptions.shape import as_ended, build, build_item, period_of, set_period, with_items
from core.sandbox.seed.billing import Bill
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import (
    CHANGES_MIND,
    COUPON_SHARE,
    DAY_SECONDS,
    DOWNGRADE_PER_MONTH,
    DOWNGRADES,
    FEEDBACK,
    FIRST_INVOICE_DECLINE_RATE,
    HARD,
    HARD_RETRY_WORKS,
    LEAVES_PER_MONTH,
    OUTAGE_MIX,
    OUTAGE_RETRY_WORKS,
    RENEWAL_DECLINE_RATE,
    RENEWAL_MIX,
    RETRY_WORKS,
    TRIAL_DAYS,
    TRIAL_LEAVES,
    TRIAL_SHARE,
    UPGRADE_PER_MONTH,
    UPGRADES,
)
from core.sandbox.seed.catalogue import Catalogue
from core.sandbox.seed.outage import Outage
from core.sandbox.seed.patients import Patient, Patients
from core.sandbox.seed.redeemed import Redeemed


class Story:
    """Everything that happens to one subscription."""

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

    def tell(self) -> None:
        """Write period after period; what lies in the future is scheduled."""
        alive = self._begin()
        while alive:
            end = period_of(self.subscription)[1]
            alive = self._live_until(end)
            self._warn_of_trial_end(end)
            alive = alive and self._renew(end)
        if self._last is not None:
            self._last.keep()
        self._book.keep(self.subscription)
        self._discounts.keep()

    def _begin(self) -> bool:
        book, created = self._book, self.subscription["created"]
        trial_days = book.chance.choice(TRIAL_DAYS) if book.happens(TRIAL_SHARE) else 0
        recurring = self._price["recurring"]
        end = created + trial_days * DAY_SECONDS
        if not trial_days:
            end = after(created, recurring["interval"], recurring["interval_count"])
        item = build_item(
            book.ids.new("subscription_item"),
            self.subscription["id"],
            self._price,
            created,
            quantity=1,
            period=(created, end),
        )
        with_items(self.subscription, [item])
        self._patients.save_card(self._patient, created)
        self._patients.make_default(self._patient, created)
        self.subscription["default_payment_method"] = self._patient.card["id"]
        if trial_days:
            return self._begin_trial(end)
        if book.happens(COUPON_SHARE):
            self._discounts.redeem(self._catalogue, created)
        return self._first_payment(created)

    def _begin_trial(self, end: int) -> bool:
        created = self.subscription["created"]
        self.subscription |= {
            "billing_cycle_anchor": end,
            "status": "trialing",
            "trial_end": end,
            "trial_start": created,
        }
        bill = self._bill(created, "subscription_create", free=True)
        bill.draft()
        self._tell("created", created)
        bill.finalize(created)
        self._trial_warning_at = end - 3 * DAY_SECONDS
        return True

    def _warn_of_trial_end(self, now: int) -> None:
        """Announce the end of the trial once, three days before it."""
        at = self._trial_warning_at
        if at is None or self.subscription["status"] != "trialing" or at > now:
            return
        self._trial_warning_at = None
        if at <= self._book.until:
            self._tell("trial_will_end", at)
        else:
            self._book.due(at, "trial_will_end", self.subscription["id"])

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

    def _tell(self, event: str, at: int, before: Json | None = None) -> None:
        """Announce the subscription at that moment; events are written in order."""
        self._told_until = at
        self._book.tell(f"customer.subscription.{event}", self.subscription, at, before)

    def _become(self, status: str, at: int) -> None:
        before = {"status": self.subscription["status"]}
        self.subscription["status"] = status
        self._tell("updated", at, before)

    def _bill(self, at: int, reason: str, *, free: bool = False) -> Bill:
        if self._last is not None:
            self._last.keep()
        bill = Bill(self._book, self._patient, self.subscription, at, reason=reason)
        bill.total(self._discounts.coupons(), free=free)
        self.subscription["latest_invoice"] = bill.invoice["id"]
        self._last = bill
        return bill

    def _live_until(self, end: int) -> bool:
        """What happens within the period: a cancellation, a change of mind, or another plan."""
        book = self._book
        start = max(period_of(self.subscription)[0], self._told_until)
        months = max((end - start) / (30.4 * DAY_SECONDS), 0.2)
        trialing = self.subscription["status"] == "trialing"
        if self._disputed_at is not None and max(self._disputed_at, start) < min(end, book.until):
            return self._end(max(self._disputed_at, start), "payment_disputed")
        moment = start + int((end - start) * book.chance.uniform(0.08, 0.97))
        drawn = book.chance.random()
        leaves = TRIAL_LEAVES if trialing else LEAVES_PER_MONTH * min(months, 3)
        if moment > book.until:
            return True
        if drawn < leaves:
            return self._leave(moment, end)
        if not trialing and drawn < leaves + UPGRADE_PER_MONTH * months:
            self._move_to(UPGRADES.get(self._plan), moment)
        elif not trialing and drawn > 1 - DOWNGRADE_PER_MONTH * months:
            self._move_to(DOWNGRADES.get(self._plan), moment)
        return True

    def _leave(self, at: int, end: int) -> bool:
        """Most cancel at the period's end; a few change their mind, a few cancel immediately."""
        book = self._book
        self._warn_of_trial_end(at)
        details = {"comment": None, "feedback": book.chance.choice(FEEDBACK), "reason": "cancellation_requested"}
        before = {"cancel_at_period_end": False}
        if book.happens(0.14):
            self.subscription["cancellation_details"] = details
            return self._end(at, "cancellation_requested")
        self.subscription |= {
            "cancel_at": end,
            "cancel_at_period_end": True,
            "canceled_at": at,
            "cancellation_details": details,
        }
        self._tell("updated", at, before)
        back = at + (end - at) // 2
        self._warn_of_trial_end(back)
        if book.happens(CHANGES_MIND) and back <= book.until:
            self.subscription |= {
                "cancel_at": None,
                "cancel_at_period_end": False,
                "canceled_at": None,
                "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            }
            self._tell("updated", back, {"cancel_at_period_end": True})
        return True

    def _move_to(self, plan: str | None, at: int) -> None:
        """The new price applies from the next invoice."""
        if plan is None:
            return
        item = self.subscription["items"]["data"][0]
        before = {"items": {**self.subscription["items"], "data": [dict(item)]}}
        self._plan, self._price = plan, self._catalogue.prices[plan]
        item["price"] = self._price
        self._tell("updated", at, before)

    def _renew(self, at: int) -> bool:
        """Whether the subscription goes on after the renewal of that moment."""
        book = self._book
        if at > book.until:
            book.due(at, "renew", self.subscription["id"])
            self._seed_coming_declines()
            return False
        if self.subscription["cancel_at_period_end"]:
            return self._end(at, "cancellation_requested")
        recurring = self._price["recurring"]
        end = after(at, recurring["interval"], recurring["interval_count"], self.subscription["billing_cycle_anchor"])
        was = self.subscription["status"]
        before = {"latest_invoice": self.subscription["latest_invoice"], "status": was}
        set_period(self.subscription, at, end)
        self.subscription["status"] = "active" if was == "trialing" else was
        self._discounts.drop_ended(at)
        bill = self._bill(at, "subscription_cycle")
        self._tell("updated", at, before)
        bill.draft(at + DRAFT_SECONDS)
        if at + DRAFT_SECONDS > book.until:
            book.due(at + DRAFT_SECONDS, "finalize_invoice", bill.invoice["id"])
            book.due(end, "renew", self.subscription["id"])
            return False
        bill.finalize(at + DRAFT_SECONDS)
        return self._collect(bill, at + DRAFT_SECONDS, end)

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

    def _seed_coming_declines(self) -> None:
        """Make a few cards decline at the next renewal, so that advancing the clock shows failures."""
        if self._book.happens(RENEWAL_DECLINE_RATE):
            code = self._book.one_of(RENEWAL_MIX)
            self._book.hide(self._patient.card["id"], {"declines": [code] * self._book.chance.randrange(1, 5)})
