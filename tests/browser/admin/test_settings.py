"""An admin pauses a flow: every process follows, customers get the sentence, and the audit log says who did it."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.events import webhook_counters
from core.services import api_tokens
from core.staff import flag_plans, flags
from core.staff.flags import Flow
from core.staff.roles import SYSTEM
from tests.api.test_webhooks import Api

SENTENCE = "We are closed for an hour."


@pytest.fixture
def api(console):
    process = Api(Path(console.services.settings.data_dir))
    process.start()
    yield process
    process.kill()


def switch(page, flow, label):
    row = page.locator(f".st-key-flow-{flow}")
    row.get_by_role("button", name=label).click()
    return page.get_by_role("dialog")


def said_to_a_discount(console, api):
    """What the API process answers to somebody who asks for the discount of a code."""
    token = api_tokens(console.services.settings)[0]
    body = {"code": "NONE", "amount": 1000, "currency": "usd"}
    answer = api.http.post("/api/payments/validate-discount", json=body, headers={"Authorization": f"Bearer {token}"})
    return answer.json().get("detail")


def wait_until(true, seconds=30):
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert true()


def test_a_paused_flow_is_paused_in_every_process_until_it_is_resumed(console, api, page):
    assert said_to_a_discount(console, api) != SENTENCE
    console.open(page, "admin", "/settings")
    expect(page.get_by_role("heading", name="Nothing is paused")).to_be_visible()
    row = page.locator(f".st-key-flow-{Flow.REFUNDS}")
    expect(row).to_contain_text("Refunds: refunding, approving")
    dialog = switch(page, Flow.DISCOUNTS, "Pause discounts")
    expect(dialog).to_contain_text("payment API: validate-discount")
    dialog.get_by_role("combobox", name="Resumes").click()
    page.get_by_role("option", name="In 4 hours").click()
    dialog.get_by_role("textbox", name="Sentence for customers").fill(SENTENCE)
    dialog.get_by_role("button", name="Pause discounts").click()
    expect(dialog.get_by_text("Enter a reason for the audit log.")).to_be_visible()
    dialog.get_by_role("textbox", name="Reason").fill("a wrong code is going round")
    dialog.get_by_role("button", name="Pause discounts").click()
    expect(page.get_by_role("heading", name="Paused: discounts")).to_be_visible()
    expect(page.get_by_text("It resumes by itself")).to_be_visible()
    (planned,) = flag_plans.read(console.services.db)["plans"]
    assert (planned["flow"], planned["open"]) == ("discounts", True)
    row = page.locator(f".st-key-flow-{Flow.DISCOUNTS}")
    expect(row).to_contain_text("Paused by admin")
    expect(row).to_contain_text("a wrong code is going round")
    expect(row).to_contain_text(SENTENCE)
    wait_until(lambda: said_to_a_discount(console, api) == SENTENCE)
    dialog = switch(page, Flow.DISCOUNTS, "Resume discounts")
    dialog.get_by_role("textbox", name="Reason").fill("the code is gone")
    dialog.get_by_role("button", name="Resume discounts").click()
    expect(page.get_by_role("heading", name="Nothing is paused")).to_be_visible()
    wait_until(lambda: said_to_a_discount(console, api) != SENTENCE)
    flag_plans.withdraw(console.services.db, SYSTEM, planned["id"], console.services.clock())
    assert flags.read(console.services.db)[Flow.DISCOUNTS].reason == "the code is gone"


def test_it_is_shown_which_webhook_secrets_are_used_and_which_can_go(console, page):
    secret = console.services.webhook_secrets[0]
    now = console.services.clock()
    use = {"fingerprint": webhook_counters.fingerprint(secret), "times": 3, "last_used_at": now}
    console.services.db.call("record_webhook_counters", rejections=[], verified=[use], now=now)
    console.open(page, "admin", "/settings")
    page.get_by_role("tab", name="Secrets").click()
    row = page.locator(".st-key-secret-1")
    expect(row).to_contain_text(webhook_counters.fingerprint(secret))
    expect(row).to_contain_text("In use")
    expect(page.locator("body")).not_to_contain_text(secret)
