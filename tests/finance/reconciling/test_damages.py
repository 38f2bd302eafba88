"""Each kind of damage to a month is found and classed right, alone and together with others; no damage, no mismatch."""

from random import Random

import pytest
from psycopg.types.json import Jsonb

from core.finance import reconciliation
from tests.finance.reconciling import month as damaging
from tests.finance.reconciling.month import DAMAGES


def test_an_undamaged_month_has_no_mismatch_and_no_remainder(month):
    assert month.value("select count(*) from payops.balance_transactions") > 2_000
    assert month.open() == set()
    assert month.remainders() == {}
    payouts = month.rows("select contents_state, deposit_state, count(*) from payops.reconciled_payouts group by 1, 2")
    assert {(contents, deposit) for contents, deposit, _ in payouts} <= {("known", "arrived"), ("known", "on_the_way")}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_each_single_fault_is_found_and_classified(month, damage):
    for number in range(2):
        month.run("savepoint undamaged")
        expected = damage(month, Random(number))
        assert month.open() == expected, number
        assert month.remainders() == {}
        month.run("rollback to savepoint undamaged")


def test_a_repaired_mismatch_is_fixed_and_no_longer_open(month):
    movement, charge, *_ = month.rows(damaging.PAID_OUT)[0]
    month.run("update payops.charges set amount_minor = amount_minor + 1 where id = %s", charge)
    assert month.open() == {("amount", movement)}
    month.run("update payops.charges set amount_minor = amount_minor - 1 where id = %s", charge)
    assert month.open() == set()
    month.run("select payops.mark_all_unreconciled()")
    assert month.open() == set()
    assert month.remainders() == {}


@pytest.mark.parametrize("number", range(8))
def test_several_faults_at_once_are_each_found(month, number):
    random = Random(number)
    several = random.sample(DAMAGES, k=random.randint(2, 4))
    expected = set()
    for each in several:
        expected |= each(month, random)
    touched = {subject for _, subject in expected}
    if len(touched) < len(several):
        pytest.skip("two of the damages hit the same row")
    assert month.open() == expected, [each.__name__ for each in several]
    assert month.remainders() == {}


def test_a_deposit_on_the_bank_day_after_a_holiday_is_on_time_and_a_day_later_is_late(month):
    payout, entry, _ = month.rows(damaging.ARRIVED + " and p.arrival_date = '2026-11-12'")[0]
    month.run("update payops.payouts set arrival_date = '2026-11-11' where id = %s", payout)  # Veterans Day
    month.run("update payops.bank_entries set booked_on = '2026-11-12' where id = %s", entry)
    assert month.open() == set()
    month.run("update payops.bank_entries set booked_on = '2026-11-13' where id = %s", entry)
    assert month.open() == {("deposit_late", payout)}
    facts = month.value("select facts from payops.mismatches where state = 'open'")
    assert (facts["ours_day"], facts["theirs_day"], facts["bank_days_late"]) == ("2026-11-12", "2026-11-13", 1)


def test_a_movement_across_midnight_is_timing_and_no_mismatch(month):
    movement, *_ = month.rows(damaging.PAID_OUT + " order by b.created")[0]
    month.run("update payops.balance_transactions set created = created + interval '1 day' where id = %s", movement)
    assert month.open() == set()
    assert month.remainders() == {}
    assert month.rows(
        "select count(*), sum(amount_minor) from payops.ledger_differences where subject = %s", movement
    ) == [(2, 0)]


def test_one_bad_row_does_not_abort_the_report(month):
    movement, *_ = month.rows(damaging.PAID_OUT)[0]
    month.run(
        "update payops.balance_transactions set fee_minor = -9223372036854775808, net_minor = 9223372036854775807,"
        " available_on = 'infinity' where id = %s",
        movement,
    )
    assert ("fee", movement) in month.open()


def test_a_movement_mirrored_before_exchange_rates_is_said_and_completed_by_a_backfill(month):
    movement, charge, *_ = month.rows(damaging.PAID_OUT)[0]
    month.run("update payops.charges set currency = 'eur' where id = %s", charge)
    assert month.open() == {("currency", movement)}
    month.run("update payops.balance_transactions set exchange_rate_asked = false where id = %s", movement)
    assert month.open() == set()
    figures = month.value("select payops_api.reconciliation('2026-11-01', '2026-11-30')")["currencies"]
    said = {each["currency"]: reconciliation.unknown_rates(each) for each in figures}
    assert "1 movement was mirrored before exchange rates were" in said["usd"]
    row = month.value("select to_jsonb(b) from payops.balance_transactions as b where b.id = %s", movement)
    for rate, found in ((2.5, {("amount", movement)}), (1, set())):
        month.run("update payops.balance_transactions set exchange_rate_asked = false where id = %s", movement)
        again = row | {"exchange_rate": rate, "exchange_rate_asked": True}
        month.run("select payops.apply_records(%s::jsonb)", Jsonb({"balance_transactions": [again]}))
        assert month.open() == found
    assert month.value("select payops.rates_unknown('2026-11-01', '2026-11-30', 'usd')") == 0
