"""Changes of a subscription by staff, at the sandbox: previewed, done once, refused if not possible."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from core.billing import plan_changes, plans, subscription_actions, subscription_life
from core.billing.plan_changes import Settles
from core.billing.subscription_actions import Pause
from core.errors import Refused, Unauthorised
from core.money import Money
from core.monitoring import action_items
from core.payments import actions
from core.staff.roles import Actor, Role
from tests.payments.conftest import ADMIN, FINANCE, OPS, SUPPORT, clock, context, faults, sandbox  # noqa: F401


@pytest.fixture
def shop(context):  # noqa: F811
    return Shop(context)


class Shop:
    """Two plans, and customers who subscribe to the first."""

    def __init__(self, context):  # noqa: F811
        self.context = context
        product = self._make("products", name="Care plan")["id"]
        terms = {"product": product, "currency": "usd", "recurring": {"interval": "month"}}
        self.cheap, self.dear = (self._make("prices", unit_amount=each, **terms)["id"] for each in (3000, 9000))
        self.yearly = self._make("prices", unit_amount=30_000, **terms | {"recurring": {"interval": "year"}})["id"]

    def subscribe(self, card="pm_card_visa", **params):
        customer = self._make("customers", payment_method=card, invoice_settings={"default_payment_method": card})
        asked = {"customer": customer["id"], "items": [{"price": self.cheap}]} | params
        made = self._make("subscriptions", **asked)
        self.context.mirror(made)
        return self.life(made["id"])

    def life(self, subscription_id):
        return subscription_life.load(self.context.db, subscription_id, zone=ZoneInfo("America/New_York"))

    def pay_with(self, life, card):
        customer = life.subscription["customer_id"]
        method = self._make(f"payment_methods/{card}/attach", customer=customer)
        self._make(f"customers/{customer}", invoice_settings={"default_payment_method": method["id"]})

    def at_stripe(self, life):
        return self.context.stripe.retrieve(f"subscriptions/{life.id}")

    def planned(self, life, price, settles=Settles.NOW, quantity=1):
        names = plans.catalogue(self.context.stripe)
        now = self.context.clock()
        return plan_changes.planned(life, names, price_id=price, quantity=quantity, settles=settles, now=now)

    def _make(self, path, **params):
        return self.context.stripe.write(path, key=subscription_actions.new_id(), **params)


def do(shop, what, life, *, actor=SUPPORT, action_id=None, **asked):
    """A moment after what came before, of which the mirror keeps the later second."""
    shop.context.clock.ahead += timedelta(seconds=2)
    return what(shop.context, actor, action_id or subscription_actions.new_id(), life, **asked)


def test_a_change_of_plan_costs_what_its_preview_said_and_shows_at_once(shop):
    life = shop.subscribe()
    change = shop.planned(life, shop.dear)
    preview = plan_changes.preview(shop.context, life, change)
    assert preview.due_now.minor == sum(each.amount.minor for each in preview.lines if each.proration)
    assert preview.next_invoice == Money(9000, "usd") and preview.next_on == life.period_ends_at
    done = do(shop, subscription_actions.change_plan, life, change=change)
    assert done.state == "done", done.problem
    invoice = shop.context.stripe.retrieve(f"invoices/{shop.at_stripe(life)['latest_invoice']}")
    assert (invoice["amount_paid"], invoice["status"]) == (preview.due_now.minor, "paid")
    assert shop.life(life.id).monthly_minor == 9000


def test_on_the_next_invoice_nothing_is_charged_now(shop):
    life = shop.subscribe()
    change = shop.planned(life, shop.dear, Settles.NEXT_INVOICE)
    preview = plan_changes.preview(shop.context, life, change)
    assert preview.due_now.minor == 0
    assert preview.next_invoice.minor == 9000 + sum(each.amount.minor for each in preview.lines if each.proration)
    before = shop.at_stripe(life)["latest_invoice"]
    assert do(shop, subscription_actions.change_plan, life, change=change).state == "done"
    assert shop.at_stripe(life)["latest_invoice"] == before


def test_another_interval_begins_a_new_period_and_is_charged_at_once(shop):
    life = shop.subscribe()
    change = shop.planned(life, shop.yearly, Settles.NEXT_INVOICE)
    preview = plan_changes.preview(shop.context, life, change)
    assert change.charges_now and preview.next_invoice is None
    assert 26_000 < preview.due_now.minor <= 30_000
    assert do(shop, subscription_actions.change_plan, life, change=change).state == "done"


def test_a_declined_charge_leaves_the_plan_as_it_was(shop):
    life = shop.subscribe()
    shop.pay_with(life, "pm_card_chargeCustomerFail")
    change = shop.planned(life, shop.dear)
    done = do(shop, subscription_actions.change_plan, life, change=change)
    assert (done.state, done.problem) == ("refused", "Your card was declined.")
    assert shop.at_stripe(life)["items"]["data"][0]["price"]["id"] == shop.cheap
    assert "nothing changed" in subscription_actions.in_words(done)


def test_a_double_click_changes_the_subscription_once(shop, owner):
    life = shop.subscribe()
    change, action_id = shop.planned(life, shop.dear), subscription_actions.new_id()
    first = do(shop, subscription_actions.change_plan, life, change=change, action_id=action_id)
    again = do(shop, subscription_actions.change_plan, life, change=change, action_id=action_id)
    assert (first.id, first.state) == (again.id, again.state) == (action_id, "done")
    invoices = list(shop.context.stripe.each("invoices", subscription=life.id))
    assert len(invoices) == 2
    audited = owner.execute(
        "select action from payops.audit_log where subject = %s order by id", [f"sub:{life.id}"]
    ).fetchall()
    assert audited == [("payments:change-plan:begun",), ("payments:change-plan:done",)]


def test_a_subscription_changed_meanwhile_is_refused(shop):
    life = shop.subscribe()
    assert do(shop, subscription_actions.change_plan, life, change=shop.planned(life, shop.dear)).state == "done"
    for what, asked in (
        (subscription_actions.change_plan, {"change": shop.planned(life, shop.yearly)}),
        (subscription_actions.cancel, {"at_period_end": False}),
        (subscription_actions.pause, {"behavior": Pause.VOID}),
    ):
        with pytest.raises(Refused, match="changed meanwhile"):
            do(shop, what, life, **asked)
    assert shop.at_stripe(life)["status"] == "active"


def test_a_cancellation_at_period_end_can_be_undone(shop):
    life = shop.subscribe()
    done = do(shop, subscription_actions.cancel, life, at_period_end=True, feedback="too_expensive", reason="Called us")
    assert subscription_actions.in_words(done) == "It ends with its period."
    scheduled = shop.life(life.id)
    assert scheduled.ends_at == life.period_ends_at
    assert scheduled.subscription["cancellation_feedback"] == "too_expensive"
    assert not subscription_actions.possible(life).resume and subscription_actions.possible(scheduled).resume
    assert do(shop, subscription_actions.resume, scheduled).state == "done"
    assert shop.life(life.id).ends_at is None


def test_an_immediate_cancellation_ends_the_subscription(shop):
    life = shop.subscribe()
    assert do(shop, subscription_actions.cancel, life, at_period_end=False).state == "done"
    over = shop.life(life.id)
    assert (over.status, over.over) == ("canceled", True)
    assert subscription_actions.possible(over).why_not == "This subscription is over."
    said = [moment.title for moment in subscription_life.moments(over, plans.EMPTY)]
    assert "Cancellation by sue: done" in said


def test_a_pause_ends_on_its_day_or_when_resumed(shop):
    life = shop.subscribe()
    until = (shop.context.clock() + timedelta(days=10)).replace(microsecond=0)
    assert do(shop, subscription_actions.pause, life, behavior=Pause.VOID, resumes_at=until).state == "done"
    paused = shop.life(life.id)
    assert shop.at_stripe(life)["pause_collection"] == {"behavior": "void", "resumes_at": int(until.timestamp())}
    assert paused.subscription["pause_behavior"] == "void"
    assert do(shop, subscription_actions.resume_collection, paused).state == "done"
    assert shop.life(life.id).subscription["pause_behavior"] is None


@pytest.mark.parametrize("days", [-1, 400])
def test_a_pause_with_an_invalid_end_is_refused(shop, days):
    life = shop.subscribe()
    with pytest.raises(Refused, match="within the next"):
        do(
            shop,
            subscription_actions.pause,
            life,
            behavior=Pause.VOID,
            resumes_at=shop.context.clock() + timedelta(days),
        )


@pytest.mark.parametrize("actor", [OPS, FINANCE])
def test_only_support_and_admins_act(shop, actor):
    life = shop.subscribe()
    with pytest.raises(Unauthorised):
        do(shop, subscription_actions.cancel, life, actor=actor, at_period_end=True)
    assert do(shop, subscription_actions.cancel, life, actor=ADMIN, at_period_end=True).state == "done"


def test_an_old_confirmation_is_asked_for_again(shop):
    life = shop.subscribe()
    with pytest.raises(Unauthorised, match="password"):
        do(
            shop,
            subscription_actions.cancel,
            life,
            actor=Actor("staff:sue", Role.SUPPORT, confirmed=False),
            at_period_end=True,
        )
    assert shop.at_stripe(life)["cancel_at_period_end"] is False


def test_a_lost_answer_is_found_by_looking_it_up(shop, faults, clock):  # noqa: F811
    life = shop.subscribe()
    faults.add(f"subscriptions/{life.id}", lose_reply=True)
    change = shop.planned(life, shop.dear)
    lost = do(shop, subscription_actions.change_plan, life, change=change)
    assert lost.state == "unknown"
    assert not subscription_actions.possible(shop.life(life.id)).change_plan
    with pytest.raises(Refused, match="not finished"):
        do(shop, subscription_actions.cancel, life, at_period_end=True)
    faults.clear()
    clock.ahead = timedelta(minutes=15)
    actions.settle_unknown(shop.context)
    found = shop.context.db.call("money_action", id=lost.id)
    assert found["state"] == "done"
    assert shop.life(life.id).monthly_minor == 9000


def test_an_action_of_any_kind_that_is_unanswered_can_be_looked_for_and_is_an_action_item(owner):
    """Everything that may be recorded, as the table allows it."""
    (allowed,) = owner.execute(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'money_actions_kind_check'"
    ).fetchone()
    kinds = set(re.findall(r"'(\w+)'::text", allowed))
    assert len(kinds) >= 13
    assert set(actions._LOOK) == kinds
    assert {f"unknown_{kind}" for kind in kinds} <= set(action_items.KINDS)


@pytest.mark.parametrize(
    ("price", "quantity", "said"),
    [("cheap", 1, "already"), ("dear", 0, "quantity"), ("dear", None, "quantity"), ("dear", 20_000, "quantity")],
)
def test_an_unchanged_subscription_is_refused_before_calling_stripe(shop, price, quantity, said):
    life = shop.subscribe()
    plan = plans.catalogue(shop.context.stripe).plans[getattr(shop, price)]
    assert said in plan_changes.problem(life, plan, quantity)
