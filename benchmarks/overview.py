"""How much longer a warm overview over 18 months takes to stand still than a bare page with one chart."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

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
BARE = """
import plotly.graph_objects as go
import streamlit as st
st.title("One chart")
st.plotly_chart(go.Figure(go.Scatter(y=list(range(30)))))
"""
STILL = """() => !!document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]')
  && !!document.querySelector('.js-plotly-plot .main-svg')
  && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stAppSkeleton"]')"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        bare, console, api = free_port(), free_port(), free_port()
        with serving(Path(folder), console, api), bare_page(Path(folder), bare), sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            page = browser.new_page()
            sign_in(page, f"http://127.0.0.1:{console}", Path(folder))
            addresses = {
                "bare page, one chart": f"http://127.0.0.1:{bare}/",
                "overview, 30 days": f"http://127.0.0.1:{console}/overview",
                "overview, 365 days": f"http://127.0.0.1:{console}/overview?period=365d",
            }
            times = {name: [opened(page, url) for _ in range(ROUNDS + 1)][1:] for name, url in addresses.items()}
            browser.close()
        show(times)
        stop(Path(folder))


def opened(page: Page, url: str) -> float:
    """Seconds from the address to a page that stands still with a chart on it."""
    started = time.monotonic()
    page.goto(url)
    page.wait_for_function(STILL, timeout=60_000)
    return time.monotonic() - started


def show(times: dict[str, list[float]]) -> None:
    floor = median(next(iter(times.values())))
    table = Table("page", "median s", "min s", "max s", "over the floor s", "ratio", title="A warm page stands still")
    for name, seconds in times.items():
        middle = median(seconds)
        table.add_row(name, *(f"{s:.2f}" for s in (middle, min(seconds), max(seconds), middle - floor, middle / floor)))
    Console().print(table)


def sign_in(page: Page, address: str, data_dir: Path, name: str = "ops") -> None:
    password = json.loads((data_dir / "demo-users.json").read_text())[name]
    page.goto(address)
    page.get_by_role("textbox", name="Username").fill(name)
    page.get_by_role("textbox", name="Password").fill(password)
    with page.expect_response("**/auth/session"):
        page.get_by_role("button", name="Login").click()
    page.wait_for_function(STILL, timeout=60_000)


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
    yield
    process.terminate()
    process.wait(40)


@contextmanager
def bare_page(folder: Path, port: int) -> Iterator[None]:
    script = folder / "bare" / "bare.py"
    script.parent.mkdir()
    script.write_text(BARE)
    options = ["--server.headless=true", "--server.address=127.0.0.1", "--browser.gatherUsageStats=false"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}", *options],
        cwd=script.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/_stcore/health").raise_for_status()
            break
        except httpx.HTTPError:
            time.sleep(0.1)
    yield
    process.terminate()
    process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def stop(data_dir: Path) -> None:
    from core.db import embedded

    embedded.remove(data_dir)


if __name__ == "__main__":
    main()
