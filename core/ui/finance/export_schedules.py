"""The weekly exports: the list with the last result of each, adding and removing one."""

from functools import partial

import streamlit as st

from core.errors import Refused
from core.exports.files import MEDIA_TYPES, Format
from core.finance.scheduled import schedules, writing
from core.finance.scheduled.schedules import DELIVERIES, WEEKDAYS, Delivery, Schedule
from core.finance.scheduled.tables import TABLES, Filters
from core.payments.amount_limits import CURRENCIES
from core.staff.audit_words import actor_name
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column


def title_of(schedule: Schedule) -> str:
    """The table's title; its name if this version has no such table."""
    known = TABLES.get(schedule["table_name"])
    return known.title if known else schedule["table_name"]


FORMATS: dict[Format, str] = {"xlsx": "XLSX", "csv": "CSV"}
COLUMNS = (
    Column("id", "Number", "id", width="small"),
    Column("table_name", "Table", read=title_of),
    Column("filters", "Filters", read=lambda one: ", ".join(one["filters"].values()) or "none"),
    Column("weekday", "Every", read=lambda one: WEEKDAYS[one["weekday"] - 1]),
    Column("file_format", "Format", read=lambda one: FORMATS[one["file_format"]]),
    Column("delivery", "Goes", read=lambda one: DELIVERIES[one["delivery"]]),
    Column("created_by", "Set up by", read=lambda one: actor_name(one["created_by"])),
    Column("done_at", "Last made", "moment"),
    Column("rows", "Rows", "count"),
    Column("problem", "Problem", read=lambda one: one["problem"] or ""),
)


def show() -> None:
    """Show the weekly exports in an expander, which is open at first only if one has a problem."""
    found = schedules.listed(session.db(), session.actor())
    failing = any(one["problem"] for one in found)
    with st.expander(f"Weekly exports ({len(found)})", expanded=failing):
        st.caption(
            "Each holds the seven business days before its weekday and is made that morning. "
            "Files are kept for 13 weeks."
        )
        if found:
            rows.show(found, COLUMNS, key="export-schedules")
            rows.files(lambda _: found, COLUMNS, name="weekly-exports")
            _act_on(found)
        else:
            st.info("No table is exported every week. Add one to have it written to a folder or sent to you.")
        if st.button("Add weekly export", icon=":material/add:"):
            _add()


def _act_on(found: list[Schedule]) -> None:
    by_id = {one["id"]: one for one in found}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Weekly export",
            list(by_id),
            format_func=lambda each: f"{each}: {title_of(by_id[each])}",
            key="export-schedule",
        )
        if chosen is None:
            return
        if (name := by_id[chosen]["file_name"]) is not None:
            media_type = MEDIA_TYPES[by_id[chosen]["file_format"]]
            rows.file("Last file", partial(_last_file, name), name, media_type, type="secondary")
        st.button("Remove", on_click=actions.attempt, args=(partial(_remove, chosen),))


def _last_file(name: str, actor: Actor) -> bytes:
    schedules.listed(session.db(), actor)  # raises if the user may not see them
    try:
        return (writing.folder_of(session.settings().data_dir) / name).read_bytes()
    except FileNotFoundError as error:
        raise Refused("file_gone", "This file is on another machine, or was deleted after 13 weeks.") from error


@st.dialog("Add weekly export")
def _add() -> None:
    actions.end_dialog_if_over()
    table = st.selectbox("Table", list(TABLES), format_func=lambda each: TABLES[each].title, key="weekly table")
    described = TABLES[table or "payments"]
    if described.statuses:
        st.selectbox(
            "Status",
            list(described.statuses),
            index=None,
            placeholder="Every status",
            format_func=described.statuses.__getitem__,
            key=f"weekly status {table}",
        )
    if described.by_currency:
        currencies = sorted(CURRENCIES)
        st.selectbox(
            "Currency",
            currencies,
            index=None,
            placeholder="Every currency",
            format_func=str.upper,
            key="weekly currency",
        )
    st.selectbox("Weekday", range(1, 8), format_func=lambda each: WEEKDAYS[each - 1], key="weekly day")
    st.segmented_control("Format", list(FORMATS), default="xlsx", format_func=FORMATS.__getitem__, key="weekly format")
    st.radio("Where it goes", list(DELIVERIES), format_func=DELIVERIES.__getitem__, key="weekly delivery")
    st.button("Add", type="primary", on_click=actions.attempt, args=(partial(_add_schedule, table or "payments"),))
    actions.end_dialog_when_done()


def _add_schedule(table: str, actor: Actor) -> str:
    kept, described = st.session_state, TABLES[table]
    filters = Filters(
        currency=kept.get("weekly currency") if described.by_currency else None,
        status=kept.get(f"weekly status {table}") if described.statuses else None,
    )
    file_format: Format = kept.get("weekly format") or "xlsx"
    delivery: Delivery = kept["weekly delivery"]
    weekday: int = kept["weekly day"]
    now = session.services().clock()
    schedules.add(session.db(), actor, table, file_format, weekday, delivery, filters, now)
    return f"{described.title} will be exported every {WEEKDAYS[weekday - 1]}."


def _remove(schedule_id: int, actor: Actor) -> str:
    schedules.remove(session.db(), actor, schedule_id, session.services().clock())
    return "The weekly export was removed. Files that were written stay."
