"""Deposits are matched to payouts where there is no doubt; the rest is a person's choice, audited."""

import pytest

from core.errors import Refused, Unauthorised
from core.finance.bank import deposits
from core.staff.roles import Actor, Role
from tests.finance.deposits import FINANCE, NOW, TRACE, add_payout, pairs, statement, stored, take


def entry_id(owner, amount_minor):
    return owner.execute("select id from payops.bank_entries where amount_minor = %s", (amount_minor,)).fetchone()[0]


def lateness(database):
    return [(each["amount_minor"], each["payout_minor"], each["days_late"]) for each in deposits.matched(database)]


def test_the_trace_id_wins_over_any_amount(database, owner):
    add_payout(owner, "po_named", 125000, "2026-11-30", trace_id=TRACE)
    add_payout(owner, "po_of_that_amount", 124900, "2026-11-30")
    take(database, statement(("2026-11-30", "1249.00", f"STRIPE TRANSFER {TRACE}")))
    assert pairs(owner) == [(124900, "po_named", "trace_id")]  # a short deposit is still this payout's


@pytest.mark.parametrize(
    "written", [f"XX {TRACE[:9]}-{TRACE[9:]} YY", f"STRIPE {TRACE[:8]} {TRACE[8:]}", f"TRACE {TRACE} OTHER"]
)
def test_a_trace_id_is_found_however_it_is_written(database, owner, written):
    add_payout(owner, "po_1", 125000, "2026-11-30", trace_id=TRACE)
    take(database, statement(("2026-11-30", "1250.00", written)))
    assert pairs(owner) == [(125000, "po_1", "trace_id")]


def test_a_deposit_that_came_twice_is_the_payouts_both_times(database, owner):
    add_payout(owner, "po_1", 125000, "2026-11-30", trace_id=TRACE)
    deposit = ("2026-11-30", "1250.00", f"STRIPE TRANSFER {TRACE}")
    take(database, statement(deposit, deposit))
    assert pairs(owner) == [(125000, "po_1", "trace_id")] * 2


def test_amount_currency_and_days_match_where_only_one_payout_fits(database, owner):
    add_payout(owner, "po_1", 8050, "2026-11-30")
    add_payout(owner, "po_in_euros", 8050, "2026-11-30", currency="eur")
    add_payout(owner, "po_of_last_month", 8050, "2026-10-30")
    add_payout(owner, "po_failed", 8050, "2026-11-30", status="failed")
    take(database, statement(("2026-12-01", "80.50", "STRIPE TRANSFER")))
    assert pairs(owner) == [(8050, "po_1", "amount")]


@pytest.mark.parametrize(
    ("arrival", "booked", "late"),
    [
        ("2026-11-25", "2026-11-25", 0),
        ("2026-11-25", "2026-11-27", 1),  # Thanksgiving lies between
        ("2026-11-26", "2026-11-27", 0),  # named for Thanksgiving itself
        ("2026-11-26", "2026-11-30", 1),
        ("2026-11-28", "2026-11-30", 0),  # a Saturday
        ("2026-11-25", "2026-11-24", 0),  # a bank day early
        ("2026-11-25", "2026-12-03", 5),
    ],
)
def test_lateness_counts_bank_days_over_a_holiday(database, owner, arrival, booked, late):
    add_payout(owner, "po_1", 8050, arrival)
    take(database, statement((booked, "80.50", "STRIPE TRANSFER")))
    assert lateness(database) == [(8050, 8050, late)]


@pytest.mark.parametrize(("arrival", "booked"), [("2026-11-25", "2026-11-23"), ("2026-11-25", "2026-12-04")])
def test_outside_the_arrival_window_a_person_decides(database, owner, arrival, booked):
    add_payout(owner, "po_1", 8050, arrival)
    take(database, statement((booked, "80.50", "STRIPE TRANSFER")))
    assert pairs(owner) == []
    (waiting,) = deposits.unmatched(database)
    assert [each["payout_id"] for each in waiting["candidates"]] == ["po_1"]


def test_a_missing_deposit_leaves_its_payout_without_one(database, owner):
    add_payout(owner, "po_1", 8050, "2026-11-30")
    add_payout(owner, "po_2", 9050, "2026-12-01")
    take(database, statement(("2026-12-01", "90.50", "STRIPE TRANSFER")))
    assert pairs(owner) == [(9050, "po_2", "amount")]


def test_two_payouts_of_one_amount_are_a_persons_choice(database, owner):
    add_payout(owner, "po_monday", 8050, "2026-11-30")
    add_payout(owner, "po_tuesday", 8050, "2026-12-01")
    take(database, statement(("2026-12-01", "80.50", "STRIPE TRANSFER")))
    assert pairs(owner) == []
    (waiting,) = deposits.unmatched(database)
    assert [(each["payout_id"], each["days_apart"]) for each in waiting["candidates"]] == [
        ("po_tuesday", 0),
        ("po_monday", 1),
    ]
    assert deposits.match(database, FINANCE, waiting["id"], "po_monday", "Monday's came late", NOW)
    assert not deposits.match(database, FINANCE, waiting["id"], "po_monday", "again", NOW)
    assert pairs(owner) == [(8050, "po_monday", "person")]
    assert deposits.unmatched(database) == []
    audited = owner.execute(
        "select action, subject, reason, after ->> 'payout' from payops.audit_log where reason is not null"
    ).fetchall()
    assert audited == [("finance:deposit:matched", f"bank-entry:{waiting['id']}", "Monday's came late", "po_monday")]


def test_a_match_undone_by_a_person_is_never_made_automatically_again(database, owner):
    add_payout(owner, "po_1", 8050, "2026-12-01")
    data = statement(("2026-12-01", "80.50", "STRIPE TRANSFER"))
    take(database, data)
    assert deposits.unmatch(database, FINANCE, entry_id(owner, 8050), "Another account's", NOW) == "po_1"
    assert pairs(owner) == []
    deposits.match_what_is_clear(database, FINANCE, NOW)
    take(database, data)
    assert pairs(owner) == []
    assert deposits.match(database, FINANCE, entry_id(owner, 8050), "po_1", "It was right", NOW)
    assert pairs(owner) == [(8050, "po_1", "person")]
    assert [row[0] for row in owner.execute("select action from payops.audit_log order by id").fetchall()] == [
        "finance:bank-statement:imported",
        "finance:deposit:unmatched",
        "finance:deposit:matched",
    ]


def test_a_returned_deposit_belongs_to_its_payout(database, owner):
    add_payout(owner, "po_1", 125000, "2026-11-30", trace_id=TRACE, status="failed")
    add_payout(owner, "po_2", 8050, "2026-11-30")
    take(
        database,
        statement(
            ("2026-11-30", "1250.00", f"STRIPE TRANSFER {TRACE}"),
            ("2026-11-30", "80.50", "STRIPE TRANSFER"),
            ("2026-12-02", "-1250.00", f"REVERSAL {TRACE}"),
            ("2026-12-03", "-80.50", "STRIPE RETURN R03"),
        ),
    )
    assert pairs(owner) == [
        (125000, "po_1", "trace_id"),
        (8050, "po_2", "amount"),
        (-125000, "po_1", "trace_id"),
        (-8050, "po_2", "amount"),
    ]
    assert [row[5] for row in stored(owner)] == [False, False, True, True]


def test_a_withdrawal_matches_its_negative_payout_and_is_no_return(database, owner):
    add_payout(owner, "po_in", 8050, "2026-11-30")
    add_payout(owner, "po_out", -8050, "2026-12-02")
    take(
        database,
        statement(("2026-11-30", "80.50", "STRIPE TRANSFER"), ("2026-12-02", "-80.50", "STRIPE ACH DEBIT")),
    )
    assert pairs(owner) == [(8050, "po_in", "amount"), (-8050, "po_out", "amount")]
    assert [row[5] for row in stored(owner)] == [False, False]


def test_only_finance_and_admin_decide_and_always_say_why(database, owner):
    add_payout(owner, "po_1", 8050, "2026-11-30")
    take(database, statement(("2026-10-01", "80.50", "STRIPE TRANSFER")))
    waiting = entry_id(owner, 8050)
    for role in (Role.OPS, Role.SUPPORT):
        with pytest.raises(Unauthorised):
            deposits.match(database, Actor("staff:x", role), waiting, "po_1", "why", NOW)
        with pytest.raises(Unauthorised):
            deposits.unmatch(database, Actor("staff:x", role), waiting, "why", NOW)
    with pytest.raises(Refused, match="Enter a reason"):
        deposits.match(database, FINANCE, waiting, "po_1", "  ", NOW)
    with pytest.raises(Refused, match="payout is not known"):
        deposits.match(database, FINANCE, waiting, "po_9", "why", NOW)
    with pytest.raises(Refused, match="entry is not known"):
        deposits.match(database, FINANCE, 0, "po_1", "why", NOW)
    with pytest.raises(Refused, match="matched to no payout"):
        deposits.unmatch(database, FINANCE, waiting, "why", NOW)
    assert pairs(owner) == []
