"""Refunds by those who may make them: once however often it is clicked, and above the limit by two people."""

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.clicks import Clicks, enter
from tests.browser.conftest import at_rest
from tests.payments.conftest import pay


@pytest.fixture
def payment_context(console):
    return console.services.payment_context


def at_stripe(payment_context, intent):
    return [refund["amount"] for refund in payment_context.stripe.each("refunds", payment_intent=intent["id"])]


def ask_for_refund(page, intent, *, of=None, why="the visit did not take place", found_by=None):
    """The dialog, filled in and not sent."""
    find = page.get_by_role("textbox", name="Refund a payment")
    enter(find, found_by or intent["id"])
    find.press("Enter")  # the dialog opens at once where one payment is found
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("can be refunded")).to_be_visible()
    if of is not None:
        dialog.get_by_text("a part", exact=True).click()
        enter(dialog.get_by_role("textbox", name="Amount"), of)
        dialog.get_by_role("textbox", name="Amount").press("Enter")
        expect(dialog.get_by_role("button", name=f"${of}")).to_be_visible()
    enter(dialog.get_by_role("textbox", name="Reason for the audit log"), why)
    at_rest(page)
    return dialog


@pytest.mark.own_tab
def test_a_partial_refund_takes_5_clicks_and_a_second_click_makes_no_second_refund(console, payment_context, page):
    order = f"order-of-a-part-{uuid.uuid4().hex[:8]}"  # a second try has made a payment already
    intent = pay(payment_context, 4900, metadata={"orderId": order})
    console.open(page, "finance", "/refunds")
    clicks = Clicks(page)
    dialog = ask_for_refund(page, intent, of="10.00", found_by=order)
    expect(dialog.get_by_text("$39.00 can still be refunded afterwards")).to_be_visible()
    dialog.get_by_role("button", name="Refund $10.00").dblclick()
    expect(page.get_by_text("$10.00 is refunded to the customer")).to_be_visible()
    expect(dialog).to_have_count(0)
    assert clicks.made <= 5
    assert at_stripe(payment_context, intent) == [1000]


@pytest.mark.timeout(240)
def test_a_stale_second_tab_makes_no_second_refund(console, payment_context, page, context):
    intent = pay(payment_context, 4900)
    console.open(page, "finance", "/refunds")
    second = context.new_page()
    second.goto(f"{console.base}/refunds")
    dialogs = [ask_for_refund(tab, intent, of="10.00") for tab in (page, second)]
    for dialog in dialogs:
        dialog.get_by_role("button", name="Refund $10.00").click()
        expect(dialogs[0]).to_have_count(0)
    expect(dialogs[1].get_by_text("refunded in the meantime: $39.00 is left")).to_be_visible()
    assert at_stripe(payment_context, intent) == [1000]


@pytest.mark.timeout(180)
def test_above_the_limit_support_asks_and_finance_approves(console, payment_context, page, elsewhere):
    intent = pay(payment_context, 45_000)
    console.open(page, "support", "/refunds")
    dialog = ask_for_refund(page, intent)
    expect(dialog.get_by_text("needs approval")).to_be_visible()
    dialog.get_by_role("button", name="Request a refund of $450.00").click()
    expect(page.get_by_text("Finance or an admin has to approve it")).to_be_visible()
    expect(page.get_by_text("Somebody else has to decide")).to_be_visible()
    expect(page.get_by_role("button", name="Decide")).to_have_count(0)
    assert at_stripe(payment_context, intent) == []
    other = elsewhere.new_page()
    console.open(other, "finance", "/refunds")
    expect(other.get_by_role("heading", name="1 refund is awaiting approval")).to_be_visible()
    clicks = Clicks(other)
    other.get_by_role("button", name="Decide").click()
    other.get_by_role("dialog").get_by_role("button", name="Approve $450.00").click()
    expect(other.get_by_text("$450.00 is refunded to the customer")).to_be_visible()
    assert clicks.made <= 2
    assert at_stripe(payment_context, intent) == [45_000]


def test_a_viewer_gets_no_refund_button(console, payment_context, page):
    console.open(page, "ops", "/refunds")
    expect(page.get_by_role("heading", name="Refunds", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    expect(page.get_by_role("button", name="Refund", exact=True)).to_have_count(0)


def test_no_refund_is_made_beside_an_amount_that_is_too_large(console, payment_context, page):
    intent = pay(payment_context, 11_900)
    console.open(page, "finance", "/refunds")
    dialog = ask_for_refund(page, intent)
    dialog.get_by_text("a part", exact=True).click()
    expect(dialog.get_by_role("button", name="Refund", exact=True)).to_be_disabled()
    amount = dialog.get_by_role("textbox", name="Amount")
    for typed, problem in (("500", "Only $119.00 is left"), ("12,50", "Enter an amount"), ("0", "above zero")):
        amount.fill(typed)
        amount.press("Enter")
        expect(dialog.get_by_text(problem)).to_be_visible()
        expect(dialog.get_by_role("button", name="Refund", exact=True)).to_be_disabled()
    amount.fill("11.90")
    amount.press("Enter")
    dialog.get_by_role("button", name="Refund $11.90").click()
    expect(page.get_by_text("$11.90 is refunded to the customer")).to_be_visible()
    assert at_stripe(payment_context, intent) == [1190]
