"""Net revenue by state as a grid of equal tiles; darker is more."""

import html
from collections.abc import Sequence

import streamlit as st

from core.finance.revenue import NO_PAYMENT, NOT_KNOWN, Line
from core.money import Money
from core.providers.states import NAMES
from core.ui.kit.state_tiles import TILES
from core.ui.text import literal

# White text is readable on each in both themes, except on the first, which sets no colour of its own.
SHADES = ("none", "#4b8578", "#3b7c6c", "#2c6a5b", "#22564a", "#163f36")
_STYLE = """<style>
.rev-tiles { display: grid; grid-template-columns: repeat(12, 1fr); gap: clamp(2px, .5vw, 5px); max-width: 46rem;
  container-type: inline-size; }
.rev-tiles span { aspect-ratio: 1; display: flex; flex-direction: column; align-items: center; justify-content: center;
  border-radius: .3rem; color: #fff; line-height: 1.15; font-size: clamp(.5rem, 1.9cqw, .8rem);
  font-variant-numeric: tabular-nums; }
.rev-tiles b { font-weight: 600; }
.rev-tiles .shade-0 { color: inherit; border: 1px solid rgba(128,132,145,.55); opacity: .75; }
</style>"""


def show(lines: Sequence[Line], currency: str) -> None:
    """Show one tile for each state with its net, and a sentence on revenue that belongs to no state."""
    by_state = {each.key: each for each in lines}
    most = max((each.sums.net_minor for each in lines if each.key in TILES), default=0)
    tiles = "".join(_tile(code, by_state.get(code), most, currency) for code in TILES)
    st.html(f'{_STYLE}<div class="rev-tiles" role="list" aria-label="Net revenue by state">{tiles}</div>')
    rest = Money(sum(each.sums.net_minor for each in lines if each.key in (NOT_KNOWN, NO_PAYMENT)), currency)
    st.caption(literal(f"By the state of the patient's consultation. {rest} belongs to no known state."))


def _tile(code: str, line: Line | None, most: int, currency: str) -> str:
    x, y = TILES[code]
    net = line.sums.net_minor if line else 0
    shade = 0 if net <= 0 or most <= 0 else min(1 + int(4.999 * net / most), 5)
    words = html.escape(f"{NAMES[code]}: net {Money(net, currency)}")
    style = f"grid-column:{x + 1};grid-row:{y + 1}" + (f";background:{SHADES[shade]}" if shade else "")
    shown = f"<b>{html.escape(_in_short(net, currency))}</b>" if line else ""
    return (
        f'<span role="listitem" title="{words}" aria-label="{words}" class="shade-{shade}" style="{style}">'
        f"<small>{code}</small>{shown}</span>"
    )


def _in_short(minor: int, currency: str) -> str:
    """A short amount in major units without currency: `12k`, `940`."""
    amount = float(Money(minor, currency).major)
    for size, unit in ((1_000_000, "m"), (1_000, "k")):
        if abs(amount) >= size:
            return f"{amount / size:.1f}{unit}" if abs(amount) < 10 * size else f"{amount / size:.0f}{unit}"
    return f"{amount:.0f}"
