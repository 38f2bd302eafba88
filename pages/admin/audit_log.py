"""The audit log: who did what to which object, and the values before and after."""

from datetime import datetime
from functools import partial
from typing import Literal, cast

import streamlit as st

from core.exports.table import Table, by_key
from core.figures.wording import counted
from core.staff import audit, audit_words
from core.staff.audit import EntryFilter
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, drawer, export_panel, filters, rows, sorted_list
from core.ui.staff import audit_columns, audit_details
from core.ui.text import ago, literal, zone_name

PAGE_ENTRIES = 100
OUTCOMES = {"all": "All", **audit_words.OUTCOMES}
db, now = session.db(), session.sessions().now()
zone = session.settings().business_zone


def forget_place() -> None:
    st.query_params.pop("before", None)
    st.query_params.pop("entry", None)


def text_filter(label: str, key: str, example: str) -> str | None:
    given = st.text_input(
        label, key=key, placeholder=example, max_chars=100, bind="query-params", on_change=forget_place
    )
    return given.strip() or None if given else None


def exported(reader: Actor) -> Table:
    many = entries if entries <= export_panel.LARGE_ROWS else None
    batches = by_key(partial(audit.page_after, db, reader, sought))
    return Table("audit-log", "Audit log", audit_columns.IN_A_FILE, batches, many, period, filters_set)


def show_chain_state(chain: audit.ChainState) -> None:
    if chain["open_breaks"]:
        st.markdown("## The audit log has been altered")
        st.error(
            f"{counted(chain['open_breaks'], 'break')} in the chain: entries were changed or "
            "removed. The errors page lists each."
        )
    elif chain["verified_at"]:
        st.markdown(f"## No entry was changed or removed ({chain['length']:,} verified)")
    else:
        st.markdown("## The first entries are being verified")
    looked = f"Last verified {ago(datetime.fromisoformat(chain['verified_at']), now)}. " if chain["verified_at"] else ""
    waiting = (
        f"{counted(chain['waiting'], 'new entry', 'new entries')} will be chained within a minute. "
        if chain["waiting"]
        else ""
    )
    st.caption(f"{looked}{waiting}Each entry is hashed together with the entry before it, so any later change shows.")


st.title("Audit log")
drawer.show("Audit entry", "entry", audit_details.show)
actions.show_result()
show_chain_state(audit.chain_state(db, session.actor()))
period = filters.period()
who, what, which, how = st.columns(4)
with who:
    actor = text_filter("Who", "actor", "ana")
with what:
    action = text_filter("Action", "action", "refund")
with which:
    subject = text_filter("Object", "subject", "user:ana")
with how:
    outcome = st.selectbox(
        "Outcome",
        list(OUTCOMES),
        format_func=OUTCOMES.__getitem__,
        key="outcome",
        bind="query-params",
        on_change=forget_place,
    )
people = st.toggle("Only people", key="people", bind="query-params", on_change=forget_place)
since, until = period.bounds()
filters_set = export_panel.set_filters()
wanted = None if outcome == "all" else cast(Literal["done", "refused"], outcome)
sought = EntryFilter(since, until, actor, action, subject, wanted, people)
before = st.query_params.get("before", "")
page = audit.entries(
    db,
    session.actor(),
    sought,
    before_id=int(before) if before.isdecimal() and len(before) < 19 else None,
    limit=PAGE_ENTRIES,
)
if not page.entries:
    st.info("No entry matches. Every action, refusal and sign-in of these days is listed here.")

columns = audit_columns.on_the_page(zone)
in_batches = by_key(partial(audit.page_after, db, session.actor(), sought))
if not sorted_list.shown("entries", columns, in_batches, choose="entry"):
    rows.show(page.entries, columns, key="entries", choose="entry", ordered=sorted_list.sortable(columns))
with st.container(horizontal=True, vertical_alignment="center"):
    st.button("Newest", key="newest", disabled=not before, on_click=forget_place)
    st.button(
        "Older",
        key="older",
        disabled=page.next_before_id is None,
        on_click=st.query_params.update,
        args=({"before": str(page.next_before_id)},),
    )
entries = audit.count(db, session.actor(), sought, most=export_panel.LARGE_ROWS + 1)
export_panel.show(exported, name="audit-log", large=entries > export_panel.LARGE_ROWS)
st.caption(f"Times are {literal(zone_name(zone))}. Exports have every matching entry. Open a row for its change.")
