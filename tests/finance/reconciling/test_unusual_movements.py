"""Rare but correct movements are explained and are no mismatch; if one half is missing, the other half is one."""

from datetime import timedelta
from random import Random

import pytest

from core.finance import mismatches
from tests.finance.reconciling.month import ARRIVED, COPY_OF_MOVEMENT, PAID_OUT, REFUNDED


def move(month, name, category, amount, *, fee=0, source=None, currency="usd", rate=None, days_ago=6, kind=None):
    """A movement of Stripe's balance, of that many days ago."""
    at = month.now - timedelta(days=days_ago)
    month.run(
        "insert into payops.balance_transactions (id, livemode, created, as_of, state_rank, event_id, amount_minor,"
        " fee_minor, net_minor, currency, type, reporting_category, source_id, available_on, exchange_rate)"
        " values (%s, false, %s, %s, 0, 'fetch', %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        name, at, at, amount, fee, amount - fee, currency, kind or category, category, source, at.date(), rate,
    )  # fmt: skip


def pay_out(month, name, amount, *, automatic=True, method="standard", status="paid", days_ago=6, currency="usd"):
    """A payout with its own movement, due at the bank the day after it was made."""
    at = month.now - timedelta(days=days_ago)
    month.run(
        "insert into payops.payouts (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency,"
        " status, arrival_date, automatic, reconciliation_status, balance_transaction_id, method)"
        " values (%s, false, %s, %s, 0, 'evt', %s, %s, %s, %s, %s, %s, %s, %s)",
        name, at, at, amount, currency, status, at.date() + timedelta(days=1), automatic,
        "completed" if automatic else "not_applicable", f"txn_{name}", method,
    )  # fmt: skip
    move(month, f"txn_{name}", "payout", -amount, source=name, days_ago=days_ago, currency=currency)


def deposit(month, payout, amount, *, days_ago=5, is_return=False, matched="trace_id"):
    """An entry at the bank, matched with the payout."""
    entry = month.value(
        "insert into payops.bank_entries (account_id, statement_id, entry_key, status, booked_on, amount_minor,"
        " currency, reference, description, recognised_by, is_return)"
        " select account_id, statement_id, %s, 'booked', %s, %s, currency, %s, 'STRIPE', 'trace_id', %s"
        " from payops.bank_entries where currency = 'usd' order by id limit 1 returning id",
        f"{payout} {amount}", (month.now - timedelta(days=days_ago)).date(), amount, payout, is_return,
    )  # fmt: skip
    month.run(
        "insert into payops.payout_deposits values (%s, %s, %s, %s, 'system:worker')", payout, entry, matched, month.now
    )


def failed_payout(month, *, with_reversal=True, status="failed"):
    """A payout that arrived, was sent back by the bank, and failed at Stripe."""
    payout, entry, arrival = month.pick(Random(1), ARRIVED)
    month.run("update payops.payouts set status = %s, as_of = created where id = %s", status, payout)
    month.run("delete from payops.payout_deposits where bank_entry_id = %s", entry)
    month.run("delete from payops.bank_entries where id = %s", entry)
    amount = month.value("select amount_minor from payops.payouts where id = %s", payout)
    if with_reversal:
        move(month, "txn_failed", "payout_reversal", amount, source=payout, kind="payout_failure")
    return payout


def test_a_payout_that_failed_and_came_back_to_the_balance_is_explained(month):
    failed_payout(month)
    assert month.open() == set()
    assert month.remainders() == {}


def test_a_failed_payout_is_in_the_next_one_again(month):
    failed_payout(month)
    amount = month.value("select amount_minor from payops.balance_transactions where id = 'txn_failed'")
    pay_out(month, "po_again", amount, days_ago=4)
    month.run("insert into payops.payout_contents values ('txn_failed', 'po_again'), ('txn_po_again', 'po_again')")
    deposit(month, "po_again", amount, days_ago=3)
    assert month.open() == set()


def test_a_payout_that_was_deposited_returned_and_failed_is_explained(month):
    payout = failed_payout(month)
    amount = month.value("select amount_minor from payops.payouts where id = %s", payout)
    deposit(month, payout, amount, days_ago=8)
    deposit(month, payout, -amount, days_ago=7, is_return=True)
    assert month.open() == set()


def test_a_failed_payout_that_never_came_back_to_the_balance_is_missing_at_stripe(month):
    payout = failed_payout(month, with_reversal=False)
    assert month.open() == {("missing_at_stripe", payout)}
    amount = month.value("select amount_minor from payops.payouts where id = %s", payout)
    move(month, "txn_part", "payout_reversal", amount - 1, source=payout, kind="payout_failure")
    assert month.open() == {("amount", payout)}
    move(month, "txn_rest", "payout_reversal", 1, source=payout, kind="payout_failure")
    assert month.open() == set()
    said = [mismatches.sentence(row) for (row,) in month.rows("select to_jsonb(m) from payops.mismatches as m")]
    assert sum("failed, and" in each and "came back" in each for each in said) == 2


def test_a_payout_that_stripe_took_back_and_the_mirror_has_as_paid_is_returned(month):
    payout, *_ = month.pick(Random(2), ARRIVED)
    amount = month.value("select amount_minor from payops.payouts where id = %s", payout)
    move(month, "txn_back", "payout_reversal", amount, source=payout, kind="payout_failure")
    assert month.open() == {("deposit_returned", payout)}


def test_an_instant_payout_has_no_list_and_its_fee_is_a_movement_of_its_own(month):
    pay_out(month, "po_instant", 40_000, automatic=False, method="instant")
    move(month, "txn_instant_fee", "fee", -400, kind="payout_minimum_balance_hold")
    deposit(month, "po_instant", 40_000)
    assert month.open() == set()
    state = month.rows("select kind, contents_state, remainder_minor, deposit_state from payops.reconciled_payouts"
                       " where payout_id = 'po_instant'")  # fmt: skip
    assert state == [("instant", "not_listed", None, "arrived")]


def test_a_negative_payout_is_a_withdrawal(month):
    pay_out(month, "po_debit", -7_500)
    move(month, "txn_chargeback", "other_adjustment", -7_500, kind="adjustment", days_ago=7)
    month.run("insert into payops.payout_contents values ('txn_chargeback', 'po_debit'), ('txn_po_debit', 'po_debit')")
    deposit(month, "po_debit", -7_500)
    assert month.open() == set()
    assert month.value("select deposit_state from payops.reconciled_payouts where payout_id = 'po_debit'") == "arrived"


@pytest.mark.parametrize(
    ("category", "kind", "amount"),
    [
        ("fee", "stripe_fee", -495),  # Radar
        ("fee", "stripe_fx_fee", -12),
        ("tax", "tax_fee", -88),
        ("network_cost", "network_cost", -31),
        ("other_adjustment", "adjustment", 1_000),
        ("other_adjustment", "adjustment", -1_000),
        ("topup", "topup", 50_000),
        ("risk_reserved_funds", "reserve_transaction", -2_000),
    ],
)
def test_stripes_own_fees_and_adjustments_are_named_and_no_mismatch(month, category, kind, amount):
    move(month, "txn_own", category, amount, kind=kind)
    assert month.open() == set()
    assert month.remainders() == {}
    figures = month.value("select payops_api.reconciliation('2026-11-01', '2026-11-30')")["currencies"]
    (usd,) = [each for each in figures if each["currency"] == "usd"]
    assert category in {each["category"] for each in usd["categories"]}


def test_a_refund_that_fails_comes_back_and_only_half_of_it_is_a_mismatch(month):
    refund, _ = month.pick(Random(3), REFUNDED)
    month.run("update payops.refunds set status = 'failed', as_of = created where id = %s", refund)
    assert month.open() == {("missing_at_stripe", refund)}
    amount = month.value("select amount_minor from payops.refunds where id = %s", refund)
    move(month, "txn_refund_back", "refund_failure", amount, source=refund)
    assert month.open() == set()
    month.run("update payops.refunds set status = 'succeeded' where id = %s", refund)
    assert {found for found, _ in month.open()} == {"missing_here"}


def test_a_dispute_that_is_won_in_a_later_month_is_timing(month):
    dispute, amount = month.rows(
        "select d.id, d.amount_minor from payops.disputes as d"
        " inner join payops.balance_transactions as b on d.id = b.source_id and b.reporting_category = 'dispute'"
        " where d.status <> 'won' and d.currency = b.currency order by d.created limit 1"
    )[0]
    month.run("update payops.disputes set status = 'won', as_of = %s where id = %s", month.now, dispute)
    move(month, "txn_won", "dispute_reversal", amount, fee=-1500, source=dispute, kind="adjustment", days_ago=2)
    assert month.open() == set()
    assert month.remainders() == {}


@pytest.mark.parametrize("rate", ["1.08", "1.0800004"])
def test_a_payment_its_refund_and_its_failed_refund_in_another_currency_are_explained(month, rate):
    at = month.now - timedelta(days=6)
    charge = month.rows("select id from payops.charges where currency = 'usd' and status = 'succeeded' limit 1")[0][0]
    month.run(
        "insert into payops.charges select (jsonb_populate_record(c, jsonb_build_object('id', 'ch_eur', 'currency',"
        " 'eur', 'amount_minor', 10000, 'amount_captured_minor', 10000, 'amount_refunded_minor', 0,"
        " 'balance_transaction_id', 'txn_eur', 'created', %s::text))).* from payops.charges as c where c.id = %s",
        at, charge,
    )  # fmt: skip
    move(month, "txn_eur", "charge", 10_800, fee=350, source="ch_eur", rate=rate)
    month.run(
        "insert into payops.refunds (id, livemode, created, as_of, state_rank, event_id, charge_id, amount_minor,"
        " currency, status, balance_transaction_id)"
        " values ('re_eur', false, %s, %s, 0, 'evt', 'ch_eur', 5000, 'eur', 'failed', 'txn_re_eur')",
        at, at,
    )  # fmt: skip
    move(month, "txn_re_eur", "refund", -5_450, source="re_eur", rate="1.09")
    move(month, "txn_re_back", "refund_failure", 5_460, source="re_eur", rate="1.092")
    assert month.open() == set()
    assert month.remainders() == {}


def test_a_conversion_at_another_rate_than_stripes_is_an_amount(month):
    movement, charge, *_ = month.pick(Random(5), PAID_OUT)
    month.run("update payops.charges set currency = 'eur' where id = %s", charge)
    month.run("update payops.balance_transactions set exchange_rate = 1.5 where id = %s", movement)
    assert month.open() == {("amount", movement)}


def test_with_unusual_but_correct_movements_only_the_fault_is_found(month):
    failed_payout(month)
    pay_out(month, "po_instant", 40_000, automatic=False, method="instant")
    deposit(month, "po_instant", 39_500)
    move(month, "txn_radar", "fee", -495, kind="stripe_fee")
    movement, *_ = month.pick(Random(9), PAID_OUT)
    month.run(COPY_OF_MOVEMENT, movement)
    assert month.open() == {("deposit_short", "po_instant"), ("duplicate", "txn_double")}
