"""The form of one provider: its fields, what is wrong at each, and what stands in it at a moment."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.providers import licences
from core.providers.directory import MAX_CAPACITY, Document, Problem, Vocabulary
from core.ui.text import literal

NEW: Document = {
    "name": "",
    "email": None,
    "npi": None,
    "active": True,
    "capacity": 20,
    "specialties": [],
    "notes": None,
    "licences": [],
}
LICENCE_FIELDS = ("state", "number", "status", "expires_on", "issued_on", "type", "verified_on", "verified_by")
DAYS = ("issued_on", "expires_on", "verified_on")


class ProviderForm:
    """The fields of a provider as they were when the form was opened, and what is typed into them since."""

    def __init__(self, before: Document | None, known: Vocabulary):
        self.before = before
        self._start = before or NEW
        self._known = known
        self._name = f"{before['id']} {before['updated_at']}" if before else "new"
        self.tried = self._key("tried")

    def draw(self) -> dict[str, Any]:
        """The fields; answers a place below each for what is wrong in it."""
        places: dict[str, Any] = {}
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

    def document(self) -> Document:
        """What the form says at this moment, which may be later than when it was drawn."""
        typed = {
            name: st.session_state.get(self._key(name), self._start[name])
            for name in NEW
            if name not in ("active", "licences")
        }
        document = {
            **typed,
            "email": (typed["email"] or "").strip() or None,
            "npi": (typed["npi"] or "").strip() or None,
            "notes": (typed["notes"] or "").strip() or None,
            "licences": edited(self._held(), st.session_state.get(self._key("licences")) or {}),
        }
        return document | {"id": self.before["id"], "seen_at": self.before["updated_at"]} if self.before else document

    def _held(self) -> list[dict[str, Any]]:
        return [{name: licence.get(name) for name in LICENCE_FIELDS} for licence in self._start["licences"]]

    def _draw_licences(self) -> None:
        held = pd.DataFrame(self._held(), columns=list(LICENCE_FIELDS)).astype(object)
        for name in DAYS:
            held[name] = pd.to_datetime(held[name]).dt.date
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
                "status": column.SelectboxColumn("Status", options=licences.STATUSES, default="active", required=True),
                "expires_on": column.DateColumn(
                    "Last day", format="YYYY-MM-DD", help="Valid to the end of this day in the state's time zone."
                ),
                "issued_on": column.DateColumn("Issued", format="YYYY-MM-DD"),
                "type": column.TextColumn("Type", max_chars=60),
                "verified_on": column.DateColumn("Verified on", format="YYYY-MM-DD"),
                "verified_by": column.TextColumn("Verified by", max_chars=60),
            },
        )
        st.caption("Use the empty last row to add a licence, and the bin to remove a selected one.")

    def _key(self, field: str) -> str:
        return f"provider {field} {self._name}"


def say_problems(problems: Sequence[Problem], places: Mapping[str, Any]) -> None:
    """What is wrong, each at its field."""
    for field, place in places.items():
        wrong = [literal(one.message) for one in problems if one.field == field]
        if wrong:
            place.error(" ".join(wrong))


def edited(rows: Sequence[Mapping[str, Any]], state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a data editor with what its state says was changed, added
    and deleted; lines without anything left out.
    """
    changed = {int(place): cells for place, cells in (state.get("edited_rows") or {}).items()}
    kept = [
        dict(row) | changed.get(place, {})
        for place, row in enumerate(rows)
        if place not in set(state.get("deleted_rows") or [])
    ]
    empty = dict.fromkeys(LICENCE_FIELDS)
    kept += [empty | dict(added) for added in state.get("added_rows") or []]
    return [_tidied(row) for row in kept if any(row[name] for name in LICENCE_FIELDS if name != "status")]


def _tidied(row: dict[str, Any]) -> dict[str, Any]:
    """Nothing for what is empty, the plain day for a moment that the browser made of it."""
    text = {name: str(cell).strip() if cell is not None else "" for name, cell in row.items()}
    return {
        name: (value[:10] if name in DAYS else value) or ("active" if name == "status" else None)
        for name, value in text.items()
    }
