"""Answering disputes: finance submits evidence, ops can only look; warned payments are refunded; text is escaped."""

import re
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import expect

from core.sandbox.process import ensure_running
from tests.browser.clicks import Clicks, enter
from tests.browser.conftest import NASTY, open_first_row
from tests.payments.conftest import pay


@pytest.fixture
def sandbox(console):
    with httpx.Client(base_url=ensure_running(console.services.settings.data_dir).base_url, timeout=60) as client:
        yield client


@pytest.fixture
def paid(console, sandbox):
    """A payment of $73.00, as the mirror shows it."""
    intent = pay(console.services.payment_context, 7300)
    return intent["latest_charge"]["id"], intent["id"]


@pytest.fixture
def dispute(console, sandbox, paid):
    opened = sandbox.post("/sandbox/disputes", json={"charge": paid[0], "reason": "product_not_received"})
    return console.services.payment_context.mirror(opened.raise_for_status().json())


def at_stripe(console, dispute):
    return console.services.stripe.retrieve(f"disputes/{dispute['id']}")


def open_page(console, page, name, dispute):
    console.open(page, name, f"/disputes?dispute={dispute['id']}")
    expect(page.get_by_role("heading", name="$73.00, service not received: needs a response")).to_be_visible()


@pytest.mark.own_tab
def test_a_dispute_is_answered_in_6_clicks_and_what_is_typed_is_in_the_evidence(console, dispute, page):
    console.open(page, "finance", "/disputes")
    clicks = Clicks(page)
    open_first_row(page, "dispute")
    expect(page.get_by_role("heading", name="$73.00, service not received: needs a response")).to_be_visible()
    summary = page.get_by_role("textbox", name="Summary")
    expect(summary).to_have_value(re.compile(r"The customer paid \$73\.00"))
    enter(summary, "The visit took place **as booked**.")
    page.get_by_role("button", name="Submit evidence").click()  # which leaves the field, and so saves it
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Banks accept evidence once")
    expect(dialog).to_contain_text("The visit took place **as booked**.")
    assert at_stripe(console, dispute)["evidence"]["uncategorized_text"] == "The visit took place **as booked**."
    submit = dialog.get_by_role("button", name="Submit to the bank")
    expect(submit).to_be_enabled()
    assert at_stripe(console, dispute)["status"] == "needs_response"
    submit.dblclick()
    expect(page.get_by_text("The evidence for $73.00 is with the bank.")).to_be_visible()
    assert clicks.made <= 6
    found = at_stripe(console, dispute)
    assert (found["status"], found["evidence_details"]["submission_count"]) == ("under_review", 1)
    expect(page.get_by_role("heading", name="with the bank")).to_be_visible()
    expect(page.get_by_role("button", name="Submit evidence")).to_have_count(0)


def test_a_file_is_attached_without_changing_the_saved_text(console, dispute, page):
    open_page(console, page, "finance", dispute)
    page.get_by_role("textbox", name="Summary").fill("As booked.")
    page.locator('input[type="file"]').set_input_files(
        {"name": "visit.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 a visit"}
    )
    attach = page.get_by_role("button", name="Attach").first  # the one drawn anew
    expect(attach).to_be_enabled()
    attach.click()
    expect(page.get_by_text("Proof of the service attached.")).to_be_visible()
    found = at_stripe(console, dispute)["evidence"]
    assert found["service_documentation"].startswith("file_") and found["uncategorized_text"] == "As booked."


def test_finance_accepts_a_dispute_with_a_reason(console, dispute, page):
    open_page(console, page, "finance", dispute)
    page.get_by_role("button", name="Accept dispute").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("$73.00 is lost for good")
    dialog.get_by_role("button", name="Accept dispute").click()
    expect(page.get_by_text("Enter a reason")).to_be_visible()
    why = dialog.get_by_role("textbox", name="Reason for accepting")
    why.fill("The visit did not take place.")
    why.press("Tab")
    dialog.get_by_role("button", name="Accept dispute").click()
    expect(page.get_by_text("The dispute over $73.00 is accepted.")).to_be_visible()
    assert at_stripe(console, dispute)["status"] == "lost"


def test_ops_sees_the_dispute_and_cannot_act(console, dispute, page):
    open_page(console, page, "ops", dispute)
    expect(page.get_by_text("Show that the service was provided")).to_be_visible()
    expect(page.get_by_text("Finance and admins answer disputes.")).to_be_visible()
    for action in ("Submit evidence", "Accept dispute", "Set a limit"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    page.get_by_role("button", name="All disputes").click()
    expect(page.get_by_role("heading", name="a response").first).to_be_visible()
    for action in ("Set a limit", "Save"):
        expect(page.get_by_role("button", name=action, exact=True)).to_have_count(0)


def test_support_refunds_a_payment_reported_as_fraud(console, sandbox, paid, page):
    charge, payment = paid
    told = sandbox.post("/sandbox/early_fraud_warnings", json={"charge": charge}).raise_for_status().json()
    console.services.payment_context.mirror(told)
    console.sign_in(page, "support", f"/disputes?show=fraud+warnings&warning={told['id']}")
    expect(page.get_by_text("$73.00 is refunded")).to_be_visible()
    page.get_by_role("button", name="Refund now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="Reason for Stripe")).to_have_value(re.compile("Fraud"))
    why = dialog.get_by_role("textbox", name="Reason for the audit log")
    why.fill("The issuer reports it.")
    why.press("Tab")
    dialog.get_by_role("button", name="Refund $73.00").click()
    expect(page.get_by_text("$73.00 is refunded to the customer")).to_be_visible()
    (refund,) = console.services.stripe.each("refunds", payment_intent=payment)
    assert (refund["amount"], refund["reason"]) == (7300, "fraudulent")


@pytest.mark.own_tab
def test_text_of_a_dispute_is_escaped(console, sandbox, paid, page):
    moment = datetime.now(UTC).isoformat()
    nasty = {"reason": NASTY[0], "network_reason_code": NASTY[3], "card_brand": NASTY[6]}
    row = nasty | {
        "id": "dp_nasty",
        "livemode": False,
        "created": moment,
        "as_of": moment,
        "state_rank": 0,
        "event_id": "fetch",
        "charge_id": paid[0],
        "payment_intent_id": paid[1],
        "amount_minor": 7300,
        "currency": "usd",
        "status": "needs_response",
        "has_evidence": False,
        "submission_count": 0,
    }
    console.services.db.call("load_records", records={"disputes": [row]})
    alerts = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    console.open(page, "ops", "/disputes?dispute=dp_nasty")
    expect(page.get_by_text("Finance and admins answer disputes.")).to_be_visible()
    for text in (NASTY[6], NASTY[3], "onerror=alert(1)"):
        expect(page.get_by_test_id("stMain")).to_contain_text(text, use_inner_text=True)
    assert page.locator("[data-testid=stMain] :is(img[src=x], a[href^=javascript])").count() == 0
    page.goto(f"{console.base}/disputes?dispute=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    expect(page.get_by_text("There is no dispute <img src=x onerror=alert(1)>.")).to_be_visible()
    page.goto(f"{console.base}/disputes")
    expect(page.get_by_text("Which disputes do we win?")).to_be_visible()
    assert not alerts
