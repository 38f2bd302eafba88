"""`make soak`: twenty minutes of traffic while something is killed, frozen or refused every twenty seconds.

Real processes over pgbouncer in transaction mode. At the end every acknowledged event is applied once, every refund is
settled once, every request was answered within 10 s, and no process has grown by more than a fifth. Exit 1 otherwise.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import stripe
from standardwebhooks import Webhook

from benchmarks.soak_system import System
from core.db import embedded
from core.errors import PayopsError
from core.events.signature import sign
from core.payments import refunds
from core.periods import wall_clock
from core.sandbox import process as sandbox
from core.staff.roles import Actor, Role

ANSWER_SECONDS = 10.0
MISFORTUNE_SECONDS = 20.0
GROWTH_LIMIT = 1.2
WARM_UP_SECONDS = 45
SETTLE_SECONDS = 900  # the worker asks about an unanswered refund after minutes, later each time
FINANCE = Actor("staff:soak", Role.FINANCE)
PROVIDER = {
    "id": "ann",
    "name": "Ann",
    "specialties": ["dermatology"],
    "capacity": 100_000,
    "licences": [{"state": "TX"}],
}


@dataclass
class Tally:
    """What was asked and answered, over all threads."""

    answers: Counter[str] = field(default_factory=Counter)
    late: list[str] = field(default_factory=list)
    slowest: float = 0.0
    events: set[str] = field(default_factory=set)
    consultations: set[str] = field(default_factory=set)
    refunds: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, seconds: float, outcome: str) -> None:
        with self.lock:
            self.answers[f"{what} {outcome}"] += 1
            self.slowest = max(self.slowest, seconds)
            if seconds > ANSWER_SECONDS:
                self.late.append(f"{what} {outcome} after {seconds:.1f} s")


def ask(tally: Tally, what: str, request: Callable[[], httpx.Response]) -> httpx.Response | None:
    """The answer; None where nobody answered at that moment."""
    started = time.monotonic()
    try:
        answer = request()
    except httpx.TransportError as error:
        tally.note(what, time.monotonic() - started, type(error).__name__)
        return None
    tally.note(what, time.monotonic() - started, str(answer.status_code))
    return answer


class Traffic:
    """Senders that repeat what was not acknowledged, as Stripe, the intake form and a person would."""

    def __init__(self, system: System, tally: Tally, stop: threading.Event):
        self.system, self.tally, self.stop = system, tally, stop
        self.http = httpx.Client(timeout=ANSWER_SECONDS + 5, trust_env=False)
        self.services = system.services()

    def api(self) -> str:
        return f"http://127.0.0.1:{self.system.ports[random.choice(('api 0', 'api 1'))]}"

    def until_acknowledged(self, what: str, request: Callable[[], httpx.Response]) -> dict[str, Any] | None:
        while True:
            answer = ask(self.tally, what, request)
            if answer is not None and answer.status_code == 200:
                return dict(answer.json())
            if answer is not None and answer.status_code not in (429, 503):
                raise AssertionError(f"{what}: {answer.status_code} {answer.text[:300]}")
            if self.stop.wait(0.3):
                return None

    def send_event(self) -> None:
        event_id = f"evt_soak_{uuid.uuid4().hex}"
        body = json.dumps(succeeded_charge(event_id)).encode()

        def post() -> httpx.Response:
            signature = sign(body, self.system.webhook_secret, timestamp=int(time.time()))
            url = f"{self.api()}/api/webhooks/stripe"
            return self.http.post(url, content=body, headers={"Stripe-Signature": signature})

        if self.until_acknowledged("event", post):
            self.tally.events.add(event_id)
        self.stop.wait(0.05)

    def send_form(self) -> None:
        submission = f"sub-{uuid.uuid4().hex}"
        text = json.dumps(
            {
                "submissionId": submission,
                "patientId": f"patient-{submission[4:12]}",
                "patientState": "TX",
                "specialty": "dermatology",
            }
        )

        def post() -> httpx.Response:
            now = datetime.now(UTC)
            headers = {
                "webhook-id": submission,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": Webhook(self.system.intake_secret).sign(submission, now, text),
            }
            return self.http.post(f"{self.api()}/api/webhooks/form-submission", content=text.encode(), headers=headers)

        if answer := self.until_acknowledged("form", post):
            self.tally.consultations.add(answer["consultationId"])
        self.stop.wait(0.2)

    def refund(self) -> None:
        intent = self._paid()
        refund_id = str(uuid.uuid4())
        while intent and not self.stop.is_set():
            started = time.monotonic()
            try:
                refunds.issue(self.services.payment_context, FINANCE, refund_id, intent, 1000, reason="Soak run")
                self.tally.note("refund", time.monotonic() - started, "accepted")
                self.tally.refunds.add(refund_id)
                return
            except PayopsError as error:
                self.tally.note("refund", time.monotonic() - started, error.code)
                self.stop.wait(1)

    def _paid(self) -> str | None:
        address = sandbox.ensure_running(self.system.data_dir)
        shop = stripe.StripeClient(address.secret_key, base_addresses={"api": address.base_url}, max_network_retries=0)
        try:
            intent = shop.v1.payment_intents.create(
                {
                    "amount": 4900,
                    "currency": "usd",
                    "payment_method": "pm_card_visa",
                    "confirm": True,
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                }
            )
        except stripe.StripeError:
            self.stop.wait(1)
            return None
        return intent.id

    def look(self) -> None:
        for what, url in (
            ("readyz", f"{self.api()}/readyz"),
            ("metrics", f"{self.api()}/metrics"),
            ("page", f"http://127.0.0.1:{self.system.ports['console']}/overview"),
        ):
            ask(self.tally, what, lambda url=url: self.http.get(url))
        self.stop.wait(1)


def succeeded_charge(event_id: str) -> dict[str, Any]:
    now, unique = int(time.time()), event_id[-12:]
    charge = {
        "id": f"ch_{unique}",
        "object": "charge",
        "livemode": False,
        "created": now,
        "amount": 4900,
        "currency": "usd",
        "status": "succeeded",
        "captured": True,
        "amount_captured": 4900,
        "amount_refunded": 0,
        "disputed": False,
        "payment_intent": f"pi_{unique}",
        "customer": None,
    }
    return {
        "id": event_id,
        "object": "event",
        "type": "charge.succeeded",
        "created": now,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": charge},
    }


@contextmanager
def running(work: Callable[[], None], stop: threading.Event, failures: list[BaseException]) -> Iterator[None]:
    def repeat() -> None:
        try:
            while not stop.is_set():
                work()
        except BaseException as error:
            traceback.print_exc()
            failures.append(error)

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    yield
    thread.join(60)


def supervise(system: System, stop: threading.Event) -> None:
    while not stop.wait(1):
        try:
            system.watch(WARM_UP_SECONDS)
        except (PayopsError, OSError, RuntimeError, TimeoutError) as error:
            print(f"  not restarted yet: {error}", flush=True)


def wait_until_settled(system: System, tally: Tally) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        with psycopg.connect(embedded.ensure_running(system.data_dir).owner_conninfo, autocommit=True) as owner:
            (open_refunds,) = owner.execute(
                "select count(*) from payops.money_actions where state in ('sending', 'unknown')"
            ).fetchone() or (0,)
        if not open_refunds:
            return
        time.sleep(5)


def shortcomings(system: System, tally: Tally) -> Iterator[str]:
    """What is not as it must be; nothing where all is."""
    yield from (f"late: {each}" for each in tally.late[:10])
    with psycopg.connect(embedded.ensure_running(system.data_dir).owner_conninfo, autocommit=True) as owner:
        applied = owner.execute(
            "select e.id from payops.events as e join payops.event_handlings as h on h.event_id = e.id"
            " where e.id like 'evt_soak_%' and h.outcome = 'applied'"
        ).fetchall()
        if lost := tally.events - {event_id for (event_id,) in applied}:
            yield f"{len(lost)} acknowledged events are not applied, such as {sorted(lost)[0]}"
        if len(applied) != len({event_id for (event_id,) in applied}):
            yield "an event was applied twice"
        found = {each for (each,) in owner.execute("select id::text from payops.consultations").fetchall()}
        if lost := tally.consultations - found:
            yield f"{len(lost)} acknowledged consultations are missing"
        states = dict(
            owner.execute("select id::text, state from payops.money_actions where kind = 'refund'").fetchall()
        )
        if unsettled := [each for each in tally.refunds if states.get(each) != "done"]:
            yield f"{len(unsettled)} refunds are not settled: {Counter(map(states.get, unsettled))}"
    made = Counter(
        one["payment_intent"] for one in system.services().stripe.each("refunds") if one["status"] == "succeeded"
    )
    if twice := [intent for intent, times in made.items() if times > 1]:
        yield f"{len(twice)} payments were refunded twice"
    if sum(made.values()) < len(tally.refunds):
        yield f"Stripe has {sum(made.values())} refunds of {len(tally.refunds)} accepted"
    for part in system.parts.values():
        if part.first_rss and part.last_rss > GROWTH_LIMIT * part.first_rss:
            yield f"{part.name} grew from {part.first_rss >> 20} to {part.last_rss >> 20} MiB"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    asked = parser.parse_args()
    dice, tally, stop, failures = random.Random(asked.seed), Tally(), threading.Event(), list[BaseException]()
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="payops-soak-") as folder:
        system, ended = System(Path(folder), dice), threading.Event()
        try:
            system.open()
            time.sleep(15)
            traffic = Traffic(system, tally, stop)
            traffic.services.db.call(
                "put_providers", actor="cli:soak", actor_role="admin", documents=[PROVIDER], now=wall_clock()
            )
            address = sandbox.ensure_running(system.data_dir).base_url
            for name in ("api 0", "api 1"):
                url = f"http://127.0.0.1:{system.ports[name]}/api/webhooks/stripe"
                httpx.post(f"{address}/sandbox/webhooks", json={"url": url}, timeout=10).raise_for_status()
            guard = threading.Thread(target=supervise, args=(system, ended), daemon=True)
            guard.start()
            senders = [traffic.send_event, traffic.send_event, traffic.send_form, traffic.refund, traffic.look]
            with_all = [running(work, stop, failures) for work in senders]
            for each in with_all:
                each.__enter__()
            left: list[str] = []
            deadline = time.monotonic() + 60 * asked.minutes
            while time.monotonic() < deadline and not failures:
                time.sleep(MISFORTUNE_SECONDS)
                misfortunes = system.misfortunes()
                left = left or dice.sample(sorted(misfortunes), len(misfortunes))
                what = left.pop()
                print(f"{time.strftime('%H:%M:%S')} {what}; {len(tally.events)} events", flush=True)
                misfortunes[what]()
            time.sleep(10)
            stop.set()
            for each in with_all:
                each.__exit__(None, None, None)
            wait_until_settled(system, tally)
            found = [*map(repr, failures), *shortcomings(system, tally)]
        finally:
            ended.set()  # first, so that nothing is started again behind the end
            time.sleep(2)
            system.close()
    for name, times in sorted(tally.answers.items()):
        print(f"  {name:<40} {times:>8,}")
    for part in system.parts.values():
        print(
            f"  memory of {part.name:<12} {part.first_rss >> 20:>6} MiB at its start, {part.last_rss >> 20} at the end"
        )
    print(
        f"  {len(tally.events):,} events, {len(tally.consultations):,} consultations, {len(tally.refunds):,} refunds "
        f"acknowledged; slowest answer {tally.slowest:.1f} s"
    )
    print("\n".join(["NOT MET:", *found]) if found else "All held.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
