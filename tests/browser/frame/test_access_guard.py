"""What of the console is open, and to whom: every answer's headers, the cookie's flags, files, uploads and sockets."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from core.staff.roles import SYSTEM
from core.staff.sessions import Visit, sessions_of
from core.ui.frame.access_guard import NOT_YOURS
from core.ui.frame.security_policy import SecurityHeaders
from core.ui.session import COOKIE
from tests.browser.conftest import downloaded

OURS = {"Sec-Fetch-Site": "same-origin"}


def ticket(console, name="ops"):
    store = sessions_of(console.services.settings, console.services.db)
    return store.sign_in(name, console.passwords[name], Visit("192.0.2.6", "x")).ticket


def token(console, name="ops"):
    return sessions_of(console.services.settings, console.services.db).redeem(ticket(console, name))


ASKED = [
    ("GET", "/", 200),
    ("HEAD", "/overview", 200),
    ("GET", "/no-such-page", 200),
    ("GET", "/static/no-such.js", 200),
    ("GET", "/_stcore/health", 200),
    ("GET", "/_stcore/host-config", 200),
    ("GET", "/media/no-such.csv", 404),
    ("GET", "/component/no-such/x", 404),
    ("GET", "/auth/session.js", 200),
    ("GET", "/..%2f..%2fetc/passwd", 400),
    ("POST", "/", 405),
    ("POST", "/auth/session", 403),
    ("POST", "/auth/sign-out", 403),
    ("PUT", "/_stcore/upload_file/a/b", 403),
    ("GET", "/_stcore/metrics", 404),
    ("POST", "/_stcore/agent/interact", 404),
    ("POST", "/_stcore/agent/mcp", 404),
    ("GET", "/_stcore/agent/openapi.json", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), ASKED)
def test_every_answer_carries_the_policy(console, method, path, status):
    answer = httpx.request(method, console.base + path)
    assert answer.status_code == status
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "'unsafe-eval'" not in policy
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


def test_another_host_gets_the_policy_too(console):
    answer = httpx.get(console.base, headers={"Host": "evil.example"})
    assert (answer.status_code, "content-security-policy" in answer.headers) == (400, True)


def test_the_answer_of_a_failure_carries_the_policy_and_no_reason():
    def fails(request):
        raise RuntimeError("sk_test_leaked")

    app = Starlette(routes=[Route("/", fails)], middleware=[Middleware(SecurityHeaders)])

    async def ask():
        reached = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=reached, base_url="http://x") as client:
            return await client.get("/")

    with ThreadPoolExecutor(1) as pool:  # this thread's loop is the browser's
        answer = pool.submit(lambda: asyncio.run(ask())).result()
    assert (answer.status_code, "content-security-policy" in answer.headers) == (500, True)
    assert "leaked" not in answer.text


def test_the_cookie_is_for_https_alone_where_the_console_is_reached_by_it(console):
    """The proxy in front says how it was reached."""
    for scheme, secure in (("http", False), ("https", True)):
        answer = httpx.post(
            console.base + "/auth/session",
            json={"ticket": ticket(console)},
            headers={**OURS, "X-Forwarded-Proto": scheme},
        )
        given = answer.headers.get_list("set-cookie")
        assert [each.partition("=")[0].rpartition("_")[0] for each in given] == ["payops", "payops_device"]
        for each in given:
            flags = {part.strip() for part in each.split(";")[1:]}
            assert {"HttpOnly", "SameSite=strict", "Path=/"} <= flags
            assert ("Secure" in flags) is secure
        assert answer.headers["cache-control"] == "no-store"


def test_a_file_is_served_only_to_signed_in_users(console, page, context):
    console.open(page, "finance", "/audit-log")
    button = page.get_by_role("button", name="CSV", exact=True)
    expect(button).to_be_visible()
    address = downloaded(page, button).url
    cookies = {each["name"]: each["value"] for each in context.cookies()}
    assert httpx.get(address, cookies=cookies).status_code == 200
    for others in ({}, {COOKIE: "x" * 43}):
        answer = httpx.get(address, cookies=others)
        assert (answer.status_code, answer.text) == (403, "Sign in first.")
    for part in ({"Range": "bytes=0-3"}, {"Range": "bytes=4-"}):
        assert httpx.get(address, cookies=cookies, headers=part).status_code == 200  # whole, so that it can be checked
    for somebody_else in ("ops", "admin"):
        theirs = httpx.get(address, cookies={COOKIE: token(console, somebody_else)})
        assert (theirs.status_code, theirs.text) == (403, NOT_YOURS)
    console.sign_out(page)
    assert httpx.get(address, cookies=cookies).status_code in (403, 404)


@pytest.mark.own_tab
def test_no_file_is_made_for_somebody_who_was_signed_out_since_the_page_was_drawn(console, page):
    console.open(page, "admin", "/users")
    button = page.get_by_role("button", name="CSV", exact=True)
    assert downloaded(page, button).suggested_filename == "users.csv"
    store = sessions_of(console.services.settings, console.services.db)
    assert store.sign_out_everywhere(SYSTEM, "admin")
    files = []
    page.on("download", lambda file: files.append(file))  # the driver wants a function of its own
    button.click()
    expect(page.get_by_text("Failed to generate file for download")).to_be_visible()
    assert not files


def test_a_large_export_shows_progress_can_be_canceled_and_is_handed_once_to_its_maker(console, page, context):
    console.open(page, "admin", "/large-export")
    page.get_by_role("button", name="CSV", exact=True).click()
    expect(page.get_by_text("of 6 rows")).to_be_visible()
    page.get_by_role("button", name="Cancel export").click()
    expect(page.get_by_role("button", name="Cancel export")).to_have_count(0)
    page.get_by_role("button", name="CSV", exact=True).click()
    expect(page.get_by_text("numbers.csv is ready: 6 rows")).to_be_visible(timeout=10_000)
    link = page.get_by_role("link", name="Download numbers.csv")
    address = console.base + link.get_attribute("href")
    for others, status in (({}, 403), ({COOKIE: token(console, "ops")}, 404)):
        assert httpx.get(address, cookies=others).status_code == status
    cookies = {each["name"]: each["value"] for each in context.cookies()}
    answer = httpx.get(address, cookies=cookies)
    assert answer.content.decode("utf-8-sig").splitlines() == ["Row", *(f"row {number}" for number in range(6))]
    assert answer.headers["content-disposition"] == 'attachment; filename="numbers.csv"'
    assert httpx.get(address, cookies=cookies).status_code == 404


def test_uploads_are_accepted_only_from_signed_in_users(console):
    address = console.base + "/_stcore/upload_file/x/y"
    for cookies in ({}, {COOKIE: "x" * 43}):
        answer = httpx.put(address, cookies=cookies, files={"file": b"x" * 1000})
        assert (answer.status_code, answer.text) == (403, "Sign in first.")
    theirs = httpx.put(address, cookies={COOKIE: token(console)}, files={"file": b"x"})
    assert "Sign in first." not in theirs.text  # from here on it is Streamlit who says no
