"""Random histories of requests and faults: refunds never exceed payments, and the mirror equals Stripe."""

import random
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import PayopsError
from core.events import inbox
from core.payments import actions, refunds
from core.payments.disputes import disputes
from core.payments.operations import service
from core.payments.operations.requests import Request
from core.payments.operations.schemas import PaymentRequest
from core.payments.recovery import recovery
from tests.factories import body_of
from tests.payments.conftest import FINANCE, SUPPORT, Faults
from tests.payments.operations import SERVER, WHO, made

CARDS = ["pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_pendingRefund", "pm_card_refundFail"]
FAULTS = st.sampled_from(
    [
        None,
        None,
        None,
        {"lose_reply": True},
        {"reset": True},
        {"status": 429},
        {"status": 500},
        {"status": 500, "after_work": True},
    ]
)
PATHS = {"retry": "payment_intents/", "pay": "payment_intents", "evidence": "disputes/"}
STEP = st.tuples(
    st.sampled_from(
        [*["refund"] * 4, *["retry"] * 2, "pay", "pay again", "dispute", "accept", "evidence", "work", "tell"]
    ),
    st.sampled_from([0, 0, 0, 1, 2, 3]),
    st.integers(1, 700),
    FAULTS,
)
HISTORIES = st.lists(STEP, min_size=6, max_size=14)


class History:
    """One shop's day: its orders by number, each paid, tried again, sent back or disputed."""

    def __init__(self, context, faults):
        self.payment_context, self.faults, self.orders = context, faults, []
        self.since = int(datetime.now(UTC).timestamp()) - 2

    def step(self, what, which, amount, fault):
        if fault:
            self.faults.add(PATHS.get(what, ""), method="POST", count=1, **fault)
        with suppress(PayopsError, IndexError):
            getattr(self, what.replace(" ", "_"))(which, amount)
        self.faults.clear()

    def pay(self, which, amount):
        order = f"order-{secrets.token_hex(6)}"
        asked = {"paymentMethodId": CARDS[which], "amount": 100 + amount, "currency": "usd", "orderId": order}
        self.orders.append((order, "payops-" + secrets.token_hex(12), asked | {"customerInfo": WHO}))
        self.pay_again(-1, amount, repeated=False)

    def pay_again(self, which, amount, *, repeated=True):
        _, key, asked = self.orders[which]
        service.process_payment(self.payment_context, Request(SERVER, key, repeated), PaymentRequest(**asked))

    def intent(self, which):
        return made(self.payment_context, "payment_intents", self.orders[which][0])[0]

    def refund(self, which, amount):
        intent = self.intent(which)
        self.payment_context.mirror(self.payment_context.stripe.retrieve(f"charges/{intent['latest_charge']}"))
        refunds.issue(self.payment_context, FINANCE, refunds.new_id(), intent["id"], amount, reason="not what it was")

    def retry(self, which, amount):
        """The declined one, with another card, which the customer saves for it."""
        intent = self.payment_context.mirror(self.intent(1))
        key, customer = secrets.token_hex(8), intent["customer"]
        card = self.payment_context.stripe.write("payment_methods/pm_card_visa/attach", key=key, customer=customer)[
            "id"
        ]
        recovery.retry(self.payment_context, SUPPORT, recovery.new_id(), intent["id"], payment_method_id=card)

    def dispute(self, which, amount):
        with suppress(Exception):  # what is refunded in whole, or disputed, is not disputed again
            self.payment_context.mirror(self.faults.dispute(self.intent(which)["latest_charge"]))

    def disputed(self, which):
        return next(self.payment_context.stripe.each("disputes", payment_intent=self.intent(which)["id"]))["id"]

    def accept(self, which, amount):
        with suppress(StopIteration):
            disputes.accept(
                self.payment_context, FINANCE, disputes.new_id(), self.disputed(which), reason="they are right"
            )

    def evidence(self, which, amount):
        with suppress(StopIteration):
            disputes.stage(self.payment_context, FINANCE, self.disputed(which), {"uncategorized_text": "They came."})
            disputes.submit(self.payment_context, FINANCE, disputes.new_id(), self.disputed(which))

    def work(self, which, amount):
        self.payment_context.clock.ahead += timedelta(minutes=10)
        actions.settle_unknown(self.payment_context)

    def tell(self, which, amount):
        """Stripe tells of what happened, in no order, some of it twice."""
        events = list(self.payment_context.stripe.each("events", created={"gte": self.since}))
        mixed = random.Random(amount).choices(events, k=len(events)) if events else []
        for event in mixed:
            receive(self.payment_context, event)

    def over(self):
        """All is told, and all that had no answer is settled."""
        for minutes in (10, 24 * 60, 10):
            self.payment_context.clock.ahead += timedelta(minutes=minutes)
            actions.settle_unknown(self.payment_context)
        events = list(self.payment_context.stripe.each("events", created={"gte": self.since}))
        random.Random(7).shuffle(events)
        for event in events:
            receive(self.payment_context, event)


def receive(context, event):
    inbox.receive(context.db, [inbox.prepare(event, body_of(event), livemode=False)], now=context.clock())


def at_stripe(context, intent_id):
    """What came in, what went back or is on its way back, and what is at stake, as Stripe has it."""
    charges = [c for c in context.stripe.each("charges", payment_intent=intent_id) if c["status"] == "succeeded"]
    sent = context.stripe.each("refunds", payment_intent=intent_id)
    stake = context.stripe.each("disputes", payment_intent=intent_id)
    return (
        sum(charge["amount_captured"] for charge in charges),
        sorted((one["id"], one["amount"], one["status"]) for one in sent),
        sorted((one["id"], one["amount"], one["status"]) for one in stake),
    )


def in_the_mirror(owner, intent_id):
    def rows(table, more=""):
        query = f"select id, amount_minor, status from payops.{table} where payment_intent_id = %s {more} order by id"
        return owner.execute(query, (intent_id,)).fetchall()

    captured = "select coalesce(sum(amount_captured_minor), 0) from payops.charges where payment_intent_id = %s"
    taken = owner.execute(f"{captured} and status = 'succeeded'", (intent_id,)).fetchone()[0]
    return int(taken), [tuple(row) for row in rows("refunds")], [tuple(row) for row in rows("disputes")]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=HISTORIES)
def test_refunds_never_exceed_the_payment_and_the_mirror_equals_stripe(context, sandbox, owner, steps):
    history = History(context, Faults(sandbox.base_url))
    for card in (0, 1, 2, 3):
        history.step("pay", card, 400, None)
    for step in steps:
        history.step(*step)
    history.over()
    unsettled = "select count(*) from payops.money_actions where state in ('sending', 'unknown')"
    assert owner.execute(unsettled).fetchone() == (0,)
    for order, key, _ in history.orders:
        intents = made(context, "payment_intents", order)
        assert len(intents) <= 1, "one request was two payments"
        action = context.db.call("money_action", id=key)
        paid = [one for one in intents if one["status"] == "succeeded"]
        assert action is None or action["state"] != "done" or paid
        for intent in intents:
            taken, sent_back, stake = found = at_stripe(context, intent["id"])
            if in_the_mirror(owner, intent["id"]) != found:  # a refund may have settled since all was told
                history.over()
                taken, sent_back, stake = found = at_stripe(context, intent["id"])
            assert in_the_mirror(owner, intent["id"]) == found
            assert sum(amount for _, amount, status in sent_back if status not in ("failed", "canceled")) <= taken
