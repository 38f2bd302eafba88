"""The page of the staff: who may sign in, as whom, and where."""

import re
from datetime import timedelta

from playwright.sync_api import expect

from core.periods import wall_clock
from core.staff import audit, users
from core.staff.roles import SYSTEM, Role

PASSWORD = "a tram full of lemons"


def manage(page, name):
    page.locator(f".st-key-user-{name}").get_by_role("button", name="Manage").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name=name)).to_be_visible()
    return dialog


def test_an_admin_adds_somebody_who_signs_in_and_chooses_a_password(console, page, browser):
    console.sign_in(page, "admin", "/users")
    page.get_by_role("button", name="Add somebody").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("carla")
    dialog.get_by_role("textbox", name="E-mail").fill("carla@example.com")
    dialog.get_by_role("button", name="Add", exact=True).click()
    said = page.get_by_text("The first password is")
    expect(said).to_be_visible()
    password = re.search(r"password is (\S+)", said.inner_text())[1]
    expect(page.get_by_text("carla@⁠example.com")).to_be_visible()
    theirs = browser.new_context()
    her_page = theirs.new_page()
    her_page.goto(console.base + "/errors")
    console.fill_in(her_page, "carla", password)
    expect(her_page.get_by_text("Choose a password of your own")).to_be_visible()
    theirs.close()


def test_an_admin_changes_a_role_ends_sessions_and_disables(console, page, browser):
    users.add(
        console.services.db, SYSTEM, "dora", Role.OPS, "dora@example.com", PASSWORD, wall_clock(),
        must_change_password=False,
    )  # fmt: skip
    console.passwords["dora"] = PASSWORD
    theirs = browser.new_context()
    her_page = theirs.new_page()
    console.sign_in(her_page, "dora")
    console.sign_in(page, "admin", "/users")

    dialog = manage(page, "dora")
    dialog.get_by_role("combobox").click()
    page.get_by_role("option", name="finance").click()
    dialog.get_by_role("button", name="Set role").click()
    expect(page.get_by_text("dora has the role finance")).to_be_visible()
    her_page.get_by_text("all", exact=True).click()
    expect(her_page.get_by_text("Signed in as dora (finance)")).to_be_visible()

    dialog = manage(page, "dora")
    expect(dialog.get_by_text("Chrome on Linux")).to_be_visible()
    dialog.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_text("That session of dora is over.")).to_be_visible()
    her_page.get_by_text("open", exact=True).click()
    expect(her_page.get_by_role("button", name="Login")).to_be_visible()

    manage(page, "dora").get_by_role("button", name="Disable").click()
    expect(page.get_by_text("can sign in no more")).to_be_visible()
    expect(page.get_by_text("dora@⁠example.com")).to_have_count(0)
    theirs.close()


def test_the_last_admin_cannot_lock_everyone_out(console, page):
    console.sign_in(page, "admin", "/users")
    dialog = manage(page, "admin")
    dialog.get_by_role("button", name="Disable").click()
    expect(dialog.get_by_text("This is the last active admin.")).to_be_visible()
    now = wall_clock()
    sought = audit.Sought(
        now - timedelta(minutes=5), now, actor="staff:admin", subject="page:users", outcome="refused"
    )
    refused = audit.entries(console.services.db, SYSTEM, sought).entries[0]
    assert refused["action"] == "console:action:tried"
    assert refused["after"] == {"action": "disable", "code": "last_admin"}
