"""The form of one provider: its fields, the problems shown at each, and the values entered."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.providers import licences
from core.providers.directory import MAX_CAPACITY, Problem, Vocabulary
from core.providers.directory_rows import LicenceDocument, ProviderDocument, ProviderRow
from core.providers.licence_kinds import KINDS
from core.ui.kit.rows import Row
from core.ui.text import literal

NEW: ProviderDocument = {
    "name": "",
    "email": None,
    "npi": None,
    "active": True,
    "capacity": 20,
    "specialties": [],
    "notes": None,
    "licences": [],
}
LICENCE_FIELDS = (
    *("state", "number", "kind", "compact", "status", "expires_on"),
    *("issued_on", "type", "verified_on", "verified_by"),
)
CHOSEN_FOR_ALL = ("status", "kind")  # also for an empty row
Places = dict[str, DeltaGenerator]
DAYS = ("issued_on", "expires_on", "verified_on")


class ProviderForm:
    """The fields of a provider as they were when the form was opened, and what has been entered since."""

    def __init__(self, before: ProviderRow | None, known: Vocabulary):
        self.before = before
        self._start: Row = before or NEW
        self._known = known
        self._name = f"{before['id']} {before['updated_at']}" if before else "new"
        self.save_attempted = self._key("save attempted")

    def draw(self) -> Places:
        """Draw the fields; returns the place below each where its problems are shown."""
        places: Places = {}
        left, right = st.columns(2)
        with left:
            st.text_input("Name", self._start["name"], max_chars=200, key=self._key("name"))
            places["name"] = st.empty()
            st.text_input("E-mail", self._start["email"] or "", max_chars=200, key=self._key("email"))
            places["email"] = st.empty()
        with right:
            st.text_input(
                "NPI",
                self._start["npi"] or "",
                max_chars=10,
                key=self._key("npi"),
                help="Ten digits; the last is a check digit.",
            )
            places["npi"] = st.empty()
            st.number_input(
                "Capacity",
                value=self._start["capacity"],
                step=1,
                key=self._key("capacity"),
                help=f"How many open consultations at once, 1 to {MAX_CAPACITY:,}.",
            )
            places["capacity"] = st.empty()
        st.multiselect(
            "Specialties",
            list(self._known.specialties),
            self._start["specialties"],
            key=self._key("specialties"),
            format_func=lambda code: self._known.specialties[code],
        )
        places["specialties"] = st.empty()
        st.markdown("Licences")
        self._draw_licences()
        places["licences"] = st.empty()
        st.text_area("Notes", self._start["notes"] or "", max_chars=2000, key=self._key("notes"), height=68)
        places["notes"] = st.empty()
        return places

    def document(self) -> ProviderDocument:
        """The values in the form now, which may have changed since it was drawn."""
        document: ProviderDocument = {
            "name": self._typed("name"),
            "email": (self._typed("email") or "").strip() or None,
            "npi": (self._typed("npi") or "").strip() or None,
            "capacity": self._typed("capacity"),
            "specialties": self._typed("specialties"),
            "notes": (self._typed("notes") or "").strip() or None,
            "licences": edited(self._held(), st.session_state.get(self._key("licences")) or {}),
        }
        if self.before:
            return {**document, "id": self.before["id"], "seen_at": self.before["updated_at"]}
        return document

    def _typed(self, field: str) -> Any:
        return st.session_state.get(self._key(field), self._start[field])

    def _held(self) -> list[Row]:
        return [{name: licence.get(name) for name in LICENCE_FIELDS} for licence in self._start["licences"]]

    def _draw_licences(self) -> None:
        held = pd.DataFrame(self._held(), columns=list(LICENCE_FIELDS)).astype(object)
        for name in DAYS:
            held[name] = held[name].astype(object)  # as text, because the browser's date field misreads 2026-11-20
        column = st.column_config
        st.data_editor(
            held,
            key=self._key("licences"),
            num_rows="dynamic",
            hide_index=True,
            placeholder="",
            column_config={
                "state": column.SelectboxColumn(
                    "State", options=sorted(self._known.states), required=True, width="small"
                ),
                "number": column.TextColumn("Number", max_chars=60),
                "kind": column.SelectboxColumn(
                    "Kind",
                    options=list(KINDS),
                    default="full",
                    required=True,
                    format_func=lambda kind: KINDS[str(kind)],
                ),
                "compact": column.SelectboxColumn(
                    "Compact",
                    options=["", *sorted(self._known.rules.compacts)],
                    help="The compact whose home licence a full one is, or that grants a privilege.",
                ),
                "status": column.SelectboxColumn("Status", options=licences.STATUSES, default="active", required=True),
                "expires_on": _day_column("Last day", "Valid to the end of this day in the state's time zone."),
                "issued_on": _day_column("Issued"),
                "type": column.TextColumn("Type", max_chars=60),
                "verified_on": _day_column("Verified on"),
                "verified_by": column.TextColumn("Verified by", max_chars=60),
            },
        )
        st.caption("Use the empty last row to add a licence, and the bin to remove a selected one.")

    def _key(self, field: str) -> str:
        return f"provider {field} {self._name}"


def _day_column(title: str, help: str = "") -> Any:
    """A day as it is written in files too: 2026-11-20."""
    said = f"{help} Written as year-month-day, such as 2026-11-20.".strip()
    return st.column_config.TextColumn(title, help=said, max_chars=10, validate=r"^\d{4}-\d{2}-\d{2}$")


def say_problems(problems: Sequence[Problem], places: Places) -> None:
    """Show each problem below its field."""
    for field, place in places.items():
        wrong = [literal(one.message) for one in problems if one.field == field]
        if wrong:
            place.error(" ".join(wrong))


def edited(rows: Sequence[Row], state: Mapping[str, Any]) -> list[LicenceDocument]:
    """The rows of a data editor after the changes, additions and deletions in its state; empty rows are dropped."""
    changed = {int(place): cells for place, cells in (state.get("edited_rows") or {}).items()}
    kept = [
        dict(row) | changed.get(place, {})
        for place, row in enumerate(rows)
        if place not in set(state.get("deleted_rows") or [])
    ]
    empty = dict.fromkeys(LICENCE_FIELDS)
    kept += [empty | dict(added) for added in state.get("added_rows") or []]
    return [_tidied(row) for row in kept if any(row[name] for name in LICENCE_FIELDS if name not in CHOSEN_FOR_ALL)]


def _tidied(row: Row) -> LicenceDocument:
    """Empty cells as None, and a day without the time that the browser adds to it."""
    text = {name: str(cell).strip() if cell is not None else "" for name, cell in row.items()}
    tidied = {
        name: (value[:10] if name in DAYS else value) or ("active" if name == "status" else None)
        for name, value in text.items()
    }
    return cast(LicenceDocument, tidied)
