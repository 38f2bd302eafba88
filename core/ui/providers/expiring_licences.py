"""Licences that end soon or on a given day, page by page, with what they affect."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial

import streamlit as st

from core.exports.table import Row, Table, by_key
from core.providers import licences
from core.providers.directory_rows import ExpiringLicences
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import export_panel, rows, sorted_list
from core.ui.providers import coverage_map
from core.ui.providers.provider_columns import ENDING
from core.ui.text import literal

PARAMETER = "licences"  # `ending`, `not ended`, or a last day such as 2026-12-31: the page shows these alone
PAGE_ROWS = 200
BATCH = 500
Page = Callable[..., ExpiringLicences]


def only() -> str | None:
    """The licences that the page's address limits the list to, as links from figures, action items and alerts do."""
    asked = st.query_params.get(PARAMETER)
    return asked if asked in ("ending", "not ended") or _last_day(asked) else None


def show(now: datetime) -> None:
    """Show the licences that end within the chosen days; only the first page if the directory is shown too."""
    alone, last_day = only(), _last_day(st.query_params.get(PARAMETER))
    if last_day:
        st.subheader(f"Licences whose last day is {last_day:%-d %b %Y}")
        days = 0
    else:
        st.subheader("Expiring licences")
        days = st.segmented_control(
            "Within days", [30, 60, 90], default=90, required=True, key="days", bind="query-params"
        )
    page = partial(licences.expiring, session.db(), now, days=days, last_day=last_day, also_ended=alone != "not ended")
    skip = sorted_list.place() if alone else 0
    found = page(skip=skip, limit=PAGE_ROWS)
    if not found["items"]:
        _say_nothing(days, last_day)
        return
    st.markdown(literal(coverage_map.at_stake(found, days, last_day)))
    whole = found["total"] <= PAGE_ROWS
    rows.show(
        found["items"], ENDING, key="ending", choose="provider", id_field="provider_id", ordered=None if whole else ()
    )
    export_panel.show(_exported(page, found["total"]), name="licences", large=found["total"] > export_panel.LARGE_ROWS)
    if whole:
        return
    st.caption(f"{skip + 1:,} to {skip + len(found['items']):,} of {found['total']:,}, those that end first.")
    if alone:
        sorted_list.pages("ending", skip, PAGE_ROWS, more=skip + PAGE_ROWS < found["total"])
    else:
        st.button(f"All {found['total']:,} licences", on_click=_show_alone)


def _show_alone() -> None:
    st.query_params[PARAMETER] = "ending"
    st.query_params.pop(sorted_list.PLACE, None)


def _say_nothing(days: int, last_day: date | None) -> None:
    if last_day:
        st.success("No active licence has this last day. Those that did were renewed or withdrawn.")
    else:
        nothing = f"No active licence ends within {days} days."
        st.success(f"{nothing} Those that do are listed here, with the consultations and revenue they affect.")


def _last_day(asked: str | None) -> date | None:
    try:
        return licences.day(asked or "")
    except ValueError:
        return None


def _exported(page: Page, total: int) -> Callable[[Actor], Table]:
    filters = export_panel.set_filters()

    def batch(place: dict[str, int] | None) -> tuple[list[Row], dict[str, int] | None]:
        skip = (place or {}).get("skip", 0)
        items: list[Row] = [dict(one) for one in page(skip=skip, limit=BATCH)["items"]]
        return items, {"skip": skip + BATCH} if len(items) == BATCH else None

    return lambda _: Table("licences", "Licences", ENDING, by_key(batch), total, filters=filters)
