"""Every action of core × every role: a role without the right is refused before anything is read or written."""

import importlib
import inspect
import pkgutil
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.db import Database
from core.errors import Unauthorised
from core.periods import Period
from core.privacy.history_scan import Lists
from core.reviews.check import Cadence, Check, Review, State
from core.staff.roles import PAGES, Actor, Right, Role, right
from core.staff.sessions import Sessions, Visit
from tests.lint.who_acts import of_the_checkout

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANYBODY = None
# What an action needs: this right on this page.
NEEDS = {
    "core.billing.subscription_actions.cancel": ("recovery", Right.ACT),
    "core.billing.subscription_actions.change_plan": ("recovery", Right.ACT),
    "core.billing.subscription_actions.pause": ("recovery", Right.ACT),
    "core.billing.subscription_actions.resume": ("recovery", Right.ACT),
    "core.billing.subscription_actions.resume_collection": ("recovery", Right.ACT),
    "core.checklist.webhook_setup.create_endpoint": ("settings", Right.ACT),
    "core.customers.customers.life": ("customers", Right.SEE),
    "core.customers.customers.newest": ("customers", Right.SEE),
    "core.customers.customers.saved_cards": ("customers", Right.SEE),
    "core.customers.notes.add_note": ("customers", Right.SEE),
    "core.customers.notes.remove_note": ("customers", Right.SEE),
    "core.events.repair.backfill_job.start": ("settings", Right.ACT),
    "core.events.replay.replay": ("events", Right.ACT),
    "core.finance.bank.deposits.match": ("reconciliation", Right.ACT),
    "core.finance.bank.deposits.match_what_is_clear": ("reconciliation", Right.ACT),
    "core.finance.bank.deposits.unmatch": ("reconciliation", Right.ACT),
    "core.finance.bank.imports.import_file": ("reconciliation", Right.ACT),
    "core.finance.mismatch_fixes.backfill_day": ("reconciliation", Right.ACT),
    "core.finance.mismatch_fixes.fetch_again": ("reconciliation", Right.ACT),
    "core.finance.journal.accounts.mapping": ("reconciliation", Right.ACT),
    "core.finance.journal.accounts.set_account": ("reconciliation", Right.ACT),
    "core.finance.journal.entries.load": ("reconciliation", Right.ACT),
    "core.finance.mismatches.accept": ("reconciliation", Right.ACT),
    "core.finance.mismatches.assign": ("reconciliation", Right.ACT),
    "core.finance.mismatches.reopen": ("reconciliation", Right.ACT),
    "core.finance.mismatches.write_note": ("reconciliation", Right.ACT),
    "core.finance.months.close": ("reconciliation", Right.ACT),
    "core.finance.months.reopen": ("settings", Right.ACT),
    "core.finance.scheduled.schedules.add": ("reconciliation", Right.ACT),
    "core.finance.scheduled.schedules.listed": ("reconciliation", Right.ACT),
    "core.finance.scheduled.schedules.remove": ("reconciliation", Right.ACT),
    "core.monitoring.alerts.board.acknowledge": ("events", Right.ACT),
    "core.monitoring.alerts.board.send_test": ("settings", Right.ACT),
    "core.monitoring.alerts.board.silence": ("events", Right.ACT),
    "core.monitoring.alerts.rule_changes.change": ("settings", Right.ACT),
    "core.monitoring.alerts.staff_mail.invite": ("users", Right.ACT),
    "core.monitoring.alerts.customer_mail.send_link": ("recovery", Right.ACT),
    "core.monitoring.alerts.staff_mail.tell_of_rejection": ("refunds", Right.APPROVE),
    "core.monitoring.incidents.resolve": ("events", Right.ACT),
    "core.monitoring.incidents.silence": ("events", Right.ACT),
    "core.monitoring.incidents.take": ("events", Right.ACT),
    "core.monitoring.overview_choice.choose": ANYBODY,
    "core.monitoring.overview_choice.of_user": ANYBODY,
    "core.payments.disputes.disputes.accept": ("disputes", Right.ACT),
    "core.payments.disputes.disputes.attach": ("disputes", Right.ACT),
    "core.payments.disputes.disputes.case_of": ("disputes", Right.ACT),
    "core.payments.disputes.disputes.set_text": ("disputes", Right.ACT),
    "core.payments.disputes.disputes.stage": ("disputes", Right.ACT),
    "core.payments.disputes.disputes.submit": ("disputes", Right.ACT),
    "core.payments.disputes.networks.set_limit": ("disputes", Right.ACT),
    "core.payments.payment_life.add_note": ("payments", Right.SEE),
    "core.payments.payment_life.life": ("payments", Right.SEE),
    "core.privacy.notes.may_remove": ANYBODY,
    "core.payments.payment_life.remove_note": ("payments", Right.SEE),
    "core.payments.payments.customers_of_email": ("payments", Right.SEE),
    "core.payments.payments.find": ("payments", Right.SEE),
    "core.payments.payments.page_after": ("payments", Right.SEE),
    "core.payments.recovery.recovery.reopen": ("recovery", Right.ACT),
    "core.payments.recovery.recovery.retry": ("recovery", Right.ACT),
    "core.payments.recovery.recovery.schedule": ("recovery", Right.ACT),
    "core.payments.recovery.recovery.stop": ("recovery", Right.ACT),
    "core.payments.recovery.recovery_links.give": ("recovery", Right.ACT),
    "core.payments.tables.payments_found": ("payments", Right.SEE),
    "core.payments.refunds.decide": ("refunds", Right.APPROVE),
    "core.payments.refunds.issue": ("refunds", Right.ACT_LIMITED),
    "core.payments.refunds.needs_approval": ANYBODY,
    "core.providers.assignment.assign": ("assignments", Right.ACT),
    "core.providers.assignment.end": ("assignments", Right.ACT),
    "core.providers.assignment.reassign_from_ineligible": ("assignments", Right.ACT),
    "core.providers.assignment.release": ("assignments", Right.ACT),
    "core.providers.directory.add_specialty": ("providers", Right.ACT),
    "core.providers.directory.put": ("providers", Right.ACT),
    "core.providers.directory.save": ("providers", Right.ACT),
    "core.providers.registries.exclusions.decide": ("providers", Right.ACT),
    "core.providers.registries.exclusions.put": ("providers", Right.ACT),
    "core.providers.registries.exclusions.return_to_assignment": ("providers", Right.ACT),
    "core.providers.registries.nppes.add_licence": ("providers", Right.ACT),
    "core.providers.registries.nppes.put": ("providers", Right.ACT),
    "core.providers.registries.taxonomies.put": ("providers", Right.ACT),
    "core.providers.registries.taxonomies.set_specialties": ("providers", Right.ACT),
    "core.search.recent_views.note": ANYBODY,
    "core.search.recent_views.of_user": ANYBODY,
    "core.search.search.find": ("payments", Right.SEE),
    "core.providers.documents.open_one": ("providers", Right.SEE),
    "core.providers.documents.upload": ("providers", Right.ACT),
    "core.providers.proof.confirm": ("providers", Right.ACT),
    "core.providers.proof.verify": ("providers", Right.ACT),
    "core.providers.licensing_rules.put_compact": ("providers", Right.ACT),
    "core.providers.licensing_rules.put_member": ("providers", Right.ACT),
    "core.providers.licensing_rules.put_registration": ("providers", Right.ACT),
    "core.providers.licensing_rules.remove_member": ("providers", Right.ACT),
    "core.providers.licensing_rules.verify_members": ("providers", Right.ACT),
    "core.providers.licensing_rules.set_policy": ("providers", Right.ACT),
    "core.providers.schedules.put": ("providers", Right.ACT),
    "core.staff.audit.chain_state": ("audit-log", Right.ACT),
    "core.staff.audit.entries": ("audit-log", Right.ACT),
    "core.staff.audit.count": ("audit-log", Right.ACT),
    "core.staff.audit.one": ("audit-log", Right.ACT),
    "core.staff.audit.page_after": ("audit-log", Right.ACT),
    "core.staff.audit.record": ANYBODY,
    "core.staff.audit.record_export": ANYBODY,
    "core.privacy.clinical_words.add": ("settings", Right.ACT),
    "core.privacy.clinical_words.remove": ("settings", Right.ACT),
    "core.privacy.history_scan.scan": ("settings", Right.ACT),
    "core.reviews.signing.comment": ("daily-checks", Right.ACT),
    "core.reviews.signing.sign": ("daily-checks", Right.ACT),
    "core.reviews.signing.withdraw": ("daily-checks", Right.ACT),
    "core.staff.flag_plans.guard": ("settings", Right.ACT),
    "core.staff.flag_plans.plan": ("settings", Right.ACT),
    "core.staff.flag_plans.remove_guard": ("settings", Right.ACT),
    "core.staff.flag_plans.stop_new_money": ("settings", Right.ACT),
    "core.staff.flag_plans.withdraw": ("settings", Right.ACT),
    "core.staff.flags.switch": ("settings", Right.ACT),
    "core.staff.roles.require": ANYBODY,
    "core.staff.roles.require_confirmed": ANYBODY,
    "core.staff.sessions.Sessions.open_sessions": ("users", Right.ACT),
    "core.staff.sessions.Sessions.revoke": ("users", Right.ACT),
    "core.staff.sessions.Sessions.sign_out_everywhere": ("users", Right.ACT),
    "core.staff.user_choices.choose": ANYBODY,
    "core.staff.user_choices.of_user": ANYBODY,
    "core.staff.user_choices.user_name": ANYBODY,
    "core.staff.users.add": ("users", Right.ACT),
    "core.staff.users.choose_password": ANYBODY,
    "core.staff.users.disable": ("users", Right.ACT),
    "core.staff.users.enable": ("users", Right.ACT),
    "core.staff.users.everybody": ("users", Right.ACT),
    "core.staff.users.reset_password": ("users", Right.ACT),
    "core.staff.identities.unlink": ("users", Right.ACT),
    "core.staff.users.reset_second_factor": ("users", Right.ACT),
    "core.staff.users.set_role": ("users", Right.ACT),
}
SEARCHED = (
    "billing",
    "checklist",
    "customers",
    "events",
    "finance",
    "monitoring",
    "payments",
    "privacy",
    "providers",
    "reviews",
    "search",
    "staff",
)


class Reached(Exception):
    """The action got as far as its work."""


class NoDatabase:
    """Whoever gets here was let in."""

    def call(self, function, /, **arguments):
        raise Reached(function)

    def close(self):
        raise Reached("close")


class NoLists:
    """Whoever asks Stripe was let in."""

    def each(self, path, **params):
        raise Reached(path)


EXAMPLES = {
    Database: NoDatabase(),
    Role: Role.OPS,
    datetime: NOW,
    str: "somebody",
    bytes: b"something",
    int: 1,
    bool: True,
    Sessions: Sessions(NoDatabase(), b"k" * 32, timedelta(hours=1)),
    Visit: Visit("192.0.2.1", "Firefox"),
    date: NOW.date(),
    Review: Review(Cadence.DAILY, Period(NOW.date(), NOW.date(), ZoneInfo("UTC"))),
    Check: Check("failure_log", "Failure log", State.GOOD, "All is well."),
    Lists: NoLists(),
    ZoneInfo: ZoneInfo("UTC"),
}


def found_actions():
    """Each public function or method below `core` that is told who acts."""
    for noun in SEARCHED:
        if importlib.util.find_spec(f"core.{noun}") is None:
            continue
        package = importlib.import_module(f"core.{noun}")
        for module in pkgutil.walk_packages(package.__path__, f"core.{noun}."):
            yield from actions_of(importlib.import_module(module.name))


def actions_of(module):
    for name, member in vars(module).items():
        if name.startswith("_") or getattr(member, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(member):
            yield from told(f"{module.__name__}.{name}", member)
        elif inspect.isclass(member):
            for each, method in vars(member).items():
                if inspect.isfunction(method) and not each.startswith("_"):
                    yield from told(f"{module.__name__}.{name}.{each}", method)


def told(name, function):
    wanted = inspect.signature(function).parameters.values()
    if any(parameter.annotation is Actor for parameter in wanted):
        yield name, function


ACTIONS = dict(found_actions())


def not_listed():
    """The actions nobody has said yet who may do them."""
    return sorted(set(ACTIONS) - set(NEEDS))


def do(name, role, *, confirmed=True):
    """Do the action as `role`, with something of the right kind for whatever it needs."""
    positional, named = [], {}
    owner = {"core.staff.sessions.Sessions": EXAMPLES[Sessions]}
    for parameter in inspect.signature(ACTIONS[name], eval_str=True).parameters.values():
        if parameter.name == "self":
            positional.append(owner[name.rpartition(".")[0]])
            continue
        if parameter.default is not inspect.Parameter.empty:
            continue
        wanted = parameter.annotation
        value = Actor("staff:tester", role, confirmed) if wanted is Actor else EXAMPLES.get(wanted, {})
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            named[parameter.name] = value
        else:
            positional.append(value)
    return ACTIONS[name](*positional, **named)


def test_every_action_has_its_row_and_every_row_its_action():
    assert not_listed() == []
    assert set(NEEDS) <= set(ACTIONS)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", [name for name in NEEDS if NEEDS[name] is not ANYBODY])
def test_an_action_is_refused_to_each_role_without_the_right_and_to_no_other(name, role):
    page, needed = NEEDS[name]
    may = right(role, page) >= needed
    try:
        do(name, role)
    except Unauthorised as error:
        assert not may and error.code == "not_allowed"
    except Exception:
        assert may, "this was refused only after something was done or read"
    else:
        assert may


CODE = of_the_checkout()[1]


@pytest.mark.parametrize("name", [name for name in NEEDS if CODE.sends_money(name)])
def test_money_actions_need_a_recent_confirmation(name):
    with pytest.raises(Unauthorised) as refused:
        do(name, Role.ADMIN, confirmed=False)
    assert refused.value.code == "confirm_again"


def test_money_actions_are_detected():
    assert {"core.payments.refunds.issue", "core.payments.refunds.decide"} <= set(filter(CODE.sends_money, NEEDS))


def test_the_table_of_roles_is_the_one_that_was_agreed():
    """Written out a second time, so that a slip in the first one is seen."""
    agreed = {
        "overview payments customers subscriptions errors": "see see see see",
        "disputes": "see see act act",
        "events": "act see see act",
        "recovery": "see act see act",
        "refunds": "see limited approve approve",
        "assignments": "act act - act",
        "providers": "see see - act",
        "reconciliation revenue": "- - act act",
        "daily-checks weekly-review": "act see act act",
        "users settings": "- - - act",
        "audit-log": "- - act act",
    }
    names = {
        "-": Right.NONE,
        "see": Right.SEE,
        "limited": Right.ACT_LIMITED,
        "act": Right.ACT,
        "approve": Right.APPROVE,
    }
    written = {
        page: {role: names[word] for role, word in zip(Role, words.split(), strict=True)}
        for pages, words in agreed.items()
        for page in pages.split()
    }
    assert written == {page: {role: right(role, page) for role in Role} for page in PAGES}
