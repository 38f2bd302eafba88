"""One record in detail: its facts side by side, and its history in order.

Everything is text: it is written as HTML with every character escaped, so that nothing from outside is rendered.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from itertools import groupby

import streamlit as st

from core.payments.timeline import Moment
from core.ui import session
from core.ui.kit import object_links
from core.ui.text import ago

_STYLE = """<style>
.payops-facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15.5rem, 46%), 1fr)); gap: .6rem 1.5rem; }
.payops-facts small { display: block; font-size: .78rem; opacity: .8; }
.payops-facts span { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.payops-facts code, .payops-life code { font-size: .82em; opacity: .8; background: none; color: inherit; padding: 0; overflow-wrap: anywhere; }
.payops-facts a { color: inherit; text-decoration-color: color-mix(in srgb, currentColor 45%, transparent); }
.payops-life h4 { font-size: .82rem; font-weight: 600; opacity: .8; margin: 1rem 0 .3rem; padding: 0; }
.payops-life ol { list-style: none; margin: 0; padding: 0; }
.payops-life li { display: grid; grid-template-columns: 4.6rem .9rem 1fr 9rem; gap: .1rem .4rem; padding: .18rem 0; margin: 0;
  font-size: .92rem; align-items: baseline; }
.payops-life time { font-variant-numeric: tabular-nums; opacity: .85; font-size: .82rem; }
.payops-life i { width: .55rem; height: .55rem; border-radius: 50%; background: currentColor; opacity: .3; align-self: center; }
.payops-life .good i { background: #2f9180; opacity: 1; }
.payops-life .bad i { background: #cf6a3b; opacity: 1; }
.payops-life .more { opacity: .85; overflow-wrap: anywhere; }
.payops-life .side { font-size: .78rem; opacity: .8; text-align: right; }
@media (max-width: 640px) {
  .payops-life li { grid-template-columns: 4.6rem .9rem 1fr; }
  .payops-life .side { display: none; }
}
</style>"""


def facts(pairs: Sequence[tuple[str, object]], *, ids: Sequence[str] = ()) -> None:
    """Names and values in as many columns as there is room for; empty values are left out.

    Those named in `ids` are shown as code, and lead to their object here and in Stripe's dashboard.
    """
    written = "".join(
        f"<div><small>{escape(name)}</small><span>{_id(name, str(value)) if name in ids else escape(str(value))}</span></div>"
        for name, value in pairs
        if value not in (None, "")
    )
    st.html(f'{_STYLE}<div class="payops-facts">{written}</div>')


def life(moments: Sequence[Moment], now: datetime) -> None:
    """The moments grouped by day, in the business's time zone; hovering shows how long ago each was."""
    zone = session.settings().business_zone
    days = groupby(moments, key=lambda moment: moment.at.astimezone(zone).date())
    written = "".join(
        f"<h4>{day:%A %-d %B %Y}</h4><ol>{''.join(_line(moment, now) for moment in moments_of_day)}</ol>"
        for day, moments_of_day in days
    )
    st.html(f'{_STYLE}<div class="payops-life">{written}</div>')


def _line(moment: Moment, now: datetime) -> str:
    at = moment.at.astimezone(session.settings().business_zone)
    more = f'<span class="more"> — {escape(moment.details)}</span>' if moment.details else ""
    name = f" {_code(moment.id)}" if moment.id else ""
    return (
        f'<li class="{moment.tone}"><time title="{escape(ago(moment.at, now))}, {at:%Z}">{at:%H:%M:%S}</time><i></i>'
        f"<span>{escape(moment.title)}{more}{name}</span><span class='side'>{escape(moment.side)}</span></li>"
    )


def _id(name: str, value: str) -> str:
    """An id as code that can be copied, with links to its object where there are any."""
    page, at_stripe = object_links.of(name, value)
    shown = f'<a href="/{escape(page)}" target="_self">{_code(value)}</a>' if page else _code(value)
    if at_stripe is None:
        return shown
    return f'{shown} <a href="{escape(at_stripe)}" target="_blank" rel="noopener" title="Open in Stripe">↗</a>'


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
