"""Upload of Stripe's own itemised report, and the differences from the mirror."""

from functools import partial

import streamlit as st

from core.finance import report_comparison
from core.finance.report_comparison import ReportComparison
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column
from core.ui.text import literal

DRAWN = 1_000
FILE, RESULT = "stripe report", "against stripe report"
COLUMNS = (
    Column("line", "Line", "count", help="The line in the report; empty if the report does not have it."),
    Column("balance_transaction_id", "Balance transaction", "id"),
    Column("field", "Column"),
    Column("report", "In the report"),
    Column("mirror", "In the mirror"),
)


def show() -> None:
    """Show a form for the file, and the result, which stays until another file is compared."""
    with st.form("against", border=True):
        st.file_uploader(
            "Stripe's itemised report",
            type="csv",
            key=FILE,
            help="Payout reconciliation or balance change from activity, itemised, as CSV. The file is not stored.",
        )
        st.form_submit_button("Compare", on_click=actions.attempt, args=(_compare,))
    found: ReportComparison | None = st.session_state.get(RESULT)
    if found is None:
        return
    (st.success if found.agrees else st.warning)(literal(found.in_words()))
    if found.zone:
        st.caption(f"Times of this report were read as {literal(found.zone)}: it has no column created_utc.")
    if found.differences:
        rows.show(found.differences[:DRAWN], COLUMNS, key="against")
        if found.found > DRAWN:
            held = "all" if found.found <= report_comparison.KEPT else f"the first {report_comparison.KEPT:,}"
            st.caption(f"The first {DRAWN:,} are shown; the files have {held}.")
        rows.files(partial(_rows, found), COLUMNS, name="against-stripe")


def _rows(found: ReportComparison, _: Actor) -> list[report_comparison.Difference]:
    return found.differences


def _compare(actor: Actor) -> str:
    st.session_state.pop(RESULT, None)
    if (uploaded := st.session_state.get(FILE)) is None:
        return "Choose a file first."
    found = report_comparison.compare(
        session.db(), uploaded.name, uploaded.getvalue(), session.settings().business_zone
    )
    st.session_state[RESULT] = found
    return f"{uploaded.name} was compared with the mirror."
