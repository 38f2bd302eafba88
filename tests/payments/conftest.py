"""A context over a real database and a running sandbox, with a clock that tests can move."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.db.via_psycopg import PsycopgDatabase
from core.errors import Refused
from core.payments.context import PaymentContext
from core.payments.recovery import recovery_cases, recovery_facts
from core.sandbox.process import SandboxAddress, ensure_running, stop
from core.staff.roles import Actor, Role
from core.stripe_gateway import Json
from tests.payments.operations import open_context

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
    """The faults of the sandbox's next calls."""

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
def context(sandbox, database, owner, clock) -> PaymentContext:
    return open_context(database, sandbox.base_url, sandbox.secret_key, clock)


@pytest.fixture
def paid(context) -> Callable[..., Json]:
    """A payment made at the sandbox and shown by the mirror."""
    return lambda amount=4900, **params: pay(context, amount, **params)


def pay(
    context: PaymentContext, amount: int, *, card: str = "pm_card_visa", currency: str = "usd", **params: Any
) -> Json:
    asked = {"amount": amount, "currency": currency, "payment_method": card, "confirm": True} | params
    asked |= {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}, "expand": ["latest_charge"]}
    key = f"test-{datetime.now().timestamp()}"
    intent = context.mirror(context.stripe.write("payment_intents", key=key, **asked))
    context.mirror(intent["latest_charge"])
    return intent


Work = Callable[[PaymentContext], object]


@pytest.fixture
def process_of_its_own(server, sandbox, clock) -> Callable[[Work], int]:
    """Begins something in another process, whose id it answers; they share what this one knew, and no connection."""

    def begin(work: Work) -> int:
        child = os.fork()
        if child == 0:
            try:
                work(open_context(PsycopgDatabase(server.app_conninfo), sandbox.base_url, sandbox.secret_key, clock))
            finally:
                os._exit(1)
        return child

    return begin


@pytest.fixture
def killed_after_stripe(process_of_its_own) -> Callable[[Work], None]:
    """Has something done by a process that is killed as it stands once Stripe did what it was asked to write."""

    def do(work: Work) -> None:
        child = process_of_its_own(lambda dying: work(replace(dying, stripe=KilledAfterwards(dying.stripe))))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    return do


class KilledAfterwards:
    """A Stripe client that kills this process after each write, before the answer is used."""

    def __init__(self, stripe):
        self.stripe = stripe

    def __getattr__(self, name):
        return getattr(self.stripe, name)

    def write(self, *args, **params):
        self.stripe.write(*args, **params)
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def shop(context, sandbox):
    return Shop(context, sandbox.base_url)


class Shop:
    """A customer at the sandbox with a saved card, and what goes wrong with it."""

    def __init__(self, context, base_url):
        self.payment_context, self.base_url = context, base_url
        self.made = 0
        self.customer = self.post("customers", metadata={"patientId": "patient-1"})
        self.card = self.save("pm_card_visa")

    def post(self, path, **params):
        self.made += 1
        key = f"shop-{id(self)}-{self.made}-{self.payment_context.clock().timestamp()}"
        return self.payment_context.mirror(self.payment_context.stripe.write(path, key=key, **params))

    def save(self, token):
        return self.post(f"payment_methods/{token}/attach", customer=self.customer["id"])

    def decline(self, card, *codes):
        asked = {"payment_method": card["id"], "codes": codes}
        httpx.post(f"{self.base_url}/sandbox/declines", json=asked).raise_for_status()

    def failed(self, code="insufficient_funds", card=None, *, saved=True, amount=4900):
        """A payment that was declined with this code, as the mirror shows it, looked at by the worker."""
        card = card or self.card
        if saved:
            self.decline(card, code)
        with pytest.raises(Refused) as declined:
            self.post(
                "payment_intents",
                amount=amount,
                currency="usd",
                customer=self.customer["id"],
                payment_method=card["id"],
                confirm=True,
                automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
                metadata={"orderId": f"order-{self.made}", "patientId": "patient-1"},
            )
        intent_id = declined.value.facts["payment_intent"]
        self.see(intent_id)
        recovery_facts.look(self.payment_context)
        return recovery_cases.case(self.payment_context, intent_id)

    def past_due(self, code="insufficient_funds"):
        """A one-off invoice whose first attempt was declined."""
        self.post(f"customers/{self.customer['id']}", invoice_settings={"default_payment_method": self.card["id"]})
        self.post("invoiceitems", customer=self.customer["id"], amount=4900, currency="usd")
        invoice = self.post("invoices", customer=self.customer["id"])
        self.post(f"invoices/{invoice['id']}/finalize")
        self.decline(self.card, code)
        with pytest.raises(Refused):
            self.post(f"invoices/{invoice['id']}/pay")
        self.payment_context.mirror(self.payment_context.stripe.retrieve(f"invoices/{invoice['id']}"))
        recovery_facts.look(self.payment_context)
        waiting = recovery_cases.waiting(self.payment_context).cases
        (found,) = [each for each in waiting if each.failed.invoice_id == invoice["id"]]
        self.see(found.id)
        recovery_facts.look(self.payment_context)
        return recovery_cases.case(self.payment_context, found.id)

    def see(self, intent_id):
        intent = self.payment_context.stripe.retrieve(f"payment_intents/{intent_id}", expand=["latest_charge"])
        self.payment_context.mirror(intent)
        self.payment_context.mirror(intent["latest_charge"])

    def paid(self, amount=4900):
        return pay(self.payment_context, amount)

    def disputed(self):
        """A paid and disputed payment, as the mirror shows it; answers the dispute."""
        charge = self.paid()["latest_charge"]["id"]
        opened = Faults(self.base_url).dispute(charge)
        self.payment_context.mirror(self.payment_context.stripe.retrieve(f"charges/{charge}"))
        return self.payment_context.mirror(opened)

    def charged(self, intent_id):
        """The amounts charged for this payment at Stripe, attempt by attempt."""
        charges = self.payment_context.stripe.each("charges", payment_intent=intent_id)
        return [each["amount"] for each in charges if each["status"] == "succeeded"]

    def tries(self, intent_id):
        return len(list(self.payment_context.stripe.each("charges", payment_intent=intent_id)))
