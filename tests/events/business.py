"""A small business at a sandbox, and the mirror of it, for the tests that compare the two."""

import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import httpx
import stripe

from core.sandbox import process
from core.stripe_gateway import StripeGateway

TABLES = (
    "payment_intents",
    "charges",
    "refunds",
    "disputes",
    "early_fraud_warnings",
    "checkout_sessions",
    "customers",
    "subscriptions",
    "invoices",
    "invoice_payments",
    "payouts",
    "failed_confirmations",
    "promotion_codes",
)
AHEAD = timedelta(days=6)  # how far the sandbox's clock was moved


def clock():
    return datetime.now(UTC) + AHEAD


def later():
    """A clock for which the second of every event told so far is over."""
    return clock() + timedelta(seconds=5)


@contextmanager
def at_a_sandbox():
    """A sandbox of its own in which it has happened: where it answers, and the SDK to go on with."""
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        address = process.ensure_running(Path(folder))
        try:
            shop = stripe.StripeClient(address.secret_key, base_addresses={"api": address.base_url})
            a_morning(shop.v1)
            some_days(shop.v1, address.base_url)
            yield address, shop
        finally:
            process.stop(Path(folder))


def a_morning(shop):
    """Customers who pay, fail to, are refunded and subscribe; it may happen again."""
    product = shop.products.create({"name": "Plan"})
    price = shop.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 2900, "recurring": {"interval": "month"}}
    )
    for number in range(12):
        customer = shop.customers.create({"metadata": {"patientId": f"patient-{number}"}})
        card = "pm_card_visa_chargeDeclinedInsufficientFunds" if number % 3 == 0 else "pm_card_mastercard"
        intent = shop.payment_intents.create(
            {
                "amount": 4900 + number,
                "currency": "usd",
                "customer": customer.id,
                "allowed_payment_method_types": ["card"],
            }
        )
        try:
            paid = shop.payment_intents.confirm(intent.id, {"payment_method": card})
        except stripe.CardError:
            continue
        if number % 4 == 1:
            shop.refunds.create({"payment_intent": paid.id, "amount": 900})
        method = shop.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        subscription = shop.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": method.id}
        )
        if number % 5 == 2:
            shop.subscriptions.cancel(subscription.id)
    shop.payment_intents.create(
        {
            "amount": 800,
            "currency": "usd",
            "payment_method": "pm_card_createDispute",
            "confirm": True,
            "allowed_payment_method_types": ["card"],
        }
    )
    shop.payment_intents.create({"amount": 700, "currency": "eur", "allowed_payment_method_types": ["card"]})


def some_days(shop, base_url):
    """A promotion, a dispute lost, a warning, a checkout that nobody paid, and the days until payouts are made."""
    coupon = shop.coupons.create({"percent_off": 20, "duration": "once"})
    shop.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "WELCOME"})
    charges = shop.charges.list({"limit": 100}).data
    # That of 800 is disputed by itself, sooner or later.
    paid = [charge for charge in charges if charge.paid and not charge.refunded and charge.amount != 800]
    ask(base_url, "disputes", {"charge": paid[0].id})
    dispute = shop.disputes.list({"charge": paid[0].id}).data[0]
    shop.customers.delete(shop.customers.create({}).id)
    session = shop.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "http://localhost/",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {"currency": "usd", "unit_amount": 900, "product_data": {"name": "Visit"}},
                }
            ],
        }
    )
    shop.checkout.sessions.expire(session.id)
    ask(base_url, f"disputes/{dispute.id}/close", {"outcome": "lost"})
    ask(base_url, "early_fraud_warnings", {"charge": paid[-1].id})
    ask(base_url, "clock/advance", {"seconds": int(AHEAD.total_seconds())})


def ask(base_url, path, body):
    httpx.post(f"{base_url}/sandbox/{path}", json=body, timeout=60).raise_for_status()


@cache
def gateway(address):
    return StripeGateway(address.secret_key, api_base=address.base_url, record=lambda call: None)


TOLD_BY = ("as_of", "event_id", "tied", "state_rank")


def mirror(owner, *, but=TOLD_BY):
    """Every mirrored row, without the columns that say when and by which event it was written."""
    query = 'select to_jsonb(r) - %s::text[] from payops.{} as r where {} order by r.id collate "C"'
    return {
        table: [row for (row,) in owner.execute(query.format(table, _listed(table)), [list(but)]).fetchall()]
        for table in TABLES
    }


def _listed(table):
    """Stripe lists no customer that was deleted."""
    return "not deleted" if table == "customers" else "true"


def wait_until_all_is_applied(owner):
    """What a crowd had recorded is applied by an API process, whichever recorded it."""
    for _ in range(300):
        if not owner.execute("select count(*) from payops.recorded_batches").fetchone()[0]:
            return
        time.sleep(0.1)
    raise AssertionError("what was recorded is not applied after 30 s")
