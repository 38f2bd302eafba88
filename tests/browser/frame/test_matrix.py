"""Every page × every role × its direct address, and every address signed out."""

import pytest
from playwright.sync_api import expect

from core.staff.roles import PAGES, Right, Role, right
from core.ui import navigation
from tests.browser.conftest import TEST_ADDRESSES
from tests.browser.sockets import seen_at

WHAT_PAGES_SHOW = {"dataframe", "metric", "button"}
REFUSED = "not available to your role"


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
def test_a_role_opens_its_pages_by_their_addresses_and_no_other_on_a_new_process(fresh_console, addresses, role):
    """Signed in since before that process started: its very first visit is a bookmark of the last page. Each later
    role finds a process that was shown only the pages of the roles before it.

    Over the socket that a tab speaks through; `test_injection` opens each page in a browser.
    """
    cookie = fresh_console.cookie(str(role))
    may = {address for address in addresses if right(role, address) > Right.NONE}
    shown: set[str] = set()
    for address in reversed(addresses):
        seen = seen_at(fresh_console.base, address, cookie)
        assert f"Signed in as {role} ({role})" in seen.texts, address
        assert "This page failed" not in seen.texts, address
        assert seen.found, address
        assert (REFUSED in seen.texts) == (address not in may), address
        if address in may:
            shown |= seen.in_main
        else:
            assert not seen.in_main & WHAT_PAGES_SHOW, address
    assert seen.links - TEST_ADDRESSES == may
    assert shown & WHAT_PAGES_SHOW >= {"metric", "button"}  # and a table, where there is something to list


@pytest.mark.timeout(180)
def test_signed_out_every_address_shows_only_the_sign_in_form(console, page, addresses):
    for address in [*reversed(addresses), "", "no-such-page", "home"]:
        page.goto(f"{console.base}/{address}")
        expect(page.get_by_role("button", name="Login"), address).to_be_visible()
        expect(page.get_by_test_id("stSidebarNavLink"), address).to_have_count(0)
        expect(page.locator("[data-testid=stDataFrame], [data-testid=stMetric]"), address).to_have_count(0)
