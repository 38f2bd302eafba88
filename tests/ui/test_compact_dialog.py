"""A compact is added in a dialog, with its source and a reason; a known one is not overwritten."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.providers import licensing_rules
from core.ui import session
from tests.providers.conftest import ADMIN, NOW


def page() -> None:
    from core.providers import licensing_rules
    from core.ui import session
    from core.ui.kit import actions
    from core.ui.providers import rule_dialogs

    actions.show_result()
    rule_dialogs.add_compact(licensing_rules.load(session.db()))


@pytest.fixture
def dialog(database, owner, monkeypatch):
    staff = SimpleNamespace(actor=ADMIN, name="ada", role=ADMIN.role, confirmed=True)
    running = SimpleNamespace(clock=lambda: NOW, db=database)
    for name, found in (("db", database), ("actor", ADMIN), ("working", staff), ("services", running)):
        monkeypatch.setattr(session, name, lambda found=found: found)
    monkeypatch.setattr(session, "actor_at_click", lambda: lambda: ADMIN)
    yield AppTest.from_function(page, default_timeout=30).run()
    owner.execute("delete from payops.compacts where code = 'SW'")


def fill(dialog, **entered):
    for box in dialog.text_input:
        if box.label in entered:
            box.set_value(entered[box.label])
    dialog.run()
    next(one for one in dialog.button if one.label == "Add compact").click()
    return dialog.run()


def test_a_compact_is_added_and_the_reason_audited(dialog, database, owner):
    fill(
        dialog,
        Code="sw",
        Name="Social Work Licensure Compact",
        Source="the act, section 4",
        Reason="our counsel read it",
    )
    assert not dialog.exception and not dialog.error
    (added,) = [one for one in licensing_rules.load(database)["compacts"] if one["code"] == "SW"]
    assert (added["name"], added["source"], added["members"]) == (
        "Social Work Licensure Compact",
        "the act, section 4",
        [],
    )
    told = owner.execute("select reason from payops.audit_log where action = 'providers:compact:set'").fetchall()
    assert told == [("our counsel read it",)]


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"Code": "NLC", "Name": "Another", "Source": "the act"}, "already"),
        ({"Code": "SW", "Name": " ", "Source": "the act"}, "Name the compact"),
        ({"Code": "SW", "Name": "Social Work", "Source": " "}, "source"),
        ({"Code": "S1", "Name": "Social Work", "Source": "the act"}, "capital letters"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(dialog, database, entered, said):
    before = licensing_rules.load(database)
    fill(dialog, **entered, Reason="our counsel read it")
    assert any(said in error.value for error in dialog.error)
    assert licensing_rules.load(database) == before
