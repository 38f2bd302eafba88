"""The dialogs that change rules of licensing: member states are verified together, removed, and shown as they are."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.providers import licensing_rules
from core.ui import session
from tests.providers.conftest import ADMIN, NOW, rules

__all__ = ["rules"]


def page(which: str) -> None:
    from core.providers import licensing_rules
    from core.ui import session
    from core.ui.kit import actions
    from core.ui.providers import rule_dialogs

    actions.show_result()
    getattr(rule_dialogs, which)(licensing_rules.load(session.db()))


@pytest.fixture
def opened(database, owner, rules, monkeypatch):
    staff = SimpleNamespace(actor=ADMIN, name="ada", role=ADMIN.role, confirmed=True)
    running = SimpleNamespace(clock=lambda: NOW, db=database)
    for name, found in (("db", database), ("actor", ADMIN), ("working", staff), ("services", running)):
        monkeypatch.setattr(session, name, lambda found=found: found)
    monkeypatch.setattr(session, "actor_at_click", lambda: lambda: ADMIN)
    owner.execute("update payops.compact_members set verified_on = null")
    return lambda which: AppTest.from_function(page, default_timeout=30, kwargs={"which": which}).run()


def press(dialog, label):
    next(one for one in dialog.text_input if one.label == "Reason").set_value("the list of today")
    dialog.run()
    next(one for one in dialog.button if one.label == label).click()
    return dialog.run()


def members(database, compact):
    found = next(one["members"] for one in licensing_rules.load(database)["compacts"] if one["code"] == compact)
    return {one["state"]: one["verified_on"] for one in found}


def test_all_unverified_states_of_a_compact_are_verified_at_once(opened, database):
    dialog = opened("verify_members")
    compact = dialog.selectbox[0].set_value("PSYPACT").run().selectbox[0].value
    press(dialog, "Verify member states")
    assert not dialog.exception and not dialog.error
    assert set(members(database, compact).values()) == {"2026-11-24"}
    assert set(members(database, "NLC").values()) == {None}


def test_a_member_state_is_shown_with_its_days_and_one_entered_by_mistake_is_removed(opened, database):
    dialog = opened("set_member")
    dialog.selectbox[0].set_value("NLC").run()
    dialog.selectbox[1].set_value("OH").run()
    assert str(dialog.date_input[0].value) == "2023-01-01"
    assert dialog.date_input[1].value is None
    removing = opened("remove_member")
    removing.selectbox[0].set_value("NLC").run()
    removing.selectbox[1].set_value("OH").run()
    press(removing, "Remove member state")
    assert not removing.exception and not removing.error
    assert "OH" not in members(database, "NLC")
