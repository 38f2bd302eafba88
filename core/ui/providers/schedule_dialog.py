"""When a provider works: shown in words, and the dialog that changes hours, capacity by day and time off."""

from functools import partial
from typing import Any
from zoneinfo import available_timezones

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.providers import schedules
from core.providers.directory_rows import ProviderRow
from core.providers.schedules import WEEKDAYS, Schedule
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions, drawer, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.providers import licence_dialogs
from core.ui.text import literal

WHY, ZONE = "schedule why", "schedule zone"
HOURS = (
    Column("weekday", "Day", read=lambda one: WEEKDAYS[one["weekday"] - 1]),
    Column("opens", "From"),
    Column("closes", "To"),
)
CAPACITIES = (
    Column("weekday", "Day", read=lambda one: WEEKDAYS[one["weekday"] - 1]),
    Column("capacity", "Capacity", "count"),
)
TIME_OFF = (
    Column("first_day", "First day", "day"),
    Column("last_day", "Last day", "day"),
    Column("note", "Note"),
)


def show(found: ProviderRow) -> None:
    """The provider's hours, capacity by day and time off, and whether they work now."""
    now = session.services().clock()
    known = schedules.one(session.db(), found["id"], now)
    if known is None:
        st.caption("No hours or time off are set: always available, with the capacity from the directory.")
    else:
        there = "There now" if known["on_duty"] else "Not available now"
        st.markdown(literal(f"{there}. Times are in {known['zone']}."))
        for title, each, columns in (
            ("hours", known["hours"], HOURS),
            ("capacities", known["capacities"], CAPACITIES),
            ("time-off", known["time_off"], TIME_OFF),
        ):
            if each:
                rows.show(each, columns, key=f"schedule-{title}", file=f"provider-{title}")
    if right(session.actor().role, "providers") >= Right.ACT:
        st.button(
            "Change hours and time off", icon=":material/schedule:", on_click=drawer.ask, args=(change, found, known)
        )


@st.dialog("Hours and time off", width="large", on_dismiss="rerun")
def change(found: ProviderRow, known: Schedule | None) -> None:
    """The dialog to change when a provider works."""
    actions.end_dialog_if_over()
    start: Schedule = known or {
        "zone": str(session.settings().business_zone),
        "hours": [],
        "capacities": [],
        "time_off": [],
    }
    zones = sorted(zone for zone in available_timezones() if "/" in zone)
    zone: str = st.selectbox("Time zone", zones, zones.index(start["zone"]) if start["zone"] in zones else 0, key=ZONE)
    hours = _hours(start)
    off = _time_off(start)
    document = _document(zone, hours, off)
    if document and (problems := schedules.problems_of(document)):
        st.error(literal(" ".join(problems)))
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log")
    work = partial(_save, found["id"], document, had_one=known is not None)
    st.button("Save", type="primary", key="save schedule", on_click=actions.attempt, args=(work,))
    actions.end_dialog_when_done()


def _hours(start: Schedule) -> pd.DataFrame:
    st.markdown("**Hours and capacity by day**")
    st.caption(
        "Leave all hours empty for a provider who is always available. Hours that end before they begin end on the "
        "next day. An empty capacity uses the directory's; 0 means no consultations on that day."
    )
    capacities = {each["weekday"]: each["capacity"] for each in start["capacities"]}
    lines = [
        {"Day": WEEKDAYS[each["weekday"] - 1], "From": each["opens"], "To": each["closes"]} for each in start["hours"]
    ]
    given = {line["Day"] for line in lines}
    lines += [{"Day": day, "From": "", "To": ""} for day in WEEKDAYS if day not in given]
    for line in lines:
        line["Capacity"] = capacities.get(WEEKDAYS.index(line["Day"]) + 1)  # type: ignore[assignment]
    lines.sort(key=lambda line: (WEEKDAYS.index(line["Day"]), line["From"]))
    column = st.column_config
    return st.data_editor(
        pd.DataFrame(lines, columns=["Day", "From", "To", "Capacity"]),
        key="schedule hours",
        num_rows="dynamic",
        hide_index=True,
        placeholder="",
        column_config={
            "Day": column.SelectboxColumn("Day", options=list(WEEKDAYS), required=True),
            "From": column.TextColumn("From", validate=r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$|^$", help="Such as 09:00"),
            "To": column.TextColumn("To", validate=r"^([01]?[0-9]|2[0-4]):[0-5][0-9]$|^$", help="Such as 17:00"),
            "Capacity": column.NumberColumn("Capacity", min_value=0, max_value=10_000, step=1),
        },
    )


def _time_off(start: Schedule) -> pd.DataFrame:
    st.markdown("**Time off**")
    table = pd.DataFrame(start["time_off"], columns=["first_day", "last_day", "note"]).astype(object)
    # Days are typed as text: the browser's own field of a table takes 2026-11-20 as the year 61120.
    column, help_ = st.column_config, "Such as 2026-11-20 or 20 Nov 2026"
    return st.data_editor(
        table,
        key="schedule time off",
        num_rows="dynamic",
        hide_index=True,
        placeholder="",
        column_config={
            "first_day": column.TextColumn("First day", max_chars=20, required=True, help=help_),
            "last_day": column.TextColumn("Last day", max_chars=20, required=True, help=help_),
            "note": column.TextColumn("Note", max_chars=200),
        },
    )


def _document(zone: str, hours: pd.DataFrame, off: pd.DataFrame) -> Schedule | None:
    """The schedule in the editors; None for a provider who always works."""
    lines: list[dict[str, Any]] = hours.to_dict("records")
    days = [WEEKDAYS.index(line["Day"]) + 1 if line["Day"] in WEEKDAYS else 0 for line in lines]
    document: Schedule = {
        "zone": zone,
        "hours": [
            {"weekday": day, "opens": _time(line["From"]), "closes": _time(line["To"])}
            for day, line in zip(days, lines, strict=True)
            if day and (_time(line["From"]) or _time(line["To"]))
        ],
        "capacities": [
            {"weekday": day, "capacity": capacity}
            for day, capacity in {
                day: int(line["Capacity"])
                for day, line in zip(days, lines, strict=True)
                if day and not pd.isna(line["Capacity"])
            }.items()
        ],
        "time_off": [
            {"first_day": _day(each["first_day"]), "last_day": _day(each["last_day"]), "note": each["note"] or None}
            for each in off.to_dict("records")
            if _day(each["first_day"]) or _day(each["last_day"])
        ],
    }
    return document if document["hours"] or document["capacities"] or document["time_off"] else None


def _time(cell: Any) -> str:
    """A time such as 09:00; empty for an empty cell."""
    return "" if pd.isna(cell) or not cell else str(cell).zfill(5)


def _day(cell: Any) -> str:
    return "" if pd.isna(cell) else schedules.day_from_text(str(cell))


def _save(provider_id: str, document: Schedule | None, actor: Actor, *, had_one: bool) -> str:
    if document is None and not had_one:
        return "Nothing was changed: no hours, capacity or time off are entered."
    why = st.session_state.get(WHY) or ""
    done = schedules.put(session.db(), actor, provider_id, document, session.services().clock(), reason=why)
    shared_cache.answers().forget("directory", "assignments")
    return f"Hours and time off saved.{licence_dialogs.assigned(done['placed'])}"
