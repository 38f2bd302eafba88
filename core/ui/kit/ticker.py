"""The newest events as lines of equal height, so that nothing moves while a user reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

import streamlit as st

from core.events import wording
from core.ui import session
from core.ui.text import ago

LINES = 8
_STYLE = """<style>
.payops-ticker { font-variant-numeric: tabular-nums; }
.payops-ticker div { display: grid; grid-template-columns: 4.4rem .9rem minmax(0, 1fr) auto; gap: .1rem .4rem; align-items: baseline;
  margin: 0; padding: .2rem 0; font-size: .88rem; line-height: 1.35rem; height: 1.75rem; }
.payops-ticker span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.payops-ticker time, .payops-ticker em { font-size: .8rem; font-style: normal; opacity: .8; }
.payops-ticker i { width: .55rem; height: .55rem; border-radius: 50%; background: currentColor; opacity: .3; align-self: center; }
.payops-ticker .applied i { background: #2f9180; opacity: 1; }
.payops-ticker .bad i { background: #cf6a3b; opacity: 1; }
.payops-ticker .bad em { opacity: 1; font-weight: 600; }
.payops-ticker code { font-size: .8em; opacity: .8; background: none; color: inherit; padding: 0 0 0 .5rem; }
</style>"""


def show(events: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """At most `LINES` events, newest first; missing lines keep their space."""
    lines = [_line(event, now) for event in events[:LINES]]
    lines += ["<div></div>"] * (LINES - len(lines))
    st.html(f'{_STYLE}<section class="payops-ticker">{"".join(lines)}</section>')


def _line(event: Mapping[str, Any], now: datetime) -> str:
    at = datetime.fromisoformat(event["received_at"])
    outcome = event["outcome"]
    tone = "bad" if outcome in wording.PROBLEMS else outcome
    local = at.astimezone(session.settings().business_zone)
    of = f"<code>{escape(event['object_id'])}</code>" if event["object_id"] else ""
    return (
        f'<div class="{escape(tone)}"><time title="{escape(ago(at, now))}, {local:%Z}">{local:%H:%M:%S}</time><i></i>'
        f"<span>{escape(event['type'])}{of}</span><em>{escape(wording.OUTCOMES[outcome].partition(',')[0])}</em></div>"
    )
