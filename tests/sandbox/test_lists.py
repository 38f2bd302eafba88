"""Lists as Stripe pages them: cursors, ranges, filters, expansions."""

import pytest
import stripe as sdk


@pytest.fixture(scope="module")
def customers(sandbox):
    client = sandbox.client()
    return [client.v1.customers.create({"metadata": {"patientId": f"p{number}"}}).id for number in range(25)]


def test_pages_hold_everything_once_newest_first(stripe, customers):
    listed = [customer.id for customer in stripe.v1.customers.list({"limit": 7}).auto_paging_iter()]
    assert listed == customers[::-1]


def test_ending_before_gives_the_page_above_in_the_same_order(stripe, customers):
    newest_first = customers[::-1]
    page = stripe.v1.customers.list({"limit": 3, "ending_before": newest_first[10]})
    assert [customer.id for customer in page.data] == newest_first[7:10]
    assert page.has_more


def test_has_more_is_true_only_where_there_is_more(stripe, customers):
    assert stripe.v1.customers.list({"limit": 24}).has_more
    assert not stripe.v1.customers.list({"limit": 25}).has_more


@pytest.mark.parametrize("limit", [0, 101, "many"])
def test_a_limit_out_of_bounds_is_refused(stripe, limit):
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.customers.list({"limit": limit})
    assert refused.value.param == "limit"


def test_a_cursor_that_is_unknown_is_refused(stripe):
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.customers.list({"starting_after": "cus_nothere"})
    assert refused.value.code == "resource_missing"


def test_created_ranges_include_and_exclude_their_ends(stripe, customers):
    moment = stripe.v1.customers.retrieve(customers[0]).created
    assert not stripe.v1.customers.list({"created": {"lt": moment}}).data
    assert stripe.v1.customers.list({"created": {"gte": moment}, "limit": 100}).data[-1].id == customers[0]
    assert all(c.created > moment for c in stripe.v1.customers.list({"created": {"gt": moment}}).data)


def test_an_expansion_puts_the_object_where_its_id_was(stripe):
    intent = stripe.v1.payment_intents.create(
        {"amount": 5000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    listed = stripe.v1.payment_intents.list({"expand": ["data.latest_charge.balance_transaction"], "limit": 1})
    assert listed.data[0].latest_charge.balance_transaction.source == intent.latest_charge
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.payment_intents.retrieve(intent.id, {"expand": ["nothing_there"]})


def test_a_missing_object_is_a_404(stripe):
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.charges.retrieve("ch_nothere")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert refused.value.request_id.startswith("req_")


def test_events_are_listed_by_type_with_what_they_were_about(stripe):
    customer = stripe.v1.customers.create({"name": "Before"})
    stripe.v1.customers.update(customer.id, {"name": "After"}, {"idempotency_key": "named"})
    event = stripe.v1.events.list({"type": "customer.updated", "limit": 1}).data[0]
    assert event.data.object.name == "After"
    assert event.data.previous_attributes["name"] == "Before"
    assert event.request.idempotency_key == "named"
    assert (event.api_version, event.livemode) == ("2026-10-28.endive", False)
    assert stripe.v1.events.retrieve(event.id).type == "customer.updated"


def test_events_older_than_thirty_days_are_not_listed(stripe, control):
    stripe.v1.customers.create({})
    event = stripe.v1.events.list({"limit": 1}).data[0]
    control.post("/sandbox/clock/advance", json={"seconds": 31 * 86_400}).raise_for_status()
    assert event.id not in [found.id for found in stripe.v1.events.list({"limit": 100}).auto_paging_iter()]
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.events.retrieve(event.id)
