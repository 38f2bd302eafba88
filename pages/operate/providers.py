"""Who may see patients where: the directory, licences that end soon, and states with nobody."""

from functools import partial

import pandas as pd
import streamlit as st

from core.errors import Refused
from core.providers import assignment, directory, files, licences
from core.staff.roles import Actor, Right, right
from core.ui import actions, session, state_tiles
from core.ui.text import literal

FIELDS = ["state", "number", "type", "status", "issued_on", "expires_on", "verified_on", "verified_by"]


def save(document: dict, picked: str, actor: Actor) -> str:
    if another := st.session_state.get(f"another {picked}"):  # typed perhaps after the page was last drawn
        try:
            added = licences.from_text(another)
        except ValueError as error:
            raise Refused("bad_licence", str(error)) from None
        document = document | {"licences": [*(n for n in document["licences"] if n != added), added]}
    reason = st.session_state.get("provider_reason") or None
    answer = directory.put(session.db(), actor, [document], session.services().clock(), reason=reason)
    return f"{document['name']}: {answer['items'][0]['outcome']}. {answer['placed']} who waited were placed."


def dates_as_text(rows: pd.DataFrame) -> list[dict]:
    clean = rows.astype(object).where(rows.notna(), None).to_dict("records")
    return [{name: str(cell) if cell is not None else None for name, cell in row.items()} for row in clean]


st.title("Providers")
actions.show_result()
db, now = session.db(), session.services().clock()
may_edit = right(session.actor().role, "providers") >= Right.ACT
known, coverage, everybody = directory.vocabulary(db), directory.coverage(db, now), directory.everybody(db)
uncovered = [
    one["name"] for one in coverage if one["providers"] == 0 and one["waiting"] + one["demand_30_days"] > 0
]
active = sum(one["active"] for one in everybody)
st.markdown(
    literal(
        f"{active:,} active providers; {len(uncovered)} states have demand and nobody. {', '.join(uncovered)}"
    )
)

words = {
    one["state"]: f"{one['name']}: {one['providers']} providers, {one['free_slots']} free slots, "
    f"{one['waiting']} waiting, {one['demand_30_days']} in 30 days"
    for one in coverage
}
st.plotly_chart(state_tiles.grid({one["state"]: one["providers"] for one in coverage}, words), key="coverage")
single = [one["state"] for one in coverage if one["providers"] == 1]
st.caption(
    f"Active providers with a licence of today. States with a single one: {', '.join(single) or 'none'}."
)

days = st.segmented_control("Licences that end within (days)", [30, 60, 90], default=90, required=True, key="days", bind="query-params")  # fmt: skip
if ending := licences.expiring(db, now, days=days):
    columns = [
        "name",
        "state",
        "number",
        "expires_on",
        "days_left",
        "open_consultations",
        "paid_minor",
        "monthly_minor",
    ]
    money = pd.DataFrame(ending)[columns]
    money[["paid_minor", "monthly_minor"]] = money[["paid_minor", "monthly_minor"]].astype(float) / 100
    st.dataframe(
        money.rename(columns={"paid_minor": "paid, $", "monthly_minor": "monthly, $"}), hide_index=True
    )

st.subheader("Directory")
if everybody:
    shown = pd.DataFrame(everybody)[["name", "email", "npi", "active", "pending", "capacity", "specialties"]]
    st.dataframe(
        shown.assign(states=[" ".join(n["state"] for n in one["licences"]) for one in everybody]),
        hide_index=True,
    )
    st.download_button("CSV", files.write_csv(everybody), "providers.csv", "text/csv")

by_id = {one["id"]: one for one in everybody}
choices = [*by_id, "new"] if may_edit else list(by_id)
picked = st.selectbox("Provider", choices, index=None, key="provider", bind="query-params",
                      format_func=lambda one: f"{by_id[one]['name']} ({one})" if one in by_id else "Add a provider")  # fmt: skip
if not picked:
    st.stop()
before = by_id.get(picked)
if not may_edit:
    st.dataframe(pd.DataFrame(before["licences"], columns=FIELDS), hide_index=True)
    st.stop()
start = before or {
    "name": "",
    "email": None,
    "npi": None,
    "active": True,
    "capacity": 20,
    "specialties": [],
    "notes": None,
}
document = {
    "name": st.text_input("Name", start["name"], max_chars=200, key=f"name {picked}"),
    "email": st.text_input("E-mail", start["email"] or "", key=f"email {picked}") or None,
    "npi": st.text_input("NPI", start["npi"] or "", max_chars=10, key=f"npi {picked}") or None,
    "active": st.toggle("Active", start["active"], key=f"active {picked}"),
    "capacity": st.number_input("Capacity", value=start["capacity"], step=1, key=f"capacity {picked}"),
    "specialties": st.multiselect(
        "Specialties", sorted(known.specialties), start["specialties"], key=f"fits {picked}"
    ),
    "notes": st.text_area("Notes", start["notes"] or "", max_chars=2000, key=f"notes {picked}") or None,
} | ({"id": picked} if before else {})
held = pd.DataFrame(before["licences"] if before else [], columns=FIELDS)
for column in ("issued_on", "expires_on", "verified_on"):
    held[column] = pd.to_datetime(held[column]).dt.date
text = {name: st.column_config.TextColumn() for name in ("number", "type", "verified_by")}
days_of = {name: st.column_config.DateColumn() for name in ("issued_on", "expires_on", "verified_on")}
choose = {
    "state": st.column_config.SelectboxColumn(options=sorted(known.states), required=True),
    "status": st.column_config.SelectboxColumn(options=licences.STATUSES, default="active", required=True),
}
edited = st.data_editor(held.astype({n: object for n in FIELDS}), num_rows="dynamic", hide_index=True,
                        column_config=text | days_of | choose, key=f"licences {picked}")  # fmt: skip
document["licences"] = dates_as_text(edited)
another = st.text_input("Add a licence", placeholder="TX:A1234:2027-12-31", key=f"another {picked}")
problems = []
if another:
    try:
        document["licences"].append(licences.from_text(another))
    except ValueError as error:
        problems.append(directory.Problem("licences", str(error)))
st.text_input("Reason for the change", key="provider_reason", max_chars=300)
problems += directory.problems_of(document, known)
for problem in problems:
    st.error(literal(f"{problem.field}: {problem.message}"))
kept = document["licences"] if document["active"] else []
if before and (alone := directory.states_left_without(kept, before, coverage)):
    st.warning(f"Nobody would be left in {', '.join(alone)}.")
if before and not document["active"]:
    st.dataframe(pd.DataFrame(assignment.without_provider(db, picked, now)), hide_index=True)
st.button(
    "Save",
    type="primary",
    disabled=bool(problems),
    on_click=actions.attempt,
    args=(partial(save, document, picked),),
)
if before:
    with st.expander("History"):
        st.dataframe(pd.DataFrame(directory.history(db, picked)), hide_index=True)
