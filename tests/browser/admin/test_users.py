"""The page of the staff: who may sign in, as whom, and where."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from core.periods import wall_clock
from core.staff import audit, users
from core.staff.roles import SYSTEM, Role
from tests.browser.conftest import at_rest

PASSWORD = "a tram full of lemons"


def chosen(console, page, name, sign_in="admin"):
    """The account of this user, open on the page."""
    if sign_in:
        console.open(page, sign_in, f"/users?user={name}")
    account = page.locator(".st-key-chosen")
    expect(account.get_by_role("heading", name=name)).to_be_visible()
    return account


def change(page, account, button):
    at_rest(page)  # a click while the page is drawn anew goes nowhere
    account.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    at_rest(page)
    return dialog


def test_an_admin_adds_somebody_who_signs_in_and_chooses_a_password(console, page, elsewhere):
    console.open(page, "admin", "/users")
    page.get_by_test_id("stDataFrame").hover()  # its tools lie over no button
    page.get_by_role("button", name="Add user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("carla")
    dialog.get_by_role("textbox", name="E-mail").fill("carla@example.com")
    dialog.get_by_text("Support", exact=True).click()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("carla was added with the role support.")).to_be_visible()
    password = page.locator(".st-key-temporary-password").get_by_test_id("stCode").inner_text().strip()
    page.reload()
    expect(page.get_by_role("heading", name="Users")).to_be_visible()
    expect(page.get_by_text(password)).to_have_count(0)
    her_page = elsewhere.new_page()
    her_page.goto(console.base + "/errors")
    console.fill_in(her_page, "carla", password)
    expect(her_page.get_by_text("Choose a password of your own")).to_be_visible()


@pytest.mark.timeout(240)
def test_an_admin_changes_a_role_ends_sessions_resets_and_disables(console, page, elsewhere):
    begun = wall_clock()
    users.add(
        console.services.db,
        SYSTEM,
        "dora",
        Role.OPS,
        "dora@example.com",
        PASSWORD,
        wall_clock(),
        must_change_password=False,
    )
    console.passwords["dora"] = PASSWORD
    her_page = elsewhere.new_page()
    console.sign_in(her_page, "dora")

    account = chosen(console, page, "dora")
    dialog = change(page, account, "Change role")
    dialog.get_by_text("Finance", exact=True).click()
    dialog.get_by_role("textbox", name="Reason").fill("She closes the month.")
    dialog.get_by_role("button", name="Change role").click()
    expect(page.get_by_text("dora now has the role finance")).to_be_visible()
    at_rest(her_page)
    her_page.get_by_role("radiogroup").get_by_text("all", exact=True).click()
    expect(her_page.get_by_text("Signed in as dora (finance)")).to_be_visible()

    expect(account.get_by_text("Chrome on Linux")).to_be_visible()
    at_rest(page)
    account.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_text("dora was signed out there.")).to_be_visible()
    at_rest(her_page)
    her_page.get_by_role("radiogroup").get_by_text("open", exact=True).click()
    expect(her_page.get_by_role("button", name="Login")).to_be_visible()

    dialog = change(page, account, "Reset password")
    dialog.get_by_role("button", name="Reset password").click()
    expect(dialog.get_by_text("Enter a reason for the audit log.")).to_be_visible()
    dialog.get_by_role("textbox", name="Reason").fill("She forgot it.")
    dialog.get_by_role("button", name="Reset password").click()
    made_up = page.locator(".st-key-temporary-password").get_by_test_id("stCode")
    expect(made_up).to_be_visible()
    console.fill_in(her_page, "dora", made_up.inner_text().strip())
    expect(her_page.get_by_text("Choose a password of your own")).to_be_visible()

    change(page, account, "Disable").get_by_role("button", name="Disable").click()
    expect(page.get_by_text("can no longer sign in.")).to_be_visible()
    expect(account.get_by_text("Disabled")).to_be_visible()
    sought = audit.EntryFilter(begun, wall_clock(), actor="staff:admin", subject="user:dora")
    done = audit.entries(console.services.db, SYSTEM, sought).entries
    assert [entry["action"].split(":")[2] for entry in reversed(done)] == [
        "role-set",
        "revoked",
        "password-set",
        "disabled",
    ]
    assert done[1]["reason"] == "She forgot it."
    assert done[-1]["reason"] == "She closes the month."


def test_a_locked_out_user_is_shown_as_locked(console, page):
    users.add(console.services.db, SYSTEM, "lena", Role.OPS, "lena@example.com", PASSWORD, wall_clock())
    for _ in range(10):
        console.services.db.call("begin_sign_in", name="lena", address="192.0.2.1", now=wall_clock())
    expect(chosen(console, page, "lena").get_by_text("Locked on new devices")).to_be_visible()


def test_the_last_admin_cannot_lock_everyone_out(console, page):
    account = chosen(console, page, "admin")
    dialog = change(page, account, "Disable")
    dialog.get_by_role("button", name="Disable").click()
    expect(dialog.get_by_text("This is the last active admin.")).to_be_visible()
    now = wall_clock()
    sought = audit.EntryFilter(
        now - timedelta(minutes=5), now, actor="staff:admin", subject="page:users", outcome="refused"
    )
    refused = audit.entries(console.services.db, SYSTEM, sought).entries[0]
    assert refused["action"] == "console:action:tried"
    assert refused["after"] == {"action": "disable", "code": "last_admin"}
