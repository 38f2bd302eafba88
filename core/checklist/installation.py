"""The installation that the checklist examines; facts that several lines need are fetched only once."""

import threading
from typing import TypedDict

from core.services import Services
from core.staff.roles import Role
from core.stripe_gateway import Json

Names = list[str]


class Facts(TypedDict):
    """`access` are sentences about logins with too many rights; `secrets_since` are ISO dates by secret fingerprint."""

    prices: Names
    active_providers: int
    licensed_providers: int
    demo_providers: Names
    demo_users: Names
    admins: int
    without_second_factor: Names
    access: Names
    background_work_seconds: int | None
    api_calls: dict[str, int]
    secrets_since: dict[str, str]


class Installation:
    """Lines are checked concurrently, so shared facts are fetched under a lock; if that fails, all get the error."""

    def __init__(self, running: Services) -> None:
        self.running = running
        self._asking = threading.Lock()
        self._facts: Facts | None = None
        self._endpoints: list[Json] | None = None

    @property
    def facts(self) -> Facts:
        """The facts from the database, at the time when the first line needed them."""
        with self._asking:
            if self._facts is None:
                self._facts = self.facts_now()
            return self._facts

    def facts_now(self) -> Facts:
        running = self.running
        facts: Facts = running.db.call("checklist_facts", roles=[Role.ADMIN, Role.FINANCE], now=running.clock())
        return facts

    @property
    def webhook_endpoints(self) -> list[Json]:
        """All webhook endpoints at Stripe, whatever their URL."""
        with self._asking:
            if self._endpoints is None:
                self._endpoints = list(self.running.stripe.each("webhook_endpoints"))
            return self._endpoints
