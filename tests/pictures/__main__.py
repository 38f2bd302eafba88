"""Photographs of every page, drawer and state of the console, for somebody to look at: `make pictures`.

A console with the demo's first history is started on free ports, and beside it one with an empty database. The
pictures lie in `.pictures`, or where `--out` says: `PAGE-light-1440.png`, and an index to open in a browser.
`--readme` also replaces the README's picture. `--pages payments refunds` and `--no-dialogs` are quicker, and `--parts
states empty` leaves the pages out. `--users support finance` shows them as these roles do. What could not be
photographed is named, and the others go on.
"""

import argparse
import html
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from benchmarks.pages import CHECKOUT, FLAGS, sign_in
from core.staff.roles import Right, Role, right
from tests.pictures import views
from tests.pictures.consoles import demo, empty, silent_database
from tests.pictures.views import View

WIDTHS, THEMES, PARTS = (1440, 1280, 420), ("light", "dark"), ("pages", "states", "empty")
HEIGHT = 1000
STANDS_STILL = """() => !!document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]')
  && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stAppSkeleton"], [data-stale="true"]')"""
TABLE = '[class*="st-key-opens-"] [data-testid="stDataFrame"]'
OTHER_DIALOG = """drawn => { const dialog = document.querySelector('[role="dialog"]');
  return dialog && dialog.innerText !== drawn }"""
LOADING = """() => document.querySelector('[data-testid="stSidebarNav"]')
  && document.querySelector('[data-testid="stApp"][data-test-script-state="running"]')"""
PRESSED = ("button", "tab", "radio", "menuitem")
SEARCH = "Find by ID"
REFUSED = ("support", "settings")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--out", type=Path, default=CHECKOUT / ".pictures")
    ask.add_argument("--pages", nargs="+", default=views.ALL, choices=views.ALL)
    ask.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    ask.add_argument("--widths", nargs="+", type=int, default=WIDTHS)
    ask.add_argument("--themes", nargs="+", default=THEMES, choices=THEMES)
    ask.add_argument("--users", nargs="+", default=["admin"], choices=[str(role) for role in Role])
    ask.add_argument("--no-dialogs", dest="dialogs", action="store_false")
    ask.add_argument("--readme", action="store_true")
    asked = ask.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver, tempfile.TemporaryDirectory(prefix="payops-pictures-") as folder:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        if asked.parts != ["empty"]:
            with demo(Path(folder) / "demo") as (base, data_dir):
                seen = product(asked.themes, asked.widths, asked.users) if "pages" in asked.parts else ()
                for theme, width, user in seen:
                    began = time.monotonic()
                    as_seen_by(user, browser, base, data_dir, asked, theme, width)
                    print(f"{user}, {theme}, {width}: {time.monotonic() - began:.0f} s", flush=True)
                if "states" in asked.parts:
                    states(browser, base, data_dir, asked.out)
        if "empty" in asked.parts:
            with empty(Path(folder) / "empty") as (base, data_dir):
                with opened(browser, base, data_dir, "light", 1280) as page:
                    for address in asked.pages:
                        photograph(page, f"{base}/{address}", asked.out / f"{address}-empty.png")
        browser.close()
    if asked.readme:
        shutil.copy(asked.out / f"overview-{asked.themes[0]}-{asked.widths[0]}.png", CHECKOUT / "docs" / "overview.png")
    index(asked.out)


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
            for view in views.of(address):
                shown = f"{address}-{view.name}" if view.name else address
                name = "-".join([shown, theme, str(width), *([user] if user != "admin" else [])])
                try:
                    view_with_its_dialogs(page, f"{base}/{address}{view.query}", view, asked.out, name, asked.dialogs)
                except Error as error:
                    print(f"{name}: not whole: {str(error).splitlines()[0]}", flush=True)


def view_with_its_dialogs(page: Page, url: str, view: View, out: Path, name: str, dialogs: bool) -> None:
    photograph(page, url, out / f"{name}.png")
    if drawer(page, out / f"{name}-row.png"):
        for number, way in enumerate(view.of_a_row if dialogs else ()):
            of_the_row(page, way, out / f"{name}-row-{number}.png")
    for number, way in enumerate(view.dialogs if dialogs else ()):
        page.goto(url)
        settle(page)
        of_the_page(page, way, out / f"{name}-dialog-{number}.png")


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
    table = page.locator(TABLE).locator("visible=true").first
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


def of_the_row(page: Page, way: str, picture: Path) -> None:
    """What opens from the row's drawer or page, which is opened again afterwards."""
    opened, dialogs = page.url, page.get_by_role("dialog")
    drawn = dialogs.first.inner_text() if dialogs.count() else ""
    if not press(page, way):
        return
    try:
        page.wait_for_function(OTHER_DIALOG, arg=drawn, timeout=10_000)
        settle(page)
        shoot(page, picture)
    except Error:
        print(f"{picture.stem}: nothing opened", flush=True)
    page.goto(opened)
    settle(page)


def of_the_page(page: Page, way: str, picture: Path) -> None:
    """The dialog that opens from the page, or the page itself where something on it opens."""
    if not press(page, way):
        return
    settle(page)
    shoot(page, picture, whole=not page.get_by_role("dialog").count())


def press(page: Page, way: str) -> bool:
    """Press these one after another, in a dialog where one is open; False where one is not there or not enabled."""
    for name in way.split(" > "):
        dialogs = page.get_by_role("dialog")
        within = dialogs.first if dialogs.count() else page
        if name.startswith("type "):
            page.get_by_placeholder(SEARCH).fill(name.removeprefix("type "))
            page.keyboard.press("Enter")
            page.get_by_role("dialog").wait_for()
            continue
        called = re.compile(rf"^{re.escape(name)}( \(|$)")
        found = [within.get_by_role(role, name=called).first for role in PRESSED]  # type: ignore[arg-type]
        found.append(within.locator("summary").filter(has_text=name).first)
        pressed = next((each for each in found if each.count() and each.is_enabled()), None)
        if pressed is None:
            return False
        pressed.click()
        settle(page)
    return True


def states(browser: Browser, base: str, data_dir: Path, out: Path) -> None:
    """Loading, not allowed, an object that does not exist, and a database that does not answer."""
    name, address = REFUSED
    with opened(browser, base, data_dir, "light", 1280, name) as page:
        photograph(page, f"{base}/{address}", out / "state-not-allowed.png")
    with opened(browser, base, data_dir, "light", 1280, at="overview") as page:
        photograph(page, f"{base}/payments?payment=pi_unknown", out / "state-no-such-object.png", whole=False)
        page.goto(f"{base}/overview?period=365d", wait_until="commit")
        page.wait_for_function(LOADING)
        page.screenshot(path=out / "state-loading.png")
        settle(page)
        with silent_database(data_dir):
            page.wait_for_timeout(45_000)  # parts that refresh alone notice it
            page.screenshot(path=out / "state-stale.png")
            page.get_by_test_id("stSidebarNav").get_by_role("link", name="Subscriptions", exact=True).click()
            page.wait_for_timeout(45_000)
            page.screenshot(path=out / "state-error.png")
            page.goto(f"{base}/revenue")
            page.wait_for_timeout(45_000)
            page.screenshot(path=out / "state-error-reloaded.png")


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
