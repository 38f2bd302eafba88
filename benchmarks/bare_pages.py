"""Bare Streamlit pages to compare the console with: one chart, and pages of as many elements as the console draws."""

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

BARE = """
import plotly.graph_objects as go
import streamlit as st
st.title("One chart")
many = st.selectbox("Points", ["30 days", "90 days"], key="points")
st.plotly_chart(go.Figure(go.Scatter(y=list(range(int(many[:2]))))))
"""
# The same page in a console that is opened from the sidebar, an empty one, and for each page of the console one with as
# many charts, tables and other elements, of the plainest kind and without any data to look up.
BARE_CONSOLE = f"""
from functools import partial
import json
from pathlib import Path
import plotly.graph_objects as go
import streamlit as st
def chart():
{textwrap.indent(BARE, "    ")}
def empty():
    st.title("Empty")
def as_many(title, many):
    st.title(f"As {{title}}")
    for n in range(many["stPlotlyChart"]):
        st.plotly_chart(go.Figure(go.Scatter(y=list(range(30)))), key=f"chart {{n}}")
    for n in range(many["stDataFrame"]):
        st.dataframe({{f"Column {{column}}": list(range(200)) for column in range(10)}}, key=f"table {{n}}")
    for n in range(many["others"]):
        st.markdown(f"Text {{n}}")
pages = [st.Page(chart, title="One chart"), st.Page(empty, title="Empty", url_path="empty")]
counted = Path("elements.json")
for title, many in json.loads(counted.read_text()).items() if counted.exists() else ():
    pages.append(st.Page(partial(as_many, title, many), title=f"As {{title}}", url_path=f"as-{{title.lower()}}"))
st.navigation(pages).run()
"""
COUNT = """() => {
  const many = (what) => document.querySelectorAll(`[data-testid="${what}"]`).length;
  const found = { stPlotlyChart: many("stPlotlyChart"), stDataFrame: many("stDataFrame") };
  return { ...found, others: many("stElementContainer") - found.stPlotlyChart - found.stDataFrame - 1 };
}"""


def draw_as_many(folder: Path, elements: dict[str, dict[str, int]]) -> None:
    """From its next run on the bare console has these pages; `elements` is what `COUNT` found on ours."""
    (folder / "bare" / "elements.json").write_text(json.dumps(elements))


@contextmanager
def bare_page(folder: Path, port: int, content: str = BARE) -> Iterator[None]:
    script = folder / "bare" / "bare.py"
    script.parent.mkdir()
    script.write_text(content)
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
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)
