"""The months: which are closed, what changed since then, and buttons to close and reopen one."""

from datetime import date
from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.finance import months
from core.finance.months import Month
from core.money import Money
from core.staff.audit_words import actor_name
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column
from core.ui.text import code, literal

REASON = "month reason"
SHOWN_CHANGES = 200
CHANGES = (
    Column("path", "Figure", read=lambda one: months.in_words(one).figure, width="large"),
    Column("closed", "When closed", read=lambda one: months.in_words(one).closed),
    Column("now", "Now", read=lambda one: months.in_words(one).now),
)


def state_of(month: Month) -> str:
    if month["changes"]:
        return f"Changed since it was closed: {counted(len(month['changes']), 'figure')}"
    if month["closed_at"]:
        return "Closed"
    if not month["is_over"]:
        return "Not over yet"
    return "Ready to close" if not month["mismatches"] else "Mismatches open"


COLUMNS = (
    Column("month", "Month", read=lambda one: f"{date.fromisoformat(one['month']):%B %Y}"),
    Column("state", "State", read=state_of, width=170),
    Column("mismatches", "Not explained", read=lambda one: _not_explained(one), width=230),
    Column("closed_by", "Closed by", read=lambda one: actor_name(one["closed_by"]) if one["closed_by"] else ""),
    Column("closed_at", "Closed", "moment"),
    Column("sha256", "SHA-256", help="SHA-256 of the frozen figures as canonical JSON.", width="small"),
)


def _not_explained(month: Month) -> str:
    return ", ".join(
        f"{Money(each['minor'], each['currency'])} ({counted(each['open'], 'mismatch', 'mismatches')})"
        for each in month["mismatches"]
    )


def show() -> None:
    """Show the list, and below it the selected month with its actions."""
    listed = months.listed(session.db(), session.services().clock())
    if not listed:
        st.info("Each month since the first payment is listed here, to be closed once it is over.")
        return
    chosen = rows.show(listed, COLUMNS, key="months", choose="closing", id_field="month")
    rows.files(lambda _: listed, COLUMNS, name="months")
    for month in (each for each in listed if each["month"] == chosen):
        _details(month)


def _details(month: Month) -> None:
    name = f"{date.fromisoformat(month['month']):%B %Y}"
    with st.container(border=True, key="chosen-month"):
        st.markdown(f"## {name}: {literal(state_of(month))}")
        if month["sha256"]:
            st.markdown(f"SHA-256 {code(month['sha256'])}")
        if month["changes"]:
            st.warning("These figures are not what they were when the month was closed.")
            rows.show(month["changes"][:SHOWN_CHANGES], CHANGES, key="month-changes")
            rows.files(lambda _: month["changes"], CHANGES, name="month-changes")
        if not month["closed_at"]:
            st.button(
                f"Close {name}",
                type="primary",
                disabled=not month["is_over"] or bool(month["mismatches"]),
                help="Freezes the figures with a hash. Every mismatch must be fixed or accepted first.",
                on_click=actions.attempt,
                args=(partial(_close, month["month"]),),
            )
        elif right(session.actor().role, "settings") >= Right.ACT:
            st.button(f"Reopen {name}", on_click=_reopen_dialog, args=(month,))


@st.dialog("Reopen month")
def _reopen_dialog(month: Month) -> None:
    actions.end_dialog_if_over()
    st.markdown("The frozen figures stay in the log; the month can be closed again.")
    st.text_area("Reason", key=REASON, max_chars=500)
    st.button("Reopen month", type="primary", on_click=actions.attempt, args=(partial(_reopen, month["month"]),))
    actions.end_dialog_when_done()


def _close(month: str, actor: Actor) -> str:
    first_day = date.fromisoformat(month)
    digest = months.close(session.db(), actor, first_day, session.services().clock())
    return f"{first_day:%B %Y} is closed. The SHA-256 of its figures is {digest}."


def _reopen(month: str, actor: Actor) -> str:
    first_day = date.fromisoformat(month)
    months.reopen(session.db(), actor, first_day, st.session_state[REASON], session.services().clock())
    return f"{first_day:%B %Y} is open again."
