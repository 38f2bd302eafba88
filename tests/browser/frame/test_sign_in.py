"""Signing in and out of the console, as a browser sees it."""

import httpx
import pytest
from playwright.sync_api import expect

from core.monitoring.incidents import Incident, IncidentLog
from core.periods import wall_clock
from core.staff import users
from core.staff.roles import SYSTEM, Role

COOKIE = "payops_session"
PASSWORD = "a tram full of lemons"


def form(page):
    return page.get_by_role("button", name="Login")


def heading(page, title):
    return page.get_by_role("heading", name=title)


def test_a_bookmark_on_a_fresh_process_keeps_its_page_and_its_filters(first_visit):
    expect(heading(first_visit, "Errors")).to_be_visible()
    assert first_visit.url.endswith("/errors?show=all")
    expect(first_visit.get_by_text("Page not found")).to_have_count(0)


def test_the_mode_is_always_visible(console, page):
    page.goto(console.base)
    expect(page.get_by_text("SANDBOX")).to_be_visible()
    console.sign_in(page, "ops")
    expect(page.get_by_text("SANDBOX")).to_be_visible()


def test_a_reload_and_a_second_tab_keep_user_and_page(console, page, context):
    console.sign_in(page, "support")
    page.reload()
    expect(page.get_by_text("Signed in as support")).to_be_visible()
    assert page.url.endswith("/errors")
    second = context.new_page()
    second.goto(console.base + "/errors")
    expect(second.get_by_text("Signed in as support")).to_be_visible()


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(console, page, context):
    console.sign_in(page, "ops")
    (cookie,) = [each for each in context.cookies() if each["name"] == COOKIE]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert COOKIE not in page.evaluate("document.cookie")
    assert 11.9 < (cookie["expires"] - page.evaluate("Date.now() / 1000")) / 3600 < 12.1


def test_a_wrong_password_and_an_unknown_user_get_the_same_message(console, page, context):
    page.goto(console.base)
    for name in ("finance", "nobody"):
        console.fill_in(page, name, "not the password")
        expect(page.get_by_text("The username or the password is not right.")).to_be_visible()
        expect(form(page)).to_be_visible()
    assert COOKIE not in {cookie["name"] for cookie in context.cookies()}


def test_signing_out_ends_the_session_in_every_tab_and_takes_the_cookie(console, page, context):
    console.sign_in(page, "finance")
    second = context.new_page()
    second.goto(console.base + "/errors")
    expect(second.get_by_text("Signed in as finance")).to_be_visible()
    (stolen,) = [each for each in context.cookies() if each["name"] == COOKIE]
    console.sign_out(page)
    assert COOKIE not in {cookie["name"] for cookie in context.cookies()}
    second.get_by_text("all", exact=True).click()
    expect(form(second)).to_be_visible()
    context.add_cookies([stolen])
    page.reload()
    expect(form(page)).to_be_visible()


def test_a_disabled_user_is_signed_out_at_the_next_interaction(console, page):
    add(console, "leaver")
    console.sign_in(page, "leaver")
    users.disable(console.services.db, SYSTEM, "leaver", wall_clock())
    page.get_by_text("all", exact=True).click()
    expect(form(page)).to_be_visible()
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_visible()
    console.fill_in(page, "leaver")
    expect(page.get_by_text("The username or the password is not right.")).to_be_visible()


def test_a_password_set_by_an_admin_must_be_changed_first(console, page):
    add(console, "newcomer", must_change_password=True)
    page.goto(console.base + "/errors")
    console.fill_in(page, "newcomer", PASSWORD)
    page.get_by_label("New password").fill("another tram of limes")
    page.get_by_label("Once more").fill("another tram of limes")
    page.get_by_role("button", name="Change password").click()
    expect(form(page)).to_be_visible()
    console.fill_in(page, "newcomer", "another tram of limes")
    expect(heading(page, "Errors")).to_be_visible()


def test_text_from_outside_is_shown_as_text(console, page):
    log = IncidentLog(console.services.db, console.services.settings.data_dir)
    log.report(Incident("test", "x", "<img src=x onerror=alert(1)> :red[now] $x$", wall_clock()))
    console.sign_in(page, "ops")
    expect(page.get_by_role("heading", name="open incident")).to_be_visible()
    expect(page.locator("img[src='x']")).to_have_count(0)


@pytest.mark.own_tab
def test_every_answer_has_the_security_policy_and_nothing_violates_it(console, page):
    said = []
    page.on("console", lambda message: message.type == "error" and said.append(message))
    page.on("pageerror", lambda error: said.append(error))
    page.on("request", lambda request: asks_elsewhere(console, request) and said.append(request.url))
    answer = page.goto(console.base + "/errors")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    console.sign_in(page, "admin")
    page.wait_for_load_state("networkidle")
    assert said == []


def asks_elsewhere(console, request):
    return not request.url.startswith((console.base, "data:", "blob:"))


@pytest.mark.parametrize("path", ["/auth/session", "/auth/sign-out"])
@pytest.mark.parametrize("site", [None, "cross-site", "same-site", "none"])
def test_only_the_consoles_own_page_sets_or_takes_the_cookie(console, path, site):
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert httpx.post(console.base + path, headers=headers, json={"ticket": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"[]", 400), (b'{"ticket": 1}', 400), (b'{"ticket": "x"}', 401), (b"x" * 5000, 400)],
)
def test_an_invalid_ticket_gets_no_cookie(console, body, status):
    answer = httpx.post(console.base + "/auth/session", headers={"Sec-Fetch-Site": "same-origin"}, content=body)
    assert (answer.status_code, answer.cookies.get(COOKIE)) == (status, None)


def test_another_host_name_is_refused(console):
    assert httpx.get(console.base, headers={"Host": "evil.example"}).status_code == 400


def add(console, name, *, must_change_password=False):
    users.add(
        console.services.db,
        SYSTEM,
        name,
        Role.OPS,
        f"{name}@example.com",
        PASSWORD,
        wall_clock(),
        must_change_password=must_change_password,
    )
    console.passwords[name] = PASSWORD
