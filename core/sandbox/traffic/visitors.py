"""What live customers do: book, pay, fill in the intake form, retry, subscribe, cancel, ask for refunds."""

import random
import uuid
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import orjson

from core.payments.operations.catalogue import CART
from core.sandbox.engine.engine import Engine
from core.sandbox.engine.errors import Json, StripeError
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import RequestStamp, UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.payments import confirmation, payment_intents, refunds
from core.sandbox.objects.subscriptions import changes, subscriptions
from core.sandbox.seed.business import (
    FEEDBACK,
    FIRST_NAMES,
    FULL_REFUND_SHARE,
    LAST_NAMES,
    NEVER_CONFIRMED,
    RETURNING_SHARE,
    SECURE_FAILS,
    SUBSCRIPTIONS_PER_DAY,
    TRIES_AGAIN,
    VISITS,
    VISITS_PER_DAY,
)
from core.sandbox.traffic import intake

T = TypeVar("T")
# Stripe's test cards and how often a new customer brings each, out of about a thousand.
CARDS = {
    "pm_card_visa": 500,
    "pm_card_mastercard": 245,
    "pm_card_amex": 85,
    "pm_card_discover": 45,
    "pm_card_ca": 18,
    "pm_card_gb": 8,
    "pm_card_visa_debit": 25,
    "pm_card_createDispute": 2,
    "pm_card_createDisputeInquiry": 1,
    "pm_card_createIssuerFraudRecord": 2,
    "pm_card_pendingRefund": 2,
    "pm_card_threeDSecure2Required": 12,
    "pm_card_visa_chargeDeclinedInsufficientFunds": 24,
    "pm_card_visa_chargeDeclined": 11,
    "pm_card_chargeDeclinedDoNotHonor": 6,
    "pm_card_chargeDeclinedExpiredCard": 5,
    "pm_card_chargeDeclinedIncorrectCvc": 5,
    "pm_card_chargeDeclinedProcessingError": 3,
    "pm_card_visa_chargeDeclinedLostCard": 2,
    "pm_card_riskLevelHighest": 2,
}
MEMBERS_ASK = 60  # as often as a member asks to be seen, beside 900 who book
RECENT = 4000  # how far back, in objects, somebody who comes again is looked for


class Visitors:
    """Uses the same handlers as the API, so that events and webhooks follow."""

    def __init__(self, engine: Engine, chance: random.Random, fill_in: Callable[[Json], None]) -> None:
        self._engine = engine
        self._chance = chance
        self._fill_in = fill_in
        self._unfinished: deque[Callable[[], None]] = deque()
        self._deeds = {
            self._book: 900,
            self._leave_cart: 900 * NEVER_CONFIRMED,
            self._subscribe: 900 * SUBSCRIPTIONS_PER_DAY[1] / VISITS_PER_DAY[1],
            self._cancel: 7,
            self._refund: 24,
            self._ask_as_member: MEMBERS_ASK,
        }

    @property
    def deeds_per_visit(self) -> float:
        """The number of actions of any kind for each booking."""
        return sum(self._deeds.values()) / self._deeds[self._book]

    def act(self) -> None:
        """One action; unfinished payments come first. Raises `StripeError` if it is refused."""
        if self._unfinished:
            self._unfinished.popleft()()
            return
        self._chance.choices(list(self._deeds), list(self._deeds.values()))[0]()

    def _do(self, work: Callable[[UnitOfWork], T]) -> T:
        stamp = RequestStamp(self._engine.ids.new("request"), self._engine.ids.letters(24))
        return self._engine.transact(work, request=stamp)

    def _book(self) -> None:
        """Book a visit, paid with a new card or the one on file."""
        intent, card = self._do(self._returning if self._chance.random() < RETURNING_SHARE else self._new)
        self._pay(intent["id"], card)

    def _pay(self, intent_id: str, card: str) -> None:
        asked = Params({"payment_method": card})
        try:
            intent = self._do(lambda uow: payment_intents.confirm(uow, intent_id, asked))
        except StripeError:
            if self._chance.random() < TRIES_AGAIN:
                self._unfinished.append(lambda: self._pay(intent_id, "pm_card_visa"))
            raise
        if intent["status"] == "requires_action":
            self._unfinished.append(lambda: self._authenticate(intent_id))
        self._ask(intent)

    def _authenticate(self, intent_id: str) -> None:
        succeed = self._chance.random() > SECURE_FAILS
        self._ask(self._do(lambda uow: confirmation.authenticate(uow, intent_id, succeed=succeed)))

    def _ask(self, intent: Json) -> None:
        """Fill in the intake form after a visit was paid."""
        if intent["status"] == "succeeded" and (form := intake.after_payment(intent, self._engine.clock.now())):
            self._fill_in(form)

    def _ask_as_member(self) -> None:
        self._do(self._fill_in_as_member)

    def _fill_in_as_member(self, uow: UnitOfWork) -> None:
        subscription = self._recent(uow, "subscription", "active")
        customer = uow.find(subscription["customer"]) if subscription else None
        if subscription and customer and (patient_id := customer["metadata"].get("patientId")):
            self._fill_in(intake.of_a_member(subscription, patient_id, uow.ids.letters(12), uow.now))

    def _new(self, uow: UnitOfWork) -> tuple[Json, str]:
        customer = customers.create(uow, Params(self._person()))
        return self._intent(uow, customer), self._chance.choices(list(CARDS), list(CARDS.values()))[0]

    def _returning(self, uow: UnitOfWork) -> tuple[Json, str]:
        """A returning customer with their card; a new customer if there is none."""
        earlier = self._recent(uow, "payment_intent", "succeeded")
        customer = uow.find(earlier["customer"]) if earlier else None
        if earlier is None or customer is None or customer.get("deleted") or earlier["currency"] != "usd":
            return self._new(uow)
        card = uow.find(earlier["payment_method"])
        if card is None or card["customer"] != customer["id"]:
            return self._new(uow)
        return self._intent(uow, customer), card["id"]

    def _leave_cart(self) -> None:
        self._do(self._new)

    def _person(self) -> Json:
        first, last = self._chance.choice(FIRST_NAMES), self._chance.choice(LAST_NAMES)
        email = f"{first}.{last}{self._chance.randrange(10_000)}@example.com".lower()
        return {"email": email, "metadata": {"patientId": str(uuid.uuid4())}, "name": f"{first} {last}"}

    def _intent(self, uow: UnitOfWork, customer: Json) -> Json:
        visit = self._chance.choices(VISITS, [offer.weight for offer in VISITS])[0]
        asked = {
            "amount": str(visit.amount_minor),
            "currency": visit.currency,
            "customer": customer["id"],
            "description": visit.name,
            "metadata": self._order(uow, customer) | {CART: f"prod_{visit.key}/price_{visit.key}:{visit.amount_minor}"},
            "setup_future_usage": "off_session",
        }
        return payment_intents.create(uow, Params(asked))

    def _order(self, uow: UnitOfWork, customer: Json) -> dict[str, str]:
        patient = customer["metadata"].get("patientId", "")
        return {"orderId": f"ord_{uow.ids.letters(12)}", "patientId": patient}

    def _subscribe(self) -> None:
        self._do(self._begin_plan)

    def _begin_plan(self, uow: UnitOfWork) -> None:
        plans = [price for price in uow.all("price") if price["recurring"] and price["active"]]
        if not plans:
            return
        settings = {"payment_method": "pm_card_visa"}
        customer = customers.create(uow, Params({**self._person(), **settings}))
        card = next(uow.all("payment_method", "customer", customer["id"]))
        asked = {
            "customer": customer["id"],
            "default_payment_method": card["id"],
            "items": [{"price": self._chance.choice(plans)["id"]}],
            "metadata": self._order(uow, customer),
        }
        subscriptions.create(uow, Params(asked))

    def _cancel(self) -> None:
        """Most cancel at the period's end, some immediately."""
        self._do(self._end_plan)

    def _end_plan(self, uow: UnitOfWork) -> None:
        subscription = self._recent(uow, "subscription", "active")
        if subscription is None or subscription["cancel_at_period_end"]:
            return
        details = {"cancellation_details": {"feedback": self._chance.choice(FEEDBACK)}}
        if self._chance.random() < 0.2:
            subscriptions.cancel(uow, subscription["id"], Params(details))
        else:
            later = Params({**details, "cancel_at_period_end": "true"})
            changes.update(uow, subscription["id"], later)

    def _refund(self) -> None:
        self._do(self._give_back)

    def _give_back(self, uow: UnitOfWork) -> None:
        charge = self._recent(uow, "charge", "succeeded")
        if charge is None or charge["amount_refunded"] or charge["disputed"] or not charge["captured"]:
            return
        part = 1 if self._chance.random() < FULL_REFUND_SHARE else 2
        asked = {"amount": str(charge["amount"] // part), "reason": "requested_by_customer"}
        refunds.create(uow, Params({"charge": charge["id"], **asked}))

    def _recent(self, uow: UnitOfWork, object_type: str, status: str) -> Json | None:
        """A random recent object with this status."""
        low, high = uow.store.one("sequence_range", type=object_type)
        start = max(low, high - self._chance.randrange(1, RECENT))
        rows = uow.store.rows("random_objects", type=object_type, seq=start, status=status).fetchall()
        return uow.find(orjson.loads(self._chance.choice(rows)[0])["id"]) if rows else None
