"""Random lives of subscriptions: what happened, for the model, and what Stripe tells of it, for payops."""

import copy
import random
from dataclasses import dataclass, field
from typing import Any

from tests.factories import event
from tests.figures.subscription_model import DAY_SECONDS, FOREVER, Account, Discount, Subscription

Json = dict[str, Any]
BEGIN = 1_767_312_000  # 2 January 2026
UNTIL = 1_795_000_000  # 18 November 2026
TIERS = [
    {"up_to": 3, "unit_amount": 900, "flat_amount": 100},
    {"up_to": 8, "unit_amount": 700, "flat_amount": None},
    {"up_to": None, "unit_amount": 555, "flat_amount": 50},
]
INTERVALS = [("month", 1)] * 5 + [("year", 1), ("week", 1), ("day", 1), ("month", 3), ("year", 2)]


@dataclass
class Answer:
    """What Stripe answered about a subscription at a second."""

    at: int
    subject: Json


@dataclass
class Life:
    """One currency's customers: the account that the model counts, and what is told of it in the order it happened."""

    account: Account
    told: list[Json] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


class Teller:
    """Lets subscriptions live, each change at a second of its own, and tells of it as Stripe does."""

    def __init__(self, number: int):
        self.random = random.Random(number)
        self.name = f"{number:03}"
        letters = [chr(ord("a") + number // 26**place % 26) for place in (1, 0)]
        self.life = Life(Account("q" + "".join(letters)))
        self.count = 0

    def live(self) -> Life:
        """One to three customers with one to three subscriptions each."""
        for customer in range(self.random.randint(1, 3)):
            customer_id = f"cus_{self.name}_{customer}"
            if self._chance(0.3):
                self._give(customer_id)
            at = self._later(BEGIN, 60)
            for _ in range(self.random.randint(1, 3)):
                at = self._subscribe(customer_id, at)
        return self.life

    def _subscribe(self, customer: str, at: int) -> int:
        number = self._next()
        subscription = Subscription(f"sub_{number}", customer, self.life.account.currency)
        self.life.account.subscriptions.append(subscription)
        trial = at + 14 * DAY_SECONDS if self._chance(0.25) else None
        subject = {
            "id": subscription.id,
            "object": "subscription",
            "livemode": False,
            "created": at,
            "start_date": at,
            "customer": customer,
            "currency": subscription.currency,
            "status": "trialing" if trial else self.random.choice(["active"] * 5 + ["incomplete"]),
            "trial_start": at if trial else None,
            "trial_end": trial,
            "pause_collection": None,
            "cancel_at_period_end": False,
            "cancel_at": None,
            "ended_at": None,
            "discounts": [],
            "items": {"data": self._items(subscription)},
        }
        subscription.changes.append((at, subject))
        self._tell("customer.subscription.created", subject, at)
        if trial:
            ending = {"status": self.random.choice(["active", "active", "past_due", "canceled", "paused", "unpaid"])}
            at = trial + self.random.choice([0, 0, 3600])  # it is often told an hour after the trial's end
            was_paid = ending["status"] in ("active", "past_due")
            self._become(subscription, trial if was_paid else at, ending, told_at=at)
        for _ in range(self.random.randint(0, 7)):
            at = self._later(at, 45)
            if at > UNTIL or subscription.changes[-1][1]["status"] in ("canceled", "incomplete_expired"):
                break
            at = self._happen(subscription, at)
        return self._later(at, 90) if at < UNTIL else self._later(BEGIN, 300)

    def _happen(self, subscription: Subscription, at: int) -> int:
        """Something that can happen to it now; answers when that was over."""
        subject = subscription.changes[-1][1]
        if subject["status"] == "incomplete":
            self._become(subscription, at, {"status": self.random.choice(["active", "incomplete_expired"])})
        elif subject["status"] in ("unpaid", "paused"):
            self._become(subscription, at, {"status": self.random.choice(["active", "canceled"])})
        elif subject["status"] == "trialing":
            self._become(subscription, at, {"status": "active"})
        else:
            what = self.random.choice(
                [self._other_items] * 4
                + [self._quantity, self._discount, self._discount, self._pause, self._overdue]
                + [self._leave, self._schedule, self._try_again, self._nothing]
            )
            return what(subscription, at) or at
        return at

    def _other_items(self, subscription: Subscription, at: int) -> None:
        self._become(subscription, at, {"items": {"data": self._items(subscription)}})

    def _quantity(self, subscription: Subscription, at: int) -> None:
        items = copy.deepcopy(subscription.changes[-1][1]["items"]["data"])
        items[0]["quantity"] = self.random.randint(0, 12)
        self._become(subscription, at, {"items": {"data": items}})

    def _discount(self, subscription: Subscription, at: int) -> None:
        subject = subscription.changes[-1][1]
        if subject["discounts"] and self._chance(0.4):
            self._become(subscription, at, {"discounts": subject["discounts"][1:]})
            return
        coupon, end = self._coupon(at)
        made = Discount(f"di_{self._next()}", coupon, at, end or FOREVER)
        self.life.account.discounts[made.id] = made
        items = copy.deepcopy(subject["items"]["data"])
        on_item = self._chance(0.3)
        owner = {"customer": subscription.customer, "subscription": subscription.id}
        told = self._discount_object(made, end) | owner
        if on_item:
            told["subscription_item"] = items[0]["id"]
            items[0]["discounts"] = [*items[0]["discounts"], made.id]
            self._become(subscription, at, {"items": {"data": items}})
        else:
            self._become(subscription, at, {"discounts": [*subject["discounts"], made.id]})
        self._tell("customer.discount.created", told, at)

    def _pause(self, subscription: Subscription, at: int) -> int:
        behavior = self.random.choice(["void", "mark_uncollectible", "keep_as_draft"])
        self._become(subscription, at, {"pause_collection": {"behavior": behavior}})
        until = self._later(at, 40)
        if until < UNTIL and self._chance(0.8):
            self._become(subscription, until, {"pause_collection": None})
            return until
        return at

    def _overdue(self, subscription: Subscription, at: int) -> int:
        self._become(subscription, at, {"status": "past_due"})
        until = self._later(at, 20)
        if until < UNTIL:
            self._become(subscription, until, {"status": self.random.choice(["active", "unpaid", "canceled"])})
            return until
        return at

    def _leave(self, subscription: Subscription, at: int) -> None:
        self._become(subscription, at, {"status": "canceled"})

    def _schedule(self, subscription: Subscription, at: int) -> None:
        scheduled = subscription.changes[-1][1]["cancel_at_period_end"]
        self._become(subscription, at, {"cancel_at_period_end": not scheduled})

    def _try_again(self, subscription: Subscription, at: int) -> int:
        """A new free trial on a running subscription."""
        trial = {"status": "trialing", "trial_start": at, "trial_end": at + 7 * DAY_SECONDS}
        self._become(subscription, at, trial)
        if at + 7 * DAY_SECONDS < UNTIL:
            self._become(subscription, at + 7 * DAY_SECONDS, {"status": "active"})
            return at + 7 * DAY_SECONDS
        return at

    def _nothing(self, subscription: Subscription, at: int) -> None:
        """An event that changes nothing that is counted."""
        self._become(subscription, at, {})

    def _become(self, subscription: Subscription, at: int, changes: Json, *, told_at: int | None = None) -> None:
        """The change happens; Stripe tells of it at once, or at `told_at`."""
        before = subscription.changes[-1][1]
        if changes.get("status") in ("canceled", "incomplete_expired"):
            changes = changes | {"ended_at": at, "cancel_at_period_end": False}
        now = copy.deepcopy(before) | copy.deepcopy(changes)
        ended = now["status"] == "canceled"
        previous = {name: before[name] for name in changes if before[name] != changes[name]}
        subscription.changes.append((at, now))
        at = told_at or at
        if not ended and self._chance(0.1):  # told twice in one second: nobody can say which was last
            wrong = copy.deepcopy(now)
            wrong["items"]["data"][0]["quantity"] += 3
            self._tell("customer.subscription.updated", wrong, at, previous)
            self.life.answers.append(Answer(at + 2, copy.deepcopy(now)))
        self._tell("customer.subscription." + ("deleted" if ended else "updated"), now, at, None if ended else previous)

    def _tell(self, event_type: str, subject: Json, at: int, previous: Json | None = None) -> None:
        told = event(f"evt_{self.random.getrandbits(60):015x}", event_type, copy.deepcopy(subject), at=at)
        if previous:
            told["data"]["previous_attributes"] = copy.deepcopy(previous)
        self.life.told.append(told)

    def _give(self, customer: str) -> None:
        """A discount that the customer has, and maybe another one after it."""
        at = self._later(BEGIN, 100)
        given = []
        for _ in range(self.random.randint(1, 2)):
            coupon, end = self._coupon(at)
            made = Discount(f"di_{self._next()}", coupon, at, end or FOREVER)
            if given:
                given[-1].stop = min(given[-1].stop, at)
            given.append(made)
            told = self._discount_object(made, end) | {"customer": customer}
            self._tell("customer.discount.created", told, at)
            at = self._later(at, 90)
            if self._chance(0.4):
                made.stop = min(made.stop, at)
                self._tell("customer.discount.deleted", told, at)
                at = self._later(at, 30)
        self.life.account.given[customer] = given

    def _coupon(self, at: int) -> tuple[Json, int | None]:
        """A coupon, told by an event of its own or not yet at all, and when a discount made of it now ends."""
        duration = self.random.choice(["forever", "forever", "repeating", "once"])
        coupon: Json = {"id": f"co_{self._next()}", "object": "coupon", "livemode": False, "created": at}
        coupon |= {"duration": duration, "percent_off": None, "amount_off": None, "currency": None}
        if self._chance(0.5):
            coupon["percent_off"] = self.random.choice([10, 20, 33.3, 50, 100])
        else:
            currency = self.life.account.currency if self._chance(0.9) else "usd"
            coupon |= {"amount_off": self.random.randint(1, 2500), "currency": currency}
        if self._chance(0.2):
            coupon["applies_to"] = {"products": [self.random.choice(["prod_1", "prod_2"])]}
        end = None
        if duration == "repeating":
            end = at + self.random.randint(20, 100) * DAY_SECONDS
            coupon["duration_in_months"] = 3
        return coupon, end

    def _discount_object(self, made: Discount, end: int | None) -> Json:
        """Stripe names the coupon by its id, whose terms an event of its own tells, or shows it whole."""
        whole = self._chance(0.5)
        if not whole:
            self._tell("coupon.created", made.coupon, made.start)
        source = {"type": "coupon", "coupon": made.coupon if whole else made.coupon["id"]}
        return {"id": made.id, "object": "discount", "start": made.start, "end": end, "source": source}

    def _items(self, subscription: Subscription) -> list[Json]:
        interval = self.random.choice(INTERVALS)
        return [self._item(interval) for _ in range(self.random.choice([1, 1, 1, 2, 3]))]

    def _item(self, interval: tuple[str, int]) -> Json:
        number = self._next()
        metered = self._chance(0.1)
        recurring = {"interval": interval[0], "interval_count": interval[1]}
        price: Json = {
            "id": f"price_{number}",
            "product": self.random.choice(["prod_1", "prod_2"]),
            "unit_amount": self.random.choice([0, 999, 1900, 2900, 5900, 9990, 12000]),
            "unit_amount_decimal": None,
            "recurring": recurring | {"usage_type": "metered" if metered else "licensed"},
        }
        kind = self.random.choice(["plain"] * 5 + ["decimal", "graduated", "volume", "packs"])
        if kind == "decimal":
            price |= {"unit_amount": None, "unit_amount_decimal": "12.5"}
        elif kind in ("graduated", "volume"):
            price |= {"unit_amount": None, "tiers_mode": kind, "tiers": TIERS}
        elif kind == "packs":
            price["transform_quantity"] = {"divide_by": 5, "round": self.random.choice(["up", "down"])}
        return {"id": f"si_{number}", "quantity": self.random.randint(0, 9), "discounts": [], "price": price}

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _later(self, at: int, days: int) -> int:
        return at + self.random.randint(100, days * DAY_SECONDS)

    def _next(self) -> str:
        self.count += 1
        return f"{self.name}_{self.count}"
