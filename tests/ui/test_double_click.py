"""A double click is one action; the same action a moment later is another."""

import ast
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.kit import actions

ROOT = Path(__file__).parents[2]
MODULES = [ast.parse(path.read_text()) for folder in ("pages", "core/ui") for path in (ROOT / folder).rglob("*.py")]


def attempts(tree: ast.AST) -> Iterator[ast.Call]:
    """Each button and the like whose click is an action."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and any(
            each.arg == "on_click" and ast.unparse(each.value) == "actions.attempt" for each in node.keywords
        ):
            yield node


def dialogs() -> Iterator[ast.FunctionDef]:
    for node in (node for tree in MODULES for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        if any(ast.unparse(each).startswith("st.dialog") for each in node.decorator_list):
            yield node


def test_each_action_has_a_name_by_which_a_second_click_is_known():
    """A lambda is another function at each run, and says `<lambda>` in the audit log."""
    works = [
        keyword.value.elts[0]
        for tree in MODULES
        for call in attempts(tree)
        for keyword in call.keywords
        if keyword.arg == "args"
    ]
    assert len(works) > 60
    assert [ast.unparse(each) for each in works if isinstance(each, ast.Lambda)] == []


def test_each_dialog_with_an_action_ends_with_it_and_draws_its_button_only_before():
    """First it ends where its action is done already, so that a late second click finds no button."""
    acting = [each for each in dialogs() if any(attempts(each))]
    assert len(acting) > 40
    late = []
    for each in acting:
        lines = [ast.unparse(line) for line in each.body if ast.get_docstring(each) is None or line is not each.body[0]]
        if lines[0] != "actions.end_dialog_if_over()" or lines[-1] != "actions.end_dialog_when_done()":
            late.append(each.name)
    assert late == []


def test_the_same_object_made_anew_is_the_same_work():
    class Case:
        """Without a way to be written down but its place in memory."""

    def work(case, actor):
        return ""

    assert actions._named(partial(work, Case())) == actions._named(partial(work, Case()))
    assert actions._named(partial(work, 1)) != actions._named(partial(work, 2))


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
