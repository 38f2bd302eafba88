"""Live customers: now and then someone books, pays, is declined, subscribes, or wants money back."""

import asyncio
import logging
import random
from typing import Any

import orjson

from core.sandbox import customers, payment_intents, refunds, subscriptions
from core.sandbox.engine import Engine
from core.sandbox.errors import Json, StripeError
from core.sandbox.params import Params
from core.sandbox.world import RequestStamp, World

VISITS_MINOR = (4900, 6900, 7900, 8900, 9900, 14900)
# Test cards and how often each pays, out of a thousand.
CARDS = {
    "pm_card_visa": 520, "pm_card_mastercard": 250, "pm_card_amex": 80, "pm_card_discover": 40, "pm_card_ca": 20,
    "pm_card_gb": 10, "pm_card_visa_debit": 25, "pm_card_createIssuerFraudRecord": 2, "pm_card_createDispute": 2,
    "pm_card_visa_chargeDeclinedInsufficientFunds": 17, "pm_card_visa_chargeDeclined": 8,
    "pm_card_chargeDeclinedExpiredCard": 5, "pm_card_chargeDeclinedIncorrectCvc": 5,
    "pm_card_chargeDeclinedProcessingError": 3, "pm_card_visa_chargeDeclinedLostCard": 2,
    "pm_card_riskLevelHighest": 2, "pm_card_threeDSecure2Required": 9,
}  # fmt: skip
TRIES_AGAIN = 0.6
log = logging.getLogger("payops.sandbox")


class Traffic:
    """Acts through the same handlers as the API, so that events and webhooks follow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._random = random.Random()
        self._running = False
        self._per_minute = 20.0
        self._changed = asyncio.Event()

    def state(self) -> dict[str, Any]:
        return {"running": self._running, "per_minute": self._per_minute}

    def set(self, *, running: bool, per_minute: float = 20.0) -> None:
        if not 0 < per_minute <= 6000:
            raise ValueError("per_minute is over 0 and at most 6000")
        self._running, self._per_minute = running, per_minute
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled; waits between two customers as chance has it."""
        while True:
            wait = self._random.expovariate(self._per_minute / 60) if self._running else 3600.0
            try:
                await asyncio.wait_for(self._changed.wait(), timeout=wait)
                self._changed.clear()
                continue
            except TimeoutError:
                pass
            try:
                self._act()
            except StripeError as error:
                log.debug("a customer was refused: %s", error)
            except Exception:
                log.exception("the traffic stumbled")

    def _act(self) -> None:
        drawn = self._random.random()
        if drawn < 0.86:
            self._visit()
        elif drawn < 0.93:
            self._do(self._subscribe)
        elif drawn < 0.95:
            self._do(self._cancel)
        elif drawn < 0.98:
            self._do(self._refund)
        else:
            self._do(self._abandon)

    def _do(self, work: Any) -> Any:
        stamp = RequestStamp(self._engine.ids.new("request"), self._engine.ids.letters(24))
        return self._engine.transact(work, request=stamp)

    def _visit(self) -> None:
        """A visit is booked; after a decline most try again with a card that works."""
        patient = f"pat_{self._random.randrange(10**6):06d}"
        order = {"orderId": f"ord_{self._engine.ids.letters(10)}", "patientId": patient}
        customer = self._do(lambda world: customers.create(world, Params(self._customer(patient))))
        intent = self._do(lambda world: payment_intents.create(world, Params(self._intent(customer, order))))
        card = self._random.choices(list(CARDS), list(CARDS.values()))[0]
        try:
            self._confirm(intent["id"], card)
        except StripeError:
            if self._random.random() < TRIES_AGAIN:
                self._confirm(intent["id"], "pm_card_visa")

    def _confirm(self, intent_id: str, card: str) -> None:
        self._do(lambda world: payment_intents.confirm(world, intent_id, Params({"payment_method": card})))

    def _customer(self, patient: str) -> Json:
        return {"email": f"{patient}@example.com", "metadata": {"patientId": patient}}

    def _intent(self, customer: Json, order: Json) -> Json:
        amount = self._random.choice(VISITS_MINOR)
        return {
            "amount": str(amount), "currency": "usd", "customer": customer["id"], "description": "Telehealth visit",
            "metadata": order, "setup_future_usage": "off_session",
        }  # fmt: skip

    def _abandon(self, world: World) -> None:
        payment_intents.create(world, Params({"amount": "7900", "currency": "usd"}))

    def _subscribe(self, world: World) -> None:
        plans = [price for price in world.all("price") if price["recurring"] and price["active"]]
        if not plans:
            return
        patient = f"pat_{self._random.randrange(10**6):06d}"
        customer = customers.create(
            world, Params({**self._customer(patient), "payment_method": "pm_card_visa"})
        )
        method = next(world.all("payment_method", "customer", customer["id"]))
        price = self._random.choice(plans)["id"]
        asked = {
            "customer": customer["id"], "default_payment_method": method["id"], "items": [{"price": price}],
            "metadata": {"orderId": f"ord_{world.ids.letters(10)}", "patientId": patient},
        }  # fmt: skip
        subscriptions.create(world, Params(asked))

    def _cancel(self, world: World) -> None:
        subscription = self._drawn(world, "subscription", "active")
        if subscription is not None and not subscription["cancel_at_period_end"]:
            subscriptions.update(world, subscription["id"], Params({"cancel_at_period_end": "true"}))

    def _refund(self, world: World) -> None:
        charge = self._drawn(world, "charge", "succeeded")
        if charge is None or charge["refunded"] or charge["disputed"] or not charge["captured"]:
            return
        refunds.create(world, Params({"charge": charge["id"], "reason": "requested_by_customer"}))

    def _drawn(self, world: World, object_type: str, status: str) -> Json | None:
        """A late one of its kind: people ask about what they just bought."""
        low, high = world.store.one("sequence_range", type=object_type)
        start = max(low, high - self._random.randrange(1, 4000))
        rows = world.store.rows("random_objects", type=object_type, seq=start, status=status).fetchall()
        if not rows:
            return None
        return world.find(orjson.loads(self._random.choice(rows)[0])["id"])
