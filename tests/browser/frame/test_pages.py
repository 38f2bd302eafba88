"""Which pages a role gets to see, and what a page that fails says."""

import re
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

from core.db import embedded
from core.monitoring import incidents
from core.periods import wall_clock
from core.staff.roles import Right, Role, right
from core.ui import navigation
from tests.browser.conftest import at_rest


def test_the_start_address_leads_to_the_first_page(console, page):
    page.goto(console.base)
    console.fill_in(page, "finance")
    expect(page).to_have_url(re.compile("/(overview|errors)$"))
    expect(page.get_by_text("Page not found")).to_have_count(0)


def test_the_sidebar_has_the_pages_of_the_role_by_section_and_one_press_of_back_restores_the_page_before(console, page):
    console.open(page, "admin", "/refunds?period=7d")
    sidebar = page.get_by_test_id("stSidebarNav")
    expect(sidebar.get_by_role("link", name="Settings")).to_be_visible()
    expect(sidebar.get_by_text("Admin", exact=True)).to_be_visible()
    expect(sidebar.get_by_text("home", exact=True)).to_have_count(0)
    at_rest(page)
    sidebar.get_by_role("link", name="Disputes").click()
    page.wait_for_url("**/disputes*")
    at_rest(page)
    page.go_back()
    expect(page.get_by_text("refunded in these 7 days")).to_be_visible()
    expect(page).to_have_url(f"{console.base}/refunds?period=7d")


def test_a_page_of_another_role_is_hidden_refused_at_its_address_and_logged(console, page):
    started = wall_clock()
    console.open(page, "support", "/settings")
    expect(page.get_by_text("not available to your role")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav").get_by_role("link", name="Settings")).to_have_count(0)
    server = embedded.ensure_running(console.services.settings.data_dir)
    with psycopg.connect(server.owner_conninfo) as connection:
        assert connection.execute(
            "select count(*) from payops.audit_log where action = 'console:page:opened'"
            " and actor = 'staff:support' and subject = 'page:settings' and outcome = 'refused' and at > %s",
            (started,),
        ).fetchone() == (1,)


def test_a_page_that_fails_says_so_with_an_id_and_without_its_error(console, page):
    console.open(page, "ops", "/failing")
    failure = page.get_by_text("This page failed")
    expect(failure).to_be_visible()
    quote = re.search(r"quote (\w+)", failure.inner_text())[1]
    assert quote in {found["request_id"] for found in incidents.newest(console.services.db)}
    shown = page.locator("body").inner_text()
    assert "Traceback" not in shown and "sk_test_leaked" not in shown and "RuntimeError" not in shown
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_every_page_of_the_console_has_a_role_that_may_open_it():
    for entry in navigation.ENTRIES:
        assert any(right(role, entry.address) > Right.NONE for role in Role)


# axe-core 4.11.0 (MPL-2.0) as its authors publish it; decision 0040 says why the file is here.
AXE = Path(__file__).with_name("axe.min.js").read_text()
FINDINGS = """rules => axe.run(document, {resultTypes: ["violations"], ...(rules && {runOnly: rules})})
  .then(found => found.violations.filter(rule => ["serious", "critical"].includes(rule.impact))
    .map(rule => `${rule.id}: ${rule.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(" | ")}`))"""


@pytest.mark.own_tab
@pytest.mark.timeout(300)  # all pages in two themes
def test_axe_finds_nothing_serious_on_any_page_in_both_themes(console, page):
    """The dark theme differs in its colours alone, so there only the contrast is looked at."""
    found = {}
    page.emulate_media(color_scheme="light")
    console.open(page, "admin")
    page.evaluate(AXE)
    app, white = page.get_by_test_id("stApp"), "rgb(255, 255, 255)"
    expect(app).to_have_css("background-color", white)
    for entry in navigation.present():
        page.locator(f'[data-testid=stSidebarNavLink][href$="/{entry.address}"]').click()
        expect(page.get_by_role("heading", level=1, name=entry.title)).to_be_visible()
        expect(page.locator('[data-test-script-state="notRunning"]')).to_be_visible()
        found[entry.address, "light"] = page.evaluate(FINDINGS)
        assert levels_in_order(page), f"{entry.address}: a heading skips a level"
        page.emulate_media(color_scheme="dark")
        expect(app).not_to_have_css("background-color", white)
        found[entry.address, "dark"] = page.evaluate(FINDINGS, ["color-contrast"])
        page.emulate_media(color_scheme="light")
        expect(app).to_have_css("background-color", white)
    assert {place: findings for place, findings in found.items() if findings} == {}


def levels_in_order(page):
    """Whether no heading of the page is more than one level below the one before it."""
    levels = page.locator("[data-testid=stMain] :is(h1,h2,h3,h4,h5,h6)").evaluate_all(
        "all => all.map(each => Number(each.tagName[1]))"
    )
    return all(now <= before + 1 for before, now in zip(levels, levels[1:], strict=False))
