"""A decision on the assignments page shows the licences it rested on, with their proof."""

from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from streamlit.testing.v1 import AppTest

from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.providers import licence_view

ADA = Actor("staff:ada", Role.ADMIN)
PROOF = {"verified_by": "staff:ada", "verified_at": "2026-11-24T15:00:00+00:00", "source": "Texas Medical Board"}
LICENCE = {
    "state": "TX",
    "number": "ann-TX",
    "kind": "full",
    "valid": True,
    "status": "active",
    "expires_on": "2026-12-31",
    "proof": PROOF,
}
DECISION = {
    "id": 7,
    "at": "2026-11-24T16:00:00+00:00",
    "kind": "intake",
    "actor": "system",
    "provider_name": "Ann",
    "reason": "Ann has the most room.",
    "took_us": 900,
    "candidates": {"complete": True, "items": []},
    "licences": [LICENCE],
}


def page() -> None:
    import streamlit as st

    from core.ui.consultations import consultation_details

    decision = st.session_state["decision"]
    consultation_details._decision(decision, decision["reason"])


def shown(decision, monkeypatch):
    staff = SimpleNamespace(actor=ADA, name="ada", role=ADA.role, confirmed=True)
    settings = SimpleNamespace(business_zone=ZoneInfo("America/New_York"))
    running = SimpleNamespace(clock=lambda: datetime(2026, 11, 25, tzinfo=UTC), settings=settings)
    for name, found in (("actor", ADA), ("working", staff), ("services", running), ("settings", settings)):
        monkeypatch.setattr(session, name, lambda found=found: found)
    tested = AppTest.from_function(page, default_timeout=30)
    tested.session_state["decision"] = decision
    return tested.run()


def test_the_licence_is_shown_as_it_was_known_with_who_verified_it_when_and_where(monkeypatch):
    tested = shown(DECISION, monkeypatch)
    assert not tested.exception
    (row,) = tested.dataframe[0].value.to_dict("records")
    assert (row["State"], row["Number"], row["Valid then"]) == ("Texas", "ann-TX", "yes")
    assert row["Verified"].startswith("ada, 24 Nov 2026") and row["Verified"].endswith("Texas Medical Board")


def test_an_unverified_licence_says_so_and_a_decision_without_a_provider_shows_no_table(monkeypatch):
    never = shown(DECISION | {"licences": [LICENCE | {"proof": None}]}, monkeypatch)
    assert never.dataframe[0].value["Verified"].tolist() == ["never"]
    nobody = shown(DECISION | {"licences": [], "provider_name": None}, monkeypatch)
    assert not nobody.exception and not nobody.dataframe


def test_a_licence_that_a_second_person_must_confirm_says_so_where_others_say_when_they_end():
    assert licence_view.ends({"awaiting": "licence", "holds": False, "ends_at": None}) == "waits for confirmation"
    assert licence_view.ends({"holds": False, "ends_at": None}) == "does not hold"
