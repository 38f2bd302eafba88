"""Ops sign off the daily checks; an admin pauses refunds, and staff see the reason within seconds."""

import psycopg
import pytest
from playwright.sync_api import expect

from core.db import embedded
from core.staff import flags
from core.staff.flags import Flow
from core.staff.roles import Actor, Role

AT_REST = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@pytest.fixture
def nothing_signed(console):
    data_dir = console.services.settings.data_dir
    with psycopg.connect(embedded.ensure_running(data_dir).owner_conninfo, autocommit=True) as owner:
        owner.execute("delete from payops.review_signatures; delete from payops.review_comments")


def test_ops_do_the_daily_checks_from_start_to_sign_off(console, nothing_signed, page):
    console.open(page, "ops", "/daily-checks")
    expect(page.get_by_text("0 of 3 checks signed off").first).to_be_visible()
    page.get_by_placeholder("Comment").first.fill("Looked at the failures, nothing new.")
    page.get_by_role("button", name="Comment").first.click()
    expect(page.get_by_text("Looked at the failures, nothing new.").first).to_be_visible()
    for left in ("2 checks left", "1 check left", "That was the last one"):
        expect(page.locator(AT_REST)).to_be_visible()  # a click while the page is drawn anew goes nowhere
        page.get_by_role("button", name="Sign off").first.click()
        expect(page.get_by_text(left).first).to_be_visible()
    expect(page.get_by_text("All checks are signed off.").first).to_be_visible()
    expect(page.get_by_text("Signed off by ops")).to_have_count(3)


def test_support_sees_within_seconds_why_refunds_are_off(console, page):
    console.open(page, "support", "/refunds?payment=pi_1")
    button = page.get_by_role("button", name="Refund", exact=True)
    expect(button).to_be_enabled()
    admin, now = Actor("staff:admin", Role.ADMIN), console.services.clock()
    flags.switch(
        console.services.db, admin, Flow.REFUNDS, open=False, sentence="Soon.", reason="the bank is away", now=now
    )
    try:
        expect(page.get_by_text("Refunds: paused by admin. the bank is away")).to_be_visible(timeout=5_000)
        expect(button).to_be_disabled(timeout=5_000)
    finally:
        flags.switch(console.services.db, admin, Flow.REFUNDS, open=True, sentence="", reason="back", now=now)
    expect(button).to_be_enabled()
