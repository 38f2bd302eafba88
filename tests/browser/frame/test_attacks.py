"""Forged cookies, requests from other sites, password guessing, and two users at the same time."""

import base64
import json
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import jwt
import pytest
from playwright.sync_api import expect

from core.periods import wall_clock
from core.staff import users
from core.staff.roles import SYSTEM, Role
from core.staff.sessions import LOCKED, WRONG, Visit, sessions_of
from tests.browser.conftest import NASTY
from tests.browser.sockets import visitor

COOKIE = "payops_session"
PASSWORD = "a tram full of lemons"


def unsigned_token():
    def part(document):
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part({'username': 'admin', 'exp_date': 9e9, 'exp': 9e9})}."


def expired_token(console):
    """The token of a session that was opened long ago."""
    settings, db = console.services.settings, console.services.db
    long_ago = wall_clock() - timedelta(hours=13)
    store = sessions_of(settings, db, lambda: long_ago)
    return store.redeem(store.sign_in("ops", console.passwords["ops"], Visit("192.0.2.7", "x")).ticket)


def token_before_a_password_change(console):
    settings, db = console.services.settings, console.services.db
    users.add(db, SYSTEM, "gina", Role.OPS, "gina@example.com", PASSWORD, wall_clock(), must_change_password=False)
    store = sessions_of(settings, db)
    token = store.redeem(store.sign_in("gina", PASSWORD, Visit("192.0.2.8", "x")).ticket)
    users.reset_password(db, SYSTEM, "gina", "another tram of limes", wall_clock())
    return token


def test_a_cookie_that_is_forged_expired_unsigned_or_stolen_shows_the_sign_in_form(console, page, context):
    session_id = (
        sessions_of(console.services.settings, console.services.db)
        .sign_in("ops", console.passwords["ops"], Visit("192.0.2.9", "x"))
        .session_id
    )
    claims = {"username": "admin", "exp_date": 9e9, "exp": 9_000_000_000}
    tokens = {
        "made up": "x" * 43,
        "a session's id": session_id,
        "unsigned": unsigned_token(),
        "signed with an empty key": jwt.encode(claims, "k" * 64, algorithm="HS256"),
        "another algorithm": jwt.encode(claims, "k" * 64, algorithm="HS512"),
        "expired": expired_token(console),
        "from before a new password": token_before_a_password_change(console),
        "a query": "' or 1=1 --",
    }
    for name, value in tokens.items():
        for cookie in (COOKIE, "some_cookie_name"):  # the second is the form library's own
            context.add_cookies([{"name": cookie, "value": value, "url": console.base}])
        page.goto(console.base + "/users")
        expect(page.get_by_role("button", name="Login"), name).to_be_visible()
        expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)
        assert "Traceback" not in page.locator("body").inner_text()


def handshake(console, *, origin, host=None):
    """The status line of the answer to a WebSocket's opening."""
    address = urlsplit(console.base)
    asked = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host or address.netloc}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Origin: {origin}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=10) as wire:
        wire.sendall(asked.encode())
        return wire.recv(4096).split(b"\r\n")[0].decode()


def test_a_socket_is_opened_by_our_own_page_only(console):
    assert " 101 " in handshake(console, origin=console.base)
    assert " 101 " in handshake(console, origin=console.services.settings.public_base_url)  # behind a proxy
    others = (
        "http://evil.example",
        "https://evil.example:8501",
        "null",
        "",
        "http://localhost:3000",
        "http://127.0.0.1:1",
        "https://share.streamlit.io",
        f"{console.base}.evil.example",
        "http://[::1",
        console.base + "@evil.example",
    )
    for origin in others:
        assert " 403 " in handshake(console, origin=origin), origin
    assert " 101 " not in handshake(console, origin="http://evil.example", host="evil.example")


@pytest.mark.timeout(300)
def test_guesses_from_one_address_lock_new_devices_there_and_nobody_elsewhere(console, page):
    db = console.services.db
    users.add(db, SYSTEM, "hana", Role.OPS, "hana@example.com", PASSWORD, wall_clock(), must_change_password=False)

    def guess_once(number):
        with visitor(console.base, "198.51.100.1") as attacker:
            return attacker.sign_in("hana", f"guess {number}")

    with ThreadPoolExecutor(14) as pool:
        told = Counter(pool.map(guess_once, range(14)))
    assert told == {WRONG: 10, LOCKED: 4}
    page.goto(console.base)
    console.fill_in(page, "hana", PASSWORD)
    expect(page.get_by_text("Signed in as hana")).to_be_visible()


def test_guessing_unknown_names_from_an_address_blocks_nobody_there(console):
    users.add(
        console.services.db,
        SYSTEM,
        "ida",
        Role.OPS,
        "ida@example.com",
        PASSWORD,
        wall_clock(),
        must_change_password=False,
    )
    for number in range(60):
        console.services.db.call("begin_sign_in", name=f"name{number}", address="203.0.113.77", now=wall_clock())
    with visitor(console.base, "203.0.113.77") as attacker:
        assert attacker.sign_in("name99", "x") == WRONG
        assert attacker.sign_in("ida", PASSWORD) not in (WRONG, LOCKED)


def test_a_known_device_signs_in_again_while_its_user_is_locked_out_there(console, page, context):
    db = console.services.db
    users.add(db, SYSTEM, "jo", Role.OPS, "jo@example.com", PASSWORD, wall_clock(), must_change_password=False)
    console.passwords["jo"] = PASSWORD
    console.sign_in(page, "jo")
    for _ in range(10):
        db.call("begin_sign_in", name="jo", address="this machine", now=wall_clock())
    console.sign_out(page)
    console.fill_in(page, "jo", PASSWORD)  # in the tab that signed in before
    expect(page.get_by_text("Signed in as jo")).to_be_visible()
    console.sign_out(page)
    again = context.new_page()  # and in another tab, by the cookie
    console.sign_in(again, "jo")
    with visitor(console.base, "127.0.0.1") as stranger:
        assert stranger.sign_in("jo", PASSWORD) == LOCKED


def test_two_concurrent_users_never_see_each_others_role_or_pages(console, page, elsewhere):
    admin, ops = page, elsewhere.new_page()
    console.open(admin, "admin", "/users")
    console.open(ops, "ops", "/users")
    for _ in range(3):
        expect(admin.get_by_text("Signed in as admin (admin)")).to_be_visible()
        expect(admin.get_by_role("button", name="Add user")).to_be_visible()
        expect(ops.get_by_text("not available to your role (ops)")).to_be_visible()
        expect(ops.get_by_role("button", name="Add user")).to_have_count(0)
        expect(ops.get_by_text("Signed in as admin")).to_have_count(0)
        admin.reload(wait_until="commit")
        ops.reload(wait_until="commit")


ALIVE = "img, script, a, .katex, code, strong, em, del, table, li, blockquote, h1, [style*='color:'], [role=img]"


@pytest.mark.own_tab
def test_text_from_outside_is_shown_as_written_and_stays_inert(console, page):
    said = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: "evil.example" in request.url and said.append(request.url))
    console.open(page, "admin", "/strange-texts")
    expect(page.locator(f".st-key-nastier-{len(NASTY) - 1}")).to_be_visible()
    for number, text in enumerate(NASTY):
        for kind in ("nasty", "nastier"):
            place = page.locator(f".st-key-{kind}-{number}")
            expect(place.locator(ALIVE), text).to_have_count(0)
            for shown in place.get_by_test_id("stMarkdownContainer").all():
                assert shown.inner_text().replace("\u2060", "") == " ".join(text.split())
    assert said == []


def test_the_console_refuses_a_head_over_64_kib_and_does_not_wait_for_one_that_never_comes(console):
    address = urlsplit(console.base)
    with socket.create_connection((address.hostname, address.port), timeout=20) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: " + b"a" * 70_000)
        assert wire.recv(1024).startswith(b"HTTP/1.1 431 ")
    with socket.create_connection((address.hostname, address.port), timeout=20) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert wire.recv(1024) == b""
