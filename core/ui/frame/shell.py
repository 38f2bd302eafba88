"""What surrounds every page: sign-in, the band with the payment mode, the account menu, and errors of pages."""

import html
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from core import telemetry
from core.db import DatabaseFault
from core.errors import PayopsError, Unauthorised, Unavailable
from core.monitoring.incidents import Incident, IncidentLog
from core.processes import history_is_loading
from core.settings import PaymentMode
from core.staff.sessions import StaffSession
from core.ui import navigation, session
from core.ui.frame import account, search_box, second_factor, sign_in
from core.ui.frame.auth_routes import PAGE_SCRIPT_PATH, ROWS_SCRIPT_PATH, SCRIPT_PATH
from core.ui.kit import actions, cards, filters
from core.ui.overview import action_list, figure_cards
from core.ui.text import literal

ICON = Path(__file__).parent / "static" / "icon.svg"
MODES = {
    PaymentMode.SANDBOX: ("SANDBOX", "Simulated payments. No money moves."),
    PaymentMode.DEVELOPMENT: ("TEST", "Stripe's test mode. No money moves."),
}
LOADING = "The 18 months of history are still being loaded: figures and lists grow for about a minute."
# Hides the data grid's own download button, which does not neutralize formulas.
NO_RAW_EXPORT = "[data-testid=stElementToolbar] [aria-label='Download as CSV']{display:none}"
# Shows a table's tools below it; above it they would cover the buttons of the line before.
TOOLS_BELOW = ".stDataFrame [data-testid=stElementToolbar]{top:auto!important;bottom:-44px}"
# Streamlit draws captions at 60% opacity, a contrast of 3.9:1; this is at least 4.5:1 in both themes.
READABLE_CAPTIONS = (
    "[data-testid=stCaptionContainer]{color:color-mix(in srgb,currentColor 78%,transparent)!important;opacity:1}"
)

# The result of an action stays in view while the page scrolls, so that a user further down sees it.
# Streamlit wraps it in an element of its own height, within which nothing could stick.
RESULT_IN_VIEW = """
[data-testid=stLayoutWrapper]:has(>.st-key-action-result){position:sticky;top:2.2rem;z-index:100}
.st-key-action-result{background:var(--st-background-color)}
"""
# A button beside an invalid field; `page.js` blocks its clicks.
BARRED = "[data-beside-invalid]{opacity:.4;cursor:not-allowed!important}"
# White on the dark theme's green has a contrast of 2.4:1; on this green it is at least 4.5:1 in both themes.
MAIN_BUTTONS = (
    "[data-testid^=stBaseButton-primary]:not(:disabled){background-color:#2f6f5e;border-color:#2f6f5e;color:#fff}"
)
# The page begins at the top, below Streamlit's bar, which lets clicks beside its buttons through.
ROOM = """
[data-testid=stHeader]{background:transparent;pointer-events:none;height:2.6rem;min-height:2.6rem}
[data-testid=stHeader] button{pointer-events:auto}
:is([data-testid=stExpandSidebarButton],[data-testid=stExpandSidebarButton] *){background:#4a4a4a!important;
  color:#fff!important}
[data-testid=stMainBlockContainer]{padding:.6rem clamp(1rem,3vw,3rem) 3rem}
[data-testid=stMainBlockContainer]>[data-testid=stVerticalBlock]{gap:.7rem}
h1{padding:.2rem 0!important}
@media (max-width:640px){
  .st-key-filters-in-pairs [data-testid=stColumn]:not(:first-child){min-width:calc(50% - .5rem)!important}
}
[role=dialog] h3{font-size:1.15rem!important}
[data-testid=stMetricLabel] p{white-space:normal;overflow:visible}
.st-key-labels-unseen [data-testid=stWidgetLabel]{position:absolute;width:1px;height:1px;overflow:hidden;
  clip-path:inset(50%)}
[data-testid=stElementContainer]:has(>[data-testid=stHtml]>.payops-mode){position:sticky;top:0;z-index:100}
"""
# All shared styles in one element, since each further style element makes the browser match all rules again.
STYLES = (
    *(NO_RAW_EXPORT, TOOLS_BELOW, READABLE_CAPTIONS, RESULT_IN_VIEW, BARRED, MAIN_BUTTONS, ROOM),
    *(search_box.STYLE, action_list.STYLE, figure_cards.STYLE, cards.STYLE),
)


def run() -> None:
    """One run of the console's script, with a request id for its log lines and database calls."""
    with telemetry.request(f"page-{uuid.uuid4().hex[:12]}"), telemetry.span("page"):
        _run()


def _run() -> None:
    """Show the sign-in form, or the requested page."""
    st.set_page_config("Payment operations", page_icon=str(ICON), layout="wide")
    st.html(f"<style>{''.join(STYLES)}</style>")
    _show_mode()
    staff = session.current()
    before = _before_work(staff) if staff else None
    if staff is None:
        page = navigation.before_sign_in(sign_in.sign_in)
        if session.just_ended():
            _run_session_script("data-session-ended", "yes")
    elif before is not None:
        page = navigation.before_sign_in(before)
    else:
        page = navigation.for_staff(staff)
        search_box.show(staff)
        account.show(staff)
        search_box.note(staff)
        with st.sidebar:
            _run_script(
                "rows", "".join(f'<script src="{path}"></script>' for path in (ROWS_SCRIPT_PATH, PAGE_SCRIPT_PATH))
            )
    if staff and not staff.has_cookie and (ticket := session.ticket()):
        _run_session_script("data-session-ticket", ticket)
    if staff:
        filters.follow_link(page.url_path)
    with session.looked_up_once(None if before else staff):
        page.run()


def report_failure(error: Exception) -> bool:
    """Show an error in plain words; record an unexpected one as an incident with an id. Never shows a traceback."""
    if isinstance(error, Unauthorised):
        if staff := session.working():
            actions.note_refusal(staff, error, "open page")
        st.error(f"Not allowed: {literal(error.detail)}")
    elif isinstance(error, Unavailable):
        lost = "" if "nothing" in error.detail.lower() else " Nothing was lost."
        st.error(f"{literal(error.detail)}{lost}")
    elif isinstance(error, PayopsError) and not isinstance(error, DatabaseFault):
        st.error(literal(error.detail))
    else:
        error_id = _record(error)
        st.error(f"This page failed. The error is recorded and nothing was lost. If you report it, quote {error_id}.")
    return True


def _record(error: Exception) -> str:
    """Record an incident with the place and class of the error, without its message, which may be private."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    where = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "unknown"
    # A tab keeps the same id for the same failure, however often its page runs.
    error_id = str(st.session_state.setdefault(f"error id {type(error).__name__} {where}", uuid.uuid4().hex[:12]))
    running = session.services()
    IncidentLog(running.db, running.settings.data_dir).report(
        Incident(
            "page_failed",
            f"{type(error).__name__} {where}",
            f"A page failed with {type(error).__name__} at {where}.",
            session.sessions().now(),
            sample={"error": type(error).__name__, "where": where},
            request_id=error_id,
        )
    )
    return error_id


def _show_mode() -> None:
    """Show a band in modes in which no real money moves; it stays in view while scrolling. Production has none."""
    if band := MODES.get(session.settings().payment_mode):
        name, meaning = band
        if history_is_loading(session.settings().data_dir):
            meaning = f"{meaning} {LOADING}"
        st.html(
            "<style>.payops-mode{background:#8a5a00;color:#fff;border-radius:0 0 .4rem .4rem;padding:.2rem .8rem;"
            "font-size:.85rem;text-align:center}.payops-mode b{letter-spacing:.08em;margin-right:.6rem}</style>"
            f'<div class="payops-mode" role="note"><b>{name}</b>{meaning}</div>'
        )


def _before_work(staff: StaffSession) -> Callable[[], None] | None:
    """The page of the sign-in step that must be done before any other page opens; None if none is left."""
    step = session.sessions().next_step(staff)
    if step == "give code":
        return partial(second_factor.give_code, staff)
    if step == "change password":
        return partial(sign_in.change_password, staff)
    if second_factor.has_codes_to_show():
        return second_factor.show_recovery_codes
    if step == "set up second factor" or second_factor.is_wanted():
        return partial(second_factor.set_up, staff)
    return None


def _run_session_script(mark: str, value: str) -> None:
    """Add an element that the console's own script reads."""
    _run_script("session", f'<span {mark}="{html.escape(value)}"></span><script src="{SCRIPT_PATH}"></script>')


def _run_script(name: str, markup: str) -> None:
    """Add markup with one of the console's scripts, without taking up space on the page."""
    with st.container(key=f"{name}-script"):
        st.html(f"<style>.st-key-{name}-script{{position:absolute}}</style>{markup}", unsafe_allow_javascript=True)
