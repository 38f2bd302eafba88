"""Each fault of Stripe in each money operation, and a crash in between: one effect, the right outcome, audited."""

import hashlib
import os
import secrets
import signal
import time
from contextlib import suppress
from datetime import timedelta

import pytest

from core.errors import PayopsError, Unavailable
from core.payments import actions
from core.payments.operations import customers
from core.payments.operations.schemas import CustomerInfo
from tests.payments.operations import OPERATIONS

CUSTOMERS = [name for name in OPERATIONS if OPERATIONS[name].customers_own]
WORKERS = [name for name in OPERATIONS if name not in CUSTOMERS]

BEFORE_THE_WORK = {"too many requests": {"status": 429}, "a cut connection": {"reset": True}}
AFTER_THE_WORK = {
    "a lost reply": {"lose_reply": True},
    "an error after the work": {"status": 500, "after_work": True},
    "a reply that takes its time": {"delay_seconds": 0.1, "delay_reply_seconds": 0.1},
}


class Trial:
    """One operation on one subject under one id."""

    def __init__(self, name, context, shop, faults, owner):
        self.operation, self.payment_context, self.faults, self.owner = (OPERATIONS[name], context, faults, owner)
        self.subject = self.operation.prepare(shop)
        self.id = "act_" + secrets.token_hex(8)

    def under(self, **effects):
        """The faults of the operation's next requests."""
        self.faults.add(self.operation.path, method=self.operation.method, **effects)

    def go(self, **more):
        """Done, or not answered: what came of it is to be seen in the database."""
        with suppress(PayopsError):
            self.operation.do(self.payment_context, self.subject, self.id, **more)

    @property
    def kept(self):
        """The action as it is written down; an end of a subscription makes its own id."""
        made = f"can_{hashlib.sha256(self.id.encode()).hexdigest()[:24]}"
        call = self.payment_context.db.call
        return call("money_action", id=self.id) or call("money_action", id=made)

    @property
    def effects(self):
        return self.operation.effects(self.payment_context, self.subject)

    @property
    def story(self):
        """What the audit log says of it, word by word."""
        rows = self.owner.execute(
            "select split_part(action, ':', 3) from payops.audit_log where after ->> 'action' = %s order by id",
            (self.kept["id"],),
        )
        return [word for (word,) in rows]

    @property
    def end(self):
        return self.kept["state"], self.effects, self.story


@pytest.fixture
def trial(context, shop, faults, owner):
    return lambda name: Trial(name, context, shop, faults, owner)


def settle(context, *, minutes=3, times=4):
    """Runs the worker's step repeatedly."""
    for _ in range(times):
        context.clock.ahead += timedelta(minutes=minutes)
        actions.settle_unknown(context)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("effects", AFTER_THE_WORK.values(), ids=AFTER_THE_WORK)
def test_a_completed_action_is_found_and_never_repeated(context, trial, faults, name, effects):
    it = trial(name)
    it.under(**effects)
    it.go()
    faults.clear()
    unanswered = it.kept["state"] == "unknown"
    assert unanswered == ("delay_seconds" not in effects)
    settle(context)
    words = ["begun", *(["unanswered"] if unanswered else []), "done"]
    assert it.end == ("done", 1, words)
    it.go()
    settle(context)
    assert it.end == ("done", 1, words)


@pytest.mark.parametrize("name", WORKERS)
@pytest.mark.parametrize("effects", BEFORE_THE_WORK.values(), ids=BEFORE_THE_WORK)
def test_an_action_that_never_reached_stripe_is_done_by_the_worker(context, trial, faults, name, effects):
    it = trial(name)
    it.under(**effects)
    it.go()
    faults.clear()
    assert (it.kept["state"], it.effects) == ("unknown", 0)
    settle(context)
    assert it.end == ("done", 1, ["begun", "unanswered", "done"])


@pytest.mark.parametrize("name", CUSTOMERS)
@pytest.mark.parametrize("effects", BEFORE_THE_WORK.values(), ids=BEFORE_THE_WORK)
def test_a_customers_request_that_never_reached_stripe_can_be_repeated_by_them(context, trial, faults, name, effects):
    it = trial(name)
    it.under(**effects)
    it.go()
    faults.clear()
    settle(context)
    never = ["begun", "unanswered", "refused"]
    assert (it.end, it.kept["problem_code"]) == (("refused", 0, never), "never_done")
    it.go(repeated=True)
    assert it.end == ("done", 1, [*never, "begun", "done"])


@pytest.mark.parametrize("name", CUSTOMERS)
@pytest.mark.parametrize("effects", AFTER_THE_WORK.values(), ids=AFTER_THE_WORK)
def test_a_customer_who_repeats_a_request_gets_its_result(context, trial, faults, name, effects):
    it = trial(name)
    it.under(**effects)
    it.go()
    faults.clear()
    first, second = (it.operation.do(context, it.subject, it.id, repeated=True) for _ in range(2))
    assert first == second
    assert it.end[:2] == ("done", 1)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_error_repeated_by_stripe_for_its_key_ends_as_not_done(context, trial, faults, name):
    it = trial(name)
    it.under(status=500)
    it.go()
    faults.clear()
    settle(context)
    settle(context, minutes=24 * 60, times=1)
    kept = it.operation.method == "POST"  # Stripe keeps no answer of a DELETE, so that it can be done later
    end, effects = ("refused", 0) if kept else ("done", 1)
    assert it.end == (end, effects, ["begun", "unanswered", end])


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_between_stripe_and_settling_it_is_settled_by_the_worker(
    context, trial, faults, process_of_its_own, name
):
    it = trial(name)
    it.under(delay_reply_seconds=60.0)
    victim = process_of_its_own(lambda dying: it.operation.do(dying, it.subject, it.id))
    while it.effects == 0:
        assert os.waitpid(victim, os.WNOHANG) == (0, 0), "it ended before it could be killed"
        time.sleep(0.02)
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)
    faults.clear()
    assert it.kept["state"] == "sending"
    settle(context)
    assert it.end == ("done", 1, ["begun", "done"])


ANN = CustomerInfo(email="ann@clinic.org", patientId="patient-of-this-test")


def test_an_action_that_failed_at_stripe_is_repeated_a_minute_later(context, faults):
    faults.add("customers", status=500, count=9)
    with pytest.raises(Unavailable, match="stripe_unavailable"):
        customers.ensured(context, ANN)
    faults.clear()
    with pytest.raises(Unavailable, match="stripe_unavailable"):
        customers.ensured(context, ANN)  # Stripe answers the same key as before, for 24 hours
    context.clock.ahead = timedelta(minutes=1)
    made = customers.ensured(context, ANN)
    assert made.startswith("cus_")
    assert customers.ensured(context, ANN) == made
