"""What every action on payments needs, handed in as one object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.db import Database
from core.periods import Clock
from core.staff.flags import Flags
from core.stripe_gateway import Json, StripeGateway

Records = Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class PaymentContext:
    """What every action on payments needs: the database, Stripe, the clock, the switches, and the refund limit.

    `records_of` turns an object from Stripe into rows of the mirror.
    """

    db: Database
    stripe: StripeGateway
    clock: Clock
    flags: Flags
    records_of: Callable[[Json], Records]
    refund_limit_minor: int

    def mirror(self, answer: Json) -> Json:
        """Store Stripe's answer in the mirror, and return it."""
        if records := self.records_of(answer):
            self.db.call("load_records", records=records)
        return answer

    def mirror_payment(self, payment_intent_id: str) -> None:
        """Mirror the payment and its latest charge as Stripe has them now. Raises `Refused` or `Unavailable`."""
        intent = self.mirror(self.stripe.retrieve(f"payment_intents/{payment_intent_id}", expand=["latest_charge"]))
        if isinstance(intent.get("latest_charge"), dict):
            self.mirror(intent["latest_charge"])
