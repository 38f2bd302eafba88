"""Signing in with a second factor, from setting it up to losing the phone."""

import psycopg
import pyotp
from playwright.sync_api import expect

from core.db import embedded
from core.periods import wall_clock
from core.staff import users
from core.staff.roles import SYSTEM, Role
from core.ui.kit import actions

PASSWORD = "a tram full of lemons"


def test_a_second_factor_is_set_up_asked_for_and_replaced_by_a_recovery_code(console, page, elsewhere):
    users.add(
        console.services.db,
        SYSTEM,
        "fiona",
        Role.FINANCE,
        "fiona@example.com",
        PASSWORD,
        wall_clock(),
        must_change_password=False,
    )
    console.passwords["fiona"] = PASSWORD
    console.open(page, "fiona")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("menuitem", name="Set up second factor").click()
    page.get_by_role("dialog").get_by_role("button", name="Continue").click()
    picture = page.get_by_alt_text("QR code for the authenticator app")
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 100
    key = page.get_by_test_id("stCode").first.inner_text().replace(" ", "").strip()
    page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(key).now())
    page.get_by_role("button", name="Set up", exact=True).click()
    expect(page.get_by_text("Save these recovery codes")).to_be_visible()
    codes = page.get_by_test_id("stCode").inner_text().split()
    assert len(codes) == 10
    page.get_by_role("button", name="I have saved them").click()
    expect(page.get_by_role("heading", name="Errors")).to_be_visible()

    phone_lost = elsewhere.new_page()
    phone_lost.goto(console.base + "/audit-log")
    with phone_lost.expect_response("**/auth/session"):  # it brings the cookie
        console.fill_in(phone_lost, "fiona")
    expect(phone_lost.get_by_text("One more step")).to_be_visible()
    for address in ("/errors", "/audit-log"):  # the cookie of a sign-in that is not complete opens nothing
        phone_lost.goto(console.base + address)
        expect(phone_lost.get_by_text("One more step")).to_be_visible()
    phone_lost.get_by_role("textbox", name="Code").fill("000000")
    phone_lost.get_by_role("button", name="Continue").click()
    expect(phone_lost.get_by_text("This code is not right.")).to_be_visible()
    phone_lost.get_by_role("textbox", name="Code").fill(codes[0])
    phone_lost.get_by_role("button", name="Continue").click()
    expect(phone_lost.get_by_role("heading", name="Audit log")).to_be_visible()


def test_money_actions_ask_for_confirmation_again_after_fifteen_minutes(console, page):
    console.open(page, "admin", "/strange-texts")
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Money").click()
    expect(dialog.get_by_role("button", name="Move it")).to_be_visible()
    expect(dialog.get_by_label("Your password")).to_have_count(0)
    dialog.get_by_role("button", name="Move it").click()
    expect(page.get_by_text("staff:admin moved it.")).to_be_visible()

    server = embedded.ensure_running(console.services.settings.data_dir)
    with psycopg.connect(server.owner_conninfo) as owner:
        owner.execute("update payops.staff_sessions set confirmed_at = confirmed_at - interval '16 minutes'")
    page.wait_for_timeout(1_000 * actions.DOUBLE_CLICK_SECONDS)  # the same once more at once would be a double click
    page.get_by_role("button", name="Money").click()
    password = dialog.get_by_role("textbox", name="Your password")
    password.fill("not the password")
    dialog.get_by_role("button", name="Move it").click()
    expect(dialog.get_by_text("The password is not right.")).to_be_visible()
    password.fill(console.passwords["admin"])
    dialog.get_by_role("button", name="Move it").click()
    expect(page.get_by_text("staff:admin moved it.")).to_be_visible()
