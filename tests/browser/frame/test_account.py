"""A user's own account: changing the password, and signing out of every browser at once."""

from playwright.sync_api import expect

from core.periods import wall_clock
from core.staff import users
from core.staff.roles import SYSTEM, Role

OLD, NEW = "a tram full of lemons", "another tram of limes"


def add(console, name, role=Role.OPS):
    users.add(
        console.services.db, SYSTEM, name, role, f"{name}@example.com", OLD, wall_clock(), must_change_password=False
    )
    console.passwords[name] = OLD


def ask(page, what):
    page.get_by_role("button", name="Account").click()
    page.get_by_role("menuitem", name=what, exact=True).click()
    return page.get_by_role("dialog")


def test_changing_ones_password_signs_out_everywhere_and_voids_the_old_one(console, page, elsewhere):
    add(console, "petra")
    other = elsewhere.new_page()
    console.open(other, "petra")
    console.open(page, "petra")
    dialog = ask(page, "Change password")
    for typed, said in ((OLD, "This is your current password."), ("password1234", "easy to guess"), (NEW, "")):
        dialog.get_by_role("textbox", name="New password").fill(typed)
        dialog.get_by_role("textbox", name="Once more").fill(typed)
        dialog.get_by_role("button", name="Change password").click()
        if said:
            expect(dialog.get_by_text(said)).to_be_visible()
    expect(page.get_by_text("Your password was changed, and you are signed out everywhere.")).to_be_visible()
    other.get_by_text("all", exact=True).click()
    expect(other.get_by_role("button", name="Login")).to_be_visible()
    console.fill_in(page, "petra", OLD)
    expect(page.get_by_text("The username or the password is not right.")).to_be_visible()
    console.fill_in(page, "petra", NEW)
    expect(page.get_by_text("Signed in as petra")).to_be_visible()


def test_sign_out_elsewhere_ends_other_sessions_and_everywhere_ends_all(console, page, elsewhere):
    other = elsewhere.new_page()
    add(console, "quinn")
    console.open(other, "quinn")
    console.open(page, "quinn")
    dialog = ask(page, "Sign out everywhere else")
    dialog.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("You were signed out of 1 other browser.")).to_be_visible()
    other.get_by_text("all", exact=True).click()
    expect(other.get_by_role("button", name="Login")).to_be_visible()
    console.open(other, "quinn")
    ask(page, "Sign out everywhere").get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_text("You are signed out everywhere.")).to_be_visible()
    other.reload()
    expect(other.get_by_role("button", name="Login")).to_be_visible()


def test_a_dialog_left_open_does_nothing_for_somebody_who_was_signed_out_meanwhile(console, page):
    add(console, "rosa", Role.ADMIN)
    console.open(page, "rosa", "/users")
    page.get_by_role("button", name="Add user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("intruder")
    dialog.get_by_role("textbox", name="E-mail").fill("intruder@example.com")
    users.disable(console.services.db, SYSTEM, "rosa", wall_clock())
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("button", name="Login")).to_be_visible()
    expect(dialog).to_have_count(0)
    assert "intruder" not in {user["name"] for user in users.everybody(console.services.db, SYSTEM)}


def test_a_live_panel_ends_once_its_viewer_loses_access(console, page):
    add(console, "sven", Role.SUPPORT)
    console.open(page, "sven", "/assignments")
    expect(page.get_by_role("heading", name="Assignments")).to_be_visible()
    users.set_role(console.services.db, SYSTEM, "sven", Role.FINANCE, wall_clock())
    expect(page.get_by_text("not available to your role (finance)")).to_be_visible()
    users.disable(console.services.db, SYSTEM, "sven", wall_clock())
    page.goto(console.base + "/overview")
    expect(page.get_by_role("button", name="Login")).to_be_visible()
