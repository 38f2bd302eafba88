"""The linter of actions finds violations of each rule."""

import pytest

from tests.lint.who_acts import Code, of_the_checkout, problems_of

PAGE = """
from core.payments import refunds
refunds.issue(db, actor)

@st.dialog("Refund")
def ask():
    actions.end_dialog_when_done()
"""
REFUNDS = """
from core.payments import actions

def issue(db, actor: Actor):
    return actions.begun(db, actor)
"""
ACTIONS = """
def begun(db, actor):
    return db.call("begin_refund", actor=actor)
"""
SQL = """
create function payops.begin_action(p_id text) returns void as $$
  insert into payops.money_actions values (p_id);
  select payops.record_audit(p_id)
$$;
create function payops_api.begin_refund(p_actor text) returns jsonb as $$
  select payops.begin_action(p_actor)
$$;
create function payops.record_audit(p_id text) returns void as $$ insert into payops.audit_log values (p_id) $$;
"""


def problems(page=PAGE, refunds=REFUNDS, actions=ACTIONS, sql=SQL):
    modules = {"core.payments.refunds": refunds, "core.payments.actions": actions}
    return list(problems_of({"pages/a.py": page}, Code(modules, sql)))


def test_an_audited_action_with_an_actor_has_no_problem():
    assert problems() == []


def test_the_checkout_has_none():
    assert list(problems_of(*of_the_checkout())) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"refunds": REFUNDS.replace(": Actor", "")}, "core.payments.refunds.issue changes something (begin_refund)"),
        ({"page": PAGE + "db.call('begin_refund')"}, "asks the database for begin_refund"),
        ({"page": "from core.payments.actions import begun\nbegun(1)"}, "core.payments.actions.begun changes"),
        ({"page": PAGE + "@st.fragment(run_every=2)\ndef live(): st.write(1)\n"}, "live runs alone"),
        ({"page": PAGE + "@st.dialog('x')\ndef ask(): st.write(1)\n"}, "ask runs alone"),
        ({"sql": SQL.replace("  select payops.record_audit(p_id)\n", "")}, "writes no audit entry"),
    ],
)
def test_each_rule_finds_a_violation_of_it(changed, words):
    assert any(words in problem for problem in problems(**changed))


def test_money_actions_are_recognised_through_indirect_calls():
    code = Code({"core.payments.refunds": REFUNDS, "core.payments.actions": ACTIONS}, SQL)
    assert code.sends_money("core.payments.refunds.issue")
    assert not Code({"core.payments.refunds": REFUNDS}, SQL).sends_money("core.payments.refunds.issue")
