"""Upload of Stripe's own itemised report, and where the mirror differs from it."""

from functools import partial

import streamlit as st

from core.finance import against
from core.finance.against import Against
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column
from core.ui.text import literal

FILE, RESULT = "stripe report", "against stripe report"
COLUMNS = (
    Column("line", "Line", "count", help="Of the report; empty for what the report does not have."),
    Column("balance_transaction_id", "Balance transaction", "id"),
    Column("field", "Column"),
    Column("report", "In the report"),
    Column("mirror", "In the mirror"),
)


def show() -> None:
    """A form for the file; the result stays until another file is compared."""
    st.subheader("Against Stripe's report", anchor="against")
    with st.form("against", border=True):
        st.file_uploader(
            "Stripe's itemised report",
            type="csv",
            key=FILE,
            help="Payout reconciliation or balance change from activity, itemised, as CSV. The file is not stored.",
        )
        st.form_submit_button("Compare", on_click=actions.attempt, args=(_compare,))
    found: Against | None = st.session_state.get(RESULT)
    if found is None:
        return
    (st.success if found.agrees else st.warning)(literal(found.in_words()))
    if found.zone:
        st.caption(f"Times of this report were read as {literal(found.zone)}: it has no column created_utc.")
    if found.differences:
        rows.show(found.differences, COLUMNS, key="against")
        rows.files(partial(_rows, found), COLUMNS, name="against-stripe")


def _rows(found: Against, _: Actor) -> list[against.Difference]:
    return found.differences


def _compare(actor: Actor) -> str:
    st.session_state.pop(RESULT, None)
    if (uploaded := st.session_state.get(FILE)) is None:
        return "Choose a file first."
    found = against.compare(session.db(), uploaded.name, uploaded.getvalue(), session.settings().business_zone)
    st.session_state[RESULT] = found
    return f"{uploaded.name} was compared with the mirror."
