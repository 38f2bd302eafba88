"""The buttons of a table's export: small tables download at the click, large ones are made with progress."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.exports import files
from core.exports.files import MEDIA_TYPES, Format
from core.exports.table import Stamp, Table
from core.staff import audit
from core.staff.roles import Actor
from core.ui import export_jobs, exports, session
from core.ui.export_jobs import Export, Wanted
from core.ui.text import literal

LARGE_ROWS = 10_000  # above this an export takes longer than people wait for a button
REFRESH_SECONDS = 1.0
FORMATS: dict[Format, str] = {"csv": "CSV", "xlsx": "XLSX"}
# Query parameters that are no filters: the chosen row, the place in a list, the period.
NO_FILTERS = frozenset(
    "after alert before closing consultation days deposit dispute entry event from incident licence matched mismatch "
    "movement payment payout period provider refund step tab user warning".split()
)


def show(table: Callable[[Actor], Table], *, name: str, large: bool = False, **shown: Any) -> None:
    """Buttons for the table as CSV and XLSX, read at the click and only for the user who clicked.

    `large` is for more than `LARGE_ROWS` rows. `shown` are further arguments of the buttons.
    """
    looks: dict[str, Any] = {"type": "tertiary", "icon": ":material/download:"} | shown
    with st.container(horizontal=True):
        for file_format, label in FORMATS.items():
            if large:
                _start_button(table, name, file_format, label, looks)
            else:
                _download_button(table, name, file_format, label, looks)
    if large:
        progress(name)


def set_filters() -> dict[str, str]:
    """The filters in the page's address, for the sheet that says what the file holds."""
    found = {name: st.query_params.get_all(name) for name in st.query_params if _is_filter(name)}
    return {name.replace("_", " ").capitalize(): ", ".join(values) for name, values in found.items() if any(values)}


def _is_filter(name: str) -> bool:
    return name not in NO_FILTERS and not name.endswith("-order")


def progress(name: str) -> None:
    """How far the user's export of this table is, with a button to cancel it; then the file."""
    running = _of(name)
    runs = running is not None and running.running
    st.fragment(_panel, run_every=REFRESH_SECONDS if runs else None)(name, runs)


def stamp(actor: Actor) -> Stamp:
    return Stamp(session.services().clock(), actor.name, session.settings().business_zone)


def _download_button(
    table: Callable[[Actor], Table], name: str, file_format: Format, label: str, looks: dict[str, Any]
) -> None:
    acting = session.actor_at_click()
    file_name = f"{name}.{file_format}"

    def content() -> bytes:
        actor = acting()
        described, made = table(actor), stamp(actor)
        rows, found = files.content(described, file_format, made)
        audit.record_export(
            session.db(), actor, name, made.made_at, file_format=file_format, rows=rows, filters=described.filters
        )
        return exports.owners().add(found, actor.name.partition(":")[2])

    st.download_button(
        label, content, file_name, MEDIA_TYPES[file_format], on_click="ignore", **{"key": file_name} | looks
    )


def _start_button(
    table: Callable[[Actor], Table], name: str, file_format: Format, label: str, looks: dict[str, Any]
) -> None:
    wanted = Wanted(name, file_format, table, session.actor_at_click(), stamp)
    st.button(label, on_click=_start, args=(wanted,), **{"key": f"export {name}.{file_format}"} | looks)


def _start(wanted: Wanted) -> None:
    if session.working() is not None:
        export_jobs.exports().start(session.db(), wanted)


def _of(name: str) -> Export | None:
    staff = session.working()
    return export_jobs.exports().of(staff.name, name) if staff else None


def _panel(name: str, ran: bool) -> None:
    """`ran` is whether the export ran when the page was drawn: once it is over, the page stops refreshing."""
    export = _of(name)
    if export is None:
        return
    if export.running:
        done = min(export.rows / export.count, 1.0) if export.count else 0.0
        st.progress(done, text=_how_far(export))
        st.button("Cancel export", key=f"cancel {name}", on_click=export_jobs.exports().discard, args=(export,))
        return
    if ran:
        st.rerun()
    if export.state == "ready":
        _show_file(export)
    elif export.state == "failed":
        st.error(literal(export.problem))


def _how_far(export: Export) -> str:
    if export.state == "waiting":
        return "Waiting for another export to finish"
    if export.count and export.rows >= export.count:
        return f"{export.rows:,} rows read, the file is being finished"
    return f"{export.rows:,} of {export.count:,} rows" if export.count else f"{export.rows:,} rows so far"


def _show_file(export: Export) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(literal(f"{export.file_name} is ready: {export.rows:,} rows, {export.bytes / 1_000_000:,.1f} MB."))
        st.link_button(f"Download {export.file_name}", f"/exports/{export.id}", icon=":material/download:")
    st.caption("It can be downloaded once, within an hour.")
