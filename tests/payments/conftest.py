"""A desk over a real database and a running sandbox, with a clock that tests can move."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.events.answers import records_of
from core.payments.desk import Desk
from core.sandbox.process import SandboxAddress, ensure_running, stop
from core.staff.flags import Flags
from core.staff.roles import Actor, Role
from core.stripe_gateway import Json, StripeGateway

SUPPORT, FINANCE = Actor("staff:sue", Role.SUPPORT), Actor("staff:fin", Role.FINANCE)
OPS, ADMIN = Actor("staff:ops", Role.OPS), Actor("staff:ada", Role.ADMIN)


class MovedClock:
    """The wall clock, moved forward by what a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Faults:
    """What the sandbox's next calls will suffer."""

    base_url: str

    def add(self, path: str, *, method: str = "POST", count: int = 9, **effects: Any) -> None:
        fault = {"method": method, "path": f"/v1/{path}", "count": count} | effects
        httpx.post(f"{self.base_url}/sandbox/faults", json=fault).raise_for_status()

    def dispute(self, charge_id: str, **asked: Any) -> Json:
        """The customer disputes this charge now."""
        answer = httpx.post(f"{self.base_url}/sandbox/disputes", json={"charge": charge_id} | asked)
        return dict(answer.raise_for_status().json())

    def clear(self) -> None:
        httpx.delete(f"{self.base_url}/sandbox/faults").raise_for_status()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxAddress]:
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        yield ensure_running(Path(folder))
        stop(Path(folder))


@pytest.fixture
def faults(sandbox: SandboxAddress) -> Iterator[Faults]:
    found = Faults(sandbox.base_url)
    yield found
    found.clear()


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def desk(sandbox, database, owner, clock) -> Desk:
    stripe = StripeGateway(
        sandbox.secret_key, api_base=sandbox.base_url, record=lambda _: None, max_retries=0
    )
    return Desk(
        db=database,
        stripe=stripe,
        clock=clock,
        flags=Flags(database, suspended=False),
        records_of=lambda answer: records_of(answer, as_of=clock(), livemode=False),
        refund_limit_minor=20_000,
    )


@pytest.fixture
def paid(desk) -> Callable[..., Json]:
    """A payment made at the sandbox and shown by the mirror."""
    return lambda amount=4900, **params: pay(desk, amount, **params)


def pay(desk: Desk, amount: int, *, card: str = "pm_card_visa", currency: str = "usd", **params: Any) -> Json:
    asked = {"amount": amount, "currency": currency, "payment_method": card, "confirm": True} | params
    asked |= {
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "expand": ["latest_charge"],
    }
    key = f"test-{datetime.now().timestamp()}"
    intent = desk.mirror(desk.stripe.write("payment_intents", key=key, **asked))
    desk.mirror(intent["latest_charge"])
    return intent
