"""Every page × every role × its direct address, and every address signed out."""

import pytest
from playwright.sync_api import expect

from core.staff.roles import PAGES, Right, Role, right
from core.ui import navigation
from tests.browser.conftest import TEST_ADDRESSES

DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
REFUSED = "not available to your role"
NOT_FOUND = "Page not found"


@pytest.fixture(scope="module")
def addresses(checkout):
    """Those of all pages that the console under test has."""
    found = {path.stem.replace("_", "-") for path in (checkout / "pages").rglob("*.py")}
    return sorted(found - TEST_ADDRESSES)


def test_every_page_has_its_place_in_the_sidebar_and_its_row_in_the_table_of_roles(addresses):
    known = [entry.address for entry in navigation.ENTRIES]
    assert sorted(known) == sorted(PAGES)
    assert set(addresses) <= set(known)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_its_pages_by_their_addresses_and_no_other_on_a_process_nobody_visited(
    fresh_console, page, context, addresses, role
):
    """Signed in since before that process started: its very first visit is a bookmark of the last page."""
    fresh_console.give_cookie(context, str(role))
    may = {address for address in addresses if right(role, address) > Right.NONE}
    for address in reversed(addresses):
        page.goto(f"{fresh_console.base}/{address}")
        expect(page.get_by_text(f"Signed in as {role}"), address).to_be_visible()
        expect(page.locator(DONE), address).to_be_visible()
        expect(page.get_by_text(NOT_FOUND), address).to_have_count(0)
        expect(page.get_by_text(REFUSED), address).to_have_count(0 if address in may else 1)
        if address not in may:
            main = page.get_by_test_id("stMain")
            expect(main.locator("[data-testid=stDataFrame], [data-testid=stMetric], button")).to_have_count(0)
        assert page.url.partition("?")[0] == f"{fresh_console.base}/{address}"
    listed = {link.get_attribute("href").rpartition("/")[2] for link in page.get_by_test_id("stSidebarNavLink").all()}
    assert listed - TEST_ADDRESSES == may


@pytest.mark.timeout(180)
def test_signed_out_every_address_asks_who_is_there_and_shows_nothing_else(console, page, addresses):
    for address in [*reversed(addresses), "", "no-such-page", "home"]:
        page.goto(f"{console.base}/{address}")
        expect(page.get_by_role("button", name="Login"), address).to_be_visible()
        expect(page.get_by_test_id("stSidebarNavLink"), address).to_have_count(0)
        expect(page.locator("[data-testid=stDataFrame], [data-testid=stMetric]"), address).to_have_count(0)
