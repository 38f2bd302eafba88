"""The life of one subscription of the history: begun, trialed, renewed, changed, cancelled."""

from core.sandbox.engine.intervals import after
from core.sandbox.objects.billing.invoices import DRAFT_SECONDS
from core.sandbox.objects.subscriptions.shape import build_item, period_of, set_period, with_items
from core.sandbox.seed.billed_subscription import BilledSubscription
from core.sandbox.seed.business import (
    CHANGES_MIND,
    COUPON_SHARE,
    DAY_SECONDS,
    DOWNGRADE_PER_MONTH,
    DOWNGRADES,
    FEEDBACK,
    LEAVES_PER_MONTH,
    TRIAL_DAYS,
    TRIAL_LEAVES,
    TRIAL_SHARE,
    UPGRADE_PER_MONTH,
    UPGRADES,
)


class Story(BilledSubscription):
    """Everything that happens to one subscription."""

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
