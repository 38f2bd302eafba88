"""What single parameters do: balances, endpoints, addresses, anchors, currencies, versions, lists of values."""

import httpx
import pytest
import stripe as sdk

from tests.sandbox.billing.test_subscriptions import advance, customer_with, price, subscribe  # noqa: F401
from tests.sandbox.payments.test_payment_intents import pay

SHOP = "https://shop.test/done"


def session(stripe, price, **more):  # noqa: F811
    asked = {"mode": "subscription", "line_items": [{"price": price, "quantity": 1}], "success_url": SHOP, **more}
    return stripe.v1.checkout.sessions.create({name: value for name, value in asked.items() if value is not None})


def test_a_customers_details_are_kept(stripe):
    address = {"line1": "1 Main Street", "city": "Springfield"}
    customer = stripe.v1.customers.create(
        {
            "balance": -500,
            "shipping": {"name": "A. Patient", "address": address},
            "tax_exempt": "exempt",
            "preferred_locales": ["en", "es"],
        }
    )
    assert (customer.balance, customer.tax_exempt, customer.preferred_locales) == (-500, "exempt", ["en", "es"])
    assert customer.shipping.address.city == "Springfield"
    changed = stripe.v1.customers.update(customer.id, {"balance": 700, "shipping": "", "tax_exempt": ""})
    assert (changed.balance, changed.shipping, changed.tax_exempt) == (700, None, "none")


@pytest.mark.parametrize(("balance", "due", "left"), [(-1000, 3900, 0), (-6000, 0, -1100), (600, 5500, 0)])
def test_a_customers_balance_changes_what_is_due(stripe, price, balance, due, left):  # noqa: F811
    customer = customer_with(stripe, "pm_card_visa")
    stripe.v1.customers.update(customer, {"balance": balance})
    asked = {"customer": customer, "items": [{"price": price}], "expand": ["latest_invoice"]}
    invoice = stripe.v1.subscriptions.create(asked).latest_invoice
    assert (invoice.total, invoice.amount_due, invoice.starting_balance) == (4900, due, balance)
    assert (invoice.status, invoice.ending_balance) == ("paid", left)
    assert stripe.v1.customers.retrieve(customer).balance == left


def test_an_endpoint_gets_its_events_signed_with_its_own_secret(stripe, receiver):
    asked = {"url": receiver.url, "enabled_events": ["customer.deleted"], "metadata": {"team": "billing"}}
    endpoint = stripe.v1.webhook_endpoints.create(asked)
    assert (endpoint.enabled_events, endpoint.metadata["team"]) == (["customer.deleted"], "billing")
    assert "secret" not in stripe.v1.webhook_endpoints.retrieve(endpoint.id)
    stripe.v1.customers.delete(stripe.v1.customers.create({}).id)
    signature, body = receiver.wait_for(1)[0]
    assert sdk.Webhook.construct_event(body, signature, endpoint.secret).type == "customer.deleted"
    stripe.v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["product.created"], "disabled": True})
    shown = stripe.v1.webhook_endpoints.retrieve(endpoint.id)
    assert (shown.status, shown.enabled_events) == ("disabled", ["product.created"])
    stripe.v1.webhook_endpoints.delete(endpoint.id)
    for missing in ({"url": receiver.url}, {"enabled_events": ["*"]}, {"url": "shop", "enabled_events": ["*"]}):
        with pytest.raises(sdk.InvalidRequestError):
            stripe.v1.webhook_endpoints.create(missing)
    with pytest.raises(sdk.InvalidRequestError, match="enabled_events"):
        stripe.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.vanished"]})


def test_a_session_with_a_trial_costs_nothing_today(stripe, price):  # noqa: F811
    begun = session(stripe, price, subscription_data={"trial_period_days": 14})
    assert (begun.amount_subtotal, begun.amount_total) == (0, 0)
    assert session(stripe, price).amount_total == 4900


def test_an_embedded_session_returns_to_return_url_and_a_hosted_one_to_success_url(stripe, price):  # noqa: F811
    embedded = session(stripe, price, success_url=None, ui_mode="embedded_page", return_url=SHOP)
    assert (embedded.return_url, embedded.url, embedded.success_url) == (SHOP, None, None)
    assert embedded.client_secret
    assert session(stripe, price, success_url=None, ui_mode="elements", return_url=SHOP).ui_mode == "elements"
    for wrong, param in (
        ({"success_url": None}, "success_url"),
        ({"success_url": None, "ui_mode": "embedded_page"}, "return_url"),
        ({"ui_mode": "embedded_page", "return_url": SHOP}, "success_url"),
        ({"return_url": SHOP}, "return_url"),
        ({"success_url": "shop.test/done"}, "success_url"),
        ({"success_url": "https://"}, "success_url"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"cancel_url": "/cart"}, "cancel_url"),
    ):
        with pytest.raises(sdk.InvalidRequestError) as refused:
            session(stripe, price, **wrong)
        assert refused.value.param == param


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"collection_method": "by_carrier_pigeon"}, "collection_method"),
        ({"payment_behavior": "whatever"}, "payment_behavior"),
        ({"proration_behavior": "sometimes"}, "proration_behavior"),
        ({"cancel_at": "soon"}, "cancel_at"),
        ({"trial_end": "later"}, "trial_end"),
    ],
)
def test_an_unknown_value_is_refused_with_the_list_of_allowed_values(stripe, price, asked, param):  # noqa: F811
    with pytest.raises(sdk.InvalidRequestError, match=f"Invalid {param}: must be one of") as refused:
        subscribe(stripe, price, **asked)
    assert refused.value.param == param


def test_a_subscriptions_collection_can_be_changed(stripe, price):  # noqa: F811
    subscription = subscribe(stripe, price)
    sent = stripe.v1.subscriptions.update(subscription.id, {"collection_method": "send_invoice", "days_until_due": 10})
    assert (sent.collection_method, sent.days_until_due) == ("send_invoice", 10)
    back = stripe.v1.subscriptions.update(subscription.id, {"collection_method": "charge_automatically"})
    assert (back.collection_method, back.days_until_due) == ("charge_automatically", None)
    with pytest.raises(sdk.InvalidRequestError, match="days_until_due"):
        stripe.v1.subscriptions.update(subscription.id, {"days_until_due": 3})


def test_an_anchor_ends_the_first_period_and_shares_its_price(stripe, price, control):  # noqa: F811
    now = control.get("/sandbox/clock").json()["now"]
    anchor = now + 10 * 86_400
    subscription = subscribe(stripe, price, billing_cycle_anchor=anchor, expand=["latest_invoice"])
    assert subscription["items"].data[0].current_period_end == subscription.billing_cycle_anchor == anchor
    assert 4900 * 10 / 31 - 2 <= subscription.latest_invoice.total <= 4900 * 10 / 28 + 2
    free = subscribe(stripe, price, billing_cycle_anchor=anchor, proration_behavior="none", expand=["latest_invoice"])
    assert free.latest_invoice.total == 0
    advance(control, 11)
    assert stripe.v1.invoices.list({"subscription": free.id, "limit": 1}).data[0].total == 4900
    with pytest.raises(sdk.InvalidRequestError, match="billing_cycle_anchor"):
        subscribe(stripe, price, billing_cycle_anchor=now - 5)


@pytest.mark.parametrize(
    ("amount", "currency"), [(550, "isk"), (50_050, "ugx"), (100_000_000, "usd"), (1_000_000_000_000, "idr")]
)
def test_amounts_that_a_currency_cannot_have_are_refused(stripe, amount, currency):
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert refused.value.param == "amount"


@pytest.mark.parametrize(
    ("amount", "currency"), [(600, "isk"), (50_000, "ugx"), (999_999_999_900, "idr"), (900, "nad")]
)
def test_amounts_that_a_currency_can_have_are_taken(stripe, amount, currency):
    assert stripe.v1.payment_intents.create({"amount": amount, "currency": currency}).amount == amount


@pytest.mark.parametrize("version", ["2020-08-27", "2024-06-20", "yesterday"])
def test_another_version_of_the_api_is_refused(sandbox, version):
    headers = {"Authorization": f"Bearer {sandbox.address.secret_key}", "Stripe-Version": version}
    answer = httpx.get(f"{sandbox.address.base_url}/v1/customers", headers=headers, trust_env=False)
    assert answer.status_code == 400 and version in answer.json()["error"]["message"]


def test_a_known_parameter_that_does_nothing_here_is_refused_by_its_name(stripe):
    with pytest.raises(sdk.InvalidRequestError) as refused:
        pay(stripe, application_fee_amount=100)
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "application_fee_amount")
    assert not stripe.v1.payment_intents.search({"query": "amount:5000 AND -status:'succeeded'"}).data


def test_products_are_found_by_what_they_are(stripe):
    made = stripe.v1.products.create({"name": "Sleep visit", "metadata": {"specialty": "sleep"}})
    found = stripe.v1.products.search({"query": "metadata['specialty']:'sleep' AND active:'true'"})
    assert [product.id for product in found.data] == [made.id]


def test_a_payment_method_can_come_with_the_payment(stripe):
    account = {"account_number": "000123456789", "routing_number": "110000000"}
    data = {"type": "us_bank_account", "billing_details": {"name": "A. Patient"}, "us_bank_account": account}
    shipping = {"name": "A. Patient", "address": {"line1": "1 Main Street"}}
    intent = pay(stripe, None, payment_method_data=data, shipping=shipping)
    assert (intent.status, intent.shipping.name) == ("processing", "A. Patient")
