"""How fast pages open and answer, as ratios of a bare Streamlit page with one chart, on one machine in one run.

Four measures, each in turns with its floor: a page opened from the sidebar (goal 1.2 times the bare page), a drawer (at
most 0.4 s over a rerun of its page), a filter (1.1 times the bare page's), and the warm overview over 365 days opened
by its address (0.3 s over the bare page). `--rounds 3` is quicker.

A page opened from the sidebar is timed twice: until the whole page stands still, and until what the window shows does,
before anything below it. Beside each page stands one of Streamlit's with as many charts, tables and other elements.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import TypeVar

import httpx
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.bare_pages import BARE_CONSOLE, COUNT, bare_page, draw_as_many

CHECKOUT = Path(__file__).parents[1]
ROUNDS = 7
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Nothing runs, nothing is about to be replaced, and every chart and table is drawn.
IDLE = """() => {
  const all = (what) => [...document.querySelectorAll(`[data-testid="${what}"]`)];
  return !!document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stAppSkeleton"], [data-stale="true"]')
    && all("stPlotlyChart").every((each) => each.querySelector(".main-svg"))
    && all("stDataFrame").every((each) => each.querySelector("canvas"));
}"""
# A short run may begin and end between two looks at the page, so its last message is noted: field 6 of it, with the
# value 0 for a run of the whole page. What it brought is on the page two frames later.
NOTE_RUNS = """(() => {
  const Plain = window.WebSocket;
  window.runs = 0;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        const [tag, value] = new Uint8Array(data).slice(-2);
        if (data.byteLength < 1000 && tag === 0x30 && value === 0)
          requestAnimationFrame(() => requestAnimationFrame(() => { window.runs += 1; }));
      });
    }
  };
  // What was drawn since the last click, and when.
  addEventListener("click", () => { window.clicked = performance.now(); window.drawn = []; }, true);
  new MutationObserver((changes) => {
    const now = performance.now();
    for (const { addedNodes, target } of changes)
      for (const node of addedNodes) window.drawn?.push([now, node instanceof Element ? node : target]);
  }).observe(document, { childList: true, characterData: true, subtree: true });
})();"""
# Seconds from the click until the last element was drawn that the window shows of the page.
IN_WINDOW = """() => {
  const page = document.querySelector('[data-testid="stMain"]');
  const seen = (node) => {
    const { top, bottom, width } = node.getBoundingClientRect();
    return page.contains(node) && width > 0 && bottom > 0 && top < innerHeight;
  };
  const times = window.drawn.filter(([, node]) => seen(node)).map(([time]) => time);
  return (Math.max(...times) - window.clicked) / 1000;
}"""
STILL = f"() => ({IDLE})() && !!document.querySelector('.js-plotly-plot .main-svg')"
TABLE = '[class*="st-key-opens-"] [data-testid="stDataFrame"]'
OPENED = ("Overview", "Payments", "Disputes", "Refunds", "Subscriptions")
BARE_PAGE = "bare page, one chart"
Taken = TypeVar("Taken")
Times = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        bare, console, api = free_port(), free_port(), free_port()
        try:
            with serving(Path(folder), console, api), bare_page(Path(folder), bare, BARE_CONSOLE):
                measure(f"http://127.0.0.1:{bare}", f"http://127.0.0.1:{console}", Path(folder), rounds)
        finally:
            stop(Path(folder))


def measure(bare: str, console: str, folder: Path, rounds: int) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        floor, page = browser.new_page(), browser.new_page()
        for each in (floor, page):
            each.add_init_script(NOTE_RUNS)
        floor.goto(bare)
        floor.wait_for_function(STILL, timeout=60_000)
        sign_in(page, console, folder)
        whole, in_window = sidebar(floor, page, folder, rounds)
        show("Opened from the sidebar (goal: ratio 1.20)", whole)
        show("Opened from the sidebar, until what the window shows is drawn (goal: ratio 1.20)", in_window)
        show("A drawer beside a rerun of its page (goal: 0.40 s over)", drawers(page, console, rounds))
        show("A filter (goal: ratio 1.10)", filters(floor, page, console, rounds))
        addresses = {BARE_PAGE: f"{bare}/", "overview, 30 days": f"{console}/overview"}
        addresses |= {"overview, 365 days": f"{console}/overview?period=365d"}
        opening = {name: partial(opened, page, url) for name, url in addresses.items()}
        show("Opened by its address (goal: 0.30 s over)", in_turns(opening, rounds))
        browser.close()


def in_turns(measures: dict[str, Callable[[], Taken]], rounds: int) -> dict[str, list[Taken]]:
    """Each measured once a round; the first round warms up and is not counted."""
    taken = [{name: seconds() for name, seconds in measures.items()} for _ in range(rounds + 1)]
    return {name: [each[name] for each in taken[1:]] for name in measures}


def sidebar(floor: Page, page: Page, folder: Path, rounds: int) -> tuple[Times, Times]:
    """From the click to a page under its own heading that stands still; before each click another page is open."""
    elements = {}
    for title in OPENED:
        from_sidebar(page, title, "Events")
        elements[title] = page.evaluate(COUNT)
    draw_as_many(folder, elements)
    floor.reload()
    floor.wait_for_function(STILL, timeout=60_000)
    opening = {BARE_PAGE: partial(from_sidebar, floor, "One chart", "Empty")}
    for title in OPENED:
        opening |= {title: partial(from_sidebar, page, title, "Events")}
        opening |= {f"as many elements as {title}": partial(from_sidebar, floor, f"As {title}", "Empty")}
    both = in_turns(opening, rounds)
    whole = {name: [one for one, _ in taken] for name, taken in both.items()}
    return whole, {name: [one for _, one in taken] for name, taken in both.items()}


def from_sidebar(page: Page, title: str, before: str) -> tuple[float, float]:
    click_page(page, before)
    return click_page(page, title), page.evaluate(IN_WINDOW)


def click_page(page: Page, title: str) -> float:
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True)
    started = time.monotonic()
    link.click()
    page.get_by_role("heading", level=1, name=title, exact=True).wait_for()
    page.wait_for_function(IDLE, timeout=60_000)
    return time.monotonic() - started


def drawers(page: Page, console: str, rounds: int) -> dict[str, list[float]]:
    measures: dict[str, Callable[[], float]] = {"refunds, run again": partial(rerun, page)}
    measures["refunds, a row's drawer"] = partial(drawer, page)
    page.goto(f"{console}/refunds")
    page.wait_for_function(IDLE, timeout=60_000)
    return in_turns(measures, rounds)


def rerun(page: Page) -> float:
    return until_idle(page, partial(page.keyboard.press, "r"))


def drawer(page: Page) -> float:
    table = page.locator(TABLE).first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box
    place = box["x"] + min(220, box["width"] / 2), box["y"] + 54  # under the headings
    taken = until_idle(page, partial(page.mouse.click, *place))
    page.get_by_role("dialog").wait_for(timeout=1_000)
    until_idle(page, partial(page.keyboard.press, "Escape"))
    page.get_by_role("dialog").wait_for(state="hidden")
    return taken


def filters(floor: Page, page: Page, console: str, rounds: int) -> dict[str, list[float]]:
    """From the choice in a list to a page that stands still, there and back again."""
    click_page(floor, "One chart")
    page.goto(f"{console}/refunds")
    page.wait_for_function(IDLE, timeout=60_000)
    bare, ours = (cycle(each) for each in (("90 days", "30 days"), ("Pending", "All")))
    return in_turns(
        {
            BARE_PAGE: lambda: chosen(floor, "Points", next(bare)),
            "refunds, status": lambda: chosen(page, "Status", next(ours)),
        },
        rounds,
    )


def chosen(page: Page, label: str, option: str) -> float:
    page.get_by_role("combobox", name=label).fill(option)  # of a long list only what is in view is on the page
    return until_idle(page, page.get_by_role("option", name=option, exact=True).click)


def until_idle(page: Page, act: Callable[[], object]) -> float:
    """Seconds of the run that `act` starts: from the act until nothing runs any more."""
    runs = page.evaluate("() => window.runs")
    started = time.monotonic()
    act()
    page.wait_for_function("(runs) => window.runs > runs", arg=runs)
    page.wait_for_function(IDLE, timeout=60_000)
    return time.monotonic() - started


def opened(page: Page, url: str, still: str = STILL) -> float:
    """Seconds from the address to a page that stands still, with a chart on it unless `still` says otherwise."""
    started = time.monotonic()
    page.goto(url)
    page.wait_for_function(still, timeout=60_000)
    return time.monotonic() - started


def show(title: str, times: dict[str, list[float]]) -> None:
    """Each measure beside the first, which is the floor."""
    floor = median(next(iter(times.values())))
    table = Table("what", "median s", "min s", "max s", "over the floor s", "ratio", title=title)
    for name, seconds in times.items():
        middle = median(seconds)
        table.add_row(name, *(f"{s:.2f}" for s in (middle, min(seconds), max(seconds), middle - floor, middle / floor)))
    Console().print(table)


def sign_in(page: Page, address: str, data_dir: Path, name: str = "ops", still: str = STILL) -> None:
    password = json.loads((data_dir / "demo-users.json").read_text())[name]
    page.goto(address)
    page.get_by_role("textbox", name="Username").fill(name)
    page.get_by_role("textbox", name="Password").fill(password)
    with page.expect_response("**/auth/session"):
        page.get_by_role("button", name="Login").click()
    page.wait_for_function(still, timeout=60_000)


@contextmanager
def serving(data_dir: Path, console: int, api: int) -> Iterator[None]:
    """payops with its whole first history, and no live traffic to disturb the figures."""
    command = [sys.executable, "-c", "from core.cli import app; app()", "serve"]
    process = subprocess.Popen(
        [*command, "--console-port", str(console), "--api-port", str(api)],
        env={"DATA_DIR": str(data_dir), "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if "Ctrl-C" in line:
            break
    sandbox = json.loads((data_dir / "sandbox-address.json").read_text())["base_url"]
    httpx.post(f"{sandbox}/sandbox/traffic", json={"running": False}).raise_for_status()
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def stop(data_dir: Path) -> None:
    from core.db import embedded

    embedded.remove(data_dir)


if __name__ == "__main__":
    main()
