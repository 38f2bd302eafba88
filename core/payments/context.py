"""What the operations on payments work with."""

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
    """The database, Stripe, the business's clock, the flows' flags, and how Stripe's answers become mirror rows."""

    db: Database
    stripe: StripeGateway
    clock: Clock
    flags: Flags
    records_of: Callable[[Json], Records]
    refund_limit_minor: int

    def mirror(self, answer: Json) -> Json:
        """The same answer, which the mirror now shows."""
        if records := self.records_of(answer):
            self.db.call("load_records", records=records)
        return answer
