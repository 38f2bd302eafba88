"""Finding and reading payments, from the sandbox's checkout page to the row; and injected text in them."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from core.payments import payment_life
from core.sandbox.process import ensure_running
from core.services import api_tokens
from core.staff import audit
from core.staff.roles import SYSTEM, Actor, Role
from tests.api.test_webhooks import Api
from tests.browser.conftest import ALIVE, NASTY, downloaded
from tests.payments.test_payments import charge_row, row

ORDER = "order-of-the-checkout-test"


@pytest.fixture
def api(console):
    """The API process, to which the sandbox sends its events."""
    process = Api(Path(console.services.settings.data_dir))
    process.start()
    yield process
    process.kill()


@pytest.fixture
def sandbox(console, api):
    base = ensure_running(console.services.settings.data_dir).base_url
    with httpx.Client(base_url=base, timeout=60) as client:
        client.post(
            "/sandbox/webhooks", json={"url": f"http://127.0.0.1:{api.port}/api/webhooks/stripe"}
        ).raise_for_status()
        yield client


@pytest.fixture
def checkout_page(console, api, sandbox):
    """The address at which a customer pays for a visit of $79.00, made by our payment API."""
    stripe = console.services.stripe
    product = stripe.write("products", key="checkout-test-product", name="Visit")
    price = stripe.write("prices", key="checkout-test-price", product=product["id"], unit_amount=7900, currency="usd")
    asked = {
        "cartItems": [{"stripePriceId": price["id"], "quantity": 1}],
        "customerInfo": {"email": "pat.checkout@example.com", "patientId": "patient-of-the-checkout-test"},
        "options": {
            "success_url": "http://localhost:9/done",
            "cancel_url": "http://localhost:9/cart",
            "orderId": ORDER,
        },
    }
    token = api_tokens(console.services.settings)[0]
    made = api.http.post(
        "/api/payments/create-checkout-session", json=asked, headers={"authorization": f"Bearer {token}"}
    )
    return made.raise_for_status().json()["url"]


@pytest.mark.own_tab
def test_a_checkout_is_paid_on_the_sandboxs_page_and_the_payment_appears(console, sandbox, checkout_page, page):
    page.route("http://localhost:9/**", lambda route: route.fulfill(body="Thank you."))
    page.goto(checkout_page)
    page.get_by_label("Card number").fill("4000000000000002")
    page.get_by_role("button", name=re.compile("Pay")).click()
    expect(page.get_by_text("declined", exact=False).first).to_be_visible()
    page.get_by_label("Card number").fill("4242424242424242")
    page.get_by_role("button", name=re.compile("Pay")).click()
    expect(page.get_by_text("Thank you.")).to_be_visible()
    sandbox.post("/sandbox/webhooks/flush").raise_for_status()

    console.open(page, "support", f"/payments?find={ORDER}")
    expect(page.get_by_text("1 payment in all time: 1 succeeded, 0 failed; $79.00 collected.")).to_be_visible()
    choose_first_row(page)
    expect(page.get_by_role("heading", name="$79.00: Succeeded")).to_be_visible()
    story = page.locator(".payops-life")
    expect(story).to_contain_text("$79.00 on Visa •••• 0002 declined: Generic decline")
    expect(story).to_contain_text("$79.00 charged on Visa •••• 4242")
    expect(story).to_contain_text("Checkout complete, paid")
    expect(story).to_contain_text("payment_intent.succeeded")
    expect(page.get_by_role("button", name="Refund")).to_be_visible()


def test_support_finds_a_customer_by_an_e_mail_that_is_not_stored(console, sandbox, page):
    stripe, db = console.services.stripe, console.services.db
    made = stripe.write("customers", key="by-email-test", email="by.email@example.com")
    db.call("load_records", records={"payment_intents": [row(71, customer_id=made["id"])], "charges": [charge_row(71)]})
    console.open(page, "support", "/payments")
    page.get_by_role("button", name="By e-mail address").click()
    page.get_by_role("textbox", name="E-mail address").fill("by.email@example.com")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_text("1 customer has this address at Stripe.")).to_be_visible()
    expect(page.get_by_text("1 payment in all time")).to_be_visible()
    assert f"find={made['id']}" in page.url
    assert "by.email" not in page.url


def test_a_note_is_written_and_removed(console, page):
    console.services.db.call("load_records", records={"payment_intents": [row(72)], "charges": [charge_row(72)]})
    console.open(page, "ops", "/payments?payment=pi_72")
    note = page.get_by_role("textbox", name="A note for colleagues")
    note.fill("The patient was told about **the refund**.")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("The patient was told about **the refund**.").first).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Note removed.")).to_be_visible()
    expect(page.get_by_text("**the refund**")).to_have_count(0)
    expect(page.locator(".payops-life")).to_contain_text("removed by ops")
    expect(note).to_have_count(1)  # while the page is drawn anew, the old one stands below
    note.fill("Card 4242 4242 4242 4242")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("The note holds a card number.")).to_be_visible()


def test_a_role_that_may_not_refund_sees_no_refund_button(console, page):
    console.services.db.call("load_records", records={"payment_intents": [row(73)], "charges": [charge_row(73)]})
    console.open(page, "ops", "/payments?payment=pi_73")
    expect(page.get_by_role("heading", name="$49.00: Succeeded")).to_be_visible()
    expect(page.get_by_role("button", name="Refund")).to_have_count(0)


def test_search_results_are_exported_and_audited(console, page):
    db = console.services.db
    db.call("load_records", records={"payment_intents": [row(75), row(76)]})
    console.open(page, "finance", "/payments?find=pi_75")
    expect(page.get_by_text("1 payment in all time")).to_be_visible()
    file = downloaded(page, page.get_by_role("button", name="CSV", exact=True))
    lines = list(csv.DictReader(io.StringIO(Path(file.path()).read_text("utf-8-sig"))))
    assert [(line["Payment"], line["Amount"]) for line in lines] == [("pi_75", "49.00")]
    file = downloaded(page, page.get_by_role("button", name="XLSX", exact=True))
    assert file.suggested_filename == "payments.xlsx"
    now = console.services.clock()
    sought = audit.EntryFilter(now - timedelta(hours=1), now + timedelta(hours=1), subject="table:payments")
    taken = audit.entries(db, Actor("staff:x", Role.ADMIN), sought).entries
    assert [each["actor"] for each in taken[:2]] == ["staff:finance"] * 2


@pytest.fixture
def nasty(console):
    """A payment whose every text an attacker wrote."""
    db = console.services.db
    written = {"order_id": NASTY[0], "patient_id": NASTY[1], "customer_id": NASTY[2]}
    declined = {
        "status": "failed",
        "captured": False,
        "decline_code": NASTY[6],
        "card_brand": NASTY[3],
        "card_last4": "6666",
    }
    failed = {"status": "requires_payment_method", "error_code": NASTY[7], "error_decline_code": NASTY[8]}
    db.call(
        "load_records",
        records={
            "payment_intents": [row(74, **written, **failed)],
            "charges": [charge_row(74, **declined, amount_captured_minor=0)],
        },
    )
    for text in (NASTY[4], NASTY[9], NASTY[11]):
        if "@" not in text:  # addresses are not taken in notes
            payment_life.add_note(db, SYSTEM, "pi_74", text, datetime.now(UTC))
    return [*written.values(), NASTY[3], NASTY[6], NASTY[11]]


@pytest.mark.own_tab
def test_injected_text_is_escaped(console, nasty, page):
    alerts = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    console.open(page, "admin", "/payments?payment=pi_74")
    expect(page.locator(".payops-life")).to_contain_text("declined")
    said = " ".join(page.locator('[data-testid="stMain"]').inner_text().split())
    for text in nasty:
        assert " ".join(text.split()) in said, text
    main = page.get_by_test_id("stMain")
    assert main.locator(ALIVE).count() == 0
    for text in ["' or 1=1 --", NASTY[0], NASTY[6], NASTY[7]]:
        page.goto(f"{console.base}/payments?{httpx.QueryParams({'find': text})}")
        expect(
            page.get_by_text("No payments found in all time.").or_(page.get_by_text("1 payment in all time"))
        ).to_be_visible()
        assert main.locator(ALIVE).count() == 0
    assert not alerts
    assert not [url for url in asked if "evil" in url.partition("?")[0]]


def test_an_invalid_filter_explains_its_format(console, page):
    console.open(page, "ops", "/payments?amount=1e3")
    expect(page.get_by_text("Enter an amount such as 49 or 1,049.50.")).to_be_visible()
    page.goto(f"{console.base}/payments?last4=%3Cb%3E")
    expect(page.get_by_text("Enter the last four digits of the card.")).to_be_visible()
    page.goto(f"{console.base}/payments?status=nonsense&before=nonsense")
    expect(page.get_by_role("heading", name=re.compile("payment"), level=2)).to_be_visible()


def choose_first_row(page):
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 20, box["y"] + 52)  # the mark before the first row, under the headings
    page.wait_for_url("**/payments?*payment=pi_*")
