"""The search at the top of the sidebar: one field for all kinds of objects, and what the user opened last."""

from collections.abc import Sequence

import streamlit as st

from core.errors import PayopsError
from core.money import Money
from core.payments import payments
from core.search import recent_views, search
from core.search.search import KINDS, Hit
from core.staff.sessions import StaffSession
from core.ui import navigation, session
from core.ui.kit import actions, shared_cache
from core.ui.text import literal

_FIELD, _FOUND, _SEEN = "find_anything", "find_anything_found", "find_anything_seen"
_RECENT_SECONDS = 60
# Moves the search above the list of pages, which Streamlit itself draws first in the sidebar.
STYLE = """
[data-testid="stSidebarContent"] { display: flex; flex-direction: column; }
[data-testid="stSidebarHeader"] { order: -2; }
[data-testid="stSidebarUserContent"], [data-testid="stSidebarUserContent"] > div,
[data-testid="stSidebarUserContent"] > div > [data-testid="stVerticalBlock"] { display: contents; }
[data-testid="stSidebarUserContent"] > div > [data-testid="stVerticalBlock"] > * { margin: 0 1rem .5rem; width: auto; }
.st-key-find-anything, [data-testid="stLayoutWrapper"]:has(> .st-key-find-anything) { order: -1; }
.st-key-find-anything [data-testid="InputInstructions"] { display: none; }
"""


def show(staff: StaffSession) -> None:
    """Show the field and the list of recent objects; if a search finds only one object, it opens at once."""
    with st.sidebar:
        with st.container(key="find-anything", gap="xxsmall"):
            st.text_input(
                "Search",
                key=_FIELD,
                max_chars=search.LONGEST,
                placeholder="Find by ID, e-mail, amount",
                label_visibility="collapsed",
                icon=":material/search:",
                on_change=_search,
                help="A payment, customer, patient, order, consultation, provider, event, dispute or refund by ID; a "
                "payment by amount, last four digits or both (49.00 4242); a provider by name; a customer by e-mail "
                "address, which is looked up at Stripe and not stored.",
            )
            _recent(staff)
    if found := st.session_state.pop(_FOUND, None):
        hits, problem = found
        if len(hits) == 1:
            page, parameter, _ = KINDS[hits[0]["kind"]]
            navigation.open_page(page, {parameter: hits[0]["opens"]})
        _results(hits, problem)


def note(staff: StaffSession) -> None:
    """Remember the object that the URL opens, for the list of recent objects."""
    for parameter in {parameter for _, parameter, _ in KINDS.values()}:
        opened = st.query_params.get(parameter)
        kind = recent_views.kind_of(session.address(), parameter) if opened else None
        if opened and kind and st.session_state.get(_SEEN) != (kind, opened):
            st.session_state[_SEEN] = (kind, opened)
            recent_views.note(session.db(), staff.actor, kind, opened, session.sessions().now())
            shared_cache.answers().forget(_key(staff))


def _search() -> None:
    """Search for the text, and clear the field, so that no e-mail address is left in it."""
    typed = str(st.session_state.get(_FIELD) or "")
    st.session_state[_FIELD] = ""
    staff = session.working()
    if staff is None or not typed.strip():
        return
    try:
        hits = search.find(session.services().payment_context, staff.actor, typed)
        problem = "" if hits else "Nothing was found. IDs must be complete; a provider is found by a word of the name."
        st.session_state[_FOUND] = hits, problem
    except PayopsError as error:
        st.session_state[_FOUND] = [], error.detail


@st.dialog("Search", width="medium")
def _results(hits: Sequence[Hit], problem: str) -> None:
    actions.end_dialog_if_over()
    if problem:
        st.info(literal(problem))
    _links(hits)
    if search.may_be_more(hits):
        st.caption("Only the newest of each kind are listed. Narrow the search, or filter the list on its page.")
        if entry := navigation.entry_of(payments.PAGE):
            st.page_link(entry.path, label="All payments, with filters", icon=":material/filter_list:")


def _recent(staff: StaffSession) -> None:
    opened = st.popover("Recent", icon=":material/history:", type="tertiary", key="recent", on_change="rerun")
    if opened.open:
        with opened:
            found = shared_cache.answers().get(
                _key(staff),
                lambda: recent_views.of_user(session.db(), staff.actor),
                ttl_seconds=_RECENT_SECONDS,
            )
            if not found.answer:
                st.caption("What you open is listed here: payments, customers, disputes, providers and so on.")
            _links(found.answer)


def _links(hits: Sequence[Hit]) -> None:
    for hit in hits:
        page, parameter, _ = KINDS[hit["kind"]]
        if entry := navigation.entry_of(page):
            st.page_link(
                entry.path,
                label=literal(in_words(hit)),
                icon=f":material/{entry.icon}:",
                query_params={parameter: hit["opens"]},
            )


def in_words(hit: Hit) -> str:
    """`Payment $49.00, failed · pi_1 · 4242`, `Provider Ana Roe, active · prov_1`."""
    name = KINDS[hit["kind"]][2]
    if hit["amount_minor"] is not None and hit["currency"]:
        name += f" {Money(hit['amount_minor'], hit['currency'])}"
    elif hit["kind"] == "provider" and hit["about"]:
        name += f" {hit['about']}"
    if hit["status"]:
        name += f", {_status(hit)}"
    parts = [name, hit["id"]]
    if hit["about"] and hit["kind"] not in ("provider", "refund"):
        parts.append(f"•••• {hit['about']}" if _is_last4(hit["about"]) else hit["about"].replace("_", " "))
    return " · ".join(parts)


def _status(hit: Hit) -> str:
    words = payments.STATUSES if hit["kind"] == "payment" else payments.DISPUTED if hit["kind"] == "dispute" else {}
    found = words.get(hit["status"] or "", hit["status"] or "")
    return found.replace("_", " ").lower()


def _is_last4(text: str) -> bool:
    return len(text) == 4 and text.isdigit()


def _key(staff: StaffSession) -> tuple[str, str]:
    return ("recent", staff.name)
