"""One console process and one browser for all browser tests."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Download, Error, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as DrawnAnew

from core.db import embedded
from core.periods import wall_clock
from core.sandbox import process as sandbox
from core.services import Services, start
from core.settings import load_settings
from core.staff import users
from core.staff.sessions import Visit, sessions_of
from core.ui.session import COOKIE
from tests.staff import openid_provider
from tests.telemetry.private_log_lines import Collector

CHECKOUT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_TIMEOUT_SECONDS = 90
# What the driver says where it met a page in the moment that it was drawn anew, or a machine with other work to do.
OF_A_MOMENT = [r"strict mode violation", r"Timeout \d+ms exceeded", r"Locator expected"]
NASTY = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "![a](http://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "https://evil.example/x and www.evil.example and me@evil.example",
    "<https://evil.example>",
    ":red[now] :material/delete: :smile: :blue-badge[x]",
    "$\\frac{1}{2}$ $$x$$",
    "`code` **bold** _it_ ~~gone~~ # no heading",
    "- a\n# b\n> c\n\n    d",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "=cmd|' /C calc'!A0",
    "&lt;b&gt; &amp; \\ --- *** 1. x",
]
# What would show that the text of attackers lives on a page.
ALIVE = "img[src='x'], img[src*='evil.example'], .katex, .stMarkdownColoredText:text-is('r')"
# A link to a page of ours may take the text along, percent-encoded: only what is not encoded leads elsewhere or runs.
ALIVE += ", a[href*='//evil.example' i], a[href^='//'], a[href^='/\\\\'], a[href*='javascript:' i]"
SHOWN_NASTY = f"""
import streamlit as st
from core.ui.text import literal
st.title("Strange texts")
for number, text in enumerate({NASTY!r}):
    with st.container(key=f"nasty {{number}}"):
        st.markdown(literal(text))
    with st.container(key=f"nastier {{number}}"):
        st.error(literal(text))
        st.button(literal(text), key=f"button {{number}}")
"""
MOVES_MONEY = """
from core.ui.kit import actions

@st.dialog("Move money")
def ask():
    actions.ask_who_it_is()
    st.button("Move it", on_click=actions.attempt, args=(lambda actor: f"{actor.name} moved it.",), kwargs={"confirmed": True})
    actions.end_dialog_when_done()

actions.show_result()
if st.button("Money"):
    ask()
"""
# Slow enough for a click to come while the page is drawn anew, or before the dialog is.
SLOW_DIALOG = """
import time
import streamlit as st
from core.ui.kit import actions

def act(actor):
    st.session_state["times"] = st.session_state.get("times", 0) + 1
    return f"Done {st.session_state['times']} times with {st.session_state['how many']}."

@st.dialog("Act")
def ask():
    st.number_input("How many", 1, 9, 2, key="how many")
    st.date_input("Day", "2026-03-04", min_value="2026-03-01", max_value="2026-03-09")
    st.button("Act now", type="primary", on_click=actions.attempt, args=(act,))
    time.sleep(0.3)
    actions.end_dialog_when_done()

st.title("Slow")
actions.show_result()
st.button("Ask", on_click=ask)
with st.form("several"):
    st.text_input("Note")
    st.number_input("Count", 1, 9, 2)
    st.form_submit_button("Send", on_click=lambda: st.session_state.update(sent=True))
if st.session_state.pop("sent", False):
    st.caption("The form was sent")
if st.query_params.get("ends") == "early":
    st.stop()
time.sleep(1.5)
st.caption("All of it")
"""
# Slow enough to be seen while it runs, and to be canceled.
LARGE_EXPORT = """
import time
import streamlit as st
from core.exports.table import Column, Table
from core.ui.kit import export_panel

def batches():
    for number in range(6):
        yield [{"id": f"row {number}"}]
        time.sleep(0.4)

st.title("Large export")
columns = (Column("id", "Row"),)
export_panel.show(lambda _: Table("numbers", "Numbers", columns, batches, 6), name="numbers", large=True)
"""
# Pages that the tests' copy of the console has beside its own: one for admins alone, one that fails, one that is slow.
TEST_PAGES = {
    "pages/review/strange_texts.py": SHOWN_NASTY + MOVES_MONEY,
    "pages/review/slow_dialog.py": SLOW_DIALOG,
    "pages/review/large_export.py": LARGE_EXPORT,
    "pages/review/failing.py": 'raise RuntimeError("sk_test_leaked")\n',
}
WITH_TEST_PAGES = {
    "core/ui/navigation.py": """
ENTRIES += (Entry("strange-texts", "Review", "Strange texts", "bug_report"), Entry("failing", "Review", "Failing", "bug_report"))
ENTRIES += (Entry("slow-dialog", "Review", "Slow dialog", "bug_report"),)
ENTRIES += (Entry("large-export", "Review", "Large export", "bug_report"),)
""",
    "core/staff/roles.py": """
PAGES |= {"strange-texts": {Role.ADMIN: Right.ACT}, "slow-dialog": {Role.ADMIN: Right.ACT}, "large-export": {Role.ADMIN: Right.ACT}, "failing": _EVERYBODY_SEES}
""",
}
TEST_ADDRESSES = {Path(path).stem.replace("_", "-") for path in TEST_PAGES}


@dataclass(frozen=True)
class Console:
    """A running console, its services, and its users' passwords."""

    base: str
    services: Services
    passwords: dict[str, str]

    def fill_in(self, page: Page, name: str, password: str | None = None) -> None:
        page.get_by_role("textbox", name="Username").wait_for()
        at_rest(page)  # a form that is drawn anew forgets what was typed
        page.get_by_role("textbox", name="Username").fill(name)
        page.get_by_role("textbox", name="Password").fill(password or self.passwords[name])
        page.get_by_role("button", name="Login").click()

    def give_cookie(self, context: BrowserContext, name: str) -> None:
        """The cookie of somebody who signed in yesterday, before this process was there."""
        context.add_cookies([{"name": COOKIE, "value": self._token(name), "url": self.base}])

    def cookie(self, name: str) -> str:
        """The same cookie as a header."""
        return f"{COOKIE}={self._token(name)}"

    def _token(self, name: str) -> str:
        store = sessions_of(self.services.settings, self.services.db)
        return store.redeem(store.sign_in(name, self.passwords[name], Visit("192.0.2.5", "x")).ticket)

    def sign_in(self, page: Page, name: str, address: str = "/errors") -> None:
        """Signed in at `address`, with the cookie."""
        page.goto(self.base + address)
        with page.expect_response("**/auth/session") as answer:
            self.fill_in(page, name)
        assert answer.value.status == 204
        expect(page.get_by_text(f"Signed in as {name}")).to_be_visible()

    def open(self, page: Page, name: str, address: str = "/errors") -> None:
        """Back at `address`, with the cookie of an earlier sign-in: the form is for those who test it."""
        self.give_cookie(page.context, name)
        page.goto(self.base + address)
        expect(page.get_by_text(f"Signed in as {name}")).to_be_visible()

    def sign_out(self, page: Page) -> None:
        """Signed out in this tab and at the form. A click while the page is drawn anew goes nowhere."""
        at_rest(page)
        with page.expect_response("**/auth/sign-out") as answer:
            page.get_by_role("button", name="Sign out").click()
        assert answer.value.status == 204
        expect(page.get_by_role("button", name="Login")).to_be_visible()
        at_rest(page)


def pytest_collection_modifyitems(items):
    """A browser test is run again once, against flakiness; a defect fails twice, and each second run is reported."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=OF_A_MOMENT))


def downloaded(page: Page, button: Locator) -> Download:
    """The file that a button gives; clicked again where the page was drawn anew in that moment."""
    for _ in range(3):
        try:
            with page.expect_download(timeout=10_000) as download:
                button.click()
        except DrawnAnew:
            continue
        return download.value
    raise AssertionError("the button gave no file")


def at_rest(page: Page) -> None:
    """Waits until no script runs and nothing is drawn anew."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    expect(page.locator('[data-stale="true"]')).to_have_count(0)


def open_first_row(page: Page, parameter: str) -> None:
    """One click in the middle of the first row, as a person makes it."""
    table = page.locator('[class*="st-key-opens-"]').get_by_test_id("stDataFrame").first
    for _ in range(10):
        table.wait_for()
        at_rest(page)
        table.scroll_into_view_if_needed()
        if box := table.bounding_box():
            break  # none while the table is drawn anew
    assert box, "the table was never at rest"
    page.mouse.click(box["x"] + min(220, box["width"] / 2), box["y"] + 54)  # under the headings
    page.wait_for_url(lambda url: f"{parameter}=" in url, wait_until="commit")


def choose_first_row(page: Page, table: Locator, parameter: str) -> None:
    """Clicks the mark before the first row until the address names a row: the rows may still be on their way in."""
    for _ in range(10):
        if box := table.bounding_box():
            page.mouse.click(box["x"] + 16, box["y"] + 52)  # under the headings
        try:
            page.wait_for_url(lambda url: f"{parameter}=" in url, timeout=3_000, wait_until="commit")
        except DrawnAnew:
            continue
        return
    raise AssertionError("the first row was never chosen")


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        assert os.environ.get("PAYOPS_BROWSER") != "required", "chromium is required here and missing"
        pytest.skip("NOT RUN: the browser tests need chromium")
    expect.set_options(timeout=30_000)  # a machine with other work to do is slow, and not wrong
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of the console with two pages of the tests' own."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("core", "pages", ".streamlit"):
        shutil.copytree(CHECKOUT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "streamlit_app.py", copy)
    for path, script in TEST_PAGES.items():
        (copy / path).parent.mkdir(exist_ok=True)
        (copy / path).write_text(script)
    for path, entries in WITH_TEST_PAGES.items():
        with (copy / path).open("a") as module:
            module.write(entries)
    return copy


@pytest.fixture(scope="session")
def console(browser, checkout, prepared):
    """Nobody has visited this process yet: whoever needs that asks for `first_visit`."""
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        services = start(load_settings({"DATA_DIR": folder}, env_file=None))
        passwords = users.create_demo_users(services.db, Path(folder), wall_clock())
        try:
            with _process(checkout, Path(folder)) as base:
                yield Console(base, services, passwords)
        finally:
            services.close()
            sandbox.stop(Path(folder))  # of a test that paid something
            embedded.remove(Path(folder))


@pytest.fixture(autouse=True)
def as_before(request):
    """A second try finds nobody whom the first one added."""
    if "console" not in request.fixturenames:
        yield
        return
    console = request.getfixturevalue("console")
    data_dir = console.services.settings.data_dir
    with psycopg.connect(embedded.ensure_running(data_dir).owner_conninfo, autocommit=True) as owner:
        before = [name for (name,) in owner.execute("select name from payops.staff")]
        yield
        if getattr(request.node, "execution_count", 1) == 1 and request.node.failed_once:
            for table in ("staff_sessions", "staff"):
                owner.execute(f"delete from payops.{table} where name <> all (%s)", (before,))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.failed_once = getattr(item, "failed_once", False) or report.failed
    return report


@pytest.fixture(scope="module")
def fresh_console(console, checkout):
    """The same users and figures, served by a process that nobody visited before the tests of the module."""
    with _process(checkout, console.services.settings.data_dir) as base:
        yield replace(console, base=base)


@pytest.fixture
def console_with_provider(console, checkout):
    """The same users and figures in a console that offers sign-in through an OpenID provider, and that provider."""
    with openid_provider.running() as provider:
        settings = {
            "OIDC_ISSUER": provider.issuer,
            "OIDC_CLIENT_ID": openid_provider.CLIENT,
            "OIDC_CLIENT_SECRET": openid_provider.SECRET,
            "OIDC_NAME": "Clinic ID",
        }
        with _process(checkout, console.services.settings.data_dir, **settings) as base:
            yield replace(console, base=base), provider


@pytest.fixture(scope="session")
def first_visit(console, browser):
    """The page of the very first visitor of a fresh process, who came by a bookmark and signed in there."""
    context = browser.new_context()
    page = context.new_page()
    console.sign_in(page, "ops", "/errors?show=all")
    yield page
    context.close()


@pytest.fixture(scope="session")
def profile(first_visit, browser: Browser, console):
    """One browser profile for all tests, with a tab signed out that stays: the console's scripts are compiled once."""
    yield from _profile(browser, console)


@pytest.fixture(scope="session")
def other_profile(first_visit, browser: Browser, console):
    """The profile of a second person's browser."""
    yield from _profile(browser, console)


def _profile(browser: Browser, console):
    shared = browser.new_context()
    shared.set_default_timeout(30_000)
    shared.new_page().goto(console.base)
    shared.new_page()
    yield shared
    shared.close()


@pytest.fixture
def context(profile: BrowserContext):
    """The shared profile, with nothing in it of the tests before: no cookie, nothing stored, no tab of theirs."""
    yield profile
    _forget(profile)


@pytest.fixture
def elsewhere(other_profile: BrowserContext):
    """Another browser, equally clean."""
    yield other_profile
    _forget(other_profile)


def _forget(profile: BrowserContext) -> None:
    stays, used, *tabs = profile.pages
    for tab in tabs:
        _close(tab)
    used.goto("about:blank")
    profile.clear_cookies()
    stays.evaluate("localStorage.clear(); sessionStorage.clear()")


def _close(tab: Page) -> None:
    """A tab that the browser does not close in time is left alone: the driver itself would wait without end."""
    try:
        with tab.expect_event("close", timeout=10_000):
            tab.context.new_cdp_session(tab).send("Page.close")
    except Error as error:
        print(f"a tab at {tab.url} was not closed: {error}")


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest):
    """The tab that the tests use one after the other: the console's scripts are ready in it, which is half of a load.

    A test that listens to its tab, answers for a server, counts clicks or changes the tab's size or theme is marked
    `own_tab`, and gets one that nobody uses after it.
    """
    return context.new_page() if request.node.get_closest_marker("own_tab") else context.pages[1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _process(checkout: Path, data_dir: Path, **further: str):
    """The address of a console process that ends with the block."""
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "streamlit_app:app", "--port", str(port), "--log-level", "warning"]
    command += ["--http", "core.http_protocol:BoundedHttp"]  # as payops serve starts it
    settings = {"DATA_DIR": str(data_dir), "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    base = f"http://127.0.0.1:{port}"
    settings |= ({"PUBLIC_BASE_URL": base} | further) if further else {}
    log = data_dir / f"console-{port}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, cwd=checkout, env=settings, stdout=written, stderr=written)
    try:
        _await_ready(process, base, log)
        yield base
    finally:
        process.terminate()
        process.wait(15)
        looked_at = Collector()
        looked_at.look_at_file(log)
        assert looked_at.found == set()


def _await_ready(process: subprocess.Popen, base: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{base}/_stcore/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the console did not start: {log.read_text()[-2000:]}")
