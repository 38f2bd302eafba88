"""The United States as a grid of equal tiles: no map is loaded, and small states are visible."""

import html
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

ROWS = (
    "AK .. .. .. .. .. .. .. .. .. .. ME",
    ".. .. .. .. .. .. .. .. .. .. VT NH",
    "WA ID MT ND MN IL WI MI NY RI MA ..",
    "OR NV WY SD IA IN OH PA NJ CT .. ..",
    "CA UT CO NE MO KY WV VA MD DE .. ..",
    ".. AZ NM KS AR TN NC SC DC .. .. ..",
    ".. .. .. OK LA MS AL GA .. .. PR VI",
    "HI .. .. TX .. .. .. .. FL GU MP AS",
)
TILES = {code: (x, y) for y, row in enumerate(ROWS) for x, code in enumerate(row.split()) if code != ".."}
# What a tile's colour means, in the order of the legend. White text is readable on each, in light and dark.
LOOKS = {
    "wanted": "Demand, no provider",
    "single": "One provider",
    "few": "2 to 4 providers",
    "many": "5 or more",
    "none": "No demand, no provider",
}
_STYLE = """<style>
.tiles { display: grid; grid-template-columns: repeat(12, 1fr); gap: clamp(2px, .5vw, 5px); max-width: 46rem;
  container-type: inline-size; }
.tiles a, .tiles-legend i { border-radius: .3rem; }
.tiles a { aspect-ratio: 1; display: flex; flex-direction: column; align-items: center; justify-content: center;
  position: relative; text-decoration: none !important; color: #fff !important; line-height: 1.15;
  font-size: clamp(.58rem, 2.1cqw, .85rem); font-variant-numeric: tabular-nums; }
.tiles a b { font-weight: 600; }
.tiles a:focus-visible { outline: 3px solid #5a83b8; }
.tiles a u { position: absolute; top: -4px; right: -4px; }
.tiles a u, .tiles-legend u { min-width: 1.35em; padding: 0 .25em; border-radius: 1em;
  background: #1f2430; color: #fff; border: 1px solid #fff; text-decoration: none; text-align: center; font-size: .8em; }
.tile-wanted { background: #b3452c; } .tile-single { background: #8f6200; } .tile-few { background: #3b7c6c; }
.tile-many { background: #22564a; }
.tiles a.tile-none { color: inherit !important; border: 1px solid rgba(128,132,145,.55); opacity: .75; }
i.tile-none { border: 1px solid rgba(128,132,145,.55); }
.tiles-legend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin-top: .7rem; font-size: .85rem; }
.tiles-legend span { display: inline-flex; align-items: center; gap: .4rem; }
.tiles-legend i { display: inline-block; width: .9rem; height: .9rem; }
</style>"""


def show(coverage: Sequence[Mapping[str, Any]], page: str) -> None:
    """A tile per state with its number of active licensed providers; each links to the state's rows."""
    tiles = "".join(_tile(state, page) for state in coverage if state["state"] in TILES)
    legend = "".join(f'<span><i class="tile-{look}"></i>{words}</span>' for look, words in LOOKS.items())
    st.html(
        f'{_STYLE}<div class="tiles" role="list" aria-label="Active licensed providers by state">{tiles}</div>'
        f'<div class="tiles-legend">{legend}<span><u>2</u>patients waiting</span></div>'
    )


def look(state: Mapping[str, Any]) -> str:
    """Which of `LOOKS` applies to a state."""
    if state["providers"] == 0:
        return "wanted" if state["waiting"] + state["demand_30_days"] > 0 else "none"
    return "single" if state["providers"] == 1 else "few" if state["providers"] < 5 else "many"


def in_words(state: Mapping[str, Any]) -> str:
    providers = "1 provider" if state["providers"] == 1 else f"{state['providers']:,} providers"
    return (
        f"{state['name']}: {providers}, {state['free_slots']:,} free slots, {state['waiting']:,} waiting, "
        f"{state['demand_30_days']:,} requests in 30 days"
    )


def _tile(state: Mapping[str, Any], page: str) -> str:
    x, y = TILES[state["state"]]
    words = html.escape(in_words(state))
    waiting = f"<u>{state['waiting']:,}</u>" if state["waiting"] else ""
    return (
        f'<a role="listitem" href="{page}?{urlencode({"state": state["name"]})}" title="{words}" aria-label="{words}" '
        f'class="tile-{look(state)}" style="grid-column:{x + 1};grid-row:{y + 1}">'
        f"<span>{state['state']}</span><b>{state['providers']:,}</b>{waiting}</a>"
    )
