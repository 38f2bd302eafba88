"""What a random history is written with: a clock, Stripe's objects, its balance and its events."""

from copy import deepcopy
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.figures.model import History, Json

ZONE = ZoneInfo("America/New_York")
CURRENCIES = ("usd", "eur", "jpy")


class Book:
    """One history; each event takes at least a second, so that no two snapshots of an object tie."""

    def __init__(self, number: int):
        self.random, self.name, self.history = Random(number), f"{number:03}", History(number)
        # Two months each, so that no history reaches into the next one's month.
        self.year, self.month = 1976 + number // 6, 1 + 2 * (number % 6)
        self.clock, self.count = 0, 0

    def at(self, day: int, hour: int = 0, minute: int = 0) -> int:
        return int(datetime(self.year, self.month, day, hour, minute, tzinfo=ZONE).timestamp())

    def intent(self, **fields: Any) -> Json:
        self.count += 1
        intent = {
            "id": f"pi_{self.name}_{self.count}",
            "object": "payment_intent",
            "livemode": False,
            "created": self.clock,
            "amount": self.random.randint(100, 20_000),
            "currency": self.currency,
            "status": "requires_payment_method",
            "amount_received": 0,
            "customer": "cus_1",
            "metadata": {},
            "last_payment_error": None,
        } | fields
        self.history.objects["payment_intent"].append(intent)
        self.tell("payment_intent.created", intent)
        return intent

    def charge(
        self, intent: Json | None, *, status: str = "succeeded", method: str = "card", captured: bool = True
    ) -> Json:
        self.count += 1
        self.wait(1, 40)
        amount = intent["amount"] if intent else self.random.randint(100, 20_000)
        details: Json = {"type": method}
        if method == "card":
            details["card"] = {"brand": self.random.choice(["visa", "visa", "mastercard", "amex"]), "last4": "4242"}
        charge = {
            "id": f"ch_{self.name}_{self.count}",
            "object": "charge",
            "livemode": False,
            "created": self.clock,
            "amount": amount,
            "amount_captured": amount if captured else 0,
            "amount_refunded": 0,
            "currency": self.currency,
            "status": status,
            "captured": captured,
            "disputed": False,
            "payment_intent": intent["id"] if intent else None,
            "customer": "cus_1",
            "failure_code": None,
            "balance_transaction": None,
            "outcome": {"network_status": "approved_by_network", "type": "authorized", "reason": None},
            "payment_method_details": details,
        }
        self.history.objects["charge"].append(charge)
        return charge

    def book_charge(self, charge: Json) -> None:
        fee = 30 + charge["amount"] * 29 // 1000
        charge["balance_transaction"] = self.book(
            "charge", charge["amount"], charge["currency"], fee=fee, source=charge["id"]
        )

    def book(self, category: str, amount: int, currency: str, *, fee: int, source: str | None = None) -> str:
        self.count += 1
        transaction = {
            "id": f"txn_{self.name}_{self.count}",
            "object": "balance_transaction",
            "created": self.clock,
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": currency,
            "type": "adjustment" if category == "dispute" else category,
            "reporting_category": category,
            "source": source,
            "available_on": self.clock,
        }
        self.history.objects["balance_transaction"].append(transaction)
        return transaction["id"]

    def tell(self, event_type: str, subject: Json) -> None:
        self.clock += 1
        event = {
            "id": f"evt_{self.name}_{len(self.history.events):04}",
            "object": "event",
            "type": event_type,
            "created": self.clock,
            "livemode": False,
            "api_version": "2026-10-28.endive",
            "data": {"object": deepcopy(subject)},
        }
        self.history.events.append(event)

    def wait(self, least: int, most: int) -> None:
        self.clock += self.random.randint(least, most)

    def begin(self) -> None:
        """Somewhere in the month, half of the times near a midnight."""
        day = self.random.randint(3, 18)
        if self.random.random() < 0.5:
            self.clock = self.at(day) + self.random.randint(-60, 60)
        else:
            self.clock = self.at(day, self.random.randint(0, 23), self.random.randint(0, 59))
        self.currency = self.random.choice(CURRENCIES)
