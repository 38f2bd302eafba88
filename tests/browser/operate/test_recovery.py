"""Support collects failed payments: once however often it is clicked, several at once, or by a link."""

import psycopg
import pytest
from playwright.sync_api import expect

from core.db import embedded
from core.sandbox.process import ensure_running
from tests.browser.clicks import Clicks, enter
from tests.browser.conftest import at_rest, open_first_row
from tests.payments.conftest import Shop


@pytest.fixture
def shop(console):
    return Shop(console.services.payment_context, ensure_running(console.services.settings.data_dir).base_url)


def opened(console, page, case, role="support"):
    """The payment's own view, as a link leads to it."""
    console.open(page, role, f"/recovery?payment={case.id}")
    expect(page.get_by_role("heading", name="$49.00: insufficient funds")).to_be_visible()


def ask_to_retry(page):
    page.get_by_role("button", name="Retry payment").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Charge $49.00 to Visa •••• 4242")).to_be_visible()
    return dialog


def found_by_order(console, page, case):
    """The list with one row, found by the order; clicks are counted from the open page on."""
    console.open(page, "support", "/recovery")
    at_rest(page)
    clicks = Clicks(page)
    find = page.get_by_role("textbox", name="Find", exact=True)
    enter(find, case.failed.order_id)
    find.press("Enter")
    page.wait_for_url(f"**find={case.failed.order_id}*")
    at_rest(page)
    return clicks


@pytest.mark.own_tab
def test_a_failed_payment_is_found_by_its_order_and_retried_in_4_clicks(console, shop, page):
    case = shop.failed()
    clicks = found_by_order(console, page, case)
    open_first_row(page, "payment")
    ask_to_retry(page).get_by_role("button", name="Charge $49.00").dblclick()
    expect(page.get_by_text("Collected with Visa")).to_be_visible()
    expect(page.get_by_text("no longer needs to be collected")).to_be_visible()
    assert clicks.made <= 4
    assert (shop.charged(case.id), shop.tries(case.id)) == ([4900], 2)


def test_a_second_click_on_a_declined_retry_makes_no_second_attempt(console, shop, page):
    case = shop.failed()
    shop.decline(shop.card, "insufficient_funds", "insufficient_funds")
    opened(console, page, case)
    ask_to_retry(page).get_by_role("button", name="Charge $49.00").dblclick()
    expect(page.get_by_text("Declined again")).to_be_visible()
    expect(page.get_by_text("Retry by support, declined or refused")).to_have_count(1)
    assert (shop.charged(case.id), shop.tries(case.id)) == ([], 2)


@pytest.mark.timeout(240)
def test_a_second_tab_makes_no_second_charge(console, shop, page, context):
    case = shop.failed()
    opened(console, page, case)
    second = context.new_page()
    second.goto(page.url)
    expect(second.get_by_role("button", name="Retry payment")).to_be_visible()
    dialogs = [ask_to_retry(tab) for tab in (page, second)]
    dialogs[0].get_by_role("button", name="Charge $49.00").click()
    expect(page.get_by_text("Collected with Visa")).to_be_visible()
    dialogs[1].get_by_role("button", name="Charge $49.00").click()
    expect(dialogs[1].get_by_text("no longer needs to be collected")).to_be_visible()
    assert shop.charged(case.id) == [4900]


@pytest.mark.timeout(240)
def test_several_payments_are_retried_after_a_preview_with_a_result_for_each(console, shop, page):
    works, declines = shop.failed(amount=1100), None
    other = Shop(shop.payment_context, shop.base_url)
    declines = other.failed(amount=2200)
    other.decline(other.card, "insufficient_funds")
    days_pass(console, [works.id, declines.id])
    console.open(page, "support", "/recovery")
    page.get_by_role("button", name="Retry all that are due (2)").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Charge $33.00 in 2 payments")).to_be_visible()
    dialog.get_by_role("button", name="Retry 2 payments").dblclick()
    expect(page.get_by_text("1 collected, $11.00; 1 declined again")).to_be_visible()
    assert (shop.charged(works.id), other.charged(declines.id)) == ([1100], [])
    assert (shop.tries(works.id), other.tries(declines.id)) == (2, 2)


def days_pass(console, intents):
    """As if they had been declined four days ago."""
    server = embedded.ensure_running(console.services.settings.data_dir)
    with psycopg.connect(server.owner_conninfo) as connection:
        connection.execute(
            "update payops.charges set created = created - interval '4 days' where payment_intent_id = any(%s)",
            (intents,),
        )


@pytest.mark.own_tab
def test_a_recovery_link_is_made_and_shown_to_be_passed_on_in_4_clicks(console, shop, page):
    case = shop.failed()
    clicks = found_by_order(console, page, case)
    open_first_row(page, "payment")
    page.get_by_role("button", name="Payment link").click()
    page.get_by_role("dialog").get_by_role("button", name="Create link").click()
    expect(page.get_by_text("Send it to the customer")).to_be_visible()
    expect(page.get_by_text(f"{shop.base_url}/checkout/")).to_be_visible()
    expect(page.get_by_text("Payment link created by support")).to_be_visible()
    assert clicks.made <= 4


def test_a_viewer_sees_the_reason_and_no_button(console, shop, page):
    case = shop.failed()
    opened(console, page, case, "finance")
    expect(page.get_by_text("of the 20 attempts that Visa allows")).to_be_visible()
    for name in ("Retry now", "Schedule", "Link to pay", "Stop trying"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
