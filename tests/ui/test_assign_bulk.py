"""Several waiting consultations are assigned after one confirmation, each once however often it is clicked."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.ui import session
from core.ui.kit import actions, shared_cache
from tests.providers.conftest import ADMIN, NOW, Clinic


def page() -> None:
    from functools import partial

    from core.providers import assignment
    from core.ui import session
    from core.ui.consultations import assign_bulk
    from core.ui.kit import actions

    actions.show_result()
    sought = partial(assignment.consultations, session.db(), session.services().clock(), status="waiting")
    assign_bulk.show(sought, "waiting")
    assign_bulk.ask(sought())


@pytest.fixture
def shown(database, owner, monkeypatch):
    staff = SimpleNamespace(actor=ADMIN, name="ada", role=ADMIN.role, confirmed=True)
    settings = SimpleNamespace(business_zone=None)
    running = SimpleNamespace(clock=lambda: NOW, db=database, settings=settings)
    for name, found in (("db", database), ("actor", ADMIN), ("working", staff), ("services", running)):
        monkeypatch.setattr(session, name, lambda found=found: found)
    monkeypatch.setattr(session, "actor_at_click", lambda: lambda: ADMIN)
    shared_cache.answers().forget("vocabulary")
    clinic = Clinic(database, owner)
    clinic.provider("ann", capacity=1)
    for state in ("TX", "TX", "TX", "NY"):
        clinic.ask(state)
    found = AppTest.from_function(page, default_timeout=30).run()
    found.clinic = clinic
    return found


def click(shown, label):
    next(one for one in shown.button if one.label == label).click()
    shown.run()
    assert not shown.exception


def said(shown):
    return " ".join(one.value for one in shown.markdown).replace("\\", "")


def test_they_are_planned_confirmed_with_one_reason_and_done_once(shown, monkeypatch):
    assert "Assign several" in [one.label for one in shown.button]
    assert "0 consultations can be assigned; 3 consultations cannot" in said(shown)
    assert next(one for one in shown.button if one.label.startswith("Assign 0")).disabled
    shown.toggle[0].set_value(True).run()
    assert "2 consultations can be assigned, 2 of them only by the override; 1 consultation cannot" in said(shown)
    click(shown, "Assign 2 consultations")
    assert shown.clinic.pending() == {"ann": 1}  # the reason is missing
    assert shown.error and not shown.success
    shown.text_input[0].set_value("Monday's queue").run()
    monkeypatch.setattr(actions, "DOUBLE_CLICK_SECONDS", 60.0)
    click(shown, "Assign 2 consultations")
    assert shown.clinic.pending() == {"ann": 3}
    assert "Consultations: 2 assigned." in said(shown)
    entries = shown.clinic.rows("select 1 from payops.audit_log where action = 'providers:consultation:assigned'")
    assert len(entries) == 2
