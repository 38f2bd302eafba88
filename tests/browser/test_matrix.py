"""Every page × every role × its direct address, and every address signed out."""

import pytest
from playwright.sync_api import expect

from core.staff.roles import Right, Role, right
from core.ui import navigation

DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
REFUSED = "not available to your role"


@pytest.fixture(scope="module")
def addresses(checkout):
    """Those of the pages that the console under test has."""
    pages = {path.stem.replace("_", "-") for path in (checkout / "pages").rglob("*.py")}
    return [entry.address for entry in navigation.ENTRIES if entry.address in pages]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_its_pages_by_their_addresses_and_no_other(console, page, addresses, role):
    console.sign_in(page, str(role))
    listed = page.get_by_test_id("stSidebarNavLink")
    shown = {link.get_attribute("href").rpartition("/")[2] for link in listed.all()}
    may = {address for address in addresses if right(role, address) > Right.NONE}
    assert shown == may
    for address in addresses:
        page.goto(f"{console.base}/{address}")
        refusal = page.get_by_text(REFUSED)
        if address in may:
            expect(page.get_by_text(f"Signed in as {role}")).to_be_visible()
            expect(page.locator(DONE)).to_be_visible()
            expect(refusal).to_have_count(0)
        else:
            expect(refusal).to_be_visible()
            assert page.get_by_test_id("stDataFrame").count() == 0


def test_signed_out_every_address_asks_who_is_there(console, page, addresses):
    for address in ["", *addresses, "no-such-page", "home"]:
        page.goto(f"{console.base}/{address}")
        expect(page.get_by_role("button", name="Login")).to_be_visible()
        expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)
