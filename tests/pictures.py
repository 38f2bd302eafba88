"""Photographs of every page, drawer and state of the console, for somebody to look at: `make pictures`.

A console with the demo's first history is started on free ports, and beside it one with an empty database. The
pictures lie in `.pictures`, or where `--out` says: `PAGE-light-1440.png`, and an index to open in a browser.
`--readme` also replaces the README's picture. `--pages payments refunds` is quicker. `--users support finance` shows
the pages as these roles see them. A page that could not be photographed is named, and the others go on.
"""

import argparse
import html
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from benchmarks.pages import CHECKOUT, FLAGS, free_port, serving, sign_in, stop
from benchmarks.reconciliation_page import serving as serving_as_it_is
from core.db import embedded
from core.periods import wall_clock
from core.services import start
from core.settings import load_settings
from core.staff import users
from core.staff.roles import Right, Role, right
from core.ui.navigation import ENTRIES

WIDTHS, THEMES = (1440, 1280, 420), ("light", "dark")
HEIGHT = 1000
ALL = [entry.address for entry in ENTRIES]
STANDS_STILL = """() => !!document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]')
  && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stAppSkeleton"], [data-stale="true"]')"""
TABLE = '[class*="st-key-opens-"] [data-testid="stDataFrame"]'
OTHER_DIALOG = """drawn => { const dialog = document.querySelector('[role="dialog"]');
  return dialog && dialog.innerText !== drawn }"""
# Dialogs that open from a page's own buttons; those of an object open in its drawer.
DIALOGS = {
    "disputes": ["Set a limit"],
    "providers": ["Add provider", "Import", "Add specialty"],
    "users": ["Add somebody"],
    "settings": ["Stop all new money", "Plan a pause", "Add a guard"],
    "reconciliation": ["Import a bank statement"],
}
# Dialogs of an object: they open from its drawer or page, in its place.
OF_A_ROW = {
    "payments": ["Refund"],
    "disputes": ["Submit evidence", "Accept dispute"],
    "subscriptions": ["Cancel subscription", "Pause collection", "Change plan"],
    "events": ["Replay"],
    "errors": ["Resolve", "Silence"],
    "recovery": ["Retry payment", "Schedule retry", "Payment link", "Stop retries"],
    "assignments": ["Assign", "Release", "Complete", "Cancel"],
    "providers": ["Edit", "Deactivate", "Verify licence", "Upload document", "Change hours and time off"],
    "users": ["Change role", "Reset password", "Disable"],
}
REFUSED = ("support", "settings")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--out", type=Path, default=CHECKOUT / ".pictures")
    ask.add_argument("--pages", nargs="+", default=ALL, choices=ALL)
    ask.add_argument("--widths", nargs="+", type=int, default=WIDTHS)
    ask.add_argument("--themes", nargs="+", default=THEMES, choices=THEMES)
    ask.add_argument("--users", nargs="+", default=["admin"], choices=[str(role) for role in Role])
    ask.add_argument("--readme", action="store_true")
    asked = ask.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver, tempfile.TemporaryDirectory(prefix="payops-pictures-") as folder:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        with demo(Path(folder) / "demo") as (base, data_dir):
            for theme, width, user in product(asked.themes, asked.widths, asked.users):
                began = time.monotonic()
                as_seen_by(user, browser, base, data_dir, asked, theme, width)
                print(f"{user}, {theme}, {width}: {time.monotonic() - began:.0f} s", flush=True)
            states(browser, base, data_dir, asked.out)
        with empty(Path(folder) / "empty") as (base, data_dir), opened(browser, base, data_dir, "light", 1280) as page:
            for address in asked.pages:
                photograph(page, f"{base}/{address}", asked.out / f"{address}-empty.png")
        browser.close()
    if asked.readme:
        shutil.copy(asked.out / f"overview-{asked.themes[0]}-{asked.widths[0]}.png", CHECKOUT / "docs" / "overview.png")
    index(asked.out)


@contextmanager
def demo(data_dir: Path) -> Iterator[tuple[str, Path]]:
    data_dir.mkdir()
    console = free_port()
    try:
        with serving(data_dir, console, free_port()):
            yield f"http://127.0.0.1:{console}", data_dir
    finally:
        stop(data_dir)


@contextmanager
def empty(data_dir: Path) -> Iterator[tuple[str, Path]]:
    """A console that nothing has happened in yet."""
    data_dir.mkdir()
    services = start(load_settings({"DATA_DIR": str(data_dir)}, env_file=None))
    try:
        users.create_demo_users(services.db, data_dir, wall_clock())
        console = free_port()
        base = f"http://127.0.0.1:{console}"
        with serving_as_it_is(data_dir, base, console):
            yield base, data_dir
    finally:
        services.close()
        embedded.remove(data_dir)


@contextmanager
def opened(
    browser: Browser, base: str, data_dir: Path, theme: str, width: int, name: str = "admin", at: str = "errors"
) -> Iterator[Page]:
    """A tab in which somebody is signed in."""
    scheme = "dark" if theme == "dark" else "light"
    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
    page = context.new_page()
    sign_in(page, f"{base}/{at}", data_dir, name, still=STANDS_STILL)
    yield page
    context.close()


def as_seen_by(
    user: str, browser: Browser, base: str, data_dir: Path, asked: argparse.Namespace, theme: str, width: int
) -> None:
    """Every page of the role in one theme at one width, its first row's drawer, and its dialogs."""
    with opened(browser, base, data_dir, theme, width, user) as page:
        for address in asked.pages:
            if right(Role(user), address) == Right.NONE:
                continue
            name = "-".join([address, theme, str(width), *([user] if user != "admin" else [])])
            try:
                page_with_its_dialogs(page, base, address, asked.out, name)
            except Error as error:
                print(f"{name}: not whole: {str(error).splitlines()[0]}", flush=True)


def page_with_its_dialogs(page: Page, base: str, address: str, out: Path, name: str) -> None:
    photograph(page, f"{base}/{address}", out / f"{name}.png")
    for number, button in enumerate(DIALOGS.get(address, ())):
        dialog(page, button, out / f"{name}-dialog-{number}.png")
    if drawer(page, out / f"{name}-drawer.png"):
        for number, button in enumerate(OF_A_ROW.get(address, ())):
            of_the_row(page, button, out / f"{name}-drawer-dialog-{number}.png")


def photograph(page: Page, url: str, picture: Path, *, whole: bool = True) -> None:
    page.goto(url)
    settle(page)
    shoot(page, picture, whole=whole)


def shoot(page: Page, picture: Path, *, whole: bool = False) -> None:
    """The picture, as high as the page's content if it is `whole`."""
    size = page.viewport_size
    assert size
    if whole:
        high = page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 0")
        page.set_viewport_size({"width": size["width"], "height": max(HEIGHT, min(int(high), 4 * HEIGHT))})
        settle(page)
    page.screenshot(path=picture)
    if whole:
        page.set_viewport_size({"width": size["width"], "height": HEIGHT})
        settle(page)


def settle(page: Page) -> None:
    """Until the page stands still for half a second."""
    for _ in range(2):
        page.wait_for_function(STANDS_STILL, timeout=60_000)
        page.wait_for_timeout(250)


def drawer(page: Page, picture: Path) -> bool:
    """The first row, opened, if there is one; last on a page, for the next one is opened by its address."""
    table = page.locator(TABLE).first
    if not table.count():
        return False
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box
    before = page.url
    page.mouse.click(box["x"] + min(220, box["width"] / 2), box["y"] + 54, delay=80)  # as long as a person presses
    try:
        page.wait_for_url(lambda url: url != before, wait_until="commit", timeout=30_000)
    except Error:
        print(f"{picture.stem}: no row opened")
        return False
    settle(page)
    shoot(page, picture, whole=not page.get_by_role("dialog").count())  # some rows open a page of their own
    return True


def of_the_row(page: Page, button: str, picture: Path) -> None:
    """A dialog that opens from the row's drawer or page, which is opened again afterwards."""
    opened, dialogs = page.url, page.get_by_role("dialog")
    drawn = dialogs.first.inner_text() if dialogs.count() else ""
    found = (dialogs.first if drawn else page).get_by_role("button", name=button, exact=True).first
    if not (found.count() and found.is_enabled()):
        return
    found.click()
    try:
        page.wait_for_function(OTHER_DIALOG, arg=drawn, timeout=10_000)
        settle(page)
        shoot(page, picture)
    except Error:
        print(f"{picture.stem}: nothing opened", flush=True)
    page.goto(opened)
    settle(page)


def dialog(page: Page, button: str, picture: Path) -> None:
    """The dialog that a button opens; not there in every state of the data."""
    found = page.get_by_role("button", name=button).first
    if found.count() and found.is_enabled():
        found.click()
        shown_in_dialog(page, picture)


def shown_in_dialog(page: Page, picture: Path) -> None:
    try:
        page.get_by_role("dialog").wait_for(timeout=10_000)
    except Error:
        print(f"{picture.stem}: nothing opened")
        return
    settle(page)
    shoot(page, picture)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    settle(page)


def states(browser: Browser, base: str, data_dir: Path, out: Path) -> None:
    """Loading, not allowed, an object that does not exist, and a database that does not answer."""
    name, address = REFUSED
    with opened(browser, base, data_dir, "light", 1280, name) as page:
        photograph(page, f"{base}/{address}", out / "state-not-allowed.png")
    with opened(browser, base, data_dir, "light", 1280, at="overview") as page:
        photograph(page, f"{base}/payments?payment=pi_unknown", out / "state-no-such-object.png", whole=False)
        page.goto(f"{base}/overview?period=365d", wait_until="commit")
        page.get_by_test_id("stApp").wait_for()
        page.screenshot(path=out / "state-loading.png")
        settle(page)
        with silent_database(data_dir):
            page.wait_for_timeout(45_000)  # parts that refresh alone notice it
            page.screenshot(path=out / "state-stale.png")
            page.keyboard.press("r")
            page.wait_for_timeout(45_000)
            page.screenshot(path=out / "state-error.png")


@contextmanager
def silent_database(data_dir: Path) -> Iterator[None]:
    """Postgres takes no new connections and answers nobody."""
    server = embedded.ensure_running(data_dir)
    postmaster = int((server.pgdata / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    processes = [postmaster, *map(int, children)]
    send(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        send(processes, signal.SIGCONT)


def send(processes: list[int], what: signal.Signals) -> None:
    for each in processes:
        try:
            os.kill(each, what)
        except ProcessLookupError:
            continue


def index(out: Path) -> None:
    pictures = sorted(path.name for path in out.glob("*.png"))
    shown = "".join(
        f'<figure><figcaption>{html.escape(each)}</figcaption><img src="{html.escape(each)}" loading="lazy"></figure>'
        for each in pictures
    )
    style = "<style>img{max-width:100%;border:1px solid #888}</style>"
    (out / "index.html").write_text(f"<!doctype html><meta charset=utf-8><title>payops</title>{style}{shown}")
    print(f"{len(pictures)} pictures: {out / 'index.html'}")


if __name__ == "__main__":
    main()
