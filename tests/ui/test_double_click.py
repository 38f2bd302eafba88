"""A double click is one action; the same action a moment later is another."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.kit import actions


def page() -> None:
    from functools import partial

    import streamlit as st

    from core.ui.kit import actions

    def add(name, actor):
        st.session_state["added"] = [*st.session_state.get("added", []), name]
        return f"{name} was added."

    for name in ("ana", "bea"):
        st.button(name, on_click=actions.attempt, args=(partial(add, name),))
    actions.show_result()


@pytest.fixture
def shown(monkeypatch):
    staff = SimpleNamespace(actor=Actor("staff:x", Role.ADMIN), name="x", role=Role.ADMIN, confirmed=True)
    monkeypatch.setattr(session, "working", lambda: staff)
    return AppTest.from_function(page).run()


def test_the_second_click_of_a_double_click_does_nothing_and_says_no_error(shown):
    shown.button[0].click().run()
    shown.button[0].click().run()
    assert shown.session_state["added"] == ["ana"]
    assert not shown.error


def test_a_different_action_right_after_is_done(shown):
    shown.button[0].click().run()
    shown.button[1].click().run()
    assert shown.session_state["added"] == ["ana", "bea"]


def test_the_same_action_later_is_done_again(shown, monkeypatch):
    monkeypatch.setattr(actions, "DOUBLE_CLICK_SECONDS", 0.0)
    shown.button[0].click().run()
    shown.button[0].click().run()
    assert shown.session_state["added"] == ["ana", "ana"]
